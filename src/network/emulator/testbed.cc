#include "network/emulator/testbed.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "kernel/attribute.h"
#include "kernel/link_setting.h"
#include "kernel/network_namespace.h"
#include "kernel/network_setup.h"
#include "network/emulator/tap.h"

namespace isotach::emulator {
namespace {

constexpr const char* kHostInterface = "eth0";
constexpr int kHostBits4 = 32;
constexpr int kHostBits6 = 128;

MacAddress host_mac(std::size_t index) {
  return {2, 0, 0, 0, 1, static_cast<std::uint8_t>(index + 1)};
}

// The router that a host talks to: an address that is not a router's own, so that traceroute sees none of it.
in_addr gateway_of(const Host& host) {
  in_addr gateway = host.address.v4;
  reinterpret_cast<std::uint8_t*>(&gateway)[3] = 1;
  return gateway;
}

in6_addr link_local_gateway() {
  in6_addr gateway{};
  ::inet_pton(AF_INET6, "fe80::1", &gateway);
  return gateway;
}

// Whole packets with sums, one at a time, as they are on a wire.
Result<void> switch_off_offloads(const std::string& name, std::initializer_list<const char*> features) {
  auto control = kernel::LinkControl::open();
  if (!control) return tl::make_unexpected(std::move(control.error()));
  const auto link = control->route().link(name);
  if (!link) return tl::make_unexpected(link.error());
  for (const char* feature : features) {
    const std::string setting = std::string("feature:") + feature;
    const auto now = control->read({link->index, name}, setting);
    if (!now || *now != "on") continue;
    if (auto done = control->write({link->index, name}, setting, "off"); !done) return done;
  }
  return {};
}

Result<void> choose_congestion(const std::string& name) {
  if (name.empty()) return {};
  auto written = kernel::write_attribute("/proc/sys/net/ipv4/tcp_congestion_control", name);
  if (written) return {};
  const auto allowed = kernel::read_attribute("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
  Error error = std::move(written.error());
  error.kind = ErrorKind::failed;
  error.remedy =
      "outside the first network namespace only those of net.ipv4.tcp_allowed_congestion_control can be "
      "set: " +
      (allowed ? *allowed : std::string("unknown"));
  return tl::make_unexpected(std::move(error));
}

}  // namespace

Result<Testbed> Testbed::make(const std::vector<Host>& hosts, const TestbedOptions& options) {
  Testbed bed;
  bed.options_ = options;
  bed.described_ = hosts;
  auto emulator = kernel::new_network_namespace();
  if (!emulator) return tl::make_unexpected(std::move(emulator.error()));
  bed.emulator_ = std::move(*emulator);
  if (options.exact_stamps) {
    auto stamps = kernel::StampProgram::load();
    if (!stamps) return tl::make_unexpected(std::move(stamps.error()));
    bed.stamps_ = std::move(*stamps);
  }
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (auto added = bed.add(hosts[i], i); !added) return tl::make_unexpected(std::move(added.error()));
  return bed;
}

Result<void> Testbed::add(const Host& host, std::size_t index) {
  auto name_space = kernel::new_network_namespace();
  if (!name_space) return tl::make_unexpected(std::move(name_space.error()));
  hosts_.push_back(std::move(*name_space));
  auto wired = options_.with_taps
                   ? kernel::in_network_namespace(hosts_.back().get(), [&] { return hold_tap(index); })
                   : kernel::in_network_namespace(emulator_.get(), [&] { return wire(host, index); });
  if (!wired) return wired;
  return kernel::in_network_namespace(hosts_.back().get(), [&] { return set_up_host(host, index); });
}

Result<void> Testbed::hold_tap(std::size_t index) {
  auto tap = open_tap(kHostInterface, host_mac(index), options_.mtu_bytes);
  if (!tap) return tl::make_unexpected(std::move(tap.error()));
  taps_.push_back(std::move(*tap));
  return {};
}

Result<void> Testbed::wire(const Host& host, std::size_t index) {
  auto setup = kernel::NetworkSetup::open();
  if (!setup) return tl::make_unexpected(std::move(setup.error()));
  kernel::VethPair pair;
  pair.name = host.name;
  pair.other_name = kHostInterface;
  pair.other_address = host_mac(index);
  pair.other_namespace = hosts_.back().get();
  pair.mtu = static_cast<std::uint32_t>(options_.mtu_bytes);
  if (auto made = setup->make_veth(pair); !made) return made;
  // This end only carries frames: it has nothing to say itself.
  static_cast<void>(kernel::write_attribute("/proc/sys/net/ipv6/conf/" + host.name + "/disable_ipv6", "1"));
  if (auto off = switch_off_offloads(
          host.name, {"tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-tcp6-segmentation", "rx-gro"});
      !off)
    return off;
  return setup->set_up(::if_nametoindex(host.name.c_str()));
}

Result<void> Testbed::set_up_host(const Host& host, std::size_t) {
  auto setup = kernel::NetworkSetup::open();
  if (!setup) return tl::make_unexpected(std::move(setup.error()));
  const unsigned interface = ::if_nametoindex(kHostInterface);
  const in_addr gateway4 = gateway_of(host);
  const in6_addr gateway6 = link_local_gateway();
  if (auto off = switch_off_offloads(kHostInterface, {"tx-checksum-ip-generic", "tx-tcp-segmentation",
                                                      "tx-tcp6-segmentation", "rx-gro"});
      !off)
    return off;
  Result<void> done;
  const auto step = [&](Result<void> result) {
    if (done && !result) done = std::move(result);
  };
  step(setup->set_up(::if_nametoindex("lo")));
  step(setup->set_up(interface));
  step(setup->add_address(interface, host.address.v4, kHostBits4));
  step(setup->add_neighbour(interface, gateway4, kRouterMac));
  step(setup->add_route(interface, gateway4));
  step(setup->add_default_route(interface, gateway4));
  step(setup->add_address(interface, host.address.v6, kHostBits6));
  step(setup->add_neighbour(interface, gateway6, kRouterMac));
  step(setup->add_default_route(interface, gateway6));
  if (!done) return done;
  // What one transfer learnt of the path must not begin the next.
  static_cast<void>(kernel::write_attribute("/proc/sys/net/ipv4/tcp_no_metrics_save", "1"));
  if (auto chosen = choose_congestion(options_.congestion); !chosen) return chosen;
  return stamps_ ? stamps_->attach(interface) : Result<void>();
}

Port::Options Testbed::port_options(std::size_t index) const {
  Port::Options options;
  options.host = options.interface = described_[index].name;
  options.host_mac = host_mac(index);
  options.most_bytes = static_cast<std::size_t>(options_.mtu_bytes);
  options.exact_stamps = options_.exact_stamps;
  if (!options_.capture.empty()) options.capture = options_.capture + '/' + options.host + ".pcap";
  return options;
}

Result<std::vector<Port>> Testbed::open_ports() {
  std::vector<Port> ports;
  auto opened = kernel::in_network_namespace(emulator_.get(), [&]() -> Result<void> {
    for (std::size_t i = 0; i < described_.size(); ++i) {
      auto port = options_.with_taps ? Port::open_on_tap(port_options(i), std::move(taps_[i]))
                                     : Port::open(port_options(i));
      if (!port) return tl::make_unexpected(std::move(port.error()));
      ports.push_back(std::move(*port));
    }
    return {};
  });
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  return ports;
}

}  // namespace isotach::emulator
