// /proc/PID/smaps, or /proc/PID/maps: the mappings of one process (kernel: fs/proc/task_mmu.c,
// Documentation/filesystems/proc.rst).
//
// smaps says more but walks the page tables: about 28 ms for each GiB that is there, during which the
// process cannot map memory. maps costs microseconds a mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

// Of the two-letter words of "VmFlags:" those that decide something here.
enum class MappingFlag : std::uint32_t {
  shared = 1u << 0,              // sh
  may_share = 1u << 1,           // ms
  io = 1u << 2,                  // io: memory of a device
  frames_only = 1u << 3,         // pf: bare page frames, which the kernel does not manage
  locked = 1u << 4,              // lo
  do_not_expand = 1u << 5,       // de
  huge_tlb = 1u << 6,            // ht: hugetlbfs
  mixed = 1u << 7,               // mm: frames and pages mixed
  droppable = 1u << 8,           // dp
  mergeable = 1u << 9,           // mg: marked for KSM
  huge_page_advised = 1u << 10,  // hg
  huge_page_refused = 1u << 11,  // nh
  userfault_missing = 1u << 12,  // um
  userfault_write = 1u << 13,    // uw
  userfault_minor = 1u << 14,    // ui
  soft_dirty = 1u << 15,         // sd
  grows_down = 1u << 16,         // gd: a stack
};

// Sums over the pages of a mapping, in KiB as smaps has them.
enum class MappingField : std::size_t {
  page_size,  // KernelPageSize
  resident,   // Rss
  proportional,
  anonymous,
  swap,
  proportional_swap,
  ksm,  // merged with others, or not yet unmerged
  anonymous_huge,
  lazily_free,
  locked,
};
inline constexpr std::size_t kMappingFieldCount = static_cast<std::size_t>(MappingField::locked) + 1;

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // the first byte behind it
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;  // MAP_SHARED
  std::uint64_t offset_bytes = 0;
  std::uint64_t inode = 0;  // 0: no file
  std::string name;         // a path, "[heap]", or nothing; chosen by others: print it with printable()

  bool flags_known = false;  // false where it was read from maps
  std::uint32_t flags = 0;
  std::array<Value, kMappingFieldCount> values;  // missing where it was read from maps

  [[nodiscard]] bool has(MappingFlag flag) const { return (flags & static_cast<std::uint32_t>(flag)) != 0; }
  [[nodiscard]] const Value& operator[](MappingField field) const {
    return values[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::uint64_t size_bytes() const { return end - start; }
};

enum class MappingDetail {
  ranges,  // maps
  full,    // smaps; maps where the kernel was built without it
};

// In the order of the addresses; none for a kernel thread or a process that has ended but was not
// waited for. Fails when the process is gone (ESRCH or ENOENT) or belongs to someone else.
[[nodiscard]] Result<std::vector<Mapping>> read_mappings(const SystemRoot& root, unsigned pid,
                                                         MappingDetail detail);

// Reads the text of smaps or maps, fed in pieces that may end anywhere. Lines that cannot be understood
// are left out, mappings beyond kMappingLimit too.
class MappingParser {
 public:
  static constexpr std::size_t kMappingLimit = std::size_t{1} << 20;

  void feed(std::string_view piece);
  // Call once, after the last piece.
  [[nodiscard]] std::vector<Mapping> take();

 private:
  void line(std::string_view text);
  void field_line(std::string_view text);

  // Longer than any path; what is longer still is cut.
  static constexpr std::size_t kLineLimitBytes = 8192;

  std::vector<Mapping> mappings_;
  std::string rest_;         // of the last piece: a line without its end
  bool after_head_ = false;  // fields belong to mappings_.back()
};

}  // namespace isotach::kernel
