// What `isotach path` prints, as text for people and as JSON.
#pragma once

#include <string>

#include "network/path/advice.h"
#include "network/path/hops.h"
#include "network/path/measure.h"

namespace isotach::command {

[[nodiscard]] std::string path_text(const path::PathReport& report, const path::HostTcp& host,
                                    const path::Advice& advice);
[[nodiscard]] std::string path_json(const path::PathReport& report, const path::HostTcp& host,
                                    const path::Advice& advice);
[[nodiscard]] std::string hops_text(const path::HopReport& report);
[[nodiscard]] std::string hops_json(const path::HopReport& report);

}  // namespace isotach::command
