// isotach connections FILE...: what each TCP connection of a capture did.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "command/common_options.h"
#include "command/connections/capture_page.h"
#include "command/connections/capture_run.h"
#include "command/connections/commands.h"
#include "command/connections/connections_graphs.h"
#include "command/connections/connections_page.h"
#include "command/connections/connections_view.h"
#include "command/connections/live.h"
#include "command/connections/selection.h"
#include "command/connections/udp_view.h"
#include "command/context.h"
#include "network/connections/condition.h"
#include "network/connections/flow_series.h"
#include "network/connections/xplot.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

struct Options {
  Format format = Format::table;
  bool details = false;
  bool tcptrace = false;
  bool why = false;
  bool follow = false;
  bool udp = false;
  std::string interface;
  std::optional<std::int64_t> duration_ns;
  std::optional<std::string> report;  // files and folders for graphs
  std::optional<std::string> svg;
  std::optional<std::string> xplot;
  std::optional<std::string> sqlite;
  std::optional<std::string> ipfix;  // a file, or HOST:PORT
  std::vector<NumberRange> only;
  std::optional<network::Condition> where;
  std::optional<network::PacketFilter> filter;
  std::string sort = "start";
  std::size_t top = 0;
  std::size_t threads = 1;
  bool lists_all = false;  // however many there are

  [[nodiscard]] bool draws() const { return report || svg; }
};

// Starting threads for less takes longer than reading it.
constexpr std::uint64_t kLargeBytes = std::uint64_t{32} << 20;
constexpr unsigned kMostThreads = 64;
// Nobody reads a longer list, and making it would cost more than reading the capture.
constexpr std::ptrdiff_t kMostListed = 1000;
// More than these find nothing to do: reading, which takes turns, is a fifth of the work.
constexpr unsigned kUsefulThreads = 4;

// One thread unless the captures are large and there are processors for more.
std::size_t useful_threads(const std::vector<std::string>& paths) {
  std::uint64_t bytes = 0;
  for (const std::string& path : paths) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (!error) bytes += size;
  }
  return bytes < kLargeBytes ? 1 : std::clamp(std::thread::hardware_concurrency(), 1u, kUsefulThreads);
}

Result<Options> options_of(const Arguments& arguments) {
  Options options;
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  options.details = arguments.has("--long");
  options.tcptrace = arguments.has("--tcptrace-output");
  options.why = arguments.has("--why");
  options.report = arguments.value("--report");
  options.svg = arguments.value("--svg");
  options.xplot = arguments.value("--xplot");
  options.sqlite = arguments.value("--sqlite");
  options.ipfix = arguments.value("--ipfix");
  if (options.tcptrace && (options.report || options.svg || options.xplot || options.sqlite || options.ipfix))
    return failure(ErrorKind::usage,
                   "graphs, --sqlite and --ipfix show what is right, and --tcptrace-output is not",
                   "make them in a run of its own, without --tcptrace-output");
  if (options.why && options.details)
    return failure(ErrorKind::usage, "--why and --long are two different views",
                   "write one of them; --json has both at once");
  if (options.tcptrace && (options.format != Format::table || options.details || options.why))
    return failure(ErrorKind::usage, "--tcptrace-output is a format of its own",
                   "leave out --long, --why, --json, --json-stream and --csv");
  if (const auto list = arguments.value("--only")) {
    auto ranges = parse_number_list(*list);
    if (!ranges) return tl::make_unexpected(std::move(ranges.error()));
    options.only = std::move(*ranges);
  }
  options.follow = arguments.has("--follow");
  options.udp = arguments.has("--udp");
  for (const char* option : {"--long", "--why", "--where", "--tcptrace-output", "--report", "--svg",
                             "--xplot", "--sqlite", "--ipfix"}) {
    if (options.udp && arguments.has(option))
      return failure(ErrorKind::usage, std::string(option) + " tells of TCP, and --udp shows UDP",
                     "leave one of them out");
  }
  options.interface = arguments.value("--interface").value_or("");
  if (!options.interface.empty() && !arguments.positionals().empty())
    return failure(ErrorKind::usage, "an interface and files are two captures", "name one or the other");
  if (options.follow && arguments.positionals().size() != 1)
    return failure(ErrorKind::usage, "--follow reads one file that grows", "name that file alone");
  for (const char* option : {"--interval", "--count"}) {
    if (!arguments.has(option)) continue;
    // Elsewhere -i is how often one looks.
    if (parse_interval_ns(options.interface, "interface"))
      return failure(ErrorKind::usage,
                     "-i names an interface to capture on, and '" + options.interface + "' is a time",
                     "write: isotach connections --interval " + options.interface);
    return failure(ErrorKind::usage, std::string(option) + " is for the list of this machine's connections",
                   "leave it out with a capture; --for ends capturing and following");
  }
  const auto duration_ns = interval_of(arguments, "--for", "time");
  if (!duration_ns) return tl::make_unexpected(duration_ns.error());
  options.duration_ns = *duration_ns;
  if (const auto text = arguments.value("--where")) {
    auto condition = network::Condition::parse(*text);
    if (!condition) return tl::make_unexpected(std::move(condition.error()));
    options.where = std::move(*condition);
  }
  if (const auto text = arguments.value("--filter")) {
    auto filter = network::PacketFilter::parse(*text);
    if (!filter) return tl::make_unexpected(std::move(filter.error()));
    options.filter = std::move(*filter);
  }
  if (const auto sort = arguments.value("--sort")) options.sort = *sort;
  const auto top = count_of(arguments, "--top", "number of connections");
  if (!top) return tl::make_unexpected(top.error());
  options.top = static_cast<std::size_t>(top->value_or(0));
  options.lists_all = arguments.has("--all") || options.top > 0;
  const auto threads = count_of(arguments, "--threads", "number of threads");
  if (!threads) return tl::make_unexpected(threads.error());
  if (threads->value_or(1) > kMostThreads)
    return failure(ErrorKind::usage, "a capture is read by 64 threads at most", "write --threads 2");
  options.threads = *threads ? static_cast<std::size_t>(**threads) : useful_threads(arguments.positionals());
  return options;
}

// Standard input can be read once, and is no terminal that a person would have to type a capture into.
std::optional<Error> check_paths(const Context& context, const std::vector<std::string>& paths) {
  std::size_t from_stdin = 0;
  for (const std::string& path : paths) from_stdin += path == "-" ? 1 : 0;
  if (from_stdin > 1) return Error{ErrorKind::usage, 0, "standard input can be read only once", {}};
  if (from_stdin == 1 && context.in_is_terminal)
    return Error{ErrorKind::usage, 0, "standard input is a terminal, not a capture",
                 "write: tcpdump -w - | isotach connections -"};
  return std::nullopt;
}

void write(Context& context, const Options& options, const network::Tracker& tracker, const CaptureRun& run,
           const Shown& shown, const network::HostNames& names, const network::LimitObserver* limits) {
  const int columns = terminal_size(context.out.fd()).columns;
  if (options.tcptrace) return write_connections_tcptrace(context.out, tracker, run, shown);
  switch (options.format) {
    case Format::json:
      return write_connections_json(context.out, tracker, run, shown, names, limits);
    case Format::json_stream:
      return write_connections_json_stream(context.out, tracker, shown, names, limits);
    case Format::csv:
      return write_connections_csv(context.out, tracker, shown, names, limits, options.threads);
    case Format::table:
      break;
  }
  if (limits != nullptr) return write_connections_why(context.out, tracker, run, shown, *limits, columns);
  if (options.details) return write_connections_details(context.out, tracker, shown, names, columns);
  if (options.lists_all || std::ssize(shown) <= kMostListed)
    return write_connections_table(context.out, tracker, run, shown, names, columns);
  const Shown first(shown.begin(), shown.begin() + kMostListed);
  write_connections_table(context.out, tracker, run, first, names, columns);
  context.out.write(fmt::format("{} more: --all lists them, --sort bytes --top 20 the largest\n",
                                std::ssize(shown) - kMostListed));
}

// Who looks on while the captures are read, as far as the options ask for it.
class Watchers {
 public:
  explicit Watchers(const Options& options) : options_(options) {
    const auto wanted = [&options](std::size_t index) { return is_selected(options.only, index); };
    for (std::size_t i = 0; i < thread_count(); ++i) parts_.push_back(std::make_unique<Part>(options));
    network::ObserverList& list = parts_[0]->list;
    if (options.draws()) {
      recorder_ = std::make_unique<network::SeriesRecorder>(wanted);
      list.add(*recorder_);
    }
    if (options.xplot) {
      xplot_ = std::make_unique<network::XplotWriter>(*options.xplot, wanted);
      list.add(*xplot_);
    }
  }

  [[nodiscard]] const network::HostNames& names() const { return parts_[0]->names; }
  // For each thread one.
  [[nodiscard]] std::vector<network::SegmentObserver*> observers() {
    std::vector<network::SegmentObserver*> all;
    for (const auto& part : parts_) all.push_back(part->list.empty() ? nullptr : &part->list);
    return all;
  }
  [[nodiscard]] const network::LimitObserver* limits() const {
    return options_.why ? parts_[0]->limits.get() : nullptr;
  }

  [[nodiscard]] static Result<void> make_folder(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return system_failure(error.value(), "make the folder " + printable(folder));
    return {};
  }
  [[nodiscard]] Result<void> prepare() {
    if (options_.xplot) return make_folder(*options_.xplot);
    return {};
  }

  // The capture has ended: what the threads have found is brought together, verdicts are made.
  [[nodiscard]] Shown select(const network::Tracker& tracker, const CaptureRun& run) {
    if (!run.numbers.empty()) gather(run.numbers);
    const network::HostNames& names = parts_[0]->names;
    network::LimitObserver* limits = parts_[0]->limits.get();
    if (limits != nullptr) limits->finish();
    Accepts accepts;
    if (options_.where) {
      accepts = [&](std::size_t index) {
        return options_.where->holds({tracker[index], index, limits ? limits->shares(index, 0) : nullptr,
                                      limits ? limits->shares(index, 1) : nullptr, names.name(index).name});
      };
    }
    return select_connections(tracker, options_.only, accepts, options_.sort, options_.top);
  }

  [[nodiscard]] Result<void> write_graphs(Context& context, const network::Tracker& tracker,
                                          const CaptureRun& run, const Shown& shown) {
    if (recorder_) {
      const GraphSource source{tracker, run, shown, parts_[0]->names, *parts_[0]->limits, *recorder_};
      if (options_.report) {
        if (auto written = write_graph_page(context, source, *options_.report); !written) return written;
      }
      if (options_.svg) {
        if (auto written = write_graph_pictures(context, source, *options_.svg); !written) return written;
      }
    }
    if (!xplot_) return {};
    if (auto written = xplot_->finish(); !written) return written;
    if (xplot_->left_out() > 0)
      context.note(fmt::format("files for xplot are written of {} connections; choose others by --only",
                               network::XplotWriter::kMostConnections));
    return {};
  }

 private:
  struct Part {
    explicit Part(const Options& options) {
      if (!options.tcptrace) list.add(names);
      if (options.why || options.draws() || (options.where && options.where->needs_limits())) {
        limits = std::make_unique<network::LimitObserver>();
        list.add(*limits);
      }
    }
    network::ObserverList list;
    network::HostNames names;
    std::unique_ptr<network::LimitObserver> limits;
  };

  // What is drawn is chosen by number, which connections have only when all is read, so that takes one
  // thread; and with a small capture others are not worth it.
  [[nodiscard]] std::size_t thread_count() const {
    if (options_.draws() || options_.xplot || !options_.interface.empty() || options_.follow) return 1;
    return std::max<std::size_t>(options_.threads, 1);
  }

  void gather(const std::vector<std::vector<std::uint32_t>>& numbers) {
    auto whole = std::make_unique<Part>(options_);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      whole->names.take(std::move(parts_[i]->names), numbers[i]);
      if (whole->limits) whole->limits->take(std::move(*parts_[i]->limits), numbers[i]);
    }
    parts_.clear();
    parts_.push_back(std::move(whole));
  }

  const Options& options_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::unique_ptr<network::SeriesRecorder> recorder_;
  std::unique_ptr<network::XplotWriter> xplot_;
};

// The names that --where knows.
int list_fields(Context& context) {
  view::Table table({{"name", view::Align::left}, {"unit", view::Align::left}, {"", view::Align::left}});
  for (const network::ConditionName& one : network::condition_names())
    table.row({one.name, one.unit, one.label});
  context.out.write(table.text(terminal_size(context.out.fd()).columns));
  return kExitOk;
}

int run_connections(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json") || arguments.has("--json-stream");
  if (arguments.has("--fields")) return list_fields(context);
  if (arguments.positionals().empty() && !arguments.has("--interface"))
    return run_live_connections(context, arguments);
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  const std::vector<std::string>& paths = arguments.positionals();
  if (const auto error = check_paths(context, paths)) return context.report(*error);
  const network::Rules rules = options->tcptrace ? network::Rules::tcptrace : network::Rules::exact;
  const std::uint64_t seed = unforeseen_seed(context);
  network::Tracker tracker(rules, seed);
  Watchers watchers(*options);
  if (auto prepared = watchers.prepare(); !prepared) return context.report(prepared.error());
  CaptureRequest request;
  request.observers = watchers.observers();
  tracker.set_observer(request.observers[0]);
  request.paths = paths;
  request.interface = options->interface;
  request.filter_text = options->interface.empty() ? std::string() : arguments.value("--filter").value_or("");
  request.rules = rules;
  request.filter = options->filter ? &*options->filter : nullptr;
  request.follow = options->follow;
  request.duration_ns = options->duration_ns;
  network::UdpFlows udp(seed);
  if (options->udp) request.udp = &udp;
  const auto run = read_captures(context, request, tracker);
  if (!run) return context.report(run.error());
  const int code = run->interrupted ? kExitCutShort : run->is_damaged() ? kExitFailed : kExitOk;
  if (options->udp) {
    write_udp_flows(context, options->format, udp, *run, options->only, options->sort, options->top);
    tell_about(context, *run, tracker);
    return code;
  }
  const Shown shown = watchers.select(tracker, *run);
  if (auto written = watchers.write_graphs(context, tracker, *run, shown); !written)
    return context.report(written.error());
  if (options->sqlite) {
    auto written =
        write_connections_sqlite(*options->sqlite, tracker, shown, watchers.names(), watchers.limits());
    if (!written) return context.report(written.error());
  }
  if (options->ipfix) {
    const auto records = write_connections_ipfix(context, *options->ipfix, tracker, shown);
    if (!records) return context.report(records.error());
    context.note(fmt::format("{} flow records written to {}", *records, printable(*options->ipfix)));
  }
  write(context, *options, tracker, *run, shown, watchers.names(), watchers.limits());
  context.out.flush();
  tell_about(context, *run, tracker);
  return code;
}

CommandSpec connections_command() {
  CommandSpec spec;
  spec.name = "connections";
  spec.area = "network";
  spec.summary = "what TCP connections do, here or in a capture, and what limits them";
  spec.usages = {"isotach connections [OPTIONS]", "isotach connections [OPTIONS] FILE...",
                 "isotach connections [OPTIONS] -i INTERFACE"};
  spec.description =
      "Without a file: the TCP connections that this machine has now, the busiest first, each with its "
      "process, "
      "what it sends and receives, its round trip and what limits it, by the times that the kernel keeps.\n\n"
      "With files: reads captures of packets and tells of each TCP connection what was sent, what had to be "
      "sent again "
      "and "
      "why, how long answers took, how much was in flight and how large the window was. Several files are "
      "pieces of one capture, read in the order of their first frames; - is standard input.\n\n"
      "Understands pcap, pcapng and snoop, packed by gzip or zstd or not; Ethernet with VLAN tags, PPPoE and "
      "MPLS, Linux cooked captures, raw IP, loopback, PPP, HDLC and 802.11; IPv4 and IPv6 with fragments, "
      "and "
      "what GRE, 6in4, 4in6, VXLAN, Geneve, GTP and Teredo carry.\n\n"
      "Counts as tcptrace does where tcptrace is right; docs/tcptrace.md lists where it is not. What stands "
      "under 'rexmt' are retransmissions, also of segments that were lost before they reached the capture; "
      "what the network put out of order is none.\n\n"
      "--why says what held each sender back: its application, the receiver's application or window, its own "
      "send buffer, the congestion window, losses, slow start or the capacity of the path. All is reckoned "
      "from the sender's side, wherever the capture was made; it needs both directions and the handshake.\n\n"
      "A file that is cut short or damaged is shown up to there; the exit code is 1.";
  spec.positionals = {{.name = "FILE",
                       .help = "a capture, or - for standard input",
                       .completes = "file",
                       .repeatable = true}};
  spec.options = {
      {"--long", 'l', "", "every statistic of each connection, both directions side by side", "what to show"},
      {"--why", 'w', "", "what limited each connection, with shares of its time and the evidence",
       "what to show"},
      {"--udp", 'u', "", "flows of UDP and QUIC instead of connections of TCP", "what to show"},
      {"--only", 'o', "LIST", "only these connections, by number: 3, 1,4 or 2-7", "what to show"},
      {"--where", 'f', "CONDITION", "only connections for which it holds: retransmits>10 && duration>5s",
       "what to show"},
      {"--fields", 0, "", "the names that --where knows, and no more", "what to show"},
      {"--filter", 0, "EXPRESSION", "only packets that match, as tcpdump has it: host 10.0.0.1 and port 443",
       "what to show"},
      {"--sort", 0, "KEY", "largest first, instead of in the order in which they began", "what to show",
       sort_keys()},
      {"--top", 0, "N", "only the first N", "what to show"},
      {"--all", 0, "", "the whole list, where it is longer than 1000 lines", "what to show"},
      {"--threads", 0, "N",
       "read with so many threads; by default one, and for large captures one for each processor, four at "
       "most",
       "what to show"},
      {"--interface", 'i', "NAME", "capture on this interface until Ctrl-C, then show what passed", "live"},
      {"--follow", 0, "", "the file still grows: read on until Ctrl-C", "live"},
      {"--for", 't', "TIME", "capture or follow so long", "live"},
      {"--interval", 0, "TIME", "without a file: how often, 1s by default", "live"},
      {"--count", 'n', "N", "without a file: how many times", "live"},
      {"--report",
       0,
       "FILE",
       "a page (HTML) with all graphs of each connection, which can be zoomed",
       "graphs",
       {},
       "file"},
      {"--svg", 0, "FOLDER", "a picture of each graph", "graphs", {}, "directory"},
      {"--xplot",
       0,
       "FOLDER",
       "files for xplot with every segment, named as tcptrace names them",
       "graphs",
       {},
       "directory"},
      {"--sqlite",
       0,
       "FILE",
       "also a new SQLite file with the table connections, every statistic a column",
       "output",
       {},
       "file"},
      {"--ipfix",
       0,
       "FILE|HOST:PORT",
       "also a flow record (IPFIX) for each direction, into a new file or to a collector over UDP",
       "output",
       {},
       "file"},
      {"--tcptrace-output", 0, "", "what tcptrace -n -l -r -W prints, with its faults", "output"},
  };
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.examples = {
      {"isotach connections", "the connections of this machine, live"},
      {"isotach connections --why -i eth0 -t 10s", "what passes in ten seconds, and what limits it"},
      {"isotach connections trace.pcap", "one line for each connection"},
      {"isotach connections -l -o 3 trace.pcap", "everything about the third"},
      {"isotach connections --why --sort bytes --top 3 trace.pcap", "what held the three largest back"},
      {"isotach connections --sort rexmt --top 10 trace.pcapng.zst", "where the network loses most"},
      {"tcpdump -c 1000 -w - | isotach connections -", "what passes just now"},
      {"isotach connections -f 'retransmits>10 && duration>5s' trace.pcap", "those that lose, and last"},
      {"isotach connections --report trace.html trace.pcap", "all graphs, in a page for the browser"},
      {"isotach connections --csv trace.pcap > trace.csv", "a row for each, for other programs"},
  };
  spec.run = run_connections;
  return spec;
}

}  // namespace

std::vector<CommandSpec> connections_commands() {
  return {connections_command(), capture_page_command()};
}

}  // namespace isotach::command
