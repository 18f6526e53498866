#include "command/vm_options.h"

#include <array>

#include "base/clock.h"
#include "base/text.h"

namespace isotach::command {
namespace {

using memory::TableUnit;
using memory::VmMode;

constexpr const char* kWhat = "what to show";
constexpr const char* kHow = "how to show it";
constexpr const char* kSource = "source";

struct ModeSwitch {
  VmMode mode;
  const char* option;
};
constexpr ModeSwitch kModeSwitches[] = {{VmMode::stats, "--stats"},       {VmMode::disks, "--disk"},
                                        {VmMode::disk_sum, "--disk-sum"}, {VmMode::partition, "--partition"},
                                        {VmMode::slabs, "--slabs"},       {VmMode::free, "--free"}};

// vmstat prints these once, whatever delay is given.
bool is_printed_once(VmMode mode) {
  return mode == VmMode::stats || mode == VmMode::disk_sum || mode == VmMode::forks;
}

Result<VmMode> mode_of(const Arguments& arguments) {
  // As in vmstat, -f wins over the other modes.
  if (arguments.has("--forks")) return VmMode::forks;
  VmMode mode = VmMode::row;
  const char* chosen = nullptr;
  for (const ModeSwitch& candidate : kModeSwitches) {
    if (!arguments.has(candidate.option)) continue;
    if (chosen != nullptr)
      return failure(ErrorKind::usage,
                     std::string(chosen) + " and " + candidate.option + " exclude each other",
                     "give one of --stats, --disk, --disk-sum, --partition, --slabs, --free");
    chosen = candidate.option;
    mode = candidate.mode;
  }
  return mode;
}

Result<TableUnit> unit_of(const std::string& text) {
  if (text == "b" || text == "B") return TableUnit{1, text[0]};
  if (text == "k") return TableUnit{1000, 'k'};
  if (text == "K") return TableUnit{1024, 'K'};
  if (text == "m") return TableUnit{1'000'000, 'm'};
  if (text == "M") return TableUnit{1'048'576, 'M'};
  return failure(ErrorKind::usage, "'" + printable(text) + "' is no unit",
                 "give k (1000 bytes), K (1024), m (1000000), M (1048576) or B (bytes)");
}

Result<void> read_timing(const Arguments& arguments, VmOptions& options) {
  const std::vector<std::string>& words = arguments.positionals();
  if (words.empty()) {
    options.count = 1;
    return {};
  }
  const auto delay_ns = parse_interval_ns(words[0], "delay");
  if (!delay_ns) return tl::make_unexpected(delay_ns.error());
  options.delay_ns = *delay_ns;
  options.text.milliseconds = options.delay_ns % kNanosecondsPerSecond != 0;
  if (words.size() > 1) {
    const auto count = parse_count(words[1], "count");
    if (!count) return tl::make_unexpected(count.error());
    options.count = *count;
  }
  if (is_printed_once(options.text.mode)) options.count = 1;
  return {};
}

}  // namespace

std::vector<OptionSpec> vm_option_specs() {
  std::vector<OptionSpec> options = {
      {"--active", 'a', "", "show inactive and active memory instead of buffers and cache", kWhat},
      {"--pressure", 0, "", "add the share of time that tasks waited for CPU, memory and disks", kWhat},
      {"--stats", 's', "", "counters of memory, CPU and events since boot", kWhat},
      {"--disk", 'd', "", "counters of each disk since boot", kWhat},
      {"--disk-sum", 'D', "", "counters of all disks together", kWhat},
      {"--partition", 'p', "DEV", "counters of one disk or partition, such as sda1 or /dev/sda1", kWhat},
      {"--slabs", 'm', "", "the kernel's object caches; only root may read them", kWhat},
      {"--forks", 'f', "", "number of processes and threads created since boot", kWhat},
      {"--free", 0, "", "memory and swap as free(1) shows them", kWhat},
      {"--explain", 0, "COLUMN", "explain a column, a mode or 'all', and end", kWhat},
      {"--wide", 'w', "", "wide columns, for more than a terabyte", kHow},
      {"--one-header", 'n', "", "print the head only once", kHow},
      {"--timestamp", 't', "", "add the time to each row", kHow},
      {"--unit", 'S', "UNIT", "show memory in k (1000 bytes), K (1024), m (1000000), M (1048576) or B", kHow},
      {"--no-first", 'y', "", "leave out the first row, which is averages since boot", kHow},
      {"--human", 'h', "", "with --free: shortest units, such as 23Gi", kHow},
      {"--si", 0, "", "with --free --human: steps of 1000 instead of 1024", kHow},
  };
  for (OptionSpec& option : format_options()) options.push_back(std::move(option));
  options.push_back(record_option());
  options.push_back({"--save-tree",
                     0,
                     "DIR",
                     "save the files that vm reads, COUNT times, as DIR/0, DIR/1, ... for --proc-root",
                     "output",
                     {},
                     "directory"});
  options.push_back(
      {"--proc-root",
       0,
       "DIR",
       "read DIR/proc and DIR/sys, a saved tree, instead of this machine; or one tree a sample from "
       "DIR/0, DIR/1, ... as --save-tree writes them",
       kSource,
       {},
       "directory"});
  return options;
}

Result<VmOptions> vm_options_of(const Arguments& arguments) {
  VmOptions options;
  const auto mode = mode_of(arguments);
  if (!mode) return tl::make_unexpected(mode.error());
  options.text.mode = *mode;
  options.text.wide = arguments.has("--wide");
  options.text.active = arguments.has("--active");
  options.text.one_header = arguments.has("--one-header");
  options.text.no_first = arguments.has("--no-first");
  options.text.timestamp = arguments.has("--timestamp");
  options.text.pressure = arguments.has("--pressure");
  options.text.human = arguments.has("--human");
  options.text.si = arguments.has("--si");
  if (options.text.human && *mode != VmMode::free)
    return failure(ErrorKind::usage, "-h, --human belongs to --free", "for help write --help");
  if (options.text.si && !options.text.human)
    return failure(ErrorKind::usage, "--si belongs to --free --human");
  if (const auto text = arguments.value("--unit")) {
    const auto unit = unit_of(*text);
    if (!unit) return tl::make_unexpected(unit.error());
    options.text.unit = *unit;
  }
  if (const auto device = arguments.value("--partition")) {
    constexpr std::string_view kDevices = "/dev/";
    options.text.partition = device->starts_with(kDevices) ? device->substr(kDevices.size()) : *device;
  }
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (auto read = read_timing(arguments, options); !read) return tl::make_unexpected(read.error());
  return options;
}

std::vector<std::string> vm_replay_words(const Arguments& arguments) {
  std::vector<std::string> words;
  for (const OptionSpec& option : vm_option_specs()) {
    if (option.group == "output" || option.group == kSource || !arguments.has(option.name)) continue;
    words.push_back(option.name);
    if (!option.value_name.empty()) words.push_back(*arguments.value(option.name));
  }
  words.insert(words.end(), arguments.positionals().begin(), arguments.positionals().end());
  return words;
}

}  // namespace isotach::command
