#include "command/overview_devices.h"

#include <algorithm>
#include <utility>

#include "base/find_named.h"
#include "base/text.h"

namespace isotach::command {
namespace {

using kernel::DiskCounter;
using kernel::InterfaceCounter;
using machine::MachineReading;
using view::Number;

constexpr double kSectorBytes = 512;

// A speed only where it limits something: bridges, tunnels and veth claim one too.
void fill_link(const kernel::LinkReading& link, view::InterfaceArea& area) {
  if (!link.up.is_missing()) area.up = link.up.as_unsigned() != 0;
  if (link.physical != Value::of(1)) return;
  area.speed_bits_per_second = number(link.speed_mbit_s, 1e6);
  if (!link.full_duplex.is_missing()) area.full_duplex = link.full_duplex.as_unsigned() != 0;
}

void fill_interface(const Rates& rates, const kernel::InterfaceReading& now, std::size_t hint,
                    view::InterfaceArea& area) {
  area.name = now.name;
  const auto both = [&](InterfaceCounter a, InterfaceCounter b) {
    return static_cast<double>(now[a]) + static_cast<double>(now[b]);
  };
  area.errors = both(InterfaceCounter::receive_errors, InterfaceCounter::transmit_errors);
  area.drops = both(InterfaceCounter::receive_drops, InterfaceCounter::transmit_drops);
  const kernel::LinkReading* link =
      find_named(rates.now().links, now.name, hint, &kernel::LinkReading::interface);
  if (link != nullptr) fill_link(*link, area);
  const kernel::InterfaceReading* before =
      rates.before() != nullptr
          ? find_named(rates.before()->interfaces, now.name, hint, &kernel::InterfaceReading::name)
          : nullptr;
  if (before == nullptr) return;
  const auto rate = [&](InterfaceCounter counter, double scale = 1) {
    return rates.of((*before)[counter], now[counter], scale);
  };
  area.receive_bits_per_second = rate(InterfaceCounter::receive_bytes, 8);
  area.transmit_bits_per_second = rate(InterfaceCounter::transmit_bytes, 8);
  area.receive_packets_per_second = rate(InterfaceCounter::receive_packets);
  area.transmit_packets_per_second = rate(InterfaceCounter::transmit_packets);
  area.errors_per_second =
      sum(rate(InterfaceCounter::receive_errors), rate(InterfaceCounter::transmit_errors));
  area.drops_per_second = sum(rate(InterfaceCounter::receive_drops), rate(InterfaceCounter::transmit_drops));
  if (area.receive_bits_per_second && area.transmit_bits_per_second)
    area.link_share = ratio(std::max(*area.receive_bits_per_second, *area.transmit_bits_per_second),
                            area.speed_bits_per_second);
  remember(area.receive_past, area.receive_bits_per_second);
  remember(area.transmit_past, area.transmit_bits_per_second);
}

// What carries or has carried traffic comes first, the loopback after it, the unused last; within
// these as the kernel has them, so that the order keeps still.
int interface_rank(const kernel::InterfaceReading& interface) {
  const bool used =
      interface[InterfaceCounter::receive_bytes] > 0 || interface[InterfaceCounter::transmit_bytes] > 0;
  if (!used) return 2;
  return interface.name == "lo" ? 1 : 0;
}

// sda1 of sda, nvme0n1p2 of nvme0n1: their requests are counted with the whole disk.
bool is_partition_of(std::string_view name, std::string_view disk) {
  if (name.size() <= disk.size() || !name.starts_with(disk)) return false;
  std::string_view rest = name.substr(disk.size());
  const bool disk_ends_in_digit = disk.back() >= '0' && disk.back() <= '9';
  if (disk_ends_in_digit) {
    if (rest.front() != 'p') return false;
    rest.remove_prefix(1);
  }
  return parse_unsigned(rest).has_value();
}

bool is_shown(const std::vector<kernel::DiskReading>& disks, std::size_t index) {
  const kernel::DiskReading& disk = disks[index];
  if (disk.name.empty() || (disk[DiskCounter::reads] == 0 && disk[DiskCounter::writes] == 0)) return false;
  // The kernel lists partitions behind their disk.
  for (std::size_t i = index; i > 0; --i) {
    if (disks[i - 1].name.empty()) continue;
    if (is_partition_of(disk.name, disks[i - 1].name)) return false;
    if (!disk.name.starts_with(disks[i - 1].name.substr(0, 2))) break;
  }
  return true;
}

void fill_disk(const Rates& rates, const kernel::DiskReading& now, const kernel::DiskReading* before,
               view::DiskArea& area) {
  if (before == nullptr) return;
  const auto rate = [&](DiskCounter counter, double scale = 1) -> Number {
    const auto index = static_cast<std::size_t>(counter);
    if (index >= before->counter_count || index >= now.counter_count) return std::nullopt;
    return rates.of((*before)[counter], now[counter], scale);
  };
  area.read_bytes_per_second = rate(DiskCounter::sectors_read, kSectorBytes);
  area.write_bytes_per_second = rate(DiskCounter::sectors_written, kSectorBytes);
  area.requests_per_second = sum(rate(DiskCounter::reads), rate(DiskCounter::writes));
  area.busy = rate(DiskCounter::io_ms, 1e-3);
  // Jiffies and the interval do not end together.
  if (area.busy) area.busy = std::min(*area.busy, 1.0);
  area.latency_s = ratio(sum(rate(DiskCounter::read_ms, 1e-3), rate(DiskCounter::write_ms, 1e-3)),
                         area.requests_per_second);
  remember(area.transfer_past, sum(area.read_bytes_per_second, area.write_bytes_per_second));
}

}  // namespace

void fill_protocols(const Rates& rates, view::ProtocolArea& area) {
  using kernel::NetworkField;
  const auto of = [&](NetworkField field) {
    return rates([field](const MachineReading& r) { return r.network[field]; });
  };
  area.segments_per_second = of(NetworkField::tcp_segments_out);
  area.retransmits_per_second = of(NetworkField::tcp_retransmits);
  area.timeouts_per_second = of(NetworkField::tcp_timeouts);
  area.failed_per_second = of(NetworkField::tcp_attempts_failed);
  area.listen_drops_per_second = of(NetworkField::listen_drops);
  area.receive_drops_per_second = of(NetworkField::receive_queue_drops);
  area.datagrams_per_second = of(NetworkField::udp_received);
  area.datagram_drops_per_second = of(NetworkField::udp_receive_buffer_errors);
  area.cpu_drops_per_second = of(NetworkField::softnet_dropped);
  if (rates.before() != nullptr) remember(area.segments_past, area.segments_per_second);
}

void fill_interfaces(const Rates& rates, std::vector<view::InterfaceArea>& areas) {
  std::vector<view::InterfaceArea> fresh;
  for (int rank = 0; rank <= 2; ++rank) {
    for (std::size_t i = 0; i < rates.now().interfaces.size(); ++i) {
      const kernel::InterfaceReading& now = rates.now().interfaces[i];
      if (interface_rank(now) != rank) continue;
      view::InterfaceArea area;
      const auto known = std::find_if(areas.begin(), areas.end(),
                                      [&](const view::InterfaceArea& old) { return old.name == now.name; });
      if (known != areas.end()) {
        area.receive_past = std::move(known->receive_past);
        area.transmit_past = std::move(known->transmit_past);
      }
      fill_interface(rates, now, i, area);
      fresh.push_back(std::move(area));
    }
  }
  areas = std::move(fresh);
}

void fill_disks(const Rates& rates, std::vector<view::DiskArea>& areas) {
  std::vector<view::DiskArea> fresh;
  const std::vector<kernel::DiskReading>& disks = rates.now().disks;
  for (std::size_t i = 0; i < disks.size(); ++i) {
    if (!is_shown(disks, i)) continue;
    view::DiskArea area;
    area.name = disks[i].name;
    const auto known = std::find_if(areas.begin(), areas.end(),
                                    [&](const view::DiskArea& old) { return old.name == area.name; });
    if (known != areas.end()) area.transfer_past = std::move(known->transfer_past);
    const kernel::DiskReading* before =
        rates.before() != nullptr
            ? find_named(rates.before()->disks, area.name, i, &kernel::DiskReading::name)
            : nullptr;
    fill_disk(rates, disks[i], before, area);
    fresh.push_back(std::move(area));
  }
  areas = std::move(fresh);
}

}  // namespace isotach::command
