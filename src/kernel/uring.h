// io_uring, as io_uring(7) describes it, without a library: one thread queues calls of the kernel and takes
// their results, many with one entry into the kernel.
//
// For the thread that made it, and no other. Memory that a queued call uses stays valid until its result has
// been taken.
#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

class Uring {
 public:
  // For `entries` calls at a time. Fails where the kernel is older than 6.1 or does not let us
  // (kernel.io_uring_disabled).
  [[nodiscard]] static Result<Uring> create(unsigned entries);
  Uring(Uring&& other) noexcept;
  Uring& operator=(Uring&& other) noexcept = delete;
  ~Uring();

  // A call to be filled in; all its fields are 0. Nothing where `entries` are queued: enter() makes room.
  [[nodiscard]] io_uring_sqe* next();
  // Hands over what is queued, and waits until there are `wanted` results, but no longer than `limit_ns`.
  // Returns an errno or 0; that time is up is no error.
  [[nodiscard]] int enter(unsigned wanted, std::int64_t limit_ns);
  // Once: calls with IOSQE_FIXED_FILE name these descriptors by their place here, which saves looking each
  // up. The ring holds them open. Returns an errno or 0.
  [[nodiscard]] int register_files(std::span<const int> fds);
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Calls each(user_data, result, flags) for all results that are there. `each` may use next().
  template <class Each>
  unsigned take(const Each& each) {
    unsigned head = *completion_head_;
    unsigned count = 0;
    while (head != __atomic_load_n(completion_tail_, __ATOMIC_ACQUIRE)) {
      const io_uring_cqe& entry = completions_[head & completion_mask_];
      const std::uint64_t user_data = entry.user_data;
      const int result = entry.res;
      const unsigned flags = entry.flags;
      __atomic_store_n(completion_head_, ++head, __ATOMIC_RELEASE);
      each(user_data, result, flags);
      ++count;
    }
    return count;
  }

 private:
  Uring() = default;

  Fd fd_;
  void* ring_ = nullptr;
  std::size_t ring_bytes_ = 0;
  io_uring_sqe* entries_ = nullptr;
  std::size_t entries_bytes_ = 0;
  unsigned* submission_head_ = nullptr;
  unsigned* submission_tail_ = nullptr;
  unsigned submission_mask_ = 0;
  unsigned submission_size_ = 0;
  unsigned queued_ = 0;  // since the last enter()
  unsigned* completion_head_ = nullptr;
  unsigned* completion_tail_ = nullptr;
  unsigned completion_mask_ = 0;
  io_uring_cqe* completions_ = nullptr;
};

}  // namespace isotach::kernel
