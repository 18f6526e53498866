#include "command/experiment/memory_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace isotach::command {
namespace {

using memory::Language;

constexpr std::uint64_t kUsualSize = 4000;
constexpr std::uint64_t kLargestSize = 100'000'000;
constexpr std::int64_t kUsualDelayNs = 100'000;
constexpr std::int64_t kLongestDelayNs = 1'000'000'000;
constexpr std::int64_t kUsualIntervalNs = 10'000'000;

Result<int> experiment_number(std::string_view word) {
  std::vector<std::string> names;
  for (const memory::LabExperiment& experiment : memory::lab_experiments()) {
    if (word == experiment.name || word == std::to_string(experiment.number)) return experiment.number;
    names.emplace_back(experiment.name);
  }
  const auto nearest = nearest_word(word, names);
  return failure(ErrorKind::usage, "there is no experiment '" + printable(word) + "'",
                 nearest ? "did you mean " + *nearest + "?" : "isotach experiment lists them");
}

Result<std::vector<int>> numbers_of(const Arguments& arguments) {
  std::vector<int> numbers;
  if (arguments.has("--all"))
    for (const memory::LabExperiment& experiment : memory::lab_experiments())
      numbers.push_back(experiment.number);
  for (const std::string& value : arguments.values("--experiment")) {
    for (const std::string_view word : split(value, ',')) {
      const auto number = experiment_number(word);
      if (!number) return tl::make_unexpected(number.error());
      if (std::find(numbers.begin(), numbers.end(), *number) == numbers.end()) numbers.push_back(*number);
    }
  }
  return numbers;
}

Result<void> choose_experiments(const Arguments& arguments, MemoryExperimentOptions& options) {
  const auto numbers = numbers_of(arguments);
  if (!numbers) return tl::make_unexpected(numbers.error());
  options.command = arguments.command();
  if (!options.command.empty() && !numbers->empty())
    return failure(ErrorKind::usage, "-- COMMAND does not go together with --all and --experiment");
  if (options.command.empty() && numbers->empty())
    return failure(ErrorKind::usage, "say what to run",
                   "isotach experiment memory --all, --experiment 3, or -- COMMAND");
  const std::string language = arguments.value("--language").value_or("both");
  for (const Language each : {Language::python, Language::cpp}) {
    if (language != "both" && language != memory::language_key(each)) continue;
    for (const int number : *numbers) options.experiments.push_back({number, each});
  }
  for (const char* option : {"--language", "--size", "--delay"})
    if (!options.command.empty() && arguments.has(option))
      return failure(ErrorKind::usage,
                     fmt::format("{} is for the experiments of the lab, not for a command", option));
  if (options.command.empty() && arguments.has("--python-gc"))
    return failure(ErrorKind::usage,
                   "--python-gc is for a command; the experiments of the lab are always asked");
  return {};
}

Result<void> read_amounts(const Arguments& arguments, MemoryExperimentOptions& options) {
  options.size = kUsualSize;
  if (const auto text = arguments.value("--size")) {
    const auto size = parse_size(*text);
    if (!size) return tl::make_unexpected(size.error());
    if (*size == 0 || *size > kLargestSize)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no size for a list",
                     "give a number of strings from 1 to 100M; each takes about 21 KiB");
    options.size = *size;
  }
  options.delay_ns = kUsualDelayNs;
  if (const auto text = arguments.value("--delay")) {
    const auto delay_ns = parse_duration_ns(*text);
    if (!delay_ns) return tl::make_unexpected(delay_ns.error());
    if (*delay_ns > kLongestDelayNs)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is too long a delay",
                     "at most 1s for each string");
    options.delay_ns = *delay_ns;
  }
  options.interval_ns = kUsualIntervalNs;
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
  }
  return {};
}

}  // namespace

std::vector<OptionSpec> memory_experiment_option_specs() {
  std::vector<OptionSpec> options = {
      {"--all", 'a', "", "run all experiments of the lab", "what to run"},
      {"--experiment",
       'e',
       "N",
       "run this one, by number or name; several with commas",
       "what to run",
       {},
       {},
       true},
      {"--language",
       0,
       "LANGUAGE",
       "run the experiments in this language (both)",
       "what to run",
       {"python", "c++", "both"}},
      {"--size", 0, "N", "strings in each list (4000); each takes about 21 KiB", "what to run"},
      {"--delay", 0, "TIME", "sleep so long after each string (0.1ms); 0 for none", "what to run"},
      {"--python-gc", 0, "", "let a Python COMMAND say at its end what its memory holds", "what to measure"},
      {"--interval", 'i', "TIME", "time between samples (10ms, which is the least)", "what to measure"},
      {"--report",
       0,
       "FILE",
       "write one HTML page with curves and their interpretation",
       "output",
       {},
       "file"},
      {"--svg",
       0,
       "FILE",
       "write the curves as SVG; with several, into this folder",
       "output",
       {},
       "file directory"},
      {"--png",
       0,
       "FILE",
       "write the curves as PNG; with several, into this folder",
       "output",
       {},
       "file directory"},
      record_option(),
  };
  for (OptionSpec& option : format_options())
    if (option.name != "--json-stream") options.push_back(std::move(option));
  return options;
}

Result<MemoryExperimentOptions> memory_experiment_options_of(const Arguments& arguments) {
  MemoryExperimentOptions options;
  if (auto chosen = choose_experiments(arguments, options); !chosen)
    return tl::make_unexpected(chosen.error());
  if (auto read = read_amounts(arguments, options); !read) return tl::make_unexpected(read.error());
  options.python_gc = arguments.has("--python-gc");
  options.report_path = arguments.value("--report").value_or("");
  options.svg_path = arguments.value("--svg").value_or("");
  options.png_path = arguments.value("--png").value_or("");
  options.record_path = arguments.value("--record").value_or("");
  for (const char* name : {"--report", "--svg", "--png", "--record"})
    if (const auto value = arguments.value(name); value && value->empty())
      return failure(ErrorKind::usage, std::string(name) + " needs a name");
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  return options;
}

}  // namespace isotach::command
