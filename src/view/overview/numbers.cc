#include "view/overview/numbers.h"

#include <fmt/format.h>

namespace isotach::view {
namespace {

NamedNumber yes_or_no(std::string_view name, std::optional<bool> value) {
  return {name, value ? Number(*value ? 1.0 : 0.0) : std::nullopt, true};
}

std::vector<NamedNumber> shares(const CpuShares& cpu) {
  return {{"busy_ratio", cpu.busy},
          {"user_ratio", cpu.user},
          {"system_ratio", cpu.system},
          {"iowait_ratio", cpu.iowait},
          {"steal_ratio", cpu.steal}};
}

NumberArea cpu_area(const CpuArea& cpu) {
  std::vector<NamedNumber> numbers = shares(cpu.all);
  const Number count = cpu.each.empty() ? Number() : static_cast<double>(cpu.each.size());
  for (const NamedNumber& number :
       std::vector<NamedNumber>{{"count", count},
                                {"load_1_minute", cpu.load_1_minute},
                                {"load_5_minutes", cpu.load_5_minutes},
                                {"load_15_minutes", cpu.load_15_minutes},
                                {"processes_running", cpu.running},
                                {"processes_blocked", cpu.blocked},
                                {"context_switches_per_second", cpu.context_switches_per_second},
                                {"interrupts_per_second", cpu.interrupts_per_second}})
    numbers.push_back(number);
  return {"cpu", false, {{"", std::move(numbers)}}};
}

NumberArea each_cpu_area(const CpuArea& cpu) {
  NumberArea area = {"cpus", true, {}};
  for (const CpuShares& one : cpu.each) area.items.push_back({fmt::format("{}", one.number), shares(one)});
  return area;
}

NumberArea memory_area(const MemoryArea& memory) {
  return {"memory",
          false,
          {{"",
            {{"total_bytes", memory.total_bytes},
             {"used_bytes", memory.used_bytes},
             {"available_bytes", memory.available_bytes},
             {"free_bytes", memory.free_bytes},
             {"buffers_bytes", memory.buffers_bytes},
             {"cache_bytes", memory.cache_bytes},
             {"shared_bytes", memory.shared_bytes},
             {"dirty_bytes", memory.dirty_bytes},
             {"writeback_bytes", memory.writeback_bytes}}}}};
}

NumberArea swap_area(const SwapArea& swap) {
  return {"swap",
          false,
          {{"",
            {{"total_bytes", swap.total_bytes},
             {"used_bytes", swap.used_bytes},
             {"in_bytes_per_second", swap.in_bytes_per_second},
             {"out_bytes_per_second", swap.out_bytes_per_second}}}}};
}

NumberArea swap_devices_area(const SwapArea& swap) {
  NumberArea area = {"swap_devices", true, {}};
  for (const SwapArea::Device& device : swap.devices)
    area.items.push_back({device.name,
                          {{"size_bytes", device.size_bytes},
                           {"used_bytes", device.used_bytes},
                           {"priority", device.priority}}});
  return area;
}

NumberArea ksm_area(const KsmArea& ksm) {
  return {"ksm",
          false,
          {{"",
            {{"run", ksm.run},
             {"shared_bytes", ksm.shared_bytes},
             {"saved_bytes", ksm.saved_bytes},
             {"unshared_bytes", ksm.unshared_bytes},
             {"profit_bytes", ksm.profit_bytes},
             {"pages_to_scan", ksm.pages_to_scan},
             {"sleep_seconds", ksm.sleep_s},
             {"pages_scanned_per_second", ksm.scanned_per_second},
             {"full_scans", ksm.full_scans}}}}};
}

NumberArea pressure_area(const OverviewModel& model) {
  const auto item = [](const char* name, const PressureArea& area) {
    return NumberItem{name,
                      {{"some_ratio", area.some.now},
                       {"some_average_10s_ratio", area.some.average_10s},
                       {"full_ratio", area.full.now},
                       {"full_average_10s_ratio", area.full.average_10s}}};
  };
  return {"pressure",
          true,
          {item("cpu", model.cpu_pressure), item("memory", model.memory_pressure),
           item("io", model.io_pressure)}};
}

NumberArea interfaces_area(const OverviewModel& model) {
  NumberArea area = {"interfaces", true, {}};
  for (const InterfaceArea& interface : model.interfaces)
    area.items.push_back({interface.name,
                          {{"receive_bits_per_second", interface.receive_bits_per_second},
                           {"transmit_bits_per_second", interface.transmit_bits_per_second},
                           {"receive_packets_per_second", interface.receive_packets_per_second},
                           {"transmit_packets_per_second", interface.transmit_packets_per_second},
                           {"errors_per_second", interface.errors_per_second},
                           {"drops_per_second", interface.drops_per_second},
                           {"errors", interface.errors},
                           {"drops", interface.drops},
                           yes_or_no("up", interface.up),
                           yes_or_no("full_duplex", interface.full_duplex),
                           {"speed_bits_per_second", interface.speed_bits_per_second},
                           {"link_share_ratio", interface.link_share}}});
  return area;
}

NumberArea disks_area(const OverviewModel& model) {
  NumberArea area = {"disks", true, {}};
  for (const DiskArea& disk : model.disks)
    area.items.push_back({disk.name,
                          {{"read_bytes_per_second", disk.read_bytes_per_second},
                           {"write_bytes_per_second", disk.write_bytes_per_second},
                           {"requests_per_second", disk.requests_per_second},
                           {"busy_ratio", disk.busy},
                           {"latency_seconds", disk.latency_s}}});
  return area;
}

NumberArea limits_area(const GroupLimits& limits) {
  return {"limits", false, {{"", {{"memory_bytes", limits.memory_bytes}, {"cpus", limits.cpus}}}}};
}

}  // namespace

std::vector<NumberArea> overview_numbers(const OverviewModel& model) {
  return {limits_area(model.limits), cpu_area(model.cpu),   each_cpu_area(model.cpu),
          memory_area(model.memory), swap_area(model.swap), swap_devices_area(model.swap),
          ksm_area(model.ksm),       pressure_area(model),  interfaces_area(model),
          disks_area(model)};
}

}  // namespace isotach::view
