// What `ksm predict` is asked for, and what the kernel's settings are.
#include <fmt/format.h>

#include <limits>

#include "base/fd.h"
#include "base/text.h"
#include "command/ksm/predict.h"
#include "kernel/ksm.h"

namespace isotach::command {
namespace {

constexpr std::uint64_t kLargestSetting = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kLargestThreads = 256;

Result<std::uint64_t> parse_setting(const std::string& text, const std::string& name, std::uint64_t least) {
  const auto number = parse_unsigned(text);
  if (!number || *number < least || *number > kLargestSetting)
    return failure(ErrorKind::usage, fmt::format("'{}' is no value of {}", printable(text), name),
                   fmt::format("it is a whole number from {} to {}", least, kLargestSetting));
  return *number;
}

Value read_number(const std::string& path) {
  const auto text = read_file(path, 4096);
  if (!text) return Missing::not_supported;
  const auto number = parse_unsigned(trim(*text));
  return number ? Value::of(*number) : Value(Missing::malformed);
}

Result<void> read_settings(const Arguments& arguments, const PredictKernel& kernel, PredictOptions& options) {
  const auto or_default = [](const Value& value, std::uint64_t otherwise) {
    return value.is_missing() ? otherwise : value.as_unsigned();
  };
  options.settings = {or_default(kernel.pages_to_scan, options.settings.pages_to_scan),
                      or_default(kernel.sleep_milliseconds, options.settings.sleep_milliseconds)};
  options.what_if.max_page_sharing = or_default(kernel.max_page_sharing, options.what_if.max_page_sharing);
  options.what_if.use_zero_pages = or_default(kernel.use_zero_pages, 0) != 0;
  struct Setting {
    const char* option;
    std::uint64_t least;
    std::uint64_t* to;
  };
  const Setting settings[] = {
      {"--pages-to-scan", 1, &options.settings.pages_to_scan},
      {"--sleep-millisecs", 0, &options.settings.sleep_milliseconds},
      {"--max-page-sharing", 2, &options.what_if.max_page_sharing},
  };
  for (const Setting& setting : settings) {
    const auto text = arguments.value(setting.option);
    if (!text) continue;
    const auto number = parse_setting(*text, setting.option, setting.least);
    if (!number) return tl::make_unexpected(number.error());
    *setting.to = *number;
    if (setting.to != &options.what_if.max_page_sharing) options.settings_given = true;
  }
  if (const auto text = arguments.value("--use-zero-pages")) options.what_if.use_zero_pages = *text == "1";
  return {};
}

}  // namespace

PredictKernel read_predict_kernel() {
  kernel::KsmReading reading;
  kernel::KsmReader(kernel::SystemRoot()).read(reading);
  using kernel::KsmField;
  return {reading[KsmField::run],
          reading[KsmField::pages_to_scan],
          reading[KsmField::sleep_millisecs],
          reading[KsmField::max_page_sharing],
          read_number("/sys/kernel/mm/ksm/use_zero_pages"),
          reading[KsmField::pages_sharing]};
}

std::vector<OptionSpec> predict_options() {
  std::vector<OptionSpec> options = process_selection_options();
  const std::vector<OptionSpec> more = {
      {.name = "--all",
       .value_name = {},
       .help = "as if all memory were mergeable, as under `isotach ksm run` (the default)",
       .group = "which memory"},
      {.name = "--mergeable",
       .value_name = {},
       .help = "only memory that is marked mergeable now (mg in smaps)",
       .group = "which memory"},
      {.name = "--settle",
       .value_name = "TIME",
       .help = "look again after TIME and leave out pages that have changed, as ksmd does",
       .group = "how it looks"},
      {.name = "--sample",
       .value_name = "PART",
       .help = "read only this part of the pages, such as 1/16, and tell an interval",
       .group = "how it looks"},
      {.name = "--seed", .value_name = "N", .help = "choose the sample by N (1)", .group = "how it looks"},
      {.name = "--threads",
       .value_name = "N",
       .help = "read with N threads at once (1)",
       .group = "how it looks"},
      {.name = "--memory-limit",
       .value_name = "SIZE",
       .help = "use at most about SIZE for what is remembered, and tell an interval where that is too little",
       .group = "how it looks"},
      {.name = "--pages-to-scan",
       .value_name = "N",
       .help = "what if ksmd looked at N pages each time",
       .group = "what if"},
      {.name = "--sleep-millisecs",
       .value_name = "N",
       .help = "what if it slept N milliseconds in between",
       .group = "what if"},
      {.name = "--max-page-sharing",
       .value_name = "N",
       .help = "what if N places could share a page",
       .group = "what if"},
      {.name = "--use-zero-pages",
       .value_name = "0|1",
       .help = "what if pages of zeros went to the kernel's page of zeros",
       .group = "what if",
       .choices = {"0", "1"}},
      {.name = "--rows",
       .value_name = "N",
       .help = "show N processes and control groups (10); 0 for all",
       .group = "output"},
  };
  options.insert(options.end(), more.begin(), more.end());
  for (OptionSpec& option : format_options())
    if (option.name != "--json-stream") options.push_back(std::move(option));
  return options;
}

Result<PredictOptions> predict_options_of(const Arguments& arguments, const PredictKernel& kernel) {
  PredictOptions options;
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (arguments.has("--all") && arguments.has("--mergeable"))
    return failure(ErrorKind::usage, "--all and --mergeable do not go together");
  if (arguments.has("--mergeable")) options.scan.regions = memory::MergeRegions::mergeable;
  if (const auto text = arguments.value("--settle")) {
    const auto settle_ns = parse_duration_ns(*text);
    if (!settle_ns) return tl::make_unexpected(settle_ns.error());
    if (*settle_ns > kLongestIntervalNs)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is too long for --settle");
    options.settle_ns = *settle_ns;
    options.scan.looks_again = true;
  }
  if (const auto text = arguments.value("--sample")) {
    const auto part = parse_part(*text);
    if (!part) return tl::make_unexpected(part.error());
    options.scan.sample = *part;
  }
  if (const auto text = arguments.value("--seed")) {
    const auto seed = parse_unsigned(*text);
    if (!seed) return failure(ErrorKind::usage, "'" + printable(*text) + "' is no whole number for --seed");
    options.scan.seed = *seed;
  }
  if (const auto text = arguments.value("--threads")) {
    const auto count = parse_count(*text, "number of threads");
    if (!count) return tl::make_unexpected(count.error());
    if (*count > kLargestThreads)
      return failure(ErrorKind::usage,
                     fmt::format("{} threads are too many; the most is {}", *count, kLargestThreads));
    options.scan.threads = static_cast<unsigned>(*count);
  }
  if (const auto text = arguments.value("--memory-limit")) {
    const auto bytes = parse_size(*text);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (*bytes == 0) return failure(ErrorKind::usage, "nothing can be remembered in --memory-limit 0");
    options.scan.memory_limit_bytes = *bytes;
    if (options.settle_ns || options.scan.sample < 1)
      return failure(ErrorKind::usage, "--memory-limit does not go with --settle or --sample");
  }
  if (const auto text = arguments.value("--rows")) {
    const auto rows = parse_unsigned(*text);
    if (!rows) return failure(ErrorKind::usage, "'" + printable(*text) + "' is no number of rows");
    options.rows = static_cast<std::size_t>(*rows);
  }
  if (auto read = read_settings(arguments, kernel, options); !read) return tl::make_unexpected(read.error());
  return options;
}

}  // namespace isotach::command
