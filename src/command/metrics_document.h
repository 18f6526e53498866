// docs/metrics.md: every metric, from the descriptions that the programs use.
#pragma once

#include <string>

namespace isotach::command {

[[nodiscard]] std::string metrics_document();

}  // namespace isotach::command
