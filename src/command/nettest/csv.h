// Intervals as comma-separated values, a line for each stream, in base units.
#pragma once

#include <string>

#include "network/nettest/report.h"

namespace isotach::command {

[[nodiscard]] std::string nettest_csv_head();
[[nodiscard]] std::string nettest_csv_rows(const nettest::TestFacts& facts,
                                           const nettest::IntervalReport& report);

}  // namespace isotach::command
