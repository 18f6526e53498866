#include "command/plot_options.h"

#include <sys/stat.h>

#include <cerrno>
#include <tuple>

#include "base/text.h"
#include "view/plot/draw.h"

namespace isotach::command {
namespace {

constexpr const char* kAxes = "axes";
constexpr const char* kPictures = "pictures";

// One end of a fixed axis in base units.
std::optional<double> axis_value(std::string_view text, Unit unit) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::optional<double> value;
  if (unit == Unit::ratio) {
    const bool percent = text.ends_with('%');
    if (percent) text.remove_suffix(1);
    value = parse_real(trim(text));
    if (value && percent) *value /= 100;
  } else if (unit == Unit::seconds) {
    if (const auto duration_ns = parse_duration_ns(text)) value = static_cast<double>(*duration_ns) / 1e9;
  } else if (const auto size = parse_size(text)) {
    value = static_cast<double>(*size);
  } else {
    value = parse_real(text);
  }
  if (!value || *value < 0) return std::nullopt;
  return negative ? -*value : *value;
}

Result<std::pair<int, int>> parse_picture_size(const std::string& text) {
  const auto parts = split(text, 'x');
  const auto width = parts.size() == 2 ? parse_unsigned(parts[0]) : std::nullopt;
  const auto height = parts.size() == 2 ? parse_unsigned(parts[1]) : std::nullopt;
  if (!width || !height)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no picture size",
                   "write WIDTHxHEIGHT, such as 960x480");
  const auto fits = [](std::uint64_t side, int least) {
    return side >= static_cast<std::uint64_t>(least) &&
           side <= static_cast<std::uint64_t>(view::kLargestFigureSide);
  };
  if (!fits(*width, view::kSmallestFigureWidth) || !fits(*height, view::kSmallestFigureHeight))
    return failure(ErrorKind::usage, "a picture of " + printable(text) + " is too small or too large",
                   "from 240x160 to 8192x8192");
  return std::pair{static_cast<int>(*width), static_cast<int>(*height)};
}

Result<double> vmstat_unit(const std::string& text) {
  if (text == "k") return 1000.0;
  if (text == "K") return 1024.0;
  if (text == "m") return 1e6;
  if (text == "M") return 1024.0 * 1024;
  if (text == "b" || text == "B") return 1.0;
  return failure(ErrorKind::usage, "'" + printable(text) + "' is no unit of vmstat",
                 "give the letter that vmstat -S was given: k (1000), K (1024), m (1000000), M (1048576)");
}

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
}

// Takes a recording's name off the front of the words, where there is one. A word that names metrics
// is one even where a file of that name lies about.
Result<void> take_recording(PlotOptions& options) {
  if (options.metrics.empty()) return {};
  const std::string first = options.metrics.front();
  if (PlotSelection::parse({first}, PlotSourceKind::live)) return {};
  const bool looks_like_path = first.find('/') != std::string::npos || first.ends_with(".isotach");
  if (!is_file(first)) {
    struct stat status {};
    if (looks_like_path && ::stat(first.c_str(), &status) != 0)
      return system_failure(errno, "open " + printable(first));
    if (looks_like_path) return system_failure(EISDIR, "open " + printable(first));
    return {};
  }
  options.source = PlotSourceKind::recording;
  options.recording_path = first;
  options.metrics.erase(options.metrics.begin());
  return {};
}

Result<void> check_source(const Arguments& arguments, const PlotOptions& options) {
  const auto refuse = [](const char* option, const char* why) {
    return failure(ErrorKind::usage, std::string(option) + " has no meaning " + why);
  };
  if (options.source == PlotSourceKind::recording) {
    for (const char* option : {"--interval", "--proc-root", "--record"})
      if (arguments.has(option)) return refuse(option, "with a recording");
    if (!options.command.empty()) return refuse("a command", "with a recording");
  }
  if (options.source == PlotSourceKind::vmstat && !options.command.empty())
    return refuse("a command", "with --from vmstat");
  if (options.source != PlotSourceKind::vmstat) {
    for (const char* option : {"--unit", "--total"})
      if (arguments.has(option)) return refuse(option, "without --from vmstat");
  }
  if (!options.command.empty() && !options.proc_root.empty()) return refuse("a command", "with --proc-root");
  if (arguments.has("--fixed") && arguments.has("--auto"))
    return failure(ErrorKind::usage, "--fixed and --auto exclude each other");
  return {};
}

}  // namespace

std::vector<OptionSpec> plot_option_specs() {
  std::vector<OptionSpec> options = {
      {"--list", 0, "", "list every metric with its unit and kind, and the ready-made groups",
       "what to show"},
      {"--from", 0, "SOURCE", "plot what another program prints on standard input", "source", {"vmstat"}},
      {"--unit", 'S', "LETTER", "with --from vmstat: the unit that vmstat -S was given (K without it)",
       "source"},
      {"--total", 0, "SIZE", "with --from vmstat of another machine: how much memory it has, such as 16Gi",
       "source"},
      proc_root_option(),
      interval_option(),
      count_option(),
      duration_option(),
      {"--window", 0, "TIME", "how much of the past is visible (60s); given, also in the files written",
       "timing"},
      {"--auto", 0, "", "let the value axis follow the data (as without any of these options)", kAxes},
      {"--fixed", 0, "LOW:HIGH",
       "hold the value axis there, such as 0:8Gi, 0:100%; points outside become arrows", kAxes},
      {"--clock", 0, "", "show the time of day on the time axis", kAxes},
      {"--style",
       0,
       "STYLE",
       "what lines are made of in the terminal",
       kPictures,
       {"braille", "block", "ascii"}},
      {"--svg",
       0,
       "FILE",
       "write the plot as SVG, anew every few seconds and at the end",
       kPictures,
       {},
       "file"},
      {"--png", 0, "FILE", "the same as PNG", kPictures, {}, "file"},
      {"--size", 0, "WxH", "size of SVG and PNG in pixels (960x480)", kPictures},
      {"--title", 0, "TEXT", "title of the plot", kPictures},
  };
  for (OptionSpec& option : format_options()) options.push_back(std::move(option));
  options.push_back(record_option());
  return options;
}

Result<view::Range> parse_fixed_range(const std::string& text, Unit unit) {
  const auto parts = split(text, ':');
  const auto low = parts.size() == 2 ? axis_value(parts[0], unit) : std::nullopt;
  const auto high = parts.size() == 2 ? axis_value(parts[1], unit) : std::nullopt;
  if (!low || !high)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no range for the axis",
                   "write LOW:HIGH, such as 0:8Gi, 0:100%, 0:1000");
  if (!(*low < *high))
    return failure(ErrorKind::usage, "the range '" + printable(text) + "' is empty",
                   "the lower end comes first");
  return view::Range{*low, *high};
}

Result<PlotOptions> plot_options_of(const Arguments& arguments) {
  PlotOptions options;
  options.metrics = arguments.positionals();
  options.command = arguments.command();
  const auto fail = [](Error error) { return tl::make_unexpected(std::move(error)); };

  auto format = format_of(arguments);
  if (!format) return fail(format.error());
  options.format = *format;
  if (const auto source = arguments.value("--from")) {
    if (*source != "vmstat")
      return failure(ErrorKind::usage, "'" + printable(*source) + "' is no source", "give: vmstat");
    options.source = PlotSourceKind::vmstat;
  } else if (auto taken = take_recording(options); !taken) {
    return fail(taken.error());
  }
  if (options.metrics.empty()) options.metrics = {"memory"};

  if (const auto text = arguments.value("--interval")) {
    auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return fail(interval_ns.error());
    options.interval_ns = *interval_ns;
    options.interval_given = true;
  }
  if (const auto text = arguments.value("--count")) {
    auto count = parse_count(*text, "count");
    if (!count) return fail(count.error());
    options.count = *count;
  }
  if (const auto text = arguments.value("--for")) {
    auto duration_ns = parse_duration_ns(*text);
    if (!duration_ns) return fail(duration_ns.error());
    if (*duration_ns <= 0) return failure(ErrorKind::usage, "a duration of 0 plots nothing");
    options.duration_ns = *duration_ns;
  }
  if (const auto text = arguments.value("--window")) {
    auto window_ns = parse_duration_ns(*text);
    if (!window_ns) return fail(window_ns.error());
    if (*window_ns < kShortestIntervalNs)
      return failure(ErrorKind::usage, "a window of '" + printable(*text) + "' is too short",
                     "the shortest is 10ms");
    options.window_ns = *window_ns;
    options.window_given = true;
  }

  options.fixed = arguments.value("--fixed");
  if (options.fixed) {
    // What is no range in any unit is refused now; the unit is known with the first sample.
    auto range = parse_fixed_range(*options.fixed, Unit::count);
    const bool other =
        parse_fixed_range(*options.fixed, Unit::ratio) || parse_fixed_range(*options.fixed, Unit::seconds);
    if (!range && !other) return fail(range.error());
  }
  options.clock = arguments.has("--clock");
  if (const auto style = arguments.value("--style"))
    options.dots = *style == "block"   ? view::DotStyle::block
                   : *style == "ascii" ? view::DotStyle::ascii
                                       : view::DotStyle::braille;
  if (const auto text = arguments.value("--size")) {
    auto size = parse_picture_size(*text);
    if (!size) return fail(size.error());
    std::tie(options.width, options.height) = *size;
  }
  options.title = printable(arguments.value("--title").value_or(""));
  options.svg_path = arguments.value("--svg").value_or("");
  options.png_path = arguments.value("--png").value_or("");
  options.record_path = arguments.value("--record").value_or("");
  for (const char* option : {"--svg", "--png", "--record"})
    if (const auto path = arguments.value(option); path && path->empty())
      return failure(ErrorKind::usage, std::string(option) + " needs the name of a file");
  if (const auto text = arguments.value("--unit")) {
    auto unit = vmstat_unit(*text);
    if (!unit) return fail(unit.error());
    options.vmstat_unit_bytes = *unit;
  }
  if (const auto text = arguments.value("--total")) {
    auto total = parse_size(*text);
    if (!total) return fail(total.error());
    options.total_bytes = *total;
  }
  auto proc_root = proc_root_of(arguments);
  if (!proc_root) return fail(proc_root.error());
  options.proc_root = *proc_root;
  if (auto checked = check_source(arguments, options); !checked) return fail(checked.error());
  return options;
}

}  // namespace isotach::command
