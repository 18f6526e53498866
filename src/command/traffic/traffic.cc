// isotach traffic: who fills the interfaces.
#include <utility>

#include "command/link/names.h"
#include "command/traffic/commands.h"
#include "command/traffic/options.h"
#include "command/traffic/run.h"
#include "network/link/snapshot.h"

namespace isotach::command {
namespace {

// A mistyped name is told before anything is attached, with what may have been meant.
Result<void> check_interfaces(const std::vector<std::string>& names, Clock& clock) {
  if (names.empty()) return {};
  auto probe = network::LinkProbe::open(clock);
  if (!probe) return tl::make_unexpected(std::move(probe.error()));
  const auto snapshot = probe->read();
  if (!snapshot) return tl::make_unexpected(snapshot.error());
  for (const std::string& name : names)
    if (auto known = check_interface_name(*snapshot, name); !known) return known;
  return {};
}

int run_traffic(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json") || arguments.has("--json-stream");
  auto options = traffic_options_of(arguments);
  if (!options) return context.report(options.error());
  if (auto known = check_interfaces(options->source.interfaces, context.clock); !known)
    return context.report(known.error());
  std::unique_ptr<HostNames> names;
  if (options->resolve) names = std::make_unique<HostNames>();
  // A log, a recording and a collector are opened first: they fail at once, and cost nothing to try.
  auto sinks = TrafficSinks::open(context, arguments, *options, names.get());
  if (!sinks) return context.report(sinks.error());
  auto source = network::TrafficSource::open(options->source, context.clock);
  if (!source) return context.report(source.error());
  auto session = TrafficSession::begin(std::move(*source));
  if (!session) return context.report(session.error());
  if (auto added = (*sinks)->add(**session); !added) return context.report(added.error());
  if (options->format == Format::table && context.out_is_terminal && !options->report && !options->log_file)
    if (auto screen = view::Screen::open({.color = context.color, .mouse = true}, context.waiter))
      return run_traffic_live(context, *options, std::move(*session), **sinks, names.get(),
                              std::move(*screen));
  return run_traffic_report(context, *options, std::move(*session), **sinks, names.get());
}

CommandSpec traffic_command() {
  CommandSpec spec;
  spec.name = "traffic";
  spec.area = "network";
  spec.summary = "who fills the interfaces: protocols, flows, hosts, processes";
  spec.usages = {"isotach traffic [OPTIONS] [INTERFACE...]"};
  spec.description =
      "Counts what goes over all interfaces, or over those named: by protocol, flow, host, station, port, "
      "process, container, packet size, VLAN and DSCP class, with rates, peaks, means and totals. On a "
      "terminal "
      "it is a live view with a page for each; Enter opens a row, ? shows the keys. Elsewhere, or with "
      "--report, "
      "it prints a report over one interval, or over what -t or -n ask for.\n\n"
      "Packets are counted in the kernel by eBPF programs where that is permitted, else from a ring of "
      "copied "
      "packets, else only the counters of interfaces are read. What is used, what it cannot tell, and the "
      "packets that went by and are not accounted for are always shown. 'Other' are packets of flows that "
      "the "
      "table had no room for: they are in all totals.\n\n"
      "Bytes are those of frames with their Ethernet head, packets those of the wire: what the kernel "
      "carries in "
      "one piece (GRO, GSO) counts as the packets it stands for. In is what an interface received. What goes "
      "over loopback is shown, but not part of the totals while other interfaces are watched.\n\n"
      "--json prints one document, --json-stream one a line for each interval, --csv the rows of one kind. "
      "--log writes such lines to a file that is rotated; --record keeps the counters for isotach replay and "
      "isotach plot; --ipfix sends flow records to any collector.";
  spec.positionals = {
      {.name = "INTERFACE", .help = "count on this one", .completes = "interface", .repeatable = true}};
  spec.options = traffic_option_specs();
  spec.examples = {
      {"isotach traffic", "watch all interfaces"},
      {"isotach traffic eth0 --by process", "who uses eth0"},
      {"isotach traffic -t 10s --by host --top 20 --report", "the largest twenty hosts of ten seconds"},
      {"isotach traffic -f 'udp port 53' --json-stream -i 1 | jq .total.in_packets",
       "questions and answers of DNS"},
      {"isotach traffic --log /var/log/traffic.json --rotate 100M,1d -i 10", "in the background, for weeks"},
      {"isotach traffic --ipfix collector:4739", "flow records for nfdump or any other collector"}};
  spec.run = run_traffic;
  return spec;
}

}  // namespace

std::vector<CommandSpec> traffic_commands() {
  return {traffic_command()};
}

}  // namespace isotach::command
