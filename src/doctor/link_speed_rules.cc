// Speed, duplex and autonegotiation: what the link runs at, against what each side can do.
#include <fmt/format.h>

#include "doctor/link_rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Duplex;
using kernel::LinkModes;
using kernel::LinkModeSet;
using kernel::LinkSpeed;
using kernel::speed_text;

struct Judged {
  const std::string& name;
  const LinkModes& modes;
  LinkSpeed speed;                     // what it runs at
  std::optional<LinkSpeed> supported;  // the best of each; nothing where it is not told
  std::optional<LinkSpeed> advertised;
  std::optional<LinkSpeed> partner;
  bool partner_told = false;
  bool partner_negotiates = false;
  Diagnosis& diagnosis;
};

bool is_better(const std::optional<LinkSpeed>& other, const LinkSpeed& speed) {
  if (!other) return false;
  if (other->mbit_s != speed.mbit_s) return other->mbit_s > speed.mbit_s;
  return other->duplex == Duplex::full && speed.duplex == Duplex::half;
}

// "runs at 100 Mbit/s half duplex, autonegotiation on; supported up to 1 Gbit/s full duplex; the partner ..."
std::string evidence_of(const Judged& link) {
  std::string text = "runs at " + speed_text(link.speed);
  if (link.modes.autonegotiation)
    text += std::string(", autonegotiation ") + (*link.modes.autonegotiation ? "on" : "off");
  if (link.supported) text += "; supported up to " + speed_text(*link.supported);
  if (link.advertised && link.advertised != link.supported)
    text += "; advertised up to " + speed_text(*link.advertised);
  if (!link.partner_told) return text + "; what the partner offers is not told";
  if (link.partner) text += "; the partner offers up to " + speed_text(*link.partner);
  return text + (link.partner_negotiates ? "" : "; the partner does not negotiate");
}

void add(const Judged& link, const char* id, Severity severity, const std::string& what, std::string remedy) {
  link.diagnosis.findings.push_back(
      {id, severity, link.name, link.name + ": " + what, evidence_of(link), std::move(remedy)});
}

std::string set_command(const Judged& link, const std::string& words) {
  return "isotach link set " + link.name + ' ' + words;
}

// The best that both sides put on offer, and could.
std::optional<LinkSpeed> best_common(const Judged& link, const LinkModeSet& ours) {
  return kernel::best_speed(ours & link.modes.partner);
}

bool has_full(const LinkModeSet& modes) {
  return kernel::modes_of(modes, std::nullopt, Duplex::full).any();
}

// Half duplex is never what anybody wants on a link of two ends. Says which end it comes from.
void check_half_duplex(const Judged& link) {
  const bool forced = link.modes.autonegotiation == false;
  if (forced) {
    add(link, "half-duplex", Severity::warning, "half duplex, forced at this end",
        set_command(link, link.modes.supported[kernel::kModeAutonegotiation] ? "autoneg on" : "duplex full"));
  } else if (link.partner_told && !link.partner_negotiates) {
    add(link, "half-duplex", Severity::warning, "half duplex, because the partner does not negotiate",
        "let the partner negotiate; if its mode must stay fixed at full duplex, fix this end too: " +
            set_command(link, fmt::format("speed {} duplex full autoneg off", link.speed.mbit_s)));
  } else if (link.advertised && !has_full(link.modes.advertised)) {
    add(link, "half-duplex", Severity::warning, "half duplex, because this end advertises no other",
        set_command(link, "advertise all"));
  } else if (link.partner_told && !has_full(link.modes.partner)) {
    add(link, "half-duplex", Severity::warning, "half duplex, because the partner offers no other",
        "allow full duplex at the partner: let it negotiate all its modes");
  } else {
    add(link, "half-duplex", Severity::warning,
        link.partner_told ? "half duplex, although both sides offer full" : "the link runs half duplex",
        "let both ends negotiate: a fixed setting at one end makes the other fall back; here: " +
            set_command(link, "autoneg on"));
  }
}

// Autonegotiation is off at this end.
void check_forced(const Judged& link) {
  if (link.partner_negotiates) {
    add(link, "autonegotiation-one-side", Severity::warning,
        "autonegotiation is off at this end and on at the partner, which falls back to half duplex",
        set_command(link, "autoneg on"));
    return;
  }
  if (is_better(link.supported, link.speed)) {
    if (link.speed.duplex == Duplex::half && link.supported->mbit_s == link.speed.mbit_s) return;  // said
    add(link, "forced-below-supported", Severity::warning,
        fmt::format("forced to {}, below what it supports", speed_text(link.speed)),
        set_command(link, link.modes.supported[kernel::kModeAutonegotiation]
                              ? "autoneg on"
                              : fmt::format("speed {} duplex full", link.supported->mbit_s)));
    return;
  }
  if (link.modes.supported[kernel::kModeAutonegotiation])
    add(link, "autonegotiation-off", Severity::info, "autonegotiation is off",
        "right only when the partner is fixed to " + speed_text(link.speed) +
            " too; otherwise: " + set_command(link, "autoneg on"));
}

// It negotiates, and the partner tells what it offers.
void check_negotiated(const Judged& link) {
  const auto offered = best_common(link, link.modes.advertised);
  if (is_better(offered, link.speed)) {
    if (offered->mbit_s == link.speed.mbit_s) return;  // half duplex, which is said already
    add(link, "below-common", Severity::warning,
        fmt::format("runs below {}, which both ends offer", speed_text(*offered)),
        "the cable or a plug is damaged (gigabit needs all four pairs): replace it, then negotiate anew: " +
            set_command(link, "autoneg on"));
    return;
  }
  const auto possible = best_common(link, link.modes.supported);
  if (is_better(possible, link.speed)) {
    if (link.speed.duplex == Duplex::half && possible->mbit_s == link.speed.mbit_s) return;
    add(link, "advertised-narrowed", Severity::warning,
        fmt::format("advertises less than {}, which both ends support", speed_text(*possible)),
        set_command(link, "advertise all"));
    return;
  }
  // What is left is the partner. A slow one is worth a look; a fast card at a slower switch is usual.
  if (!link.supported || link.supported->mbit_s <= link.speed.mbit_s || !link.partner_negotiates) return;
  if (link.speed.duplex == Duplex::half) return;  // the partner is named already
  const bool slow = link.speed.mbit_s <= kSlowLinkMbitS;
  add(link, "partner-slower", slow ? Severity::warning : Severity::info,
      fmt::format("the partner offers no more than {}", speed_text(link.speed)),
      "use a faster port at the other end, or allow all its modes there");
}

// It negotiates, and nothing is known of the partner.
void check_alone(const Judged& link) {
  if (link.advertised && link.advertised->mbit_s > link.speed.mbit_s) {
    add(link, "below-advertised", link.speed.mbit_s <= kSlowLinkMbitS ? Severity::warning : Severity::info,
        fmt::format("runs below {}, which it advertises", speed_text(*link.advertised)),
        "if the port at the other end can do more, the cable has a damaged pair: replace it");
  } else if (link.supported && link.advertised && link.supported->mbit_s > link.advertised->mbit_s) {
    add(link, "advertised-narrowed", Severity::warning,
        fmt::format("advertises less than {}, which it supports", speed_text(*link.supported)),
        set_command(link, "advertise all"));
  }
}

}  // namespace

void check_link_speed(const network::Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis) {
  const std::string& name = link.route.name;
  if (!link.modes) {
    diagnosis.not_checked.push_back(name + ": the driver tells no speed");
    return;
  }
  const LinkModes& modes = *link.modes;
  if (!modes.speed_mbit_s) {
    diagnosis.not_checked.push_back(name + ": the speed is unknown");
    return;
  }
  const bool partner_told = modes.partner.any();
  const Judged judged{name,
                      modes,
                      {*modes.speed_mbit_s, modes.duplex},
                      kernel::best_speed(modes.supported),
                      kernel::best_speed(modes.advertised),
                      kernel::best_speed(modes.partner),
                      partner_told,
                      modes.partner[kernel::kModeAutonegotiation],
                      diagnosis};
  if (modes.duplex == Duplex::unknown) diagnosis.not_checked.push_back(name + ": the duplex is unknown");
  if (modes.duplex == Duplex::half) check_half_duplex(judged);
  if (modes.autonegotiation == false) {
    check_forced(judged);
  } else if (modes.autonegotiation == true && partner_told) {
    check_negotiated(judged);
  } else if (modes.autonegotiation == true) {
    check_alone(judged);
  }
  if (evidence.expected_mbit_s && *modes.speed_mbit_s < *evidence.expected_mbit_s)
    add(judged, "below-expected", Severity::warning,
        fmt::format("runs below the {} that were expected",
                    speed_text({*evidence.expected_mbit_s, Duplex::unknown})),
        "look at what else is said of it; if nothing is, card and partner can do no more");
}

}  // namespace isotach::doctor
