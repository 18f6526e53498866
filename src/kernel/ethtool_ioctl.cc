#include "kernel/ethtool_ioctl.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kMaskWords = 127;  // __s8 link_mode_masks_nwords

// The head of the request and the three sets of modes that stand behind it.
struct Settings {
  std::array<std::uint32_t, sizeof(ethtool_link_settings) / 4 + 3 * kMaskWords> words{};

  ethtool_link_settings& head() { return *reinterpret_cast<ethtool_link_settings*>(words.data()); }
  std::uint32_t* masks() { return words.data() + sizeof(ethtool_link_settings) / 4; }
};
static_assert(sizeof(ethtool_link_settings) % 4 == 0);

// A text of fixed size that may lack its NUL.
template <std::size_t size>
std::string fixed_text(const char (&text)[size]) {
  return {text, strnlen(text, size)};
}

LinkModeSet set_of_words(const std::uint32_t* masks, std::size_t words) {
  LinkModeSet set;
  for (std::size_t i = 0; i < words && i * 32 < kLinkModeLimit; ++i) set |= LinkModeSet(masks[i]) << (i * 32);
  return set;
}

void put_words(const LinkModeSet& set, std::uint32_t* masks, std::size_t words) {
  for (std::size_t bit = 0; bit < std::min(words * 32, kLinkModeLimit); ++bit)
    if (set[bit]) masks[bit / 32] |= std::uint32_t{1} << (bit % 32);
}

}  // namespace

LinkModes modes_of_settings(std::uint32_t speed, std::uint8_t duplex, std::uint8_t autonegotiation,
                            const std::uint32_t* masks, std::size_t words) {
  LinkModes modes;
  modes.autonegotiation = autonegotiation != 0;
  if (speed != 0 && speed != 0xffff && speed < 0x7fffffff) modes.speed_mbit_s = speed;
  if (duplex <= 1) modes.duplex = static_cast<Duplex>(duplex);
  modes.supported = set_of_words(masks, words);
  modes.advertised = set_of_words(masks + words, words);
  modes.partner = set_of_words(masks + 2 * words, words);
  return modes;
}

Result<EthtoolIoctl> EthtoolIoctl::open() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A kernel or container without IPv4 takes the request on any socket.
  if (!socket.is_open()) socket = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_failure(errno, "open a socket");
  return EthtoolIoctl(std::move(socket));
}

Result<void> EthtoolIoctl::call(const std::string& interface, void* data, const std::string& doing) const {
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) return system_failure(ENODEV, doing);
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  request.ifr_data = static_cast<char*>(data);
  if (::ioctl(socket_.get(), SIOCETHTOOL, &request) != 0)
    return system_failure(errno, doing + " of " + printable(interface));
  return {};
}

Result<DriverInfo> EthtoolIoctl::driver(const std::string& interface) const {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (auto asked = call(interface, &info, "ask for the driver"); !asked)
    return tl::make_unexpected(std::move(asked.error()));
  return DriverInfo{fixed_text(info.driver), fixed_text(info.version), fixed_text(info.fw_version),
                    fixed_text(info.bus_info)};
}

Result<std::vector<NamedNumber>> EthtoolIoctl::statistics(const std::string& interface) const {
  const std::string doing = "read the statistics";
  std::array<std::uint32_t, sizeof(ethtool_sset_info) / 4 + 1> sizes{};
  auto* asked_for = reinterpret_cast<ethtool_sset_info*>(sizes.data());
  asked_for->cmd = ETHTOOL_GSSET_INFO;
  asked_for->sset_mask = std::uint64_t{1} << ETH_SS_STATS;
  if (auto asked = call(interface, sizes.data(), doing); !asked)
    return tl::make_unexpected(std::move(asked.error()));
  const std::uint32_t count = asked_for->sset_mask == 0 ? 0 : std::min(sizes.back(), kStatisticLimit);
  if (count == 0) return std::vector<NamedNumber>();

  std::vector<std::uint64_t> names((sizeof(ethtool_gstrings) + std::size_t{count} * ETH_GSTRING_LEN) / 8 + 1);
  std::vector<std::uint64_t> values(sizeof(ethtool_stats) / 8 + count);
  auto* strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_STATS;
  strings->len = count;
  auto* statistics = reinterpret_cast<ethtool_stats*>(values.data());
  statistics->cmd = ETHTOOL_GSTATS;
  statistics->n_stats = count;
  for (void* data : {static_cast<void*>(strings), static_cast<void*>(statistics)})
    if (auto asked = call(interface, data, doing); !asked)
      return tl::make_unexpected(std::move(asked.error()));
  std::vector<NamedNumber> all;
  const auto* text = reinterpret_cast<const char*>(strings->data);
  for (std::uint32_t i = 0; i < std::min({count, strings->len, statistics->n_stats}); ++i) {
    const char* name = text + std::size_t{i} * ETH_GSTRING_LEN;
    all.push_back({std::string(trim({name, strnlen(name, ETH_GSTRING_LEN)})), statistics->data[i]});
  }
  return all;
}

Result<LinkModes> EthtoolIoctl::link_modes(const std::string& interface) const {
  Settings settings;
  settings.head().cmd = ETHTOOL_GLINKSETTINGS;
  // The kernel answers a request for 0 words with how many there are, negative.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (auto asked = call(interface, settings.words.data(), "read the link modes"); !asked)
      return tl::make_unexpected(std::move(asked.error()));
    if (settings.head().link_mode_masks_nwords >= 0) break;
    settings.head().link_mode_masks_nwords =
        static_cast<std::int8_t>(-settings.head().link_mode_masks_nwords);
    settings.head().cmd = ETHTOOL_GLINKSETTINGS;
  }
  const int words = std::max<int>(settings.head().link_mode_masks_nwords, 0);
  return modes_of_settings(settings.head().speed, settings.head().duplex, settings.head().autoneg,
                           settings.masks(), static_cast<std::size_t>(words));
}

Result<void> EthtoolIoctl::set_link_modes(const std::string& interface, const LinkModes& modes) const {
  Settings settings;
  settings.head().cmd = ETHTOOL_GLINKSETTINGS;
  if (auto asked = call(interface, settings.words.data(), "read the link modes"); !asked) return asked;
  const int words = -settings.head().link_mode_masks_nwords;
  if (words <= 0) return system_failure(EOPNOTSUPP, "set the link modes of " + printable(interface));
  settings.head().cmd = ETHTOOL_GLINKSETTINGS;
  settings.head().link_mode_masks_nwords = static_cast<std::int8_t>(words);
  if (auto asked = call(interface, settings.words.data(), "read the link modes"); !asked) return asked;
  settings.head().cmd = ETHTOOL_SLINKSETTINGS;
  settings.head().autoneg = modes.autonegotiation.value_or(false) ? AUTONEG_ENABLE : AUTONEG_DISABLE;
  if (modes.speed_mbit_s) settings.head().speed = *modes.speed_mbit_s;
  if (modes.duplex != Duplex::unknown) settings.head().duplex = static_cast<std::uint8_t>(modes.duplex);
  auto* advertised = settings.masks() + words;
  std::fill(advertised, advertised + words, 0);
  put_words(modes.advertised, advertised, static_cast<std::size_t>(words));
  return call(interface, settings.words.data(), "set the link modes");
}

}  // namespace isotach::kernel
