// isotach path: what the way to another host can carry, and what TCP needs to use it.
#include <fmt/format.h>

#include "base/text.h"
#include "command/context.h"
#include "command/path/commands.h"
#include "command/path/output.h"
#include "network/nettest/protocol.h"

namespace isotach::command {
namespace {

Result<std::uint64_t> number_of(const Arguments& arguments, const char* option, std::uint64_t otherwise,
                                std::uint64_t most) {
  const auto text = arguments.value(option);
  if (!text) return otherwise;
  const auto number = parse_unsigned(*text);
  if (number && *number >= 1 && *number <= most) return *number;
  return failure(ErrorKind::usage, fmt::format("'{}' is no value for {}", printable(*text), option),
                 fmt::format("give a number from 1 to {}", most));
}

kernel::IpFamily family_of(const Arguments& arguments) {
  if (arguments.has("--ipv4")) return kernel::IpFamily::v4;
  return arguments.has("--ipv6") ? kernel::IpFamily::v6 : kernel::IpFamily::any;
}

int run_hops(Context& context, const Arguments& arguments, const std::string& host) {
  path::HopOptions options;
  const std::string probe = arguments.value("--probe").value_or("icmp");
  options.probe = probe == "udp"   ? path::HopProbe::udp
                  : probe == "tcp" ? path::HopProbe::tcp
                                   : path::HopProbe::icmp;
  const auto rounds = number_of(arguments, "--rounds", 20, 1000);
  if (!rounds) return context.report(rounds.error());
  options.rounds = static_cast<int>(*rounds);
  const auto port = number_of(arguments, "--port", options.port, 65535);
  if (!port) return context.report(port.error());
  options.port = static_cast<std::uint16_t>(*port);
  const auto addresses = kernel::resolve(host, options.port, family_of(arguments), false);
  if (!addresses) return context.report(addresses.error());
  const auto report = path::trace_hops(addresses->front(), options, context.waiter, [](const path::Hop&) {});
  if (!report) return context.report(report.error());
  context.out.write(arguments.has("--json") ? hops_json(*report) : hops_text(*report));
  if (context.waiter.interrupted()) return kExitCutShort;
  return report->reached ? kExitOk : kExitFailed;
}

path::PathNeeds needs_of(const path::PathReport& report) {
  path::PathNeeds needs;
  if (report.capacity) needs.capacity_bps = report.capacity->bps.value;
  needs.rtt_ns = report.idle.rtt_min_ns;
  if (report.losses.sent > 0)
    needs.loss = static_cast<double>(report.losses.lost) / static_cast<double>(report.losses.sent);
  // One lost of a few thousand says nothing of a rate.
  constexpr std::uint64_t kFewLosses = 3;
  if (report.losses.lost < kFewLosses) needs.loss = 0;
  constexpr int kHeads = 52;  // of IPv4 and TCP with stamps
  needs.mss_bytes = static_cast<std::size_t>(report.mtu.bytes - kHeads);
  return needs;
}

int run_path(Context& context, const Arguments& arguments, const std::string& host) {
  path::PathOptions options;
  options.host = host;
  options.family = family_of(arguments);
  const auto port = number_of(arguments, "--port", nettest::kDefaultPort, 65535);
  if (!port) return context.report(port.error());
  options.port = static_cast<std::uint16_t>(*port);
  const auto echoes = number_of(arguments, "--echoes", options.echoes, 100'000);
  if (!echoes) return context.report(echoes.error());
  options.echoes = static_cast<std::uint32_t>(*echoes);
  if (arguments.has("--reverse")) options.direction = path::Direction::from_peer;
  options.both = arguments.has("--bidir");
  options.with_available = !arguments.has("--no-available");
  options.with_transfer = !arguments.has("--no-transfer");
  options.congestion = arguments.value("--congestion").value_or("");
  if (const auto text = arguments.value("--for")) {
    const auto time_ns = parse_duration_ns(*text);
    if (!time_ns) return context.report(time_ns.error());
    if (*time_ns < kNanosecondsPerSecond)
      return context.report({ErrorKind::usage, 0, "--for is too short", "give at least 1s"});
    options.available_ns = *time_ns;
  }
  const bool json = arguments.has("--json");
  const auto report = path::measure_path(options, context.waiter, context.clock,
                                         [&](const std::string& text) { context.note(text); });
  if (!report) return context.report(report.error());
  const path::HostTcp tcp = path::read_host_tcp(report->interface);
  const path::Advice advice = path::advise(needs_of(*report), tcp);
  context.out.write(json ? path_json(*report, tcp, advice) : path_text(*report, tcp, advice));
  if (context.waiter.interrupted()) return kExitCutShort;
  return report->capacity ? kExitOk : kExitFailed;
}

int run(Context& context, const Arguments& arguments) {
  if (arguments.positionals().size() != 1)
    return context.report({ErrorKind::usage, 0, "one host is wanted", "isotach path HOST"});
  const std::string& host = arguments.positionals().front();
  if (arguments.has("--reverse") && arguments.has("--bidir"))
    return context.report({ErrorKind::usage, 0, "--reverse and --bidir exclude each other",
                           "--bidir measures both directions"});
  if (arguments.has("--ipv4") && arguments.has("--ipv6"))
    return context.report({ErrorKind::usage, 0, "--ipv4 and --ipv6 exclude each other", ""});
  return arguments.has("--hops") ? run_hops(context, arguments, host) : run_path(context, arguments, host);
}

CommandSpec path_command() {
  CommandSpec spec;
  spec.name = "path";
  spec.area = "network";
  spec.summary = "what the way to a host can carry, and what TCP needs for it";
  spec.usages = {"isotach path [OPTIONS] HOST", "isotach path --hops [OPTIONS] HOST"};
  spec.description =
      "Measures the way to a host on which isotach nettest -s runs: its capacity (the narrow link), the "
      "available "
      "bandwidth (what the tight link has left), the rate that TCP achieves, the delay without and under "
      "load, the "
      "variation of the delay each way, loss, reordering and duplicates, the path MTU, and whether ECN and "
      "DSCP bits "
      "arrive. Then it says how much data must be under way to fill the path, what this host's settings "
      "allow, and "
      "which sysctl commands would gain how much.\n\n"
      "Capacity is found by trains of packets, within 5 seconds and 2 MB; the available bandwidth by streams "
      "of 12 to 30 ms "
      "that take 15 % of the time; the transfer takes what it gets, for some seconds. What was sent is "
      "reported. Drops "
      "in the receiver's socket are not counted as losses of the network.\n\n"
      "Two directions of a path may be two paths. -R measures the other one: the partner sends, and this "
      "host "
      "receives; --bidir measures both.\n\n"
      "--hops needs no partner: probes whose hop limit runs out on the way tell who is there, after what "
      "time, and, "
      "by the least delays of small and large ones, estimates of each link with their range.";
  spec.positionals = {{"HOST", "the other end, by name or address", {}}};
  spec.options = {
      {"--hops", 0, "", "trace the hops instead; needs no partner", "what to measure"},
      {"--reverse", 'R', "", "measure what comes from the partner, not what goes to it", "what to measure"},
      {"--bidir", 0, "", "both directions, one after the other", "what to measure"},
      {"--no-available", 0, "", "leave the available bandwidth out", "what to measure"},
      {"--no-transfer", 0, "", "leave the transfer by TCP out", "what to measure"},
      {"--for", 't', "TIME", "time for the available bandwidth (12s)", "what to measure"},
      {"--echoes", 0, "N", "echoes for the delay, 5 ms apart (200)", "what to measure"},
      {"--congestion", 'C', "NAME", "congestion control of the transfer", "what to measure"},
      {"--port", 'p', "PORT", "port of the partner (5201); of --probe tcp (443)", "the way"},
      {"--ipv4", '4', "", "only IPv4", "the way"},
      {"--ipv6", '6', "", "only IPv6", "the way"},
      {"--probe", 0, "KIND", "kind of the probes of --hops", "the way", {"icmp", "udp", "tcp"}},
      {"--rounds", 0, "N", "probes of each size to each hop (20)", "the way"},
      {"--json", 'J', "", "print a JSON document", "output"},
  };
  spec.examples = {{"isotach path server.example", "the whole report; isotach nettest -s runs there"},
                   {"isotach path --no-transfer --json server.example", "only probes; for scripts"},
                   {"isotach path -R server.example", "what the server can send here"},
                   {"isotach path --hops example.org", "hops with delays and estimates of their links"}};
  spec.run = run;
  return spec;
}

}  // namespace

std::vector<CommandSpec> path_commands() {
  return {path_command()};
}

}  // namespace isotach::command
