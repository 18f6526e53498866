#include "command/common_options.h"
#include "command/context.h"
#include "command/overview_live.h"
#include "command/spec.h"

namespace isotach::command {
namespace {

Result<OverviewOptions> options_of(const Arguments& arguments) {
  OverviewOptions options;
  auto root = proc_root_of(arguments);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  options.proc_root = std::move(*root);
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
  }
  if (const auto text = arguments.value("--count")) {
    const auto count = parse_count(*text, "count");
    if (!count) return tl::make_unexpected(count.error());
    options.count = *count;
  }
  if (const auto text = arguments.value("--for")) {
    const auto duration_ns = parse_interval_ns(*text, "duration");
    if (!duration_ns) return tl::make_unexpected(duration_ns.error());
    options.duration_ns = *duration_ns;
  }
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  options.record_file = arguments.value("--record");
  options.ascii = arguments.has("--ascii");
  options.fail_if = overview_fail_if(arguments);
  return options;
}

int run(Context& context, const Arguments& arguments) {
  const auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  const bool report = arguments.has("--report") || arguments.has("--once") ||
                      options->format != Format::table || !context.out_is_terminal;
  if (report) return run_overview_report(context, arguments, *options);
  auto screen = view::Screen::open({.color = context.color, .mouse = true}, context.waiter);
  // A terminal that cannot show a picture still shows text.
  if (!screen) return run_overview_report(context, arguments, *options);
  return run_overview_live(context, arguments, *options, std::move(*screen));
}

}  // namespace

CommandSpec overview_command() {
  CommandSpec spec;
  spec.name = "";
  spec.area = "overview";
  spec.summary = "watch this machine live, or print a health report";
  spec.usages = {"isotach [OPTIONS]"};
  spec.description =
      "On a terminal isotach shows the machine live: CPU, memory, swap, page merging (KSM), pressure, "
      "network and "
      "disks, and at the bottom what is wrong. Press ? for the keys.\n\n"
      "Where the output is no terminal, or with --report, it watches the machine for one interval, prints a "
      "health "
      "report and ends. Findings carry their evidence and what to do next.\n\n"
      "With --json the report is one document; --csv prints one row for every number. With -n or -t the "
      "report "
      "covers that many intervals; --csv then prints the rows once an interval, and --json-stream one "
      "document a "
      "line until it is stopped.";
  spec.options = {
      interval_option(),
      count_option(),
      duration_option(),
      {"--report", 0, "", "print one health report and end, on a terminal too", "what to show"},
      {"--once", 0, "", "the same as --report", "what to show"},
      {"--ascii", 0, "", "draw without block and braille characters", "what to show"},
      {"--fail-if",
       0,
       "SEVERITY",
       "exit with 3 when there is a finding at least this grave",
       "output",
       {"warning", "critical"}},
      record_option(),
      proc_root_option(),
  };
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.examples = {
      {"isotach", "watch this machine"},
      {"isotach --report", "is anything wrong?"},
      {"isotach --json | jq .findings", "the findings, for a script"},
      {"isotach --fail-if critical >/dev/null || page-me", "exit code 3 when something grave is found"},
      {"isotach --record day.isotach -i 5", "keep what is shown; isotach replay day.isotach shows it again"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
