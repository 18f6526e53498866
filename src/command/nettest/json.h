// Tests as JSON with iperf3's tree of keys, so that scripts written for `iperf3 --json` go on working; what
// is ours stands in "schema" and "isotach", and in more keys beside theirs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "network/nettest/report.h"
#include "view/export/json_writer.h"

namespace isotach::command {

inline constexpr std::string_view kNettestSchema = "isotach.nettest.v1";

// The values of "start", of an element of "intervals", and of "end".
void write_start(view::JsonWriter& json, const nettest::TestFacts& facts);
void write_interval(view::JsonWriter& json, const nettest::TestFacts& facts,
                    const nettest::IntervalReport& report);
void write_end(view::JsonWriter& json, const nettest::TestFacts& facts, const nettest::TestReport& report);

// The whole document. Without facts the test did not begin, and "start" and "end" are empty.
[[nodiscard]] std::string nettest_document(const nettest::TestFacts* facts,
                                           const std::vector<nettest::IntervalReport>& intervals,
                                           const nettest::TestReport* report,
                                           const std::optional<Error>& error, bool interrupted);

// One line of --json-stream: {"schema", "event", "data"}.
template <class Write>
[[nodiscard]] std::string nettest_event(std::string_view event, const Write& write) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string(kNettestSchema);
  json.key("event").string(event);
  json.key("data");
  write(json);
  json.end_object();
  return json.take() + "\n";
}

}  // namespace isotach::command
