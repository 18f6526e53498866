#include "kernel/uring.h"

#include <linux/time_types.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"

namespace isotach::kernel {
namespace {

// Results are made when we ask for them, in our own time: no interrupts of the thread, no locks.
constexpr unsigned kFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CLAMP;

template <class T>
T* at(void* ring, unsigned offset) {
  return reinterpret_cast<T*>(static_cast<char*>(ring) + offset);
}

}  // namespace

Result<Uring> Uring::create(unsigned entries) {
  io_uring_params parameters{};
  parameters.flags = kFlags;
  Uring ring;
  ring.fd_ = Fd(static_cast<int>(::syscall(SYS_io_uring_setup, entries, &parameters)));
  if (!ring.fd_.is_open()) return system_failure(errno, "set up io_uring");
  const std::size_t bytes =
      std::max<std::size_t>(parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned),
                            parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe));
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd_.get(),
                        IORING_OFF_SQ_RING);
  if (memory == MAP_FAILED) return system_failure(errno, "map the rings of io_uring");
  ring.ring_ = memory;
  ring.ring_bytes_ = bytes;
  ring.entries_bytes_ = parameters.sq_entries * sizeof(io_uring_sqe);
  void* calls = ::mmap(nullptr, ring.entries_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                       ring.fd_.get(), IORING_OFF_SQES);
  if (calls == MAP_FAILED) return system_failure(errno, "map the calls of io_uring");
  ring.entries_ = static_cast<io_uring_sqe*>(calls);
  ring.submission_head_ = at<unsigned>(memory, parameters.sq_off.head);
  ring.submission_tail_ = at<unsigned>(memory, parameters.sq_off.tail);
  ring.submission_mask_ = *at<unsigned>(memory, parameters.sq_off.ring_mask);
  ring.submission_size_ = parameters.sq_entries;
  ring.completion_head_ = at<unsigned>(memory, parameters.cq_off.head);
  ring.completion_tail_ = at<unsigned>(memory, parameters.cq_off.tail);
  ring.completion_mask_ = *at<unsigned>(memory, parameters.cq_off.ring_mask);
  ring.completions_ = at<io_uring_cqe>(memory, parameters.cq_off.cqes);
  // Calls stand in the order in which they are queued.
  auto* array = at<unsigned>(memory, parameters.sq_off.array);
  for (unsigned i = 0; i < parameters.sq_entries; ++i) array[i] = i;
  return ring;
}

Uring::Uring(Uring&& other) noexcept
    : fd_(std::move(other.fd_)),
      ring_(std::exchange(other.ring_, nullptr)),
      ring_bytes_(other.ring_bytes_),
      entries_(std::exchange(other.entries_, nullptr)),
      entries_bytes_(other.entries_bytes_),
      submission_head_(other.submission_head_),
      submission_tail_(other.submission_tail_),
      submission_mask_(other.submission_mask_),
      submission_size_(other.submission_size_),
      queued_(other.queued_),
      completion_head_(other.completion_head_),
      completion_tail_(other.completion_tail_),
      completion_mask_(other.completion_mask_),
      completions_(other.completions_) {}

Uring::~Uring() {
  if (entries_ != nullptr) ::munmap(entries_, entries_bytes_);
  if (ring_ != nullptr) ::munmap(ring_, ring_bytes_);
}

io_uring_sqe* Uring::next() {
  const unsigned tail = *submission_tail_;
  if (tail - __atomic_load_n(submission_head_, __ATOMIC_ACQUIRE) >= submission_size_) return nullptr;
  io_uring_sqe* entry = &entries_[tail & submission_mask_];
  std::memset(entry, 0, sizeof *entry);
  // The kernel looks at it in enter() only.
  __atomic_store_n(submission_tail_, tail + 1, __ATOMIC_RELEASE);
  ++queued_;
  return entry;
}

int Uring::enter(unsigned wanted, std::int64_t limit_ns) {
  __kernel_timespec limit{limit_ns / kNanosecondsPerSecond, limit_ns % kNanosecondsPerSecond};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<std::uint64_t>(&limit);
  const long done = ::syscall(SYS_io_uring_enter, fd_.get(), queued_, wanted,
                              IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
  if (done >= 0) {
    queued_ -= static_cast<unsigned>(done);
    return 0;
  }
  const int error = errno;
  // Waiting failed after everything was handed over.
  if (error == ETIME || error == EINTR) {
    queued_ = *submission_tail_ - __atomic_load_n(submission_head_, __ATOMIC_ACQUIRE);
    return 0;
  }
  return error;
}

int Uring::register_files(std::span<const int> fds) {
  const auto count = static_cast<unsigned>(fds.size());
  return ::syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_FILES, fds.data(), count) == 0 ? 0
                                                                                                    : errno;
}

}  // namespace isotach::kernel
