#include "engine/os/memory_map.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <vector>

#include "engine/os/raw_syscall.h"

namespace isotach::dbi {
namespace {

// Calls `visit(mapping)` for each line until it returns false.
template <class Visit>
void read_maps(Visit visit) {
  const int64_t fd = raw_syscall(SYS_openat, static_cast<uint64_t>(AT_FDCWD),
                                 reinterpret_cast<uint64_t>("/proc/self/maps"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  std::vector<char> buffer(size_t{64} << 10);
  size_t have = 0;
  bool wanted = true;
  while (wanted) {
    const int64_t got = raw_syscall(SYS_read, static_cast<uint64_t>(fd),
                                    reinterpret_cast<uint64_t>(buffer.data() + have), buffer.size() - have);
    if (got <= 0) break;
    have += static_cast<size_t>(got);
    size_t at = 0;
    for (size_t i = 0; i < have && wanted; ++i) {
      if (buffer[i] != '\n') continue;
      const char* p = buffer.data() + at;
      const auto hex = [&p] {
        uint64_t value = 0;
        for (;; ++p) {
          const char c = *p;
          if (c >= '0' && c <= '9') {
            value = value * 16 + static_cast<uint64_t>(c - '0');
          } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + static_cast<uint64_t>(c - 'a' + 10);
          } else {
            return value;
          }
        }
      };
      Mapping mapping;
      mapping.begin = hex();
      ++p;
      mapping.end = hex();
      ++p;
      mapping.readable = p[0] == 'r';
      mapping.writable = p[1] == 'w';
      mapping.executable = p[2] == 'x';
      mapping.shared = p[3] == 's';
      for (size_t k = i; k > at && buffer[k - 1] != ' '; --k) {
        if (buffer[k - 1] == '/') mapping.is_file = true;
      }
      wanted = visit(mapping);
      at = i + 1;
    }
    have -= at;
    __builtin_memmove(buffer.data(), buffer.data() + at, have);
    if (have == buffer.size()) buffer.resize(buffer.size() * 2);
  }
  raw_syscall(SYS_close, static_cast<uint64_t>(fd));
}

}  // namespace

const Mapping* MemoryMap::executable_at(uint64_t address) {
  if (last_ != nullptr && last_->begin <= address && address < last_->end) return last_;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto found = known_.upper_bound(address);
    if (found != known_.end() && found->second.begin <= address) return last_ = &found->second;
    if (attempt == 1) break;
    last_ = nullptr;
    known_.clear();
    read_maps([this](const Mapping& mapping) {
      if (mapping.executable) known_[mapping.end] = mapping;
      return true;
    });
  }
  return nullptr;
}

bool MemoryMap::find(uint64_t address, Mapping& found) const {
  bool is_there = false;
  read_maps([&](const Mapping& mapping) {
    if (address < mapping.begin) return false;
    if (address >= mapping.end) return true;
    found = mapping;
    is_there = true;
    return false;
  });
  return is_there;
}

void MemoryMap::forget(uint64_t begin, uint64_t end) {
  last_ = nullptr;
  for (auto i = known_.upper_bound(begin); i != known_.end() && i->second.begin < end;) i = known_.erase(i);
}

}  // namespace isotach::dbi
