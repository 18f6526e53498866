// Which of the program's memory may be executed: what /proc/self/maps says, read again when an address is
// asked for that is not known, and forgotten where the program changes its mappings.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace isotach::dbi {

struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  bool is_file = false;
};

class MemoryMap {
 public:
  // The executable mapping that holds `address`, or nullptr: jumping there is a fault.
  const Mapping* executable_at(uint64_t address);
  // Any mapping that holds `address` as the kernel says now.
  bool find(uint64_t address, Mapping& found) const;
  void forget(uint64_t begin, uint64_t end);

 private:
  std::map<uint64_t, Mapping> known_;  // executable ones, by end
  const Mapping* last_ = nullptr;      // that was asked for
};

}  // namespace isotach::dbi
