// isotach doctor: what is wrong, with the machine or with one transfer.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "command/common_options.h"
#include "command/doctor/commands.h"
#include "command/doctor/silence.h"
#include "command/process_selection.h"
#include "doctor/catalogue.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kTransferNs = 5 * kNanosecondsPerSecond;

// Only one of the ways of looking at a time.
Result<void> check_ways(const Arguments& arguments) {
  std::vector<std::string> ways;
  for (const char* way : {"--pid", "--capture", "--self", "--explain", "--watch"})
    if (arguments.has(way)) ways.emplace_back(way);
  if (!arguments.command().empty()) ways.emplace_back("-- COMMAND");
  if (!arguments.positionals().empty()) ways.emplace_back("HOST");
  if (ways.size() > 1)
    return failure(ErrorKind::usage, fmt::format("{} and {} do not go together", ways[0], ways[1]),
                   "ask for one after the other");
  return {};
}

Result<DoctorReport> examine(Context& context, const Arguments& arguments, DoctorOptions& options) {
  if (!arguments.command().empty()) return examine_command(context, arguments.command(), options);
  if (arguments.has("--capture")) return examine_captures(context, arguments.values("--capture"));
  if (!arguments.positionals().empty())
    return examine_path(context, arguments.positionals().front(), options);
  if (!arguments.has("--pid")) return examine_host(context, options);
  const auto pids = pids_of(arguments);
  if (!pids) return tl::make_unexpected(pids.error());
  if (options.duration_ns == 0) options.duration_ns = kTransferNs;
  return examine_processes(context, *pids, options);
}

void answer_for_host(DoctorReport& report) {
  std::size_t problems = 0;
  for (const doctor::Finding& finding : report.findings)
    problems += finding.severity >= doctor::Severity::warning ? 1 : 0;
  if (problems == 0) {
    report.answer = fmt::format("Nothing is wrong with this host, as far as {:.0f} s show.", report.seconds);
    return;
  }
  std::string title = report.findings.front().title;
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  report.answer = problems == 1 ? title + "."
                                : fmt::format("{}, and {} more problem{}.", title, problems - 1,
                                              problems == 2 ? "" : "s");
}

int explain(Context& context, const std::string& id) {
  const doctor::FindingDescription* found = doctor::find_description(id);
  if (found == nullptr)
    return context.report({ErrorKind::usage, 0, "there is no finding '" + printable(id) + "'",
                           "a report names them in brackets"});
  context.out.write(doctor::finding_page(*found));
  return kExitOk;
}

Result<DoctorOptions> options_of(Context& context, const Arguments& arguments) {
  DoctorOptions options;
  options.both_ends = !arguments.has("--one-end");
  if (const auto text = arguments.value("--for")) {
    auto duration_ns = parse_interval_ns(*text, "time");
    if (!duration_ns) return tl::make_unexpected(std::move(duration_ns.error()));
    options.duration_ns = *duration_ns;
  }
  auto interval_ns = interval_of(arguments);
  if (!interval_ns) return tl::make_unexpected(std::move(interval_ns.error()));
  options.interval_ns = *interval_ns;
  for (const char* option : {"--interval", "--json-stream"})
    if (arguments.has(option) && !arguments.has("--watch"))
      return failure(ErrorKind::usage, fmt::format("{} has a meaning with --watch only", option));
  if (arguments.has("--watch") && arguments.has("--json"))
    return failure(ErrorKind::usage, "what goes on and on is no one document", "write --json-stream");
  auto silenced = silenced_by(context, arguments);
  if (!silenced) return tl::make_unexpected(std::move(silenced.error()));
  options.silenced = std::move(*silenced);
  return options;
}

int run(Context& context, const Arguments& arguments) {
  const bool json = arguments.has("--json");
  context.json_errors = json || arguments.has("--json-stream");
  if (auto checked = check_ways(arguments); !checked) return context.report(checked.error());
  if (arguments.has("--self")) return examine_self(context, json);
  if (const auto id = arguments.value("--explain")) return explain(context, *id);
  auto options = options_of(context, arguments);
  if (!options) return context.report(options.error());
  if (arguments.has("--watch")) return watch_host(context, *options, arguments.has("--json-stream"));
  auto report = examine(context, arguments, *options);
  if (!report) return context.report(report.error());
  silence(*report, options->silenced);
  if (report->answer.empty()) answer_for_host(*report);
  return print_report(context, *report, json);
}

CommandSpec doctor_command() {
  CommandSpec spec;
  spec.name = "doctor";
  spec.area = "overview";
  spec.summary = "say what is wrong: with this machine, or with a transfer";
  spec.usages = {"isotach doctor [OPTIONS] [HOST[:PORT]]", "isotach doctor [OPTIONS] --pid PID",
                 "isotach doctor [OPTIONS] -- COMMAND [ARGUMENT...]", "isotach doctor --capture FILE",
                 "isotach doctor --watch [-i TIME]"};
  spec.description =
      "Without more it examines this machine for three seconds: links, queues and drops, CPUs that drown in "
      "packets, what TCP and UDP count, connection tracking, DNS servers, memory, swapping, disks, page "
      "merging, "
      "and every TCP connection: which are limited, and by what.\n\n"
      "With HOST it looks up the name, and sends for five seconds to the server there (isotach nettest -s, "
      "or "
      "iperf3 -s), to say what limits the transfer.\n\n"
      "--pid and a command answer why the transfers of a program are slow. Its connections are asked for 20 "
      "times a second, and so is what the threads behind them do: both ends, where both are on this machine. "
      "The "
      "time is shared out among the causes: the sending application, its disk, its CPU, buffers and windows "
      "at "
      "both ends, the receiving application, its disk, its CPU, and the path: full, shared, lossy, policed, "
      "reordering, with too long a queue, or losing all large packets. No program is stopped or traced.\n\n"
      "--capture says the same of what a capture shows.\n\n"
      "--watch stays: it looks at the machine and lists all TCP connections every two seconds, watches the "
      "hundred that move most 20 times a second, and says what begins and what is over. DNS servers are not "
      "asked. The exit code at the end is 1 when something was wrong. The same doctor stays in the "
      "overview, in isotach web and in isotach agent; there, what /etc/isotach/silence names is not told.\n\n"
      "The answer comes first, in one sentence; then what was found, the evidence with how it was measured, "
      "what "
      "to do, and what was checked and found healthy. Every finding has a name: --explain tells more of it, "
      "--silence keeps it quiet. The exit code is 1 when something is wrong; findings of severity 'info' are "
      "no "
      "problem.";
  spec.positionals = {{"HOST", "the name or address of a server, with :PORT where it is not 5201"}};
  const std::string what = "what to look at";
  spec.options = {
      {"--pid",
       'p',
       "PID",
       "why are the transfers of this process slow? its children count too",
       what,
       {},
       {},
       true},
      {"--capture",
       0,
       "FILE",
       "what limited the connections of this capture (repeatable: pieces of one)",
       what,
       {},
       "file",
       true},
      {"--watch", 'w', "", "stay, and say what begins and what is over", what},
      {"--one-end", 0, "", "do not look for the other ends of connections on this machine", what},
      {"--self", 0, "", "which features of isotach work here, and what is missing for the others", what},
      {"--explain", 0, "ID", "print what a finding means, how it is measured and what to do", what},
      interval_option(),
      duration_option(),
      {"--silence",
       0,
       "ID",
       "do not tell this finding; ID:SUBJECT for one device or connection only",
       "output",
       {},
       {},
       true},
      {"--silence-file",
       0,
       "FILE",
       "the same for each line of FILE (/etc/isotach/silence where it is there)",
       "output",
       {},
       "file"},
      format_options()[0],
      format_options()[1]};
  spec.examples = {{"isotach doctor", "what is wrong with this machine?"},
                   {"isotach doctor server.example", "what limits a transfer to it?"},
                   {"isotach doctor --pid 1234", "why is its transfer slow?"},
                   {"isotach doctor -- scp big.iso server:", "and why is this one"},
                   {"isotach doctor --capture slow.pcap", "what limited the connections in it"},
                   {"isotach doctor --watch", "tell me when something goes wrong"},
                   {"isotach doctor --self", "what works here, and what to install for the rest"}};
  spec.takes_command = true;
  spec.run = run;
  return spec;
}

}  // namespace

std::vector<CommandSpec> doctor_commands() {
  return {doctor_command()};
}

}  // namespace isotach::command
