// isotach lab net: an emulated path between two hosts that are network namespaces.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "base/text.h"
#include "command/context.h"
#include "command/lab/commands.h"
#include "command/lab/net_daemon.h"
#include "kernel/child.h"

namespace isotach::command {
namespace {

using Words = std::vector<std::string>;

Result<std::uint64_t> number_of(const Arguments& arguments, const char* option, std::uint64_t otherwise,
                                std::uint64_t least, std::uint64_t most) {
  const auto text = arguments.value(option);
  if (!text) return otherwise;
  const auto number = parse_unsigned(*text);
  if (number && *number >= least && *number <= most) return *number;
  return failure(ErrorKind::usage, fmt::format("'{}' is no value for {}", printable(*text), option),
                 fmt::format("give a number from {} to {}", least, most));
}

Result<NetOptions> net_options(const std::string& name, const Arguments& arguments) {
  NetOptions options;
  options.name = name;
  const auto links = number_of(arguments, "--links", 3, 1, emulator::kMostLinks);
  if (!links) return tl::make_unexpected(links.error());
  const auto seed = number_of(arguments, "--seed", 1, 0, std::numeric_limits<std::uint32_t>::max());
  if (!seed) return tl::make_unexpected(seed.error());
  const auto mtu = number_of(arguments, "--mtu", 1500, 1280, emulator::kMostMtuBytes);
  if (!mtu) return tl::make_unexpected(mtu.error());
  options.settings.resize(*links);
  options.seed = *seed;
  options.testbed.mtu_bytes = static_cast<int>(*mtu);
  options.testbed.exact_stamps = arguments.has("--exact");
  options.testbed.congestion = arguments.value("--congestion").value_or("");
  options.testbed.with_taps = arguments.has("--taps");
  // The path's process works in another folder than we do.
  if (const auto folder = arguments.value("--capture"))
    options.testbed.capture = std::filesystem::absolute(*folder).string();
  options.with_cross_hosts = arguments.has("--cross-hosts");
  for (emulator::LinkSettings& link : options.settings)
    for (emulator::WaySettings& way : link.ways) way.mtu_bytes = options.testbed.mtu_bytes;
  for (const std::string& words : arguments.values("--link"))
    if (auto applied = emulator::apply_words(options.settings, words); !applied)
      return tl::make_unexpected(std::move(applied.error()));
  if (const auto text = arguments.value("--for")) {
    auto time_ns = parse_duration_ns(*text);
    if (!time_ns) return tl::make_unexpected(std::move(time_ns.error()));
    options.for_ns = *time_ns;
  }
  return options;
}

// The command runs on host a by this program again, which moves there and becomes it.
int run_on_path(Context& context, const std::string& name, const Words& command) {
  Words words = {"/proc/self/exe", "lab", "net", "run", name, "a", "--"};
  words.insert(words.end(), command.begin(), command.end());
  auto child = kernel::ChildProcess::start(words, context.waiter);
  if (!child) return context.report(child.error());
  while (!child->has_ended() && !context.waiter.interrupted())
    static_cast<void>(context.waiter.wait_until(std::numeric_limits<std::int64_t>::max()));
  if (context.waiter.interrupted()) child->stop(context.waiter.signal_number());
  const kernel::ChildEnd end = child->wait();
  return end.by_signal ? kExitFailed : end.number;
}

int up(Context& context, const std::string& name, const Arguments& arguments) {
  const auto options = net_options(name, arguments);
  if (!options) return context.report(options.error());
  if (auto started = start_net(*options, context.waiter); !started) return context.report(started.error());
  if (arguments.command().empty()) return kExitOk;
  const int code = run_on_path(context, name, arguments.command());
  if (auto stopped = stop_net(name); !stopped) return context.report(stopped.error());
  return code;
}

int become_program(Context& context, const std::string& name, const Words& words, const Words& command) {
  if (words.size() != 1 || command.empty())
    return context.report({ErrorKind::usage, 0, "a host and a command are wanted",
                           "isotach lab net run " + name + " a -- COMMAND"});
  if (auto moved = move_to_host(name, words[0]); !moved) return context.report(moved.error());
  if (const auto found = kernel::find_program(command[0]); !found) return context.report(found.error());
  std::vector<char*> pointers;
  for (const std::string& word : command) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  context.out.flush();
  context.err.flush();
  context.waiter.restore_in_child();
  ::execvp(pointers[0], pointers.data());
  return context.report(system_failure(errno, "start '" + printable(command[0]) + "'").value());
}

int set(Context& context, const std::string& name, const Words& words) {
  std::string request = "set";
  for (const std::string& word : words) request += ' ' + printable(word);
  const auto done = ask_net(name, request);
  return done ? kExitOk : context.report(done.error());
}

int show(Context& context, const std::string& name, const Arguments& arguments) {
  const auto text = ask_net(name, arguments.has("--json") ? "json" : "text");
  if (!text) return context.report(text.error());
  context.out.write(*text);
  if (!arguments.has("--reset")) return kExitOk;
  const auto reset = ask_net(name, "reset");
  return reset ? kExitOk : context.report(reset.error());
}

int run(Context& context, const Arguments& arguments) {
  Words words = arguments.positionals();
  if (words.empty())
    return context.report(
        {ErrorKind::usage, 0, "the action is missing", "choose one of: up, run, set, show, down"});
  const std::string action = words.front();
  if (words.size() < 2)
    return context.report(
        {ErrorKind::usage, 0, "the name of the path is missing", "isotach lab net " + action + " NAME"});
  const std::string name = words[1];
  words.erase(words.begin(), words.begin() + 2);
  if (auto sound = check_net_name(name); !sound) return context.report(sound.error());
  if (action == "run") return become_program(context, name, words, arguments.command());
  if (action == "set") return set(context, name, words);
  if (!words.empty())
    return context.report({ErrorKind::usage, 0, "'" + printable(words[0]) + "' has no meaning here",
                           "settings are given by --link \"LINK DIRECTION NAME=VALUE...\""});
  if (action == "up") return up(context, name, arguments);
  if (action == "show") return show(context, name, arguments);
  const auto stopped = stop_net(name);
  return stopped ? kExitOk : context.report(stopped.error());
}

}  // namespace

CommandSpec lab_net_command() {
  CommandSpec spec;
  spec.name = "lab net";
  spec.area = "network";
  spec.summary = "a path with the rate, delay and faults you choose";
  spec.usages = {"isotach lab net up NAME [OPTIONS] [-- COMMAND]", "isotach lab net run NAME HOST -- COMMAND",
                 "isotach lab net set NAME LINK ab|ba|both SETTING...", "isotach lab net show NAME [--json]",
                 "isotach lab net down NAME"};
  spec.description =
      "Makes two hosts, a and b, which are network namespaces, and a path between them over routers: a - r1 "
      "- r2 - b. "
      "Every link has a rate, a delay, a queue and faults for each direction. It needs no support of the "
      "kernel's "
      "(netem), and root.\n\n"
      "up makes it; it stays until down, or for the time of --for, or while COMMAND runs on host a. run runs "
      "a "
      "command on a host. set changes links while packets are under way. show counts what happened to them, "
      "exactly. "
      "Nothing is left when it is killed: interfaces and namespaces go with their process, and programs that "
      "still "
      "run on the path are ended.\n\n"
      "Host a is 10.77.0.2 and fd77::2, b is 10.77.9.2 and fd77::9:2; router N is 10.77.(100+N).1. Routers "
      "answer "
      "echo, time exceeded and packet too big.\n\n"
      "A setting is NAME=VALUE. rate=100mbit. delay=10ms. jitter=2ms (order=free lets packets overtake). "
      "queue=50ms, "
      "100p (packets) or 150000 (bytes). overhead=38 (bytes a packet, as Ethernet has). mtu=1400, and "
      "blackhole=on: "
      "what is too big vanishes. loss=0.1%, lose-every=1000, bursts=0.1%,20% (to enter and leave a state "
      "that loses "
      "all). reorder=1% reorder-by=5ms. duplicate=0.1%. chance=udp, tcp or tcp-data: what these are for. "
      "police=50mbit police-burst=64k. mark=5ms (ECN). "
      "bleach=ecn, "
      "dscp or both. half-duplex=on. duplex-mismatch=on.\n\n"
      "Traffic of others takes its part of a link without real packets: cross=cbr, poisson or pareto, "
      "cross-rate=60mbit, cross-size=1500 or mixed, cross-burst=50ms. --cross-hosts adds hosts for real one: "
      "x1 on "
      "the first router, x2 on the last.";
  PositionalSpec action{"ACTION", "what to do", {}};
  action.choices = {"up", "run", "set", "show", "down"};
  PositionalSpec name{"NAME", "the name of the path: small letters, digits and '-'", {}};
  PositionalSpec words{"WORD", "run: the host; set: link (or all), direction, settings", {}};
  words.repeatable = true;
  spec.positionals = {action, name, words};
  spec.options = {
      {"--link",
       'l',
       "WORDS",
       "settings of a link, \"2 both rate=100mbit delay=10ms\" or \"all ab loss=1%\"",
       "path",
       {},
       {},
       true},
      {"--links", 0, "N", "how many links there are, with routers between them (3)", "path"},
      {"--seed", 0, "N", "the seed of chance (1)", "path"},
      {"--congestion", 0, "NAME", "congestion control of the hosts", "hosts"},
      {"--mtu", 0, "BYTES", "largest packet of the hosts and links (1500)", "hosts"},
      {"--exact", 0, "", "receive stamps tell emulated time, however busy the machine is", "hosts"},
      {"--cross-hosts", 0, "", "add the hosts x1 and x2 on the routers", "hosts"},
      {"--taps", 0, "", "interfaces of the hosts that keep what ethtool sets, as speed and duplex", "hosts"},
      {"--capture", 0, "FOLDER", "write HOST.pcap there: the head of each packet that a host sends or gets",
       "output"},
      {"--for", 't', "TIME", "take it down after that time", "timing"},
      {"--json", 'J', "", "show: print a JSON document", "output"},
      {"--reset", 0, "", "show: count lateness from now on", "output"},
  };
  spec.examples = {
      {"isotach lab net up slow --link \"2 both rate=10mbit delay=20ms queue=100ms\"", "10 Mbit/s and 40 ms"},
      {"isotach lab net run slow b -- isotach nettest -s -B 10.77.9.2", "a server on host b"},
      {"isotach lab net run slow a -- isotach nettest -c 10.77.9.2", "a test over the path"},
      {"isotach lab net set slow 2 ab loss=1%", "from now on one packet of a hundred is lost"},
      {"isotach lab net show slow", "what became of the packets"},
      {"isotach lab net down slow", "take it away"},
      {"isotach lab net up lossy --capture . --link \"1 ab loss=1%\"",
       "with a.pcap and b.pcap for isotach connections"}};
  spec.takes_command = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
