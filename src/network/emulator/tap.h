// An interface whose frames a descriptor carries (man: tuntap), and which keeps what ethtool sets: speed,
// duplex, autonegotiation and masks of modes, also the partner's. In the network namespace of the calling
// thread; it is gone when the descriptor is closed. Needs CAP_NET_ADMIN.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::emulator {

[[nodiscard]] Result<Fd> open_tap(const std::string& name, const std::array<std::uint8_t, 6>& address,
                                  int mtu_bytes);

}  // namespace isotach::emulator
