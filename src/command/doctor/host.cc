// isotach doctor without more: this host, and every connection of it.
#include <fmt/format.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "base/fd.h"
#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/doctor/commands.h"
#include "command/doctor/connections_report.h"
#include "doctor/diagnose.h"
#include "doctor/host_rules.h"
#include "doctor/link_rules.h"
#include "doctor/quantities.h"
#include "kernel/attribute.h"
#include "kernel/key_value.h"
#include "machine/reading.h"
#include "network/connections/live.h"
#include "network/connections/transfer_watch.h"

namespace isotach::command {
namespace {

using doctor::Finding;
using doctor::Severity;

constexpr std::int64_t kHostNs = 3 * kNanosecondsPerSecond;
// The busiest are known after this time, and watched for the rest of it.
constexpr std::int64_t kChooseNs = 500'000'000;
constexpr std::int64_t kNameLimitNs = 2 * kNanosecondsPerSecond;
constexpr std::size_t kWatched = 100;
constexpr std::size_t kFileLimit = 65536;

class HostExamination {
 public:
  HostExamination(Context& context, const DoctorOptions& options)
      : context_(context),
        options_(options),
        root_(options.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options.proc_root)),
        reader_(root_, machine::Parts::all()),
        links_(context.clock, {}) {}

  Result<DoctorReport> examine() {
    const std::int64_t start_ns = context_.clock.now().monotonic_ns;
    if (auto read = reader_.read(before_); !read) return tl::make_unexpected(std::move(read.error()));
    if (root_.is_live()) begin_live();
    const std::int64_t duration_ns = options_.duration_ns > 0 ? options_.duration_ns : kHostNs;
    if (root_.is_live()) {
      if (auto watched = watch(start_ns + duration_ns); !watched)
        return tl::make_unexpected(std::move(watched.error()));
      end_live();
    }
    if (auto read = reader_.read(now_); !read) return tl::make_unexpected(std::move(read.error()));
    report_.seconds = static_cast<double>(context_.clock.now().monotonic_ns - start_ns) / 1e9;
    judge();
    return std::move(report_);
  }

 private:
  void begin_live() {
    links_.begin();
    if (auto probe = network::LinkProbe::open(context_.clock)) {
      probe_ = std::move(*probe);
      if (auto reading = probe_->read({.standard_statistics = true, .far_ends = true}))
        links_before_ = std::move(*reading);
    }
    if (auto socket = kernel::NetlinkSocket::open(NETLINK_ROUTE)) {
      route_ = std::move(*socket);
      if (auto qdiscs = kernel::list_qdiscs(*route_)) host_.qdiscs_before = std::move(*qdiscs);
    }
    const auto text = read_file("/etc/resolv.conf", kFileLimit);
    if (text) {
      host_.name_servers = network::ask_name_servers(network::parse_resolv_conf(*text), kNameLimitNs,
                                                     context_.waiter, context_.clock);
    } else {
      report_.not_checked.push_back("DNS servers: " + text.error().message());
    }
  }

  // The connections: a list, a second one after a while, and then those with the highest rates many times.
  Result<void> watch(std::int64_t until_ns) {
    auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
    if (!socket) {
      report_.not_checked.push_back("connections: " + socket.error().message());
      return {};
    }
    network::LiveConnections live;
    auto swept = sweep(*socket, live);
    if (!swept) return swept;
    until_ns = std::max(until_ns, context_.clock.now().monotonic_ns + 2 * kChooseNs);
    wait_until(context_.clock.now().monotonic_ns + kChooseNs);
    swept = sweep(*socket, live);
    if (!swept) return swept;
    auto transfers =
        network::TransferWatch::open(root_, 0, {.both_ends = options_.both_ends, .most = kWatched});
    if (!transfers) return tl::make_unexpected(std::move(transfers.error()));
    transfers_ = std::move(*transfers);
    std::vector<const network::LiveConnection*> busy;
    for (const network::LiveConnection& one : live.all())
      if (one.rate() > 0 || one.socket.send_queue > 0 || one.socket.receive_queue > 0) busy.push_back(&one);
    std::stable_sort(busy.begin(), busy.end(),
                     [](const auto* a, const auto* b) { return a->rate() > b->rate(); });
    connections_ = live.all().size();
    for (const network::LiveConnection* one : busy) transfers_->follow(one->socket);
    Ticker ticker(context_.clock.now().monotonic_ns, network::kWatchIntervalNs);
    while (!context_.waiter.interrupted()) {
      const std::int64_t now_ns = context_.clock.now().monotonic_ns;
      if (now_ns >= until_ns) break;
      if (auto sampled = transfers_->sample(context_.clock); !sampled) return sampled;
      ticker.advance(now_ns);
      static_cast<void>(context_.waiter.wait_until(std::min(ticker.deadline_ns(), until_ns)));
    }
    return {};
  }

  Result<void> sweep(kernel::NetlinkSocket& socket, network::LiveConnections& live) {
    sockets_.clear();
    if (auto listed = kernel::list_sockets(socket, IPPROTO_TCP, sockets_); !listed) return listed;
    live.update(sockets_, context_.clock.now().monotonic_ns);
    return {};
  }

  void wait_until(std::int64_t deadline_ns) {
    while (!context_.waiter.interrupted() && context_.clock.now().monotonic_ns < deadline_ns)
      static_cast<void>(context_.waiter.wait_until(deadline_ns));
  }

  void end_live() {
    links_.end();
    if (probe_)
      if (auto reading = probe_->read({.standard_statistics = true, .far_ends = true}))
        links_now_ = std::move(*reading);
    if (route_)
      if (auto qdiscs = kernel::list_qdiscs(*route_)) host_.qdiscs_now = std::move(*qdiscs);
    const auto number = [](const char* path, int which) -> std::optional<std::uint64_t> {
      const auto text = kernel::read_attribute(path);
      if (!text) return std::nullopt;
      std::string_view rest = *text;
      std::optional<std::uint64_t> value;
      for (int i = 0; i <= which; ++i) value = kernel::take_unsigned(rest);
      return value;
    };
    host_.window_scaling = number("/proc/sys/net/ipv4/tcp_window_scaling", 0);
    host_.receive_buffer_most = number("/proc/sys/net/ipv4/tcp_rmem", 2);
    host_.send_buffer_most = number("/proc/sys/net/ipv4/tcp_wmem", 2);
  }

  void judge() {
    doctor::Diagnosis diagnosis = doctor::diagnose({before_, now_, report_.seconds});
    host_.elapsed_s = report_.seconds;
    if (links_now_) {
      for (const network::Link& link : links_now_->links)
        host_.interfaces[link.route.index] = link.route.name;
      const doctor::Diagnosis links =
          doctor::check_links({links_before_ ? &*links_before_ : nullptr, *links_now_, std::nullopt, {}});
      doctor::add_unsaid(links.findings, diagnosis.findings);
      for (const std::string& line : links.not_checked) diagnosis.not_checked.push_back("link " + line);
    }
    doctor::check_queues(host_, diagnosis);
    doctor::check_names(host_, diagnosis);
    doctor::check_settings(host_, diagnosis);
    report_.subject = "this host";
    report_.findings = std::move(diagnosis.findings);
    report_.not_checked.insert(report_.not_checked.end(), diagnosis.not_checked.begin(),
                               diagnosis.not_checked.end());
    judge_connections();
    fill_evidence();
    report_.healthy = healthy_areas(report_);
  }

  void judge_connections() {
    if (!transfers_) return;
    DoctorReport connections;
    add_connections(transfers_->traces(), links_, connections);
    if (transfers_->left_out() > 0)
      report_.not_checked.push_back(
          fmt::format("{} connections that move less than those watched", transfers_->left_out()));
    report_.connections = std::move(connections.connections);
    for (Finding& finding : findings_that_matter(report_.connections))
      report_.findings.push_back(std::move(finding));
  }

  void add(const char* what, std::string value, const char* how) {
    report_.evidence.push_back({what, std::move(value), how});
  }

  void fill_evidence() {
    using kernel::MemoryField;
    using kernel::NetworkField;
    const doctor::Evidence evidence{before_, now_, report_.seconds};
    if (const auto some = doctor::cpu_some(evidence))
      add("tasks waited for a CPU", doctor::percent(*some), "/proc/pressure/cpu");
    if (const auto available = doctor::available_bytes(now_))
      add("memory available",
          fmt::format("{} of {}", format_bytes(*available),
                      format_bytes(doctor::memory_bytes(now_, MemoryField::total).value_or(0))),
          "/proc/meminfo");
    if (const auto some = doctor::memory_some(evidence))
      add("tasks waited for memory", doctor::percent(*some), "/proc/pressure/memory");
    if (const auto full = doctor::io_full(evidence))
      add("all tasks waited for disks", doctor::percent(*full), "/proc/pressure/io");
    const auto grown = [&](NetworkField field) {
      return doctor::growth(evidence, before_.network[field], now_.network[field]);
    };
    const auto again = grown(NetworkField::tcp_retransmits);
    const auto sent = grown(NetworkField::tcp_segments_out);
    if (again && sent)
      add("TCP segments sent again", fmt::format("{:.0f} of {:.0f}", *again, *sent + *again),
          "/proc/net/snmp");
    if (const auto overflows = grown(NetworkField::listen_overflows))
      add("listen queues overflowed", fmt::format("{:.0f} times", *overflows), "/proc/net/netstat");
    if (const auto dropped = grown(NetworkField::softnet_dropped))
      add("packets dropped by CPUs", fmt::format("{:.0f}", *dropped), "/proc/net/softnet_stat");
    for (const network::NameServerAnswer& answer : host_.name_servers)
      report_.evidence.push_back({"DNS server " + answer.server,
                                  answer.time_ms ? format_duration_ns(*answer.time_ms * 1e6) : answer.trouble,
                                  "a question for the root's servers"});
    if (transfers_) add("TCP connections", std::to_string(connections_), "sock_diag");
  }

  Context& context_;
  const DoctorOptions& options_;
  kernel::SystemRoot root_;
  machine::MachineReader reader_;
  machine::MachineReading before_, now_;
  LinkContext links_;
  std::optional<network::LinkProbe> probe_;
  std::optional<network::LinkSnapshot> links_before_, links_now_;
  std::optional<kernel::NetlinkSocket> route_;
  doctor::HostEvidence host_;
  std::optional<network::TransferWatch> transfers_;
  std::vector<kernel::SocketEntry> sockets_;
  std::size_t connections_ = 0;
  DoctorReport report_;
};

}  // namespace

Result<DoctorReport> examine_host(Context& context, const DoctorOptions& options) {
  return HostExamination(context, options).examine();
}

}  // namespace isotach::command
