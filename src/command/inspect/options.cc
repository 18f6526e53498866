#include "command/inspect/options.h"

#include <algorithm>

#include "base/text.h"
#include "command/common_options.h"

namespace isotach::command {

std::vector<OptionSpec> inspect_options() {
  constexpr const char* kWhat = "what to look at";
  constexpr const char* kOutput = "output";
  return {
      {"--image",
       'i',
       "IMAGE",
       "only code of this program or library, such as ls or libc.so.6; again for several",
       kWhat,
       {},
       "file",
       true},
      {"--routine", 0, "NAME", "only code of this routine; again for several", kWhat, {}, {}, true},
      {"--address",
       0,
       "RANGE",
       "only data there: 0x7f00-0x8000 or 0x7f00+4096; again for several",
       kWhat,
       {},
       {},
       true},
      {"--instructions", 0, "", "record each instruction that runs", kWhat},
      {"--reads", 0, "", "record each read with its value", kWhat},
      {"--writes", 0, "", "record each write with the memory before and after", kWhat},
      {"--sample", 0, "N", "record one burst of 1000 instructions in N", kWhat},
      {"--start", 0, "ROUTINE", "begin when this routine is entered first", kWhat},
      {"--stop", 0, "ROUTINE", "end when this routine is entered, once begun", kWhat},
      {"--limit", 0, "N", "record at most N events", kWhat},
      {"--read", 0, "FILE", "look at a recording instead of running a program", kWhat, {}, "file"},
      {"--output",
       'o',
       "FILE",
       "write the records to FILE, packed where its name ends in .zst; - is standard output",
       kOutput,
       {},
       "file"},
      {"--text", 0, "", "write lines for people instead of records; to standard output without -o", kOutput},
      {"--report",
       0,
       "FILE",
       "write a page with a map of the accesses and tables: one HTML file",
       kOutput,
       {},
       "file"},
      {"--svg", 0, "FILE", "write the map alone: one SVG file", kOutput, {}, "file"},
      {"--top", 0, "N", "rows of each table (10)", kOutput},
      {"--json", 'J', "", "the summary as one JSON document", kOutput},
  };
}

Result<InspectOptions> inspect_options_of(const Arguments& arguments) {
  InspectOptions options;
  options.command = arguments.command();
  options.read_path = arguments.value("--read").value_or("");
  if (options.command.empty() && options.read_path.empty())
    return failure(
        ErrorKind::usage, "there is nothing to inspect",
        "isotach inspect -- COMMAND runs a program, isotach inspect --read FILE reads a recording");
  if (!options.command.empty() && !options.read_path.empty())
    return failure(ErrorKind::usage, "--read and -- COMMAND do not go together");
  options.output_path = arguments.value("--output").value_or("");
  options.lines = arguments.has("--text");
  if (options.lines && options.output_path.empty()) options.output_path = "-";
  options.json = arguments.has("--json");
  if (options.json && options.output_path == "-")
    return failure(ErrorKind::usage, "--json and records would both go to standard output",
                   "name a file with -o");
  options.report_path = arguments.value("--report").value_or("");
  options.svg_path = arguments.value("--svg").value_or("");
  options.choice.images = arguments.values("--image");
  options.choice.routines = arguments.values("--routine");
  for (const std::string& text : arguments.values("--address")) {
    const auto range = instrument::parse_address_range(text);
    if (!range) return tl::make_unexpected(range.error());
    options.choice.addresses.push_back(*range);
  }
  const bool instructions = arguments.has("--instructions");
  const bool reads = arguments.has("--reads"), writes = arguments.has("--writes");
  if (instructions || reads || writes) {
    options.choice.instructions = instructions;
    options.choice.reads = reads;
    options.choice.writes = writes;
  }
  if (const auto text = arguments.value("--sample")) {
    const auto sample = parse_count(*text, "sample");
    if (!sample) return tl::make_unexpected(sample.error());
    if (*sample > UINT32_MAX) return failure(ErrorKind::usage, "--sample is too large");
    options.sample = *sample;
  }
  if (const auto text = arguments.value("--limit")) {
    const auto limit = parse_count(*text, "limit");
    if (!limit) return tl::make_unexpected(limit.error());
    options.choice.at_most = *limit;
  }
  if (const auto text = arguments.value("--top")) {
    const auto top = parse_count(*text, "top");
    if (!top) return tl::make_unexpected(top.error());
    options.top = static_cast<std::size_t>(std::min<std::uint64_t>(*top, 1'000'000));
  }
  options.start_routine = arguments.value("--start").value_or("");
  options.stop_routine = arguments.value("--stop").value_or("");
  const bool at_run = options.sample > 1 || !options.start_routine.empty() || !options.stop_routine.empty();
  if (at_run && !options.read_path.empty())
    return failure(ErrorKind::usage, "--sample, --start and --stop act while a program runs, not on --read");
  return options;
}

}  // namespace isotach::command
