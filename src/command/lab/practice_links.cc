// isotach internal-practice-links: interfaces that look like network cards, for labs and tests. Hidden.
//
// They are tap interfaces: the kernel's tun driver stores the speed, duplex, autonegotiation and the sets of
// modes that it is given, the supported ones and the partner's too.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/fd.h"
#include "base/text.h"
#include "command/context.h"
#include "command/lab/commands.h"

namespace isotach::command {
namespace {

class PracticeLink {
 public:
  [[nodiscard]] static Result<PracticeLink> make(const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ)
      return failure(ErrorKind::usage, "'" + printable(name) + "' is no name of an interface");
    PracticeLink link;
    link.name_ = name;
    link.tap_ = Fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    link.socket_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!link.tap_.is_open() || !link.socket_.is_open()) return system_failure(errno, "open /dev/net/tun");
    ifreq request = link.named();
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(link.tap_.get(), TUNSETIFF, &request) != 0) return system_failure(errno, "make " + name);
    request = link.named();
    if (::ioctl(link.socket_.get(), SIOCGIFFLAGS, &request) != 0)
      return system_failure(errno, "read the flags of " + name);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(link.socket_.get(), SIOCSIFFLAGS, &request) != 0)
      return system_failure(errno, "set up " + name);
    return link;
  }

  [[nodiscard]] Result<void> set(const std::map<std::string, std::string>& words) {
    constexpr std::size_t kHeadWords = sizeof(ethtool_link_settings) / 4;
    std::array<std::uint32_t, kHeadWords + 3 * 127> buffer{};
    auto& settings = *reinterpret_cast<ethtool_link_settings*>(buffer.data());
    // Asked with no room for modes, the kernel answers how many words a set takes, negated.
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    if (auto asked = call(buffer.data()); !asked) return asked;
    const int count = -settings.link_mode_masks_nwords;
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    settings.link_mode_masks_nwords = static_cast<std::int8_t>(count);
    if (auto asked = call(buffer.data()); !asked) return asked;
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
    return call(buffer.data());
  }

 private:
  PracticeLink() = default;

  [[nodiscard]] ifreq named() const {
    ifreq request{};
    std::strncpy(request.ifr_name, name_.c_str(), IFNAMSIZ - 1);
    return request;
  }
  [[nodiscard]] Result<void> call(void* data) const {
    ifreq request = named();
    request.ifr_data = static_cast<char*>(data);
    if (::ioctl(socket_.get(), SIOCETHTOOL, &request) == 0) return {};
    return system_failure(errno, "set the link of " + name_);
  }

  std::string name_;
  Fd tap_;
  Fd socket_;
};

Result<void> obey(std::map<std::string, PracticeLink>& links, const std::string& line) {
  const auto words = split_blanks(line);
  if (words.empty()) return {};
  const std::string name(words.front());
  auto known = links.find(name);
  if (known == links.end()) {
    auto made = PracticeLink::make(name);
    if (!made) return tl::make_unexpected(std::move(made.error()));
    known = links.emplace(name, std::move(*made)).first;
  }
  std::map<std::string, std::string> settings;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = std::min(words[i].find('='), words[i].size() - 1);
    settings.emplace(words[i].substr(0, equals), words[i].substr(equals + 1));
  }
  return settings.empty() ? Result<void>() : known->second.set(settings);
}

int run(Context& context, const Arguments&) {
  // Nothing is to be tidied up: the interfaces go with the process.
  ::signal(SIGTERM, SIG_DFL);
  std::map<std::string, PracticeLink> links;
  std::array<char, 1024> line{};
  while (std::fgets(line.data(), line.size(), stdin) != nullptr) {
    const auto obeyed = obey(links, std::string(trim(line.data())));
    context.out.write(obeyed ? "ok\n" : obeyed.error().message() + '\n');
    context.out.flush();
  }
  return kExitOk;
}

}  // namespace

CommandSpec practice_links_command() {
  CommandSpec spec;
  spec.name = "internal-practice-links";
  spec.area = "learning";
  spec.summary = "interfaces that look like network cards";
  spec.usages = {"isotach internal-practice-links"};
  spec.description =
      "Reads lines from standard input and answers each with 'ok' or what went wrong:\n\n"
      "NAME supported=HEX advertised=HEX partner=HEX speed=N duplex=half|full|unknown autoneg=on|off\n\n"
      "A new name makes the interface and sets it up; a known one changes it; speed=-1 is unknown. The sets "
      "of "
      "modes are those of linux/ethtool.h: 1 is 10baseT/Half, 2 10baseT/Full, 4 100baseT/Half, 8 "
      "100baseT/Full, 20 1000baseT/Full, 40 autonegotiation, 80 twisted pair. The interfaces have a carrier "
      "as "
      "long as this program runs, and are gone with it.";
  spec.examples = {
      {"isotach internal-practice-links", "then: eth0 supported=cf speed=10 duplex=half autoneg=on"},
      {"unshare --net isotach internal-practice-links", "out of everybody's way"}};
  spec.hidden = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
