// Settings of an interface as names and values in text, so that all are read, changed, compared and put
// back in one way:
//
//     modes              "on 1000 full 2ef"    autonegotiation, speed, duplex, what is advertised
//     mtu                "1500"
//     feature:NAME       "on"                  NAME as the kernel calls it
//     rx-ring, tx-usecs  "256"                 the words of ethtool_reply.h
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kernel/ethtool.h"
#include "kernel/route_link.h"

namespace isotach::kernel {

// "on 1000 full 2ef", "off unknown unknown 0", and back.
[[nodiscard]] std::string modes_text(const LinkModes& modes);
[[nodiscard]] std::optional<LinkModes> modes_from_text(std::string_view text);

// Whether a setting that was `earlier` and was set to `wanted` is to be given back now that it is `now`:
// not when it is `earlier` already, and not when somebody else has set it. What drivers round, and what a
// link finds out by negotiating, does not count as somebody else.
[[nodiscard]] bool is_to_be_given_back(const std::string& setting, const std::string& earlier,
                                       const std::string& wanted, const std::string& now);

class LinkControl {
 public:
  [[nodiscard]] static Result<LinkControl> open();

  [[nodiscard]] Ethtool& ethtool() { return ethtool_; }
  [[nodiscard]] RouteSocket& route() { return route_; }

  // not_supported where the interface has no such setting.
  [[nodiscard]] Result<std::string> read(const LinkTarget& target, const std::string& setting);
  [[nodiscard]] Result<void> write(const LinkTarget& target, const std::string& setting,
                                   const std::string& value);

 private:
  LinkControl(Ethtool ethtool, RouteSocket route) : ethtool_(std::move(ethtool)), route_(std::move(route)) {}

  Ethtool ethtool_;
  RouteSocket route_;
};

}  // namespace isotach::kernel
