#include "engine/loader/process_maps.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace isotach::dbi {
namespace {

// struct procmap_query of linux/fs.h, Linux 6.11; the headers of this system are older.
struct ProcmapQuery {
  uint64_t size, query_flags, query_addr;
  uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
  uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
  uint64_t vma_name_addr, build_id_addr;
};
constexpr unsigned long kProcmapQuery = _IOWR('f', 17, ProcmapQuery);
constexpr uint64_t kQueryReadable = 1, kQueryWritable = 2, kQueryExecutable = 4, kQueryShared = 8;

int open_maps() {
  return ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

bool take_hex(std::string_view& text, char end, uint64_t& value) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || at == text.data() + text.size() || *at != end) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()) + 1);
  return true;
}

// Only line feeds (\012) are escaped by the kernel there.
std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 4) == "\\012") {
      result += '\n';
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::optional<MapEntry> parse_map_entry(std::string_view line) {
  MapEntry mapping;
  if (!take_hex(line, '-', mapping.low) || !take_hex(line, ' ', mapping.high)) return std::nullopt;
  if (line.size() < 5 || line[4] != ' ' || mapping.high <= mapping.low) return std::nullopt;
  mapping.readable = line[0] == 'r';
  mapping.writable = line[1] == 'w';
  mapping.executable = line[2] == 'x';
  mapping.shared = line[3] == 's';
  line.remove_prefix(5);
  uint64_t major = 0, minor = 0;
  if (!take_hex(line, ' ', mapping.offset) || !take_hex(line, ':', major) || !take_hex(line, ' ', minor))
    return std::nullopt;
  const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), mapping.inode);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<size_t>(at - line.data()));
  const size_t start = line.find_first_not_of(' ');
  if (start != std::string_view::npos) mapping.name = unescaped(line.substr(start));
  return mapping;
}

std::vector<MapEntry> parse_maps(std::string_view text) {
  std::vector<MapEntry> result;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (auto mapping = parse_map_entry(text.substr(0, end))) result.push_back(std::move(*mapping));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return result;
}

std::vector<MapEntry> read_maps() {
  constexpr size_t kMostBytes = size_t{1} << 28;
  const int fd = open_maps();
  if (fd < 0) return {};
  std::string text;
  char block[16384];
  while (text.size() < kMostBytes) {
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(block, static_cast<size_t>(got));
  }
  ::close(fd);
  return parse_maps(text);
}

std::optional<MapEntry> map_entry_at(uint64_t address) {
  const int fd = open_maps();
  if (fd < 0) return std::nullopt;
  char name[4096];
  name[0] = '\0';
  ProcmapQuery query{};
  query.size = sizeof query;
  query.query_addr = address;
  query.vma_name_addr = reinterpret_cast<uint64_t>(name);
  query.vma_name_size = sizeof name;
  const int result = ::ioctl(fd, kProcmapQuery, &query);
  const int error = result < 0 ? errno : 0;
  ::close(fd);
  if (result >= 0) {
    MapEntry mapping{.low = query.vma_start,
                     .high = query.vma_end,
                     .readable = (query.vma_flags & kQueryReadable) != 0,
                     .writable = (query.vma_flags & kQueryWritable) != 0,
                     .executable = (query.vma_flags & kQueryExecutable) != 0,
                     .shared = (query.vma_flags & kQueryShared) != 0,
                     .offset = query.vma_offset,
                     .inode = query.inode,
                     .name = {}};
    if (query.vma_name_size > 0) mapping.name = name;
    return mapping;
  }
  if (error == ENOENT) return std::nullopt;
  for (MapEntry& one : read_maps())
    if (one.holds(address)) return std::move(one);
  return std::nullopt;
}

}  // namespace isotach::dbi
