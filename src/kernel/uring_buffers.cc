#include "kernel/uring_buffers.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace isotach::kernel {
namespace {

// Nothing, with errno, where there is none.
void* memory_of(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

Result<UringBuffers> UringBuffers::lend(const Uring& ring, unsigned count, std::size_t bytes) {
  UringBuffers buffers;
  buffers.bytes_ = bytes;
  buffers.mask_ = static_cast<std::uint16_t>(count - 1);
  buffers.memory_bytes_ = count * bytes;
  buffers.memory_ = static_cast<char*>(memory_of(buffers.memory_bytes_));
  if (buffers.memory_ == nullptr) return system_failure(errno, "get memory for messages");
  buffers.entries_bytes_ = count * sizeof(io_uring_buf);
  buffers.entries_ = static_cast<io_uring_buf*>(memory_of(buffers.entries_bytes_));
  if (buffers.entries_ == nullptr) return system_failure(errno, "get memory for a list of buffers");
  io_uring_buf_reg request{};
  request.ring_addr = reinterpret_cast<std::uint64_t>(buffers.entries_);
  request.ring_entries = count;
  if (::syscall(SYS_io_uring_register, ring.fd(), IORING_REGISTER_PBUF_RING, &request, 1) != 0)
    return system_failure(errno, "lend buffers to io_uring");
  for (unsigned place = 0; place < count; ++place) buffers.add(place);
  buffers.publish();
  return buffers;
}

UringBuffers::UringBuffers(UringBuffers&& other) noexcept
    : entries_(std::exchange(other.entries_, nullptr)),
      entries_bytes_(other.entries_bytes_),
      memory_(std::exchange(other.memory_, nullptr)),
      memory_bytes_(other.memory_bytes_),
      bytes_(other.bytes_),
      tail_(other.tail_),
      mask_(other.mask_) {}

UringBuffers::~UringBuffers() {
  if (entries_ != nullptr) ::munmap(entries_, entries_bytes_);
  if (memory_ != nullptr) ::munmap(memory_, memory_bytes_);
}

}  // namespace isotach::kernel
