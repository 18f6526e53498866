// Answers of the kernel's netlink families about interfaces. They come from the kernel, but drivers fill
// them, and lengths inside of lengths are where parsers go wrong.
//
// The first byte chooses the parser; the rest is what stands behind the header of netlink.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "kernel/ethtool_reply.h"
#include "kernel/link_setting.h"
#include "kernel/qdiscs.h"
#include "kernel/route_link.h"
#include "kernel/socket_detail.h"
#include "kernel/socket_list.h"

namespace {

using namespace isotach;

void link_modes(std::string_view payload) {
  const auto modes = kernel::parse_link_modes(payload);
  if (!modes) return;
  const auto again = kernel::modes_from_text(kernel::modes_text(*modes));
  CHECK(again && again->advertised == modes->advertised && again->speed_mbit_s == modes->speed_mbit_s);
  const auto best = kernel::best_speed(modes->supported);
  CHECK(best.has_value() == kernel::speed_modes(modes->supported).any());
}

void groups(std::string_view payload) {
  for (std::size_t i = 0; i < kernel::kEthtoolGroupCount; ++i) {
    const auto group = static_cast<kernel::EthtoolGroup>(i);
    const auto reading = kernel::parse_ethtool_group(group, payload);
    CHECK(!reading || reading->values.size() == kernel::ethtool_group(group).fields.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      link_modes(payload);
      break;
    case 1:
      groups(payload);
      break;
    case 2:
      static_cast<void>(kernel::parse_features(payload));
      break;
    case 3:
      static_cast<void>(kernel::parse_standard_statistics(payload));
      break;
    case 4:
      if (const auto link = kernel::parse_route_link(payload)) CHECK(!link->name.empty());
      break;
    default:
      static_cast<void>(kernel::parse_ethtool_index(payload));
      static_cast<void>(kernel::parse_family_number(payload));
      static_cast<void>(kernel::parse_module_bytes(payload));
      if (const auto qdisc = kernel::parse_qdisc(payload)) CHECK(!qdisc->kind.empty());
      static_cast<void>(kernel::parse_socket_detail(payload));
      if (const auto socket = kernel::parse_socket_entry(payload, 6))
        CHECK(socket->ip_version == 4 || socket->ip_version == 6);
      break;
  }
  return 0;
}
