#include "command/doctor/link_context.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "doctor/link_rules.h"
#include "kernel/network_namespace.h"

namespace isotach::command {
namespace {

std::vector<std::pair<std::string, std::string>> read_addresses() {
  std::vector<std::pair<std::string, std::string>> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> holder(list, ::freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      addresses.emplace_back(std::string(reinterpret_cast<const char*>(&address->sin_addr), 4),
                             one->ifa_name);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      addresses.emplace_back(std::string(reinterpret_cast<const char*>(&address->sin6_addr), 16),
                             one->ifa_name);
    }
  }
  return addresses;
}

}  // namespace

void LinkContext::read(std::optional<network::LinkSnapshot>& snapshot) {
  const auto look = [&]() -> Result<void> {
    auto probe = network::LinkProbe::open(clock_);
    if (!probe) return tl::make_unexpected(std::move(probe.error()));
    auto reading = probe->read({.standard_statistics = true, .far_ends = false});
    if (!reading) return tl::make_unexpected(std::move(reading.error()));
    snapshot = std::move(*reading);
    addresses_ = read_addresses();
    return {};
  };
  if (namespace_.empty()) {
    static_cast<void>(look());
  } else {
    static_cast<void>(kernel::in_network_namespace(namespace_, look));
  }
}

void LinkContext::turn() {
  if (now_) before_ = std::move(now_);
  read(now_);
}

doctor::Diagnosis LinkContext::diagnose(const std::string& interface) const {
  return doctor::check_links({before_ ? &*before_ : nullptr, *now_, std::nullopt, interface});
}

std::vector<doctor::Finding> LinkContext::findings() const {
  return now_ ? diagnose({}).findings : std::vector<doctor::Finding>();
}

doctor::PathFacts LinkContext::path_of(const kernel::SocketEntry& socket) const {
  doctor::PathFacts path = measured_;
  // Whatever the address: what a host sends to itself goes over `lo`.
  path.loopback = socket.local == socket.remote || (socket.ip_version == 4 && socket.local[0] == 127);
  const std::string local(reinterpret_cast<const char*>(socket.local.data()),
                          socket.ip_version == 4 ? 4 : 16);
  const auto found =
      std::find_if(addresses_.begin(), addresses_.end(), [&](const auto& one) { return one.first == local; });
  if (found == addresses_.end() || !now_) return path;
  path.interface = found->second;
  const network::Link* link = network::find_link(*now_, path.interface);
  if (link == nullptr) return path;
  if (link->modes && link->modes->speed_mbit_s) path.link_bps = *link->modes->speed_mbit_s * 1e6;
  path.link_findings = diagnose(path.interface).findings;
  return path;
}

}  // namespace isotach::command
