// The kernel's text files of the machine. The first byte chooses the parser.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "kernel/compressed_swap.h"
#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/key_value.h"
#include "kernel/meminfo.h"
#include "kernel/network_counters.h"
#include "kernel/pressure.h"
#include "kernel/slabinfo.h"
#include "kernel/swap_devices.h"

namespace {

using namespace isotach;

void key_values(std::string_view text) {
  static constexpr std::string_view kKeys[] = {"MemTotal", "MemFree", "Active(anon)", "pgpgin",
                                               "nr_free_pages"};
  kernel::KeyValueParser parser(kKeys);
  std::array<Value, 5> first;
  std::array<Value, 5> again;
  parser.parse(text, first);
  // What was remembered of the lines must not change the result, whatever came between.
  parser.parse(text.substr(text.size() / 2), again);
  parser.parse(text, again);
  CHECK(first == again);
}

void interfaces(std::string_view text) {
  std::vector<kernel::InterfaceReading> fresh;
  std::vector<kernel::InterfaceReading> used(3, {"stale", {}});
  kernel::parse_interfaces(text, fresh);
  kernel::parse_interfaces(text, used);
  CHECK(fresh.size() == used.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    CHECK(!fresh[i].name.empty());
    CHECK(fresh[i].name == used[i].name && fresh[i].counters == used[i].counters);
  }
}

void disks(std::string_view text) {
  std::vector<kernel::DiskReading> fresh;
  std::vector<kernel::DiskReading> used(3);
  kernel::parse_diskstats(text, fresh);
  kernel::parse_diskstats(text, used);
  CHECK(fresh.size() == used.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    CHECK(!fresh[i].name.empty() && fresh[i].counter_count <= kernel::kDiskCounterCount);
    CHECK(fresh[i].name == used[i].name && fresh[i].counters == used[i].counters);
  }
}

void cpu_stat(std::string_view text, bool each) {
  kernel::CpuReading reading;
  kernel::parse_cpu_stat(text, each, reading);
  CHECK(each || reading.each.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<kernel::SwapDevice> swaps;
  kernel::PressureReading pressure;
  switch (static_cast<char>(data[0])) {
    case 'k':
      key_values(text);
      break;
    case 'c':
      cpu_stat(text, false);
      cpu_stat(text, true);
      break;
    case 'p':
      kernel::parse_pressure(text, pressure);
      break;
    case 's':
      kernel::parse_swaps(text, swaps);
      break;
    case 'n':
      interfaces(text);
      break;
    case 'z': {
      std::array<Value, kernel::kZramFieldCount> values;
      kernel::parse_zram_statistics(text, values);
      const kernel::AlgorithmChoice choice = kernel::parse_algorithms(text);
      for (const std::string& name : choice.offered) CHECK(!name.empty());
      break;
    }
    case 'S': {
      std::vector<kernel::SlabCache> caches, used(3);
      const bool known = kernel::parse_slabinfo(text, caches).has_value();
      CHECK(kernel::parse_slabinfo(text, used).has_value() == known);
      if (known) CHECK(caches.size() == used.size());
      break;
    }
    case 'd':
      disks(text);
      break;
    case 'N': {
      kernel::NetworkReading network;
      kernel::parse_protocol_counters(text, network);
      kernel::parse_softnet(text, network);
      kernel::parse_sockstat(text, network);
      break;
    }
    default:
      break;
  }
  return 0;
}
