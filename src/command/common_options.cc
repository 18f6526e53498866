#include "command/common_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace isotach::command {

std::vector<OptionSpec> format_options() {
  return {
      {"--json", 'J', "", "print one JSON document", "output"},
      {"--json-stream", 0, "", "print one JSON object a line, while it runs", "output"},
      {"--csv", 0, "", "print comma-separated values under a head line, in base units", "output"},
  };
}

Result<Format> format_of(const Arguments& arguments) {
  const bool json = arguments.has("--json");
  const bool json_stream = arguments.has("--json-stream");
  const bool csv = arguments.has("--csv");
  if (json + json_stream + csv > 1)
    return failure(ErrorKind::usage, "only one of --json, --json-stream and --csv can be printed at once");
  if (json) return Format::json;
  if (json_stream) return Format::json_stream;
  return csv ? Format::csv : Format::table;
}

OptionSpec record_option() {
  return {"--record", 0, "FILE", "write every sample to FILE too; see isotach replay", "output", {}, "file"};
}

OptionSpec proc_root_option() {
  return {"--proc-root", 0,  "DIR",      "read DIR/proc and DIR/sys, a saved tree, instead of this machine",
          "source",      {}, "directory"};
}

OptionSpec interval_option() {
  return {"--interval", 'i', "TIME", "time between samples, such as 1, 0.1, 50ms (at least 10ms)", "timing"};
}

OptionSpec count_option() {
  return {"--count", 'n', "N", "stop after N samples", "timing"};
}

OptionSpec duration_option() {
  return {"--for", 't', "TIME", "stop after this time, such as 30s, 5m", "timing"};
}

namespace {

std::string with_article(const std::string& noun) {
  const bool vowel = !noun.empty() && std::string_view("aeiou").find(noun[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + noun;
}

}  // namespace

Result<std::int64_t> parse_interval_ns(const std::string& text, const std::string& what) {
  const auto interval_ns = parse_duration_ns(text);
  if (!interval_ns)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no " + what,
                   "write seconds or a unit, such as 1, 0.25, 100ms");
  if (*interval_ns < kShortestIntervalNs)
    return failure(ErrorKind::usage, with_article(what) + " of '" + printable(text) + "' is too short",
                   "the shortest is 10ms");
  if (*interval_ns > kLongestIntervalNs)
    return failure(ErrorKind::usage, with_article(what) + " of '" + printable(text) + "' is too long",
                   "the longest is ten years");
  return *interval_ns;
}

Result<std::uint64_t> parse_count(const std::string& text, const std::string& what) {
  const auto count = parse_unsigned(text);
  if (!count || *count == 0)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no " + what,
                   "write a whole number above 0");
  return *count;
}

Result<std::optional<std::int64_t>> interval_of(const Arguments& arguments, const char* option,
                                                const std::string& what) {
  const auto text = arguments.value(option);
  if (!text) return std::nullopt;
  auto interval_ns = parse_interval_ns(*text, what);
  if (!interval_ns) return tl::make_unexpected(std::move(interval_ns.error()));
  return std::optional(*interval_ns);
}

Result<std::optional<std::uint64_t>> count_of(const Arguments& arguments, const char* option,
                                              const std::string& what) {
  const auto text = arguments.value(option);
  if (!text) return std::nullopt;
  auto count = parse_count(*text, what);
  if (!count) return tl::make_unexpected(std::move(count.error()));
  return std::optional(*count);
}

Result<Repetition> repetition_of(const Arguments& arguments) {
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  const auto interval_ns = interval_of(arguments);
  if (!interval_ns) return tl::make_unexpected(interval_ns.error());
  const auto count = count_of(arguments);
  if (!count) return tl::make_unexpected(count.error());
  Repetition repetition{*format, *interval_ns, *count};
  if (repetition.format == Format::json) {
    if (repetition.count.value_or(1) > 1)
      return failure(ErrorKind::usage, "--json prints one sample", "--json-stream prints one a line");
    repetition.count = 1;
  }
  return repetition;
}

Result<std::string> proc_root_of(const Arguments& arguments) {
  const auto folder = arguments.value("--proc-root");
  if (!folder) return std::string();
  if (folder->empty()) return failure(ErrorKind::usage, "--proc-root needs the name of a folder");
  struct stat status {};
  if (::stat(folder->c_str(), &status) != 0) return system_failure(errno, "open " + *folder);
  if (!S_ISDIR(status.st_mode)) return system_failure(ENOTDIR, "open " + *folder);
  if (::access(folder->c_str(), R_OK | X_OK) != 0) return system_failure(errno, "read " + *folder);
  // A saved tree has proc/; the copy of a proc folder itself will do too.
  for (const std::string& proc : {*folder + "/proc", *folder}) {
    if (::stat((proc + "/meminfo").c_str(), &status) != 0 && ::stat((proc + "/stat").c_str(), &status) != 0)
      continue;
    if (::access(proc.c_str(), R_OK | X_OK) != 0) return system_failure(errno, "read " + proc);
    return *folder;
  }
  if (::stat((*folder + "/proc").c_str(), &status) == 0 && ::access((*folder + "/proc").c_str(), X_OK) != 0)
    return system_failure(errno, "read " + *folder + "/proc");
  return failure(ErrorKind::usage, "'" + printable(*folder) + "' holds no saved proc folder",
                 "give the folder above a saved proc (and sys), with proc/meminfo and proc/stat in it");
}

}  // namespace isotach::command
