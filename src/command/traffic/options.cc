#include "command/traffic/options.h"

#include "base/text.h"
#include "network/link/snapshot.h"

namespace isotach::command {
namespace {

constexpr std::size_t kMostRowsLimit = 4'194'304;

Result<void> read_times(const Arguments& arguments, TrafficCommandOptions& options) {
  const auto interval_ns = interval_of(arguments);
  if (!interval_ns) return tl::make_unexpected(interval_ns.error());
  const auto count = count_of(arguments);
  if (!count) return tl::make_unexpected(count.error());
  const auto duration_ns = interval_of(arguments, "--for", "duration");
  if (!duration_ns) return tl::make_unexpected(duration_ns.error());
  options.interval_ns = interval_ns->value_or(options.interval_ns);
  options.count = *count;
  options.duration_ns = *duration_ns;
  return {};
}

Result<void> read_outputs(const Arguments& arguments, TrafficCommandOptions& options) {
  options.log_file = arguments.value("--log");
  options.record_file = arguments.value("--record");
  options.collector = arguments.value("--ipfix");
  if (const auto text = arguments.value("--rotate")) {
    if (!options.log_file)
      return failure(ErrorKind::usage, "--rotate is for a log",
                     "name it: --log traffic.log --rotate " + *text);
    const auto rotation = parse_rotation(*text);
    if (!rotation) return tl::make_unexpected(rotation.error());
    options.rotation = *rotation;
  }
  if (options.log_file && options.format == Format::json)
    return failure(ErrorKind::usage, "a log holds lines, not one document",
                   "leave out --json; --log FILE --csv writes CSV instead of a JSON object a line");
  return {};
}

Result<void> read_what(const Arguments& arguments, TrafficCommandOptions& options) {
  for (const std::string& name : arguments.values("--by")) options.bys.push_back(*network::traffic_by(name));
  const bool csv = options.format == Format::csv;
  if (csv && options.bys.size() > 1)
    return failure(ErrorKind::usage, "the rows of CSV are all of one kind", "give --by once");
  if (const auto name = arguments.value("--sort")) options.sort = *network::traffic_sort(*name);
  if (const auto text = arguments.value("--top")) {
    const auto top = parse_unsigned(*text);
    if (!top || *top > kMostRowsLimit)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no number of rows",
                     "write a whole number; 0 shows all");
    options.top = static_cast<std::size_t>(*top);
  }
  if (const auto text = arguments.value("--flow-limit")) {
    const auto limit = parse_unsigned(*text);
    if (!limit || *limit == 0 || *limit > kMostRowsLimit)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no number of flows",
                     "write a whole number from 1 to 4194304");
    options.source.flow_limit = static_cast<std::uint32_t>(*limit);
  }
  if (const auto method = arguments.value("--source")) {
    if (*method == "bpf") options.source.method = network::TrafficMethod::bpf;
    if (*method == "ring") options.source.method = network::TrafficMethod::ring;
    if (*method == "counters") options.source.method = network::TrafficMethod::counters;
  }
  options.source.interfaces = arguments.positionals();
  options.source.filter = arguments.value("--filter").value_or("");
  options.source.processes = !arguments.has("--no-processes");
  return {};
}

std::vector<std::string> by_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < network::kTrafficBys; ++i)
    names.emplace_back(network::traffic_by_name(static_cast<network::TrafficBy>(i)));
  return names;
}

}  // namespace

Result<TrafficCommandOptions> traffic_options_of(const Arguments& arguments) {
  TrafficCommandOptions options;
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (auto read = read_times(arguments, options); !read) return tl::make_unexpected(std::move(read.error()));
  if (auto read = read_outputs(arguments, options); !read)
    return tl::make_unexpected(std::move(read.error()));
  if (auto read = read_what(arguments, options); !read) return tl::make_unexpected(std::move(read.error()));
  options.resolve = arguments.has("--resolve");
  options.report = arguments.has("--report");
  options.ascii = arguments.has("--ascii");
  return options;
}

std::vector<OptionSpec> traffic_option_specs() {
  std::vector<OptionSpec> specs = {interval_option(), count_option(), duration_option()};
  const auto add = [&](OptionSpec spec) { specs.push_back(std::move(spec)); };
  add({.name = "--by",
       .letter = 0,
       .value_name = "KIND",
       .help = "rows of this kind; may be given several times, once with --csv",
       .group = "what to show",
       .choices = by_names(),
       .completes = {},
       .repeatable = true});
  add({"--top", 0, "N", "rows of each kind: 10 in a report, 100 in JSON, all in CSV without it; 0 shows all",
       "what to show"});
  add({"--sort",
       's',
       "KEY",
       "what the largest is",
       "what to show",
       {"rate", "packet-rate", "in-rate", "out-rate", "bytes", "packets"}});
  add({"--resolve", 0, "", "show names of hosts, asked for in the background", "what to show"});
  add({"--report", 0, "", "print a report instead of the live view, on a terminal too", "what to show"});
  add({"--ascii", 0, "", "draw without block and braille characters", "what to show"});
  add({"--filter", 'f', "EXPR",
       "count only this, as tcpdump writes it: 'tcp port 443 and not net 10.0.0.0/8'", "source"});
  add({"--source",
       0,
       "METHOD",
       "count this way, not the best one that works",
       "source",
       {"bpf", "ring", "counters"}});
  add({"--no-processes", 0, "", "do not find out whose traffic it is", "source"});
  add({"--flow-limit", 0, "N",
       "flows that are told apart at once, 65536 without it; more are counted under 'other'", "source"});
  add({"--log",
       0,
       "FILE",
       "append what --json-stream or --csv would print to FILE, and show nothing",
       "output",
       {},
       "file"});
  add({"--rotate", 0, "LIMIT", "put the log aside at this size, age or both: 10M, 1d, 10M,1d", "output"});
  add(record_option());
  add({"--ipfix", 0, "HOST:PORT", "send flow records to an IPFIX collector over UDP", "output"});
  for (OptionSpec& spec : format_options()) specs.push_back(std::move(spec));
  return specs;
}

}  // namespace isotach::command
