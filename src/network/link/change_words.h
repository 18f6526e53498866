// What `isotach link set` was asked for, as words, and what that means for an interface as it is now. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/ethtool_reply.h"

namespace isotach::network {

// Speed, duplex, autonegotiation and what is advertised are one setting: they only make sense together.
struct WantedModes {
  std::optional<std::uint32_t> speed_mbit_s;
  std::optional<kernel::Duplex> duplex;
  std::optional<bool> autonegotiation;
  bool advertise_all = false;
  kernel::LinkModeSet advertise;  // of the names given

  [[nodiscard]] bool any() const {
    return speed_mbit_s || duplex || autonegotiation || advertise_all || advertise.any();
  }
};

struct WantedSetting {
  std::string word;   // "mtu", "rx-ring", "tso", a feature's name
  std::string value;  // as kernel/link_setting.h takes it

  friend bool operator==(const WantedSetting&, const WantedSetting&) = default;
};

struct WantedChange {
  WantedModes modes;
  std::vector<WantedSetting> settings;  // in the order given
};

// "1000", "100M", "1G", "2.5G" in Mbit/s.
[[nodiscard]] Result<std::uint32_t> parse_link_speed(const std::string& text);

// "speed 100 duplex full autoneg off mtu 9000 tso off". All errors are of kind usage.
[[nodiscard]] Result<WantedChange> parse_change_words(const std::vector<std::string>& words);

struct ModesPlan {
  kernel::LinkModes modes;          // what to set
  std::vector<std::string> advice;  // to be said before it is tried
};
// `name` is for messages. Fails where the card supports no such mode, or something is left open that
// nothing else decides.
[[nodiscard]] Result<ModesPlan> plan_modes(const std::string& name, const WantedModes& wanted,
                                           const kernel::LinkModes& now, bool twisted_pair);

// Names of the kernel's features that "tso" and the other short words of ethtool mean, as far as the
// interface lets them be changed; a name of the kernel's means itself. Empty for a word that means none.
[[nodiscard]] std::vector<std::string> features_of_word(const std::string& word,
                                                        const std::vector<kernel::Feature>& features);
[[nodiscard]] bool is_feature_word(const std::string& word);

}  // namespace isotach::network
