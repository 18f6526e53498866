// /sys/class/net/<interface>/: what the kernel tells about a link without ethtool
// (kernel: Documentation/ABI/testing/sysfs-class-net).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "kernel/interfaces.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

struct LinkReading {
  std::string interface;
  Value up;            // 1 when it can carry traffic, 0 when not; missing where the kernel does not know
  Value enabled;       // 1 when an administrator has set it up
  Value physical;      // 1 when a device stands behind it; 0 for bridges, tunnels, veth, ...
  Value speed_mbit_s;  // missing where the driver does not know or nothing limits the link
  Value full_duplex;   // 1 or 0; missing where it means nothing
};

// Asking a driver for its speed takes the kernel's network lock and on some cards milliseconds. The
// speed changes only with the carrier, so it is asked again when the carrier has changed, and now
// and then because a bond's speed follows its members without that.
class LinkReader {
 public:
  explicit LinkReader(SystemRoot root) : root_(std::move(root)) {}
  // One reading for each of `interfaces`, in their order, at most kLimit; what cannot be read is missing.
  void read(const std::vector<InterfaceReading>& interfaces, std::vector<LinkReading>& links);

  // More links than this are not looked at one by one.
  static constexpr std::size_t kLimit = 1024;

 private:
  struct Known {
    std::string interface;
    std::string carrier_changes;
    unsigned age_reads = 0;
    Value physical, speed_mbit_s, full_duplex;
  };
  static constexpr unsigned kAskAgainReads = 30;

  void read_one(Known& known, LinkReading& link);

  SystemRoot root_;
  std::vector<Known> known_;
};

}  // namespace isotach::kernel
