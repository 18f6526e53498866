#include <fmt/format.h>

#include <algorithm>

#include "base/find_named.h"
#include "base/units.h"
#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::InterfaceCounter;
using kernel::InterfaceReading;
using kernel::LinkReading;

// Two readings of one interface and what is known of its link.
struct Interface {
  const InterfaceReading* before;  // nullptr: it is new
  const InterfaceReading& now;
  const LinkReading* link;  // nullptr: unknown
};

Number grown(const Evidence& evidence, const Interface& interface, InterfaceCounter counter) {
  if (interface.before == nullptr) return std::nullopt;
  return growth(evidence, Value::of((*interface.before)[counter]), Value::of(interface.now[counter]));
}

// What went wrong among the packets of one direction.
struct Losses {
  InterfaceCounter packets, errors, drops;
  const char* word;  // "received"
};
constexpr Losses kReceive = {InterfaceCounter::receive_packets, InterfaceCounter::receive_errors,
                             InterfaceCounter::receive_drops, "received"};
constexpr Losses kTransmit = {InterfaceCounter::transmit_packets, InterfaceCounter::transmit_errors,
                              InterfaceCounter::transmit_drops, "sent"};

void check_errors(const Evidence& evidence, const Interface& interface, const Losses& losses,
                  Diagnosis& diagnosis) {
  const std::string& name = interface.now.name;
  const char* remedy =
      "isotach link check says what is wrong; then check the cable, the transceiver and the port at the "
      "other end";
  const Number errors = grown(evidence, interface, losses.errors);
  const Number packets = grown(evidence, interface, losses.packets);
  if (errors && packets) {
    const double part = *errors / std::max(1.0, *errors + *packets);
    if (*errors < kPacketsDamagedAtLeast || part < kPacketsDamagedShare) return;
    const bool critical = part >= kPacketsDamagedShareCritical;
    diagnosis.findings.push_back(
        {"interface-errors", critical ? Severity::critical : Severity::warning, name,
         fmt::format("{}: packets are damaged", name),
         fmt::format("{} errors among {} packets {} in {:.0f} s ({})", count(*errors), count(*packets),
                     losses.word, evidence.elapsed_s, percent(part)),
         remedy});
  }
}

void check_drops(const Evidence& evidence, const Interface& interface, const Losses& losses,
                 Diagnosis& diagnosis) {
  const Number drops = grown(evidence, interface, losses.drops);
  const Number packets = grown(evidence, interface, losses.packets);
  if (!drops || !packets) return;
  const double part = *drops / std::max(1.0, *drops + *packets);
  if (*drops < kPacketsDroppedAtLeast || part < kPacketsDroppedShare) return;
  const std::string& name = interface.now.name;
  const bool receiving = losses.drops == InterfaceCounter::receive_drops;
  diagnosis.findings.push_back(
      {"interface-drops", Severity::warning, name, fmt::format("{}: packets are dropped", name),
       fmt::format("{} dropped, {} {} in {:.0f} s ({})", count(*drops), count(*packets), losses.word,
                   evidence.elapsed_s, percent(part)),
       (receiving ? "the machine takes them too slowly: look at softirq time and at the ring sizes that "
                    "isotach link " +
                        name + " tells; isotach traffic "
                  : "the queue overflows: look at tc -s qdisc show dev " + name + "; isotach traffic ") +
           name + " tells what fills it"});
}

void check_since_boot(const Interface& interface, const Losses& losses, Diagnosis& diagnosis) {
  const auto errors = static_cast<double>(interface.now[losses.errors]);
  const auto drops = static_cast<double>(interface.now[losses.drops]);
  const auto packets = static_cast<double>(interface.now[losses.packets]);
  const std::string& name = interface.now.name;
  const double error_share = errors / std::max(1.0, errors + packets);
  if (errors >= kSinceBootAtLeast && error_share >= kSinceBootShare)
    diagnosis.findings.push_back(
        {"interface-errors-since-boot", Severity::info, name,
         fmt::format("{}: many packets were damaged since boot", name),
         fmt::format("{} errors, {} packets {} ({})", count(errors), count(packets), losses.word,
                     percent(error_share)),
         "isotach link check tells whether it still happens; then check cable and port"});
  const double drop_share = drops / std::max(1.0, drops + packets);
  if (drops >= kSinceBootDroppedAtLeast && drop_share >= kSinceBootDroppedShare)
    diagnosis.findings.push_back(
        {"interface-drops-since-boot", Severity::info, name,
         fmt::format("{}: many packets were dropped since boot", name),
         fmt::format("{} dropped, {} {} ({})", count(drops), count(packets), losses.word,
                     percent(drop_share)),
         "also counts packets of protocols nobody listens to; see whether it grows"});
}

void check_link(const Evidence& evidence, const Interface& interface, Diagnosis& diagnosis) {
  // Tunnels and bridges claim speeds that limit nothing (a tap device says 10 Mbit/s), so only real
  // devices are judged, and only on what their driver really tells.
  if (interface.link == nullptr || level(interface.link->physical) != 1) return;
  const LinkReading& link = *interface.link;
  const std::string& name = interface.now.name;
  const bool enabled = level(link.enabled) == 1;
  if (level(link.up) == 0 && enabled) {
    const double carried = static_cast<double>(interface.now[InterfaceCounter::receive_bytes]);
    if (carried > 0)
      diagnosis.findings.push_back(
          {"link-down", Severity::warning, name,
           fmt::format("{}: the link is down and was in use before", name),
           fmt::format("set up, no carrier, {} received since boot", bytes(carried)),
           "check the cable and the other end; to silence this: ip link set " + name + " down"});
    return;
  }
  if (level(link.up) != 1) return;
  if (level(link.full_duplex) == 0)
    diagnosis.findings.push_back(
        {"half-duplex", Severity::warning, name, fmt::format("{}: the link runs half duplex", name),
         fmt::format("duplex half{}", level(link.speed_mbit_s)
                                          ? fmt::format(", speed {:.0f} Mbit/s", *level(link.speed_mbit_s))
                                          : std::string()),
         "isotach link check says which end does it; let both negotiate"});
  const Number speed_mbit_s = level(link.speed_mbit_s);
  if (!speed_mbit_s) return;
  if (*speed_mbit_s <= kSlowLinkMbitS)
    diagnosis.findings.push_back(
        {"slow-link", Severity::warning, name,
         fmt::format("{}: the link runs at only {:.0f} Mbit/s", name, *speed_mbit_s),
         fmt::format("speed {:.0f} Mbit/s", *speed_mbit_s),
         "isotach link check says what both ends can do; if more, the cable has a damaged pair: replace it"});
  for (const auto& [counter, word] : {std::pair(InterfaceCounter::receive_bytes, "receives"),
                                      std::pair(InterfaceCounter::transmit_bytes, "sends")}) {
    const Number amount = grown(evidence, interface, counter);
    if (!amount) continue;
    const double rate = *amount * 8 / evidence.elapsed_s;
    const double part = rate / (*speed_mbit_s * 1e6);
    if (part < kLinkShareUsed) continue;
    diagnosis.findings.push_back(
        {"link-saturated", Severity::warning, name, fmt::format("{}: {} near the link's speed", name, word),
         fmt::format("{} of {} ({})", format_bits_per_second(rate),
                     format_bits_per_second(*speed_mbit_s * 1e6), percent(part)),
         "isotach traffic " + name +
             " tells whose it is; shape it, spread it over more links, or use a faster one"});
  }
}

}  // namespace

void check_interfaces(const Evidence& evidence, Diagnosis& diagnosis) {
  for (std::size_t i = 0; i < evidence.now.interfaces.size(); ++i) {
    const InterfaceReading& now = evidence.now.interfaces[i];
    const Interface interface = {find_named(evidence.before.interfaces, now.name, i, &InterfaceReading::name),
                                 now, find_named(evidence.now.links, now.name, i, &LinkReading::interface)};
    for (const Losses& losses : {kReceive, kTransmit}) {
      const std::size_t before = diagnosis.findings.size();
      check_errors(evidence, interface, losses, diagnosis);
      check_drops(evidence, interface, losses, diagnosis);
      // What happens now says more than what happened since boot.
      if (diagnosis.findings.size() == before) check_since_boot(interface, losses, diagnosis);
    }
    check_link(evidence, interface, diagnosis);
  }
}

}  // namespace isotach::doctor
