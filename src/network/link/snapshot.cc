#include "network/link/snapshot.h"

#include <algorithm>

namespace isotach::network {
namespace {

// An SFP tells all that is shown in its first 128 bytes; QSFP and CMIS in 128 to 255 of page 0.
constexpr std::uint32_t kModuleHalf = 128;

Result<std::string> read_module(kernel::Ethtool& ethtool, const kernel::LinkTarget& target) {
  auto lower = ethtool.module_bytes(target, {0, 0, kModuleHalf});
  if (!lower) return lower;
  const auto upper = ethtool.module_bytes(target, {0, kModuleHalf, kModuleHalf});
  if (upper) *lower += *upper;
  return lower;
}

}  // namespace

const Link* find_link(const LinkSnapshot& snapshot, std::string_view name) {
  for (const Link& link : snapshot.links)
    if (link.route.name == name) return &link;
  return nullptr;
}

const Link* find_link(const LinkSnapshot& snapshot, unsigned index) {
  const auto found =
      std::lower_bound(snapshot.links.begin(), snapshot.links.end(), index,
                       [](const Link& candidate, unsigned number) { return candidate.route.index < number; });
  return found == snapshot.links.end() || found->route.index != index ? nullptr : &*found;
}

const Link* find_same(const LinkSnapshot& snapshot, const Link& link) {
  const Link* found = find_link(snapshot, link.route.index);
  return found == nullptr || found->route.name != link.route.name ? nullptr : found;
}

Result<LinkProbe> LinkProbe::open(Clock& clock) {
  auto control = kernel::LinkControl::open();
  if (!control) return tl::make_unexpected(std::move(control.error()));
  return LinkProbe(std::move(*control), clock);
}

// A driver does not change while its interface lives, and asking takes a system call for each.
const std::string& LinkProbe::driver_of(const kernel::LinkTarget& target) {
  if (drivers_.size() > kernel::RouteSocket::kLimit) drivers_.clear();  // names come and go
  auto [known, is_new] = drivers_.try_emplace({target.index, target.name});
  if (is_new)
    if (auto info = control_.ethtool().driver(target)) known->second = std::move(info->name);
  return known->second;
}

void LinkProbe::read_far_end(Link& link) {
  if (link.route.lower == 0 || !link.route.lower_namespace) return;
  // Not permitted, or gone: then there is nothing to compare with.
  auto far = control_.route().link(link.route.lower, link.route.lower_namespace);
  if (far) link.far = std::move(*far);
}

Result<LinkSnapshot> LinkProbe::read(const SnapshotOptions& options) {
  LinkSnapshot snapshot;
  auto routes = control_.route().links();
  if (!routes) return tl::make_unexpected(std::move(routes.error()));
  snapshot.time = clock_->now();
  std::vector<kernel::LinkTarget> targets;
  for (kernel::RouteLink& route : *routes) {
    targets.push_back({route.index, route.name});
    snapshot.links.push_back({std::move(route), {}, {}, {}, {}});
  }
  const auto modes = control_.ethtool().all_link_modes(targets);
  if (!modes) return tl::make_unexpected(modes.error());
  for (const auto& [index, link_modes] : *modes)
    if (const Link* link = find_link(snapshot, index))
      snapshot.links[static_cast<std::size_t>(link - snapshot.links.data())].modes = link_modes;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Link& link = snapshot.links[i];
    link.driver = driver_of(targets[i]);
    if (options.far_ends) read_far_end(link);
    if (!options.standard_statistics) continue;
    if (auto standard = control_.ethtool().standard_statistics(targets[i]))
      link.standard = std::move(*standard);
  }
  return snapshot;
}

LinkDetails read_details(kernel::LinkControl& control, const kernel::LinkTarget& target) {
  kernel::Ethtool& ethtool = control.ethtool();
  LinkDetails details{ethtool.driver(target),
                      {},
                      ethtool.features(target),
                      ethtool.standard_statistics(target),
                      ethtool.driver_statistics(target),
                      read_module(ethtool, target)};
  for (std::size_t group = 0; group < kernel::kEthtoolGroupCount; ++group)
    details.groups.push_back(ethtool.group(static_cast<kernel::EthtoolGroup>(group), target));
  return details;
}

}  // namespace isotach::network
