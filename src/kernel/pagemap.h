// /proc/PID/pagemap: what stands behind each virtual page of a process (kernel:
// Documentation/admin-guide/mm/pagemap.rst, fs/proc/task_mmu.c). Looking changes nothing: no page is
// faulted in and none marked as used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

[[nodiscard]] std::uint64_t page_size_bytes();

// One entry. The frame of a page and the place in swap are hidden (0) from those without CAP_SYS_ADMIN.
class PageEntry {
 public:
  PageEntry() = default;
  explicit PageEntry(std::uint64_t bits) : bits_(bits) {}

  [[nodiscard]] bool present() const { return bit(63); }
  // In swap, or on its way between two places in memory (then the type is beyond kSwapTypeLimit).
  [[nodiscard]] bool swapped() const { return bit(62); }
  // A page of a file or of shared memory; not what a program has written into a private mapping.
  [[nodiscard]] bool file_or_shared() const { return bit(61); }
  [[nodiscard]] bool guard() const { return bit(58); }  // Linux 6.15 and later
  [[nodiscard]] bool userfault_protected() const { return bit(57); }
  // Mapped at this one place only. Not set for what fork() or KSM shares.
  [[nodiscard]] bool exclusive() const { return bit(56); }
  // Written to since the last "4" into clear_refs, on kernels that track it.
  [[nodiscard]] bool soft_dirty() const { return bit(55); }

  [[nodiscard]] std::uint64_t frame() const { return present() ? bits_ & kLowBits : 0; }
  // Which swap area, in the order in which they were switched on, and which page of it.
  static constexpr unsigned kSwapTypeLimit = 32;
  [[nodiscard]] unsigned swap_type() const { return swapped() ? static_cast<unsigned>(bits_ & 31) : 0; }
  [[nodiscard]] std::uint64_t swap_offset() const { return swapped() ? (bits_ & kLowBits) >> 5 : 0; }

  [[nodiscard]] std::uint64_t bits() const { return bits_; }

 private:
  static constexpr std::uint64_t kLowBits = (std::uint64_t{1} << 55) - 1;
  [[nodiscard]] bool bit(unsigned number) const { return (bits_ >> number & 1) != 0; }

  std::uint64_t bits_ = 0;
};

struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

class Pagemap {
 public:
  // The descriptor belongs to the memory that the process has now: after exec() or its end it shows
  // nothing, not the memory of another.
  [[nodiscard]] static Result<Pagemap> open(const SystemRoot& root, unsigned pid);

  // The entries from the page at `address` on; fewer than asked for where the address space ends or the
  // process has ended (0).
  [[nodiscard]] Result<std::size_t> read(std::uint64_t address, std::span<PageEntry> entries) const;

  // The parts of [start, end) where something is present or swapped, in order, joined where they touch.
  // Where memory was only read, and the kernel's page of zeros stands for it, counts as a hole.
  // By ioctl PAGEMAP_SCAN where the kernel has it (6.7), which skips holes of any size at once; by
  // reading the entries otherwise; then only those who see frames see that page. At most kRangeLimit parts:
  // then `end` of the last is where to go on from, and so it is for the caller in any case. An empty result:
  // nothing is left.
  static constexpr std::size_t kRangeLimit = 1024;
  [[nodiscard]] Result<void> find_populated(AddressRange range, std::vector<AddressRange>& found);

  // For tests: as on a kernel before 6.7.
  void forget_scan_call() { has_scan_call_ = false; }

 private:
  explicit Pagemap(Fd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] Result<void> find_by_reading(AddressRange range, std::vector<AddressRange>& found) const;

  Fd fd_;
  bool has_scan_call_ = true;
};

// /proc/kpageflags: what a frame is used for. For root only.
class FrameFlags {
 public:
  explicit FrameFlags(const SystemRoot& root);
  // False where that may not be known.
  [[nodiscard]] bool is_merged(std::uint64_t frame) const;  // by KSM

 private:
  Fd fd_;
};

// The frame of the page of zeros that stands behind memory which was only read, or 0 where frames are
// hidden. No program has a page of its own there, and KSM leaves it alone.
[[nodiscard]] std::uint64_t zero_page_frame();

}  // namespace isotach::kernel
