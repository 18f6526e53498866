// Tap interfaces that look like network cards: the kernel's tun driver stores the speed, duplex,
// autonegotiation and the sets of modes that it is given, the supported ones and the partner's too.
//
// Reads lines from standard input and answers each with "ok" or what went wrong:
//
//     NAME supported=HEX advertised=HEX partner=HEX speed=N duplex=half|full|unknown autoneg=on|off
//
// A new name makes the interface and sets it up; a known one changes it; speed=-1 is unknown. The
// interfaces have a carrier as long as this program runs, and are gone with it.
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>

namespace {

struct Failed {
  std::string text;
};

void check(bool good, const char* what) {
  if (!good) throw Failed{std::string(what) + ": " + std::strerror(errno)};
}

class Tap {
 public:
  explicit Tap(const std::string& name) : name_(name), tap_(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(tap_ >= 0 && socket_ >= 0, "open");
    ifreq request = named();
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    check(::ioctl(tap_, TUNSETIFF, &request) == 0, "TUNSETIFF");
    request = named();
    check(::ioctl(socket_, SIOCGIFFLAGS, &request) == 0, "SIOCGIFFLAGS");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    check(::ioctl(socket_, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
  }

  void set(const std::map<std::string, std::string>& words) {
    constexpr std::size_t kHeadWords = sizeof(ethtool_link_settings) / 4;
    std::array<std::uint32_t, kHeadWords + 3 * 127> buffer{};
    auto& settings = *reinterpret_cast<ethtool_link_settings*>(buffer.data());
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    call(buffer.data());
    const int count = -settings.link_mode_masks_nwords;
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    settings.link_mode_masks_nwords = static_cast<std::int8_t>(count);
    call(buffer.data());
    settings.cmd = ETHTOOL_SLINKSETTINGS;
    settings.port = PORT_TP;
    for (const auto& [key, value] : words) {
      if (key == "speed") settings.speed = static_cast<std::uint32_t>(std::atoi(value.c_str()));
      if (key == "duplex") settings.duplex = value == "half" ? 0 : value == "full" ? 1 : 255;
      if (key == "autoneg") settings.autoneg = value == "on";
      const int set = key == "supported" ? 0 : key == "advertised" ? 1 : key == "partner" ? 2 : -1;
      if (set < 0) continue;
      const std::uint64_t mask = std::strtoull(value.c_str(), nullptr, 16);
      std::uint32_t* mode_words = buffer.data() + kHeadWords + set * count;
      mode_words[0] = static_cast<std::uint32_t>(mask);
      mode_words[1] = static_cast<std::uint32_t>(mask >> 32);
    }
    call(buffer.data());
  }

 private:
  ifreq named() const {
    ifreq request{};
    std::strncpy(request.ifr_name, name_.c_str(), IFNAMSIZ - 1);
    return request;
  }
  void call(void* data) const {
    ifreq request = named();
    request.ifr_data = static_cast<char*>(data);
    check(::ioctl(socket_, SIOCETHTOOL, &request) == 0, "SIOCETHTOOL");
  }

  std::string name_;
  int tap_;
  int socket_;
};

}  // namespace

int main() {
  std::map<std::string, Tap> taps;
  std::array<char, 1024> line{};
  while (std::fgets(line.data(), line.size(), stdin) != nullptr) {
    std::istringstream words(line.data());
    std::string name;
    words >> name;
    std::map<std::string, std::string> settings;
    for (std::string word; words >> word;)
      settings[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    try {
      auto [tap, is_new] = taps.try_emplace(name, name);
      if (!settings.empty()) tap->second.set(settings);
      std::puts("ok");
    } catch (const Failed& failed) {
      std::printf("%s: %s\n", name.c_str(), failed.text.c_str());
    }
    std::fflush(stdout);
  }
  return 0;
}
