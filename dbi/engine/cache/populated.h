// Memory that is used from its beginning on, and of which the kernel is asked for many pages at once, a
// little before they are needed: one fault a page costs four times as much.
//
// Thread rules: the owner's.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {

class Populated {
 public:
  Populated() = default;
  Populated(uint64_t begin, uint64_t end) : begin_(begin), ready_(begin), end_(end) {}

  // About to write up to `address`.
  void reach(uint64_t address) {
    if (address > ready_) [[unlikely]]
      more(address);
  }

 private:
  static constexpr uint64_t kSmallest = uint64_t{32} << 10, kLargest = uint64_t{512} << 10;

  void more(uint64_t address) {
    // A quarter of what is there already, so that little is asked for in vain.
    uint64_t step = (ready_ - begin_) / 4;
    if (step < kSmallest) step = kSmallest;
    if (step > kLargest) step = kLargest;
    const uint64_t from = ready_ & ~uint64_t{4095};
    uint64_t to = (address + step + 4095) & ~uint64_t{4095};
    if (to > end_) to = end_;
    ready_ = to;
    // Fails on kernels before 5.14 and where memory is short: then the pages come one by one.
    if (to > from) raw_syscall(SYS_madvise, from, to - from, kPopulateWrite);
  }

  static constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE

  uint64_t begin_ = 0, ready_ = 0, end_ = 0;
};

}  // namespace isotach::dbi
