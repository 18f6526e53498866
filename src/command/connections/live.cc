#include "command/connections/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/live_loop.h"
#include "kernel/socket_list.h"
#include "kernel/system_root.h"
#include "network/connections/live.h"
#include "network/connections/live_sockets.h"
#include "network/packet/ip_address.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"
#include "view/terminal/screen.h"

namespace isotach::command {
namespace {

using network::LiveConnection;

constexpr std::string_view kSchema = "isotach.connections.live.v1";
constexpr std::int64_t kFirstRatesNs = 200'000'000;
// Files that a caller chooses by name; a command has 16 bytes.
constexpr std::size_t kCommandBytes = 64;

struct LiveOptions : Repetition {
  std::size_t top = 0;
};

Result<LiveOptions> options_of(const Arguments& arguments) {
  for (const char* option :
       {"--udp", "--sqlite", "--long", "--only", "--sort", "--where", "--filter", "--tcptrace-output",
        "--report", "--svg", "--xplot", "--follow", "--for", "--ipfix"}) {
    if (arguments.has(option))
      return failure(ErrorKind::usage, std::string(option) + " is for captures, and none is named",
                     "write: isotach connections " + std::string(option) +
                         " ... trace.pcap; or -i INTERFACE to capture now");
  }
  const auto repetition = repetition_of(arguments);
  if (!repetition) return tl::make_unexpected(repetition.error());
  const auto top = count_of(arguments, "--top", "number of connections");
  if (!top) return tl::make_unexpected(top.error());
  LiveOptions options{*repetition};
  options.top = static_cast<std::size_t>(top->value_or(0));
  return options;
}

std::string endpoint(const std::array<std::uint8_t, 16>& address, std::uint16_t port, std::uint8_t version) {
  return network::endpoint_text(network::IpAddress::from(address.data(), version), port);
}

std::string rate_text(double bytes_per_second) {
  return bytes_per_second <= 0 ? "-" : format_bits_per_second(bytes_per_second * 8);
}

class LiveRun {
 public:
  LiveRun(Context& context, LiveOptions options, network::LiveSockets sockets)
      : context_(context), options_(options), sockets_(std::move(sockets)) {}

  int run() {
    const bool live = options_.format == Format::table && context_.out_is_terminal && !options_.count;
    if (auto first = read(); !first) return context_.report(first.error());
    if (live) {
      auto screen = view::Screen::open({context_.color}, context_.waiter);
      if (screen) screen_ = std::move(*screen);
    }
    // Where nobody watches, one sample answers the question.
    if (!screen_ && !options_.count && !options_.interval_ns) options_.count = 1;
    LiveLoop loop(context_, screen_.get(),
                  {.interval_ns = options_.interval_ns.value_or(kNanosecondsPerSecond),
                   .count = options_.count,
                   .duration_ns = {},
                   .early_ns = screen_ ? kFirstRatesNs : 0});
    const auto ended = loop.run({.sample = [this]() -> Result<void> {
                                   if (auto done = read(); !done) return done;
                                   if (!screen_) print();
                                   return {};
                                 },
                                 .draw = [this] { draw(); },
                                 .key = [this](const view::Key& key) { return take_key(key); }});
    screen_.reset();
    return ended ? kExitOk : context_.report(ended.error());
  }

 private:
  Result<void> read() {
    if (auto looked = sockets_.look(context_.clock); !looked) return looked;
    now_ = context_.clock.now();
    live_.update(sockets_.all(), now_.monotonic_ns);
    if (holders_version_ != sockets_.holders_version()) commands_.clear();
    holders_version_ = sockets_.holders_version();
    order_.resize(live_.all().size());
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    sorted_ = 0;
    if (options_.top > 0 && options_.top < order_.size()) {
      sort_first(options_.top);
      order_.resize(options_.top);
    }
    return {};
  }

  // Brings at least the `count` busiest to the front: of very many few are seen.
  void sort_first(std::size_t count) {
    count = std::min(count, order_.size());
    if (count <= sorted_) return;
    const auto busier = [this](std::size_t a, std::size_t b) {
      const LiveConnection& one = live_.all()[a];
      const LiveConnection& two = live_.all()[b];
      if (one.rate() != two.rate()) return one.rate() > two.rate();
      const bool established = one.socket.state == kernel::kTcpEstablished;
      if (established != (two.socket.state == kernel::kTcpEstablished)) return established;
      return one.socket.cookie < two.socket.cookie;
    };
    std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count), order_.end(),
                      busier);
    sorted_ = count;
  }

  // "firefox/1234"; "-" where the process is another user's, or there is none any more.
  std::string process_of(const kernel::SocketEntry& socket) {
    const auto holder = sockets_.holders().find(socket.inode);
    if (socket.inode == 0 || holder == sockets_.holders().end()) return "-";
    auto found = commands_.find(holder->second);
    if (found == commands_.end()) {
      const auto text = read_file(root_.path(fmt::format("proc/{}/comm", holder->second)), kCommandBytes);
      found = commands_.emplace(holder->second, text ? std::string(trim(*text)) : "?").first;
    }
    return fmt::format("{}/{}", found->second, holder->second);
  }

  view::Table table(std::size_t rows) {
    using view::Align;
    view::Table table({{"local", Align::left, 0, 21},
                       {"remote", Align::left, 0, 21},
                       {"state", Align::left, 5},
                       {"process", Align::left, 2},
                       {"sends", Align::quantity, 1},
                       {"receives", Align::quantity, 1},
                       {"RTT", Align::quantity, 3},
                       {"rexmt", Align::right, 4},
                       {"limited by", Align::left, 1},
                       {"", Align::right, 6},
                       {"because", Align::left, 7}});
    sort_first(rows);
    for (const std::size_t index : order_) {
      if (table.row_count() >= rows) break;
      const LiveConnection& one = live_.all()[index];
      const kernel::SocketEntry& socket = one.socket;
      table.row({endpoint(socket.local, socket.local_port, socket.ip_version),
                 endpoint(socket.remote, socket.remote_port, socket.ip_version),
                 kernel::tcp_state_name(socket.state), process_of(socket), rate_text(one.sent_rate),
                 rate_text(one.received_rate),
                 socket.tcp && socket.tcp->rtt_us > 0
                     ? format_duration_ns(static_cast<double>(socket.tcp->rtt_us) * 1e3)
                     : "-",
                 socket.tcp ? std::to_string(socket.tcp->retransmits) : "-",
                 one.limit ? network::limit_name(*one.limit) : "-",
                 one.limit ? fmt::format("{:.0f} %", 100 * one.limit_share) : "", one.why});
    }
    return table;
  }

  std::string head() const {
    std::size_t established = 0;
    double sent = 0;
    double received = 0;
    for (const LiveConnection& one : live_.all()) {
      established += one.socket.state == kernel::kTcpEstablished ? 1 : 0;
      sent += one.sent_rate;
      received += one.received_rate;
    }
    return fmt::format("{} TCP connections, {} established; sends {}, receives {}", live_.all().size(),
                       established, format_bits_per_second(sent * 8), format_bits_per_second(received * 8));
  }

  bool take_key(const view::Key& key) {
    using Kind = view::Key::Kind;
    const int page = std::max(1, screen_->rows() - 2);
    if (key.kind == Kind::down) ++scroll_;
    if (key.kind == Kind::up) --scroll_;
    if (key.kind == Kind::page_down) scroll_ += page;
    if (key.kind == Kind::page_up) scroll_ -= page;
    if (key.kind == Kind::home) scroll_ = 0;
    return !is_quit_key(key);
  }

  void draw() {
    view::Grid grid(screen_->columns(), screen_->rows());
    grid.write(0, 0, head(), view::Style::title);
    grid.write_right(grid.columns() - 1, 0, "q quits", view::Style::dim);
    const int room = std::max(0, grid.rows() - 1);
    scroll_ = std::clamp(scroll_, 0, std::max(0, static_cast<int>(order_.size()) - room + 1));
    // Only what can be seen is made: there may be very many.
    const auto lines = table(static_cast<std::size_t>(scroll_ + room)).lines(grid.columns());
    for (int row = 0; row < room; ++row) {
      const int line = row == 0 ? 0 : row + scroll_;
      if (line >= static_cast<int>(lines.size())) break;
      for (const view::TableSpan& span : lines[static_cast<std::size_t>(line)])
        grid.write(span.column, row + 1, span.text, span.style);
    }
    screen_->draw(grid);
  }

  void write_members(view::JsonWriter& json, const LiveConnection& one) {
    const kernel::SocketEntry& socket = one.socket;
    json.key("local").string(endpoint(socket.local, socket.local_port, socket.ip_version));
    json.key("remote").string(endpoint(socket.remote, socket.remote_port, socket.ip_version));
    json.key("state").string(kernel::tcp_state_name(socket.state));
    json.key("process").string(printable(process_of(socket)));
    json.key("receive_queue_bytes").unsigned_integer(socket.receive_queue);
    json.key("send_queue_bytes").unsigned_integer(socket.send_queue);
    if (socket.tcp) {
      const kernel::SocketTcp& tcp = *socket.tcp;
      json.key("sends_bytes_per_second").real(one.sent_rate);
      json.key("receives_bytes_per_second").real(one.received_rate);
      json.key("rtt_us").unsigned_integer(tcp.rtt_us);
      json.key("least_rtt_us").unsigned_integer(tcp.least_rtt_us);
      json.key("retransmits").unsigned_integer(tcp.retransmits);
      json.key("bytes_sent").unsigned_integer(tcp.bytes_out);
      json.key("bytes_received").unsigned_integer(tcp.bytes_in);
      json.key("congestion_window_segments").unsigned_integer(tcp.window_segments);
      json.key("peer_window_bytes").unsigned_integer(tcp.peer_window);
      json.key("delivery_rate_bytes_per_second").unsigned_integer(tcp.delivery_rate);
      json.key("busy_us").unsigned_integer(tcp.busy_us);
      json.key("window_limited_us").unsigned_integer(tcp.window_limited_us);
      json.key("buffer_limited_us").unsigned_integer(tcp.buffer_limited_us);
    }
    json.key("limit");
    if (!one.limit) {
      json.null();
      return;
    }
    json.string(network::limit_key(*one.limit));
    json.key("limit_share").real(one.limit_share);
    json.key("evidence").string(one.why);
  }

  void print_json() {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string(kSchema);
    json.key("time").string(format_wall_time_utc(now_.wall_ns));
    json.key("connections").begin_array();
    for (const std::size_t index : order_) {
      json.begin_object();
      write_members(json, live_.all()[index]);
      json.end_object();
      context_.out.write(json.take());
    }
    json.end_array();
    json.end_object();
    context_.out.write(json.take() + '\n');
  }

  void print_csv() {
    view::CsvWriter csv;
    if (printed_ == 0)
      csv.head({"time", "local", "remote", "state", "process", "sends_bytes_per_second",
                "receives_bytes_per_second", "rtt_us", "retransmits", "limit", "limit_share"});
    for (const std::size_t index : order_) {
      const LiveConnection& one = live_.all()[index];
      const kernel::SocketEntry& socket = one.socket;
      csv.text(format_wall_time_utc(now_.wall_ns));
      csv.text(endpoint(socket.local, socket.local_port, socket.ip_version));
      csv.text(endpoint(socket.remote, socket.remote_port, socket.ip_version));
      csv.text(kernel::tcp_state_name(socket.state)).text(printable(process_of(socket)));
      csv.real(one.sent_rate).real(one.received_rate);
      if (socket.tcp) {
        csv.unsigned_integer(socket.tcp->rtt_us).unsigned_integer(socket.tcp->retransmits);
      } else {
        csv.empty().empty();
      }
      if (one.limit) {
        csv.text(network::limit_key(*one.limit)).real(one.limit_share);
      } else {
        csv.empty().empty();
      }
      csv.end_row();
      context_.out.write(csv.take());
    }
    context_.out.write(csv.take());
  }

  void print() {
    sort_first(order_.size());
    switch (options_.format) {
      case Format::table:
        if (printed_ > 0) context_.out.write("\n");
        context_.out.write(head() + '\n');
        if (!order_.empty())
          context_.out.write(table(order_.size()).text(terminal_size(context_.out.fd()).columns));
        break;
      case Format::csv:
        print_csv();
        break;
      case Format::json:
      case Format::json_stream:
        print_json();
        break;
    }
    ++printed_;
    context_.out.flush();
  }

  Context& context_;
  LiveOptions options_;
  network::LiveSockets sockets_;
  kernel::SystemRoot root_;
  network::LiveConnections live_;
  std::vector<std::size_t> order_;
  std::size_t sorted_ = 0;  // of them, from the front
  std::unordered_map<std::uint32_t, std::string> commands_;
  std::uint64_t holders_version_ = 0;
  Instant now_;
  std::unique_ptr<view::Screen> screen_;
  std::uint64_t printed_ = 0;
  int scroll_ = 0;
};

}  // namespace

int run_live_connections(Context& context, const Arguments& arguments) {
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  const bool again =
      options->count.value_or(2) > 1 && (options->count || options->interval_ns || context.out_is_terminal);
  auto sockets = network::LiveSockets::open(kernel::SystemRoot(), again);
  if (!sockets) return context.report(sockets.error());
  return LiveRun(context, *options, std::move(*sockets)).run();
}

}  // namespace isotach::command
