#include "kernel/link_modes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace isotach::kernel {
namespace {

// By their numbers. Names without a speed are ports, pause and FEC.
constexpr auto kNames = std::to_array<std::string_view>({
    "10baseT/Half",
    "10baseT/Full",
    "100baseT/Half",
    "100baseT/Full",
    "1000baseT/Half",
    "1000baseT/Full",
    "Autoneg",
    "TP",
    "AUI",
    "MII",
    "FIBRE",
    "BNC",
    "10000baseT/Full",
    "Pause",
    "Asym_Pause",
    "2500baseX/Full",
    "Backplane",
    "1000baseKX/Full",
    "10000baseKX4/Full",
    "10000baseKR/Full",
    "10000baseR_FEC",
    "20000baseMLD2/Full",
    "20000baseKR2/Full",
    "40000baseKR4/Full",
    "40000baseCR4/Full",
    "40000baseSR4/Full",
    "40000baseLR4/Full",
    "56000baseKR4/Full",
    "56000baseCR4/Full",
    "56000baseSR4/Full",
    "56000baseLR4/Full",
    "25000baseCR/Full",
    "25000baseKR/Full",
    "25000baseSR/Full",
    "50000baseCR2/Full",
    "50000baseKR2/Full",
    "100000baseKR4/Full",
    "100000baseSR4/Full",
    "100000baseCR4/Full",
    "100000baseLR4_ER4/Full",
    "50000baseSR2/Full",
    "1000baseX/Full",
    "10000baseCR/Full",
    "10000baseSR/Full",
    "10000baseLR/Full",
    "10000baseLRM/Full",
    "10000baseER/Full",
    "2500baseT/Full",
    "5000baseT/Full",
    "None",
    "RS",
    "BASER",
    "50000baseKR/Full",
    "50000baseSR/Full",
    "50000baseCR/Full",
    "50000baseLR_ER_FR/Full",
    "50000baseDR/Full",
    "100000baseKR2/Full",
    "100000baseSR2/Full",
    "100000baseCR2/Full",
    "100000baseLR2_ER2_FR2/Full",
    "100000baseDR2/Full",
    "200000baseKR4/Full",
    "200000baseSR4/Full",
    "200000baseLR4_ER4_FR4/Full",
    "200000baseDR4/Full",
    "200000baseCR4/Full",
    "100baseT1/Full",
    "1000baseT1/Full",
    "400000baseKR8/Full",
    "400000baseSR8/Full",
    "400000baseLR8_ER8_FR8/Full",
    "400000baseDR8/Full",
    "400000baseCR8/Full",
    "LLRS",
    "100000baseKR/Full",
    "100000baseSR/Full",
    "100000baseLR_ER_FR/Full",
    "100000baseCR/Full",
    "100000baseDR/Full",
    "200000baseKR2/Full",
    "200000baseSR2/Full",
    "200000baseLR2_ER2_FR2/Full",
    "200000baseDR2/Full",
    "200000baseCR2/Full",
    "400000baseKR4/Full",
    "400000baseSR4/Full",
    "400000baseLR4_ER4_FR4/Full",
    "400000baseDR4/Full",
    "400000baseCR4/Full",
    "100baseFX/Half",
    "100baseFX/Full",
    "10baseT1L/Full",
    "800000baseCR8/Full",
    "800000baseKR8/Full",
    "800000baseDR8/Full",
    "800000baseDR8_2/Full",
    "800000baseSR8/Full",
    "800000baseVR8/Full",
    "10baseT1S/Full",
    "10baseT1S/Half",
    "10baseT1S_P2MP/Half",
    "10baseT1BRR/Full",
});

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::uint64_t rank(const LinkSpeed& speed) {
  return std::uint64_t{speed.mbit_s} * 2 + (speed.duplex == Duplex::full ? 1 : 0);
}

}  // namespace

std::string_view duplex_name(Duplex duplex) {
  switch (duplex) {
    case Duplex::half:
      return "half";
    case Duplex::full:
      return "full";
    case Duplex::unknown:
      break;
  }
  return "unknown";
}

std::string link_mode_name(std::size_t mode) {
  return mode < kNames.size() ? std::string(kNames[mode]) : "mode " + std::to_string(mode);
}

std::optional<std::size_t> link_mode_from_name(std::string_view name) {
  for (std::size_t mode = 0; mode < kNames.size(); ++mode)
    if (equals_ignoring_case(kNames[mode], name)) return mode;
  return std::nullopt;
}

std::optional<LinkSpeed> link_mode_speed(std::size_t mode) {
  if (mode >= kNames.size()) return std::nullopt;
  const std::string_view name = kNames[mode];
  LinkSpeed speed;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), speed.mbit_s);
  if (error != std::errc{} || !std::string_view(end).starts_with("base")) return std::nullopt;
  // 10000baseR_FEC, the only one without, is full duplex as all of 10 Gbit/s and more are.
  speed.duplex = name.ends_with("/Half") ? Duplex::half : Duplex::full;
  return speed;
}

bool needs_autonegotiation(std::size_t mode) {
  const auto speed = link_mode_speed(mode);
  if (!speed || speed->mbit_s < 1000) return false;
  return kNames[mode].find("baseT/") != std::string_view::npos;
}

LinkModeSet speed_modes(const LinkModeSet& modes) {
  return modes_of(modes, std::nullopt, Duplex::unknown);
}

std::optional<LinkSpeed> best_speed(const LinkModeSet& modes) {
  std::optional<LinkSpeed> best;
  for (std::size_t mode = 0; mode < kNames.size(); ++mode) {
    if (!modes[mode]) continue;
    const auto speed = link_mode_speed(mode);
    if (speed && (!best || rank(*speed) > rank(*best))) best = speed;
  }
  return best;
}

LinkModeSet modes_of(const LinkModeSet& modes, std::optional<std::uint32_t> mbit_s, Duplex duplex) {
  LinkModeSet chosen;
  for (std::size_t mode = 0; mode < kNames.size(); ++mode) {
    const auto speed = modes[mode] ? link_mode_speed(mode) : std::nullopt;
    if (!speed || (mbit_s && speed->mbit_s != *mbit_s)) continue;
    if (duplex == Duplex::unknown || speed->duplex == duplex) chosen.set(mode);
  }
  return chosen;
}

std::vector<std::string> link_mode_names(const LinkModeSet& modes) {
  std::vector<std::string> names;
  for (std::size_t mode = 0; mode < kLinkModeLimit; ++mode)
    if (modes[mode]) names.push_back(link_mode_name(mode));
  return names;
}

std::string speed_text(const LinkSpeed& speed) {
  const std::string rate = speed.mbit_s >= 1000 && speed.mbit_s % 100 == 0
                               ? fmt::format("{} Gbit/s", speed.mbit_s / 1000.0)
                               : fmt::format("{} Mbit/s", speed.mbit_s);
  return speed.duplex == Duplex::unknown ? rate
                                         : rate + ' ' + std::string(duplex_name(speed.duplex)) + " duplex";
}

std::string mode_set_hex(const LinkModeSet& modes) {
  std::string text;
  for (std::size_t digit = kLinkModeLimit / 4; digit-- > 0;) {
    unsigned value = 0;
    for (std::size_t bit = 4; bit-- > 0;) value = value * 2 + (modes[digit * 4 + bit] ? 1 : 0);
    if (value != 0 || !text.empty() || digit == 0) text += "0123456789abcdef"[value];
  }
  return text;
}

std::optional<LinkModeSet> mode_set_from_hex(std::string_view text) {
  if (text.empty() || text.size() > kLinkModeLimit / 4) return std::nullopt;
  LinkModeSet modes;
  for (const char c : text) {
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && (c < '0' || c > '9')) return std::nullopt;
    modes <<= 4;
    modes |= LinkModeSet(static_cast<unsigned long long>(letter ? c - 'a' + 10 : c - '0'));
  }
  return modes;
}

}  // namespace isotach::kernel
