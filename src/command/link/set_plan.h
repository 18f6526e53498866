// What `isotach link set` will do to an interface: each setting with its value before and the one wanted.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/link_setting.h"
#include "network/link/change_words.h"

namespace isotach::command {

struct PlannedSetting {
  std::string setting;  // kernel/link_setting.h
  std::string earlier;
  std::string wanted;
};

struct SetPlan {
  kernel::RouteLink link;
  std::vector<PlannedSetting> settings;  // without those that are as wanted already
  std::vector<std::string> advice;       // said before anything is tried
};
[[nodiscard]] Result<SetPlan> make_set_plan(kernel::LinkControl& control, const kernel::RouteLink& link,
                                            const network::WantedChange& wanted);

// "autoneg off speed 100 duplex full", "mtu 9000".
[[nodiscard]] std::string setting_text(const std::string& setting, const std::string& value);

// What became of a setting that was written, read back.
struct ReadBack {
  std::string now;
  std::string remark;  // "the driver made 512 of it"; empty when it is as wanted
};
// Fails when the interface does not have what was asked for.
[[nodiscard]] Result<ReadBack> judge_read_back(const PlannedSetting& planned, const std::string& now);

}  // namespace isotach::command
