// How evenly paced datagrams left and came, and how much their delay varied: for people and for scripts.
#pragma once

#include <string>

#include "network/nettest/report.h"
#include "view/export/json_writer.h"

namespace isotach::command {

// A table and what it does not say; empty where nothing was paced.
[[nodiscard]] std::string timing_text(const nettest::TestFacts& facts, const nettest::TestReport& report,
                                      bool we_are_server);
// Key "pacing" and its value; nothing where nothing was paced.
void write_timing(view::JsonWriter& json, const nettest::TestFacts& facts, const nettest::TestReport& report);

// Members of an open object: count, min_ns, mean_ns, p50_ns to p99_99_ns, max_ns and histogram, an array of
// [upper end of the bucket in ns, count].
void write_distribution(view::JsonWriter& json, const Histogram& values);

}  // namespace isotach::command
