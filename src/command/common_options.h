// Options that several commands share, described and read in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/spec.h"

namespace isotach::command {

enum class Format { table, json, json_stream, csv };

// --json/-J, --json-stream, --csv.
[[nodiscard]] std::vector<OptionSpec> format_options();
// Two formats at once are a usage error.
[[nodiscard]] Result<Format> format_of(const Arguments& arguments);

[[nodiscard]] OptionSpec record_option();     // --record FILE
[[nodiscard]] OptionSpec proc_root_option();  // --proc-root DIR
[[nodiscard]] OptionSpec interval_option();   // --interval/-i TIME
[[nodiscard]] OptionSpec count_option();      // --count/-n N
[[nodiscard]] OptionSpec duration_option();   // --for/-t TIME

inline constexpr std::int64_t kShortestIntervalNs = 10'000'000;
// Ten years: deadlines further away would leave the range of the clock.
inline constexpr std::int64_t kLongestIntervalNs = 10ll * 366 * 24 * 3600 * 1'000'000'000;

// `text` as an interval: at least 10 ms, at most ten years. `what` names it in the message ("delay").
[[nodiscard]] Result<std::int64_t> parse_interval_ns(const std::string& text, const std::string& what);
// `text` as a whole number above 0.
[[nodiscard]] Result<std::uint64_t> parse_count(const std::string& text, const std::string& what);

// The same of an option; nothing where it is not given.
[[nodiscard]] Result<std::optional<std::int64_t>> interval_of(const Arguments& arguments,
                                                              const char* option = "--interval",
                                                              const std::string& what = "interval");
[[nodiscard]] Result<std::optional<std::uint64_t>> count_of(const Arguments& arguments,
                                                            const char* option = "--count",
                                                            const std::string& what = "count");

// How often and as what something is shown: format_options(), --interval and --count.
struct Repetition {
  Format format = Format::table;
  std::optional<std::int64_t> interval_ns;
  std::optional<std::uint64_t> count;
};
// One sample where the format is one document; more of them are a usage error.
[[nodiscard]] Result<Repetition> repetition_of(const Arguments& arguments);

// --proc-root, checked: it must be a folder with proc/ in it, or the content of a proc folder.
[[nodiscard]] Result<std::string> proc_root_of(const Arguments& arguments);

}  // namespace isotach::command
