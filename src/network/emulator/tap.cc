#include "network/emulator/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace isotach::emulator {
namespace {

constexpr int kQueuePackets = 10'000;

}  // namespace

Result<Fd> open_tap(const std::string& name, const std::array<std::uint8_t, 6>& address, int mtu_bytes) {
  Fd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!tap.is_open() || !socket.is_open())
    return system_failure(errno, "open /dev/net/tun", "run it as root, on a kernel with tun: modprobe tun");
  const auto request = [&] {
    ifreq asked{};
    std::strncpy(asked.ifr_name, name.c_str(), IFNAMSIZ - 1);
    return asked;
  };
  ifreq made = request();
  made.ifr_flags = IFF_TAP | IFF_NO_PI;
  ifreq hardware = request();
  hardware.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy(address.begin(), address.end(), reinterpret_cast<std::uint8_t*>(hardware.ifr_hwaddr.sa_data));
  ifreq queue = request();
  queue.ifr_qlen = kQueuePackets;
  ifreq mtu = request();
  mtu.ifr_mtu = mtu_bytes;
  if (::ioctl(tap.get(), TUNSETIFF, &made) != 0 || ::ioctl(socket.get(), SIOCSIFHWADDR, &hardware) != 0 ||
      ::ioctl(socket.get(), SIOCSIFTXQLEN, &queue) != 0 || ::ioctl(socket.get(), SIOCSIFMTU, &mtu) != 0)
    return system_failure(errno, "make the interface " + name);
  return tap;
}

}  // namespace isotach::emulator
