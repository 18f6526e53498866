// Buffers that an io_uring takes one of for each message that comes, so that one call can wait for all that
// come over a connection (IORING_RECV_MULTISHOT with IOSQE_BUFFER_SELECT).
//
// For the thread of the ring. They outlive every call that may use them.
#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "kernel/uring.h"

namespace isotach::kernel {

class UringBuffers {
 public:
  // `count` (a power of two, at most 32768) buffers of `bytes` each: they are the buffer group 0 of the ring.
  [[nodiscard]] static Result<UringBuffers> lend(const Uring& ring, unsigned count, std::size_t bytes);
  UringBuffers(UringBuffers&& other) noexcept;
  UringBuffers& operator=(UringBuffers&& other) noexcept = delete;
  ~UringBuffers();

  // What a call put into one of them: result and flags are those of Uring::take().
  [[nodiscard]] std::string_view filled(int result, unsigned flags) const {
    return {memory_ + place_of(flags) * bytes_, static_cast<std::size_t>(result)};
  }
  // The kernel may fill that buffer again.
  void take_back(unsigned flags) {
    add(static_cast<unsigned>(place_of(flags)));
    publish();
  }

 private:
  UringBuffers() = default;

  static std::size_t place_of(unsigned flags) { return flags >> IORING_CQE_BUFFER_SHIFT; }
  void add(unsigned place) {
    io_uring_buf& entry = entries_[tail_++ & mask_];
    entry.addr = reinterpret_cast<std::uint64_t>(memory_ + place * bytes_);
    entry.len = static_cast<unsigned>(bytes_);
    entry.bid = static_cast<std::uint16_t>(place);
  }
  // Where the kernel reads how many there are: in a field of the first entry.
  void publish() { __atomic_store_n(&entries_[0].resv, tail_, __ATOMIC_RELEASE); }

  io_uring_buf* entries_ = nullptr;
  std::size_t entries_bytes_ = 0;
  char* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
  std::size_t bytes_ = 0;
  std::uint16_t tail_ = 0;
  std::uint16_t mask_ = 0;
};

}  // namespace isotach::kernel
