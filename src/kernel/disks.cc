#include "kernel/disks.h"

#include "kernel/key_value.h"

namespace isotach::kernel {

void parse_diskstats(std::string_view text, std::vector<DiskReading>& disks) {
  std::size_t count = 0;
  while (auto line = take_line(text)) {
    const auto major_number = take_unsigned(*line);
    const auto minor_number = take_unsigned(*line);
    const std::string_view name = take_word(*line);
    if (!major_number || !minor_number || name.empty()) continue;
    if (count == disks.size()) disks.emplace_back();
    DiskReading& disk = disks[count];
    disk.major_number = static_cast<unsigned>(*major_number);
    disk.minor_number = static_cast<unsigned>(*minor_number);
    disk.name.assign(name);
    disk.counter_count = 0;
    disk.counters.fill(0);
    for (std::uint64_t& counter : disk.counters) {
      const auto number = take_unsigned(*line);
      if (!number) break;
      counter = *number;
      ++disk.counter_count;
    }
    if (disk.counter_count >= 4) ++count;
  }
  disks.resize(count);
}

DiskReader::DiskReader(const SystemRoot& root) : file_(root, "proc/diskstats") {}

Result<void> DiskReader::read(std::vector<DiskReading>& disks) {
  const auto text = file_.read();
  if (!text) {
    disks.clear();
    return tl::make_unexpected(text.error());
  }
  parse_diskstats(*text, disks);
  return {};
}

}  // namespace isotach::kernel
