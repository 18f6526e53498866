// /proc/net/dev: traffic counters of the network interfaces (kernel: net/core/net-procfs.c).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

enum class InterfaceCounter : std::size_t {
  receive_bytes,
  receive_packets,
  receive_errors,
  receive_drops,
  receive_fifo,
  receive_frame,
  receive_compressed,
  receive_multicast,
  transmit_bytes,
  transmit_packets,
  transmit_errors,
  transmit_drops,
  transmit_fifo,
  collisions,
  carrier,
  transmit_compressed,
};
inline constexpr std::size_t kInterfaceCounterCount =
    static_cast<std::size_t>(InterfaceCounter::transmit_compressed) + 1;

struct InterfaceReading {
  std::string name;
  std::array<std::uint64_t, kInterfaceCounterCount> counters{};

  [[nodiscard]] std::uint64_t operator[](InterfaceCounter counter) const {
    return counters[static_cast<std::size_t>(counter)];
  }
};

class InterfaceReader {
 public:
  explicit InterfaceReader(const SystemRoot& root);
  [[nodiscard]] Result<void> read(std::vector<InterfaceReading>& interfaces);

 private:
  KeptFile file_;
};

// Lines that cannot be understood are left out. Elements of `interfaces` are used again.
void parse_interfaces(std::string_view text, std::vector<InterfaceReading>& interfaces);

}  // namespace isotach::kernel
