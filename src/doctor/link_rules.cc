#include "doctor/link_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "doctor/quantities.h"
#include "doctor/thresholds.h"
#include "network/link/rates.h"

namespace isotach::doctor {
namespace {

using kernel::Duplex;
using kernel::LinkCounter;
using network::Link;

double number_of(std::optional<std::uint64_t> number) {
  return static_cast<double>(number.value_or(0));
}

struct Direction {
  LinkCounter packets, errors, drops;
  const char* word;
};
constexpr Direction kDirections[] = {
    {LinkCounter::rx_packets, LinkCounter::rx_errors, LinkCounter::rx_dropped, "received"},
    {LinkCounter::tx_packets, LinkCounter::tx_errors, LinkCounter::tx_dropped, "sent"}};

// What two ends of different duplex look like. The half-duplex end is disturbed in the middle of a frame,
// which it counts as a late collision and a rightly set link never has; the full-duplex end receives the
// pieces, with wrong checksums and too short.
bool check_duplex_mismatch(const Link& before, const Link& now, double seconds, Diagnosis& diagnosis) {
  if (!now.modes || now.modes->duplex == Duplex::unknown) return false;
  const std::string& name = now.route.name;
  const std::string remedy =
      "let both ends negotiate, or fix both alike; here: isotach link set " + name + " autoneg on";
  if (now.modes->duplex == Duplex::half) {
    const double late = std::max(number_of(grown(before, now, "late_collisions")),
                                 number_of(grown(before, now, LinkCounter::tx_window_errors)));
    if (late < kLateCollisionsAtLeast) return false;
    diagnosis.findings.push_back(
        {"duplex-mismatch", Severity::critical, name, name + ": half duplex here, full duplex at the partner",
         fmt::format("{} late collisions in {:.3g} s", count(late), seconds), remedy});
    return true;
  }
  const double damaged = std::max(number_of(grown(before, now, "frame_check_errors")),
                                  number_of(grown(before, now, LinkCounter::rx_crc_errors)));
  const double runts =
      std::max({number_of(grown(before, now, "fragments")), number_of(grown(before, now, "undersize")),
                number_of(grown(before, now, LinkCounter::rx_length_errors))});
  if (damaged < kPacketsDamagedAtLeast || runts < kRuntsAtLeast) return false;
  diagnosis.findings.push_back(
      {"duplex-mismatch", Severity::critical, name, name + ": full duplex here, half duplex at the partner",
       fmt::format("{} frames with wrong checksums and {} that are too short in {:.3g} s", count(damaged),
                   count(runts), seconds),
       remedy});
  return true;
}

void check_losses(const Link& before, const Link& now, const Direction& direction, double seconds,
                  bool errors_said, Diagnosis& diagnosis) {
  const std::string& name = now.route.name;
  const auto packets = grown(before, now, direction.packets);
  const auto errors = grown(before, now, direction.errors);
  const auto drops = grown(before, now, direction.drops);
  if (!packets) return;
  const auto part = [&](double lost) { return lost / std::max(1.0, lost + number_of(packets)); };
  const double damaged = number_of(errors);
  if (!errors_said && damaged >= kPacketsDamagedAtLeast && part(damaged) >= kPacketsDamagedShare)
    diagnosis.findings.push_back(
        {"interface-errors",
         part(damaged) >= kPacketsDamagedShareCritical ? Severity::critical : Severity::warning, name,
         name + ": packets are damaged",
         fmt::format("{} errors among {} packets {} in {:.3g} s ({})", count(damaged),
                     count(number_of(packets)), direction.word, seconds, percent(part(damaged))),
         "check the cable, the transceiver and the port at the other end; which errors: isotach link " +
             name});
  const double dropped = number_of(drops);
  if (dropped < kPacketsDroppedAtLeast || part(dropped) < kPacketsDroppedShare) return;
  const bool receiving = direction.drops == LinkCounter::rx_dropped;
  diagnosis.findings.push_back(
      {"interface-drops", Severity::warning, name, name + ": packets are dropped",
       fmt::format("{} dropped, {} {} in {:.3g} s ({})", count(dropped), count(number_of(packets)),
                   direction.word, seconds, percent(part(dropped))),
       receiving ? "the machine takes them too slowly: isotach link " + name +
                       " shows its rings; more room: isotach link set " + name + " rx-ring N"
                 : "the queue overflows: look at tc -s qdisc show dev " + name});
}

// Whether there is a carrier to judge.
bool is_judged(const Link& link, Diagnosis& diagnosis) {
  const std::string& name = link.route.name;
  if (!link.route.enabled) {
    diagnosis.not_checked.push_back(name + ": not set up");
    return false;
  }
  if (link.route.running) return true;
  const double carried = static_cast<double>(link.route[LinkCounter::rx_bytes]);
  if (carried > 0) {
    diagnosis.findings.push_back(
        {"link-down", Severity::warning, name, name + ": the link is down and was in use before",
         fmt::format("set up, no carrier, {} received since it is there", bytes(carried)),
         "check the cable and the other end; to silence this: ip link set " + name + " down"});
  } else {
    diagnosis.not_checked.push_back(name + ": no carrier");
  }
  return false;
}

}  // namespace

void check_link_growth(const Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis) {
  if (evidence.before == nullptr) return;
  const Link* before = network::find_same(*evidence.before, link);
  if (before == nullptr) return;
  const double seconds =
      static_cast<double>(evidence.now.time.monotonic_ns - evidence.before->time.monotonic_ns) / 1e9;
  const bool mismatch = check_duplex_mismatch(*before, link, seconds, diagnosis);
  for (const Direction& direction : kDirections)
    check_losses(*before, link, direction, seconds, mismatch, diagnosis);
}

Diagnosis check_links(const LinkEvidence& evidence) {
  Diagnosis diagnosis;
  for (const Link& link : evidence.now.links) {
    if (link.route.loopback || (!evidence.only.empty() && link.route.name != evidence.only)) continue;
    check_link_neighbours(link, evidence, diagnosis);
    if (!is_judged(link, diagnosis)) continue;
    check_link_speed(link, evidence, diagnosis);
    check_link_growth(link, evidence, diagnosis);
  }
  std::stable_sort(diagnosis.findings.begin(), diagnosis.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return diagnosis;
}

}  // namespace isotach::doctor
