// All interfaces at one moment: what the routing socket counts and what their drivers tell. Raw, as the
// kernel gave it; rates (rates.h) and verdicts (doctor/link_rules.h) are computed from two of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kernel/link_setting.h"

namespace isotach::network {

struct Link {
  kernel::RouteLink route;
  std::string driver;                      // "virtio_net"; empty where the kernel does not tell
  std::optional<kernel::LinkModes> modes;  // nothing: the driver does not tell
  // Statistics that IEEE 802.3 names; only when they were asked for.
  std::vector<kernel::NamedNumber> standard;
  // The other end of a veth, or a VLAN's parent, that is in another network namespace.
  std::optional<kernel::RouteLink> far;
};

struct LinkSnapshot {
  Instant time;
  std::vector<Link> links;  // in the order of their numbers
};

[[nodiscard]] const Link* find_link(const LinkSnapshot& snapshot, std::string_view name);
[[nodiscard]] const Link* find_link(const LinkSnapshot& snapshot, unsigned index);
// The one with that number and name, as long as it is the same.
[[nodiscard]] const Link* find_same(const LinkSnapshot& snapshot, const Link& link);

struct SnapshotOptions {
  bool standard_statistics = false;
  bool far_ends = false;
};

class LinkProbe {
 public:
  [[nodiscard]] static Result<LinkProbe> open(Clock& clock);
  [[nodiscard]] Result<LinkSnapshot> read(const SnapshotOptions& options = {});
  [[nodiscard]] kernel::LinkControl& control() { return control_; }

 private:
  LinkProbe(kernel::LinkControl control, Clock& clock) : control_(std::move(control)), clock_(&clock) {}
  void read_far_end(Link& link);

  [[nodiscard]] const std::string& driver_of(const kernel::LinkTarget& target);

  kernel::LinkControl control_;
  Clock* clock_;
  std::map<std::pair<unsigned, std::string>, std::string> drivers_;
};

// One interface with everything that can be read about it. Each part is there or says why not.
struct LinkDetails {
  Result<kernel::DriverInfo> driver;
  std::vector<Result<kernel::GroupReading>> groups;  // in the order of kernel::EthtoolGroup
  Result<std::vector<kernel::Feature>> features;
  Result<std::vector<kernel::NamedNumber>> standard;
  Result<std::vector<kernel::NamedNumber>> statistics;
  Result<std::string> module;  // the first 256 bytes of its memory
};
[[nodiscard]] LinkDetails read_details(kernel::LinkControl& control, const kernel::LinkTarget& target);

}  // namespace isotach::network
