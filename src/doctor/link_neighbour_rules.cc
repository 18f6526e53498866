// An interface against those it belongs with: the other end of a veth, a VLAN's parent, the bridge or bond
// that it is a member of.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/link_rules.h"

namespace isotach::doctor {
namespace {

using kernel::Duplex;
using kernel::RouteLink;
using network::Link;

std::string set_mtu(const std::string& name, std::uint32_t mtu) {
  return fmt::format("isotach link set {} mtu {}", name, mtu);
}

void check_veth(const Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis) {
  if (link.route.kind != "veth" || link.route.lower == 0) return;
  const RouteLink* peer = nullptr;
  if (link.far) peer = &*link.far;
  if (!link.route.lower_namespace) {
    const Link* near = network::find_link(evidence.now, link.route.lower);
    // Of a pair that is here as a whole it is said once.
    if (near != nullptr && (link.route.index < near->route.index || !evidence.only.empty()))
      peer = &near->route;
  }
  if (peer == nullptr || peer->mtu == link.route.mtu) return;
  const bool far = link.route.lower_namespace.has_value();
  diagnosis.findings.push_back(
      {"mtu-differs-from-peer", Severity::warning, link.route.name,
       fmt::format("{}: its MTU differs from that of its other end", link.route.name),
       fmt::format("MTU {} here, {} at {}{}; larger packets are lost", link.route.mtu, peer->mtu, peer->name,
                   far ? " in another network namespace" : ""),
       set_mtu(link.route.name, peer->mtu)});
}

void check_vlan(const Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis) {
  if (link.route.kind != "vlan" || link.route.lower == 0) return;
  const Link* near =
      link.route.lower_namespace ? nullptr : network::find_link(evidence.now, link.route.lower);
  const RouteLink* parent = near != nullptr ? &near->route : link.far ? &*link.far : nullptr;
  if (parent == nullptr || parent->mtu == link.route.mtu) return;
  // A smaller one is often meant so: jumbo frames for one VLAN only. A larger one cannot work.
  const bool larger = link.route.mtu > parent->mtu;
  diagnosis.findings.push_back(
      {"vlan-mtu", larger ? Severity::warning : Severity::info, link.route.name,
       fmt::format("{}: its MTU is {} than that of {}", link.route.name, larger ? "larger" : "smaller",
                   parent->name),
       fmt::format("MTU {}, {} below it has {}", link.route.mtu, parent->name, parent->mtu),
       set_mtu(link.route.name, parent->mtu)});
}

void check_bridge_member(const Link& link, const Link& bridge, Diagnosis& diagnosis) {
  if (link.route.mtu == bridge.route.mtu) return;
  diagnosis.findings.push_back(
      {"bridge-member-mtu", Severity::warning, link.route.name,
       fmt::format("{}: its MTU differs from that of its bridge {}", link.route.name, bridge.route.name),
       fmt::format("MTU {}, the bridge has {}; a bridge does not fragment, larger frames are lost",
                   link.route.mtu, bridge.route.mtu),
       set_mtu(link.route.name, bridge.route.mtu)});
}

void check_bond_member(const Link& link, const Link& bond, const LinkEvidence& evidence,
                       Diagnosis& diagnosis) {
  const std::string& name = link.route.name;
  if (link.route.mtu != bond.route.mtu)
    diagnosis.findings.push_back(
        {"bond-member-differs", Severity::warning, name,
         fmt::format("{}: its MTU differs from that of its bond {}", name, bond.route.name),
         fmt::format("MTU {}, the bond has {}", link.route.mtu, bond.route.mtu),
         set_mtu(name, bond.route.mtu)});
  if (!link.modes || !link.modes->speed_mbit_s || !link.route.running) return;
  // Against the fastest of the others.
  const Link* best = nullptr;
  for (const Link& other : evidence.now.links) {
    if (other.route.master != link.route.master || !other.route.running || !other.modes) continue;
    if (other.modes->speed_mbit_s.value_or(0) > *link.modes->speed_mbit_s &&
        (best == nullptr || *other.modes->speed_mbit_s > *best->modes->speed_mbit_s))
      best = &other;
  }
  if (best == nullptr) return;
  diagnosis.findings.push_back(
      {"bond-member-differs", Severity::warning, name,
       fmt::format("{}: slower than other members of {}", name, bond.route.name),
       fmt::format("{} here, {} on {}", kernel::speed_text({*link.modes->speed_mbit_s, link.modes->duplex}),
                   kernel::speed_text({*best->modes->speed_mbit_s, best->modes->duplex}), best->route.name),
       fmt::format("see what holds it back: isotach link check {}", name)});
}

}  // namespace

void check_link_neighbours(const Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis) {
  check_veth(link, evidence, diagnosis);
  check_vlan(link, evidence, diagnosis);
  if (link.route.master == 0) return;
  const Link* master = network::find_link(evidence.now, link.route.master);
  if (master == nullptr) return;
  if (link.route.member_kind == "bridge") check_bridge_member(link, *master, diagnosis);
  if (link.route.member_kind == "bond") check_bond_member(link, *master, evidence, diagnosis);
}

}  // namespace isotach::doctor
