// What was asked for beside the test itself: latency under load, and how sure the result is.
#pragma once

#include <string>

#include "network/nettest/report.h"
#include "view/export/json_writer.h"

namespace isotach::command {

// Empty where nothing was asked for.
[[nodiscard]] std::string verdict_text(const nettest::TestFacts& facts, const nettest::TestReport& report);
// Keys "latency_under_load", "confidence" and "until", as far as they were asked for.
void write_verdicts(view::JsonWriter& json, const nettest::TestReport& report);

}  // namespace isotach::command
