// The verdict about a transfer in words: the answer, the evidence with how it was measured, what to do.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/units.h"
#include "doctor/quantities.h"
#include "doctor/transfer_rules.h"
#include "doctor/transfer_thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Activity;

struct CauseWords {
  std::string_view key;
  std::string_view name;     // "the receiver's disk"
  std::string_view finding;  // id; empty where nothing is wrong
  Severity severity;
  bool network;
  std::string_view answer;  // behind "It is the network: " or "It is not the network: "
};

constexpr std::array<CauseWords, kCauses> kWords = {{
    {"none", "nothing", "", Severity::info, false, "the transfer runs at the full speed of its own link"},
    {"narrow_path", "the narrowest link of the path", "transfer-narrow-path", Severity::info, true,
     "the narrowest link of the path is full, and this transfer fills it"},
    {"congestion", "other traffic on the path", "transfer-congestion", Severity::warning, true,
     "others fill the path"},
    {"loss", "packet loss", "transfer-loss", Severity::warning, true,
     "packets get lost on the way, though the path is not full"},
    {"policer", "a policer", "transfer-policer", Severity::warning, true,
     "something on the path drops what exceeds a rate, instead of queueing it"},
    {"reordering", "reordering", "transfer-reordering", Severity::warning, true,
     "packets overtake each other on the way, which the sender takes for loss"},
    {"bufferbloat", "a queue that is too long", "transfer-bufferbloat", Severity::warning, true,
     "a queue on the path is much too long, so that everything through it waits"},
    {"black_hole", "a path MTU black hole", "transfer-black-hole", Severity::critical, true,
     "large packets vanish on the path, and nobody says that they are too large"},
    {"link_speed", "the speed of the own link", "transfer-link-speed", Severity::warning, true,
     "the link of this machine runs slower than it could"},
    {"duplex_mismatch", "a duplex mismatch", "transfer-duplex-mismatch", Severity::critical, true,
     "the two ends of a link disagree about full and half duplex"},
    {"local_queue", "a limit of this host", "transfer-local-limit", Severity::warning, false,
     "this host holds the packets back, by pacing or a traffic shaper"},
    {"receive_window", "the receiver's buffer", "transfer-receive-window", Severity::warning, false,
     "the receiver's buffer is too small for this path"},
    {"receiver_application", "the receiving application", "transfer-receiver-application", Severity::warning,
     false, "the receiving application does not read fast enough"},
    {"receiver_disk", "the receiver's disk", "transfer-receiver-disk", Severity::warning, false,
     "the receiver waits for its disk"},
    {"receiver_cpu", "the receiver's CPU", "transfer-receiver-cpu", Severity::warning, false,
     "the receiver has no CPU time left to read"},
    {"send_buffer", "the sender's buffer", "transfer-send-buffer", Severity::warning, false,
     "the sender's buffer is too small for this path"},
    {"sender_application", "the sending application", "transfer-sender-application", Severity::info, false,
     "the sending application does not offer more"},
    {"sender_disk", "the sender's disk", "transfer-sender-disk", Severity::warning, false,
     "the sender waits for its disk"},
    {"sender_cpu", "the sender's CPU", "transfer-sender-cpu", Severity::warning, false,
     "the sender has no CPU time left to send more"},
    {"sender_waits", "waiting for answers", "transfer-waits-for-answers", Severity::info, false,
     "the sender waits for an answer before it sends on"},
    {"name_lookup", "a DNS server", "name-lookup-slow", Severity::warning, true,
     "the program waits for a DNS server"},
    {"unknown", "unknown", "", Severity::info, false, "what limits it cannot be seen from this end"},
}};

const CauseWords& words_of(Cause cause) {
  return kWords[static_cast<std::size_t>(cause)];
}

std::string ms(double value) {
  return format_duration_ns(value * 1e6);
}
std::string rate(double bps) {
  return format_bits_per_second(bps);
}

double share_of(const TransferVerdict& verdict, Cause cause) {
  for (const CauseShare& one : verdict.shares)
    if (one.cause == cause) return one.share;
  return 0;
}

// The most telling number of the cause, for the answer.
std::string detail_of(const TransferVerdict& verdict, const PathFacts& path) {
  const TransferFacts& facts = verdict.facts;
  switch (verdict.cause) {
    case Cause::receiver_disk:
      return fmt::format("its thread waited {} of the time for a disk, and the connection {} for its window",
                         percent(facts.receiver_does(Activity::disk)), percent(facts.window_limited));
    case Cause::receiver_cpu:
      return fmt::format("its thread computed {} of the time, and the connection waited {} for its window",
                         percent(facts.receiver_does(Activity::running)), percent(facts.window_limited));
    case Cause::receiver_application:
      return facts.receiver_seen ? fmt::format("{} of its buffer stood unread", percent(facts.receive_queue))
                                 : fmt::format("its window was full {} of the time, and shrank",
                                               percent(facts.window_limited));
    case Cause::receive_window:
      return fmt::format("its window of {} was full {} of the time, with a round trip of {}",
                         format_bytes(facts.window_bytes),
                         percent(std::max(facts.window_limited, facts.window_full)), ms(facts.rtt_ms));
    case Cause::send_buffer:
      return fmt::format("it was full, with a round trip of {}", ms(facts.rtt_ms));
    case Cause::sender_disk:
      return fmt::format("its thread waited {} of the time for a disk",
                         percent(facts.sender_does(Activity::disk)));
    case Cause::sender_cpu:
      return fmt::format("its thread computed {} of the time", percent(facts.sender_does(Activity::running)));
    case Cause::sender_application:
    case Cause::sender_waits:
      return fmt::format("it had nothing to send {} of the time", percent(share_of(verdict, verdict.cause)));
    case Cause::loss:
    case Cause::policer:
      return fmt::format("{} was sent again, and the round trip of {} shows no queue",
                         percent(facts.retransmitted), ms(facts.rtt_ms));
    case Cause::reordering:
      return fmt::format("{:.0f} times in {:.1f} s, and {} of what was sent again was not needed",
                         facts.reordered, facts.seconds, percent(facts.dsack_share));
    case Cause::congestion:
      return path.capacity_bps
                 ? fmt::format("of {} this transfer gets {}, and packets wait {}", rate(*path.capacity_bps),
                               rate(facts.rate_bps), ms(facts.rtt_ms - facts.min_rtt_ms))
                 : fmt::format("packets wait {} in a queue, and the rate varies",
                               ms(facts.rtt_ms - facts.min_rtt_ms));
    case Cause::bufferbloat:
      return fmt::format("the round trip is {} instead of {}", ms(facts.rtt_ms), ms(facts.min_rtt_ms));
    case Cause::black_hole:
      return fmt::format("{} of {} sent arrived, with segments of {} bytes",
                         format_bytes(facts.delivered_bytes), format_bytes(facts.sent_bytes),
                         static_cast<int>(facts.mss));
    case Cause::local_queue:
      return facts.pacing_of_limit >= kPacingReached
                 ? std::string("SO_MAX_PACING_RATE is reached")
                 : std::string("data waits, and neither window nor congestion window is used up");
    case Cause::narrow_path:
    case Cause::link_speed:
    case Cause::duplex_mismatch:
    case Cause::none:
      return rate(facts.rate_bps);
    default:
      return {};
  }
}

std::string answer_of(const TransferVerdict& verdict, const PathFacts& path) {
  const CauseWords& words = words_of(verdict.cause);
  std::string text;
  if (verdict.cause == Cause::none)
    text = "Nothing is wrong: ";
  else if (verdict.cause == Cause::unknown)
    text = "It cannot be said: ";
  else
    text = words.network ? "It is the network: " : "It is not the network: ";
  text += words.answer;
  if (const std::string detail = detail_of(verdict, path); !detail.empty()) text += " (" + detail + ")";
  // What else took a good part of the time.
  for (std::size_t i = 1; i < verdict.shares.size() && verdict.shares[i].share >= 0.25; ++i)
    text += fmt::format("; {} of the time it was {}", percent(verdict.shares[i].share),
                        words_of(verdict.shares[i].cause).name);
  return text;
}

class Evidence {
 public:
  explicit Evidence(TransferVerdict& verdict) : rows_(verdict.evidence) {}
  void add(std::string what, std::string value, std::string how) {
    rows_.push_back({std::move(what), std::move(value), std::move(how)});
  }

 private:
  std::vector<EvidenceRow>& rows_;
};

constexpr const char* kInfo = "sock_diag: tcp_info";
constexpr const char* kMemory = "sock_diag: socket memory";
constexpr const char* kThread = "/proc/PID/task: state and system call, 20 times a second";

void add_thread(Evidence& evidence, const char* who, const decltype(TransferFacts::sender)& activities) {
  for (std::size_t i = 0; i < activities.size(); ++i)
    if (activities[i] >= kShareTold)
      evidence.add(fmt::format("{} {}", who, kernel::activity_name(static_cast<Activity>(i))),
                   percent(activities[i]), kThread);
}

void fill_evidence(TransferVerdict& verdict, const PathFacts& path) {
  Evidence evidence(verdict);
  const TransferFacts& facts = verdict.facts;
  for (const CauseShare& one : verdict.shares)
    if (one.share >= 0.01)
      evidence.add("time: " + std::string(words_of(one.cause).name), percent(one.share),
                   "all below together");
  evidence.add("rate", rate(facts.rate_bps), fmt::format("payload acknowledged in {:.1f} s", facts.seconds));
  if (facts.sender_seen) {
    evidence.add("sender had data under way", percent(facts.busy), "tcp_info: busy_time");
    evidence.add("held by the receiver's window", percent(facts.window_limited), "tcp_info: rwnd_limited");
    evidence.add("receiver's window", format_bytes(facts.window_bytes), "tcp_info: snd_wnd, median");
    evidence.add("congestion window used up", percent(facts.cwnd_full),
                 "tcp_info: unacked >= snd_cwnd - 2 (" + facts.congestion_control + ")");
    evidence.add("send buffer filled", percent(facts.send_memory), kMemory);
    evidence.add("sent again", fmt::format("{:.3g} %", 100 * facts.retransmitted), "tcp_info: bytes_retrans");
    evidence.add("round trip", fmt::format("{}, least {}", ms(facts.rtt_ms), ms(facts.min_rtt_ms)), kInfo);
    if (facts.reordered > 0) evidence.add("overtaken", fmt::format("{:.0f}", facts.reordered), kInfo);
    if (facts.timeouts > 0) evidence.add("timeouts", fmt::format("{:.0f}", facts.timeouts), kInfo);
  }
  if (facts.receiver_seen)
    evidence.add("receiver's queue", percent(facts.receive_queue) + " of its buffer", kMemory);
  if (facts.sender_thread_seen) add_thread(evidence, "sender", facts.sender);
  if (facts.receiver_thread_seen) add_thread(evidence, "receiver", facts.receiver);
  if (path.link_bps) evidence.add("speed of " + path.interface, rate(*path.link_bps), "ethtool: link modes");
  if (path.capacity_bps) evidence.add("capacity of the path", rate(*path.capacity_bps), "packet trains");
  if (path.available_bps) evidence.add("available on the path", rate(*path.available_bps), "packet streams");
}

std::string buffer_command(const TransferFacts& facts, const char* name) {
  // Twice the bandwidth-delay product, for a path that carries four times what was reached.
  const double bytes = std::max(4.0 * 1048576, 2 * 4 * facts.rate_bps / 8 * facts.rtt_ms / 1e3);
  return fmt::format("sysctl -w net.ipv4.{}=\"4096 131072 {:.0f}\"", name, bytes);
}

std::vector<std::string> remedies_of(const TransferVerdict& verdict, const PathFacts& path) {
  const TransferFacts& facts = verdict.facts;
  switch (verdict.cause) {
    case Cause::receive_window:
      if (!facts.window_scaling)
        return {"at both ends: sysctl -w net.ipv4.tcp_window_scaling=1",
                "a firewall that strips the option does this too"};
      return {"at the receiver: " + buffer_command(facts, "tcp_rmem"),
              "a program that sets SO_RCVBUF itself switches off the growing of the buffer: leave it out, or "
              "sysctl -w net.core.rmem_max to what it asks for",
              "how much the path needs: isotach path HOST"};
    case Cause::send_buffer:
      return {"at the sender: " + buffer_command(facts, "tcp_wmem"),
              "a program that sets SO_SNDBUF itself switches off the growing of the buffer: leave it out"};
    case Cause::receiver_application:
      return {"look at what the receiving program does: isotach doctor --pid PID over there",
              "read more often, or with more threads"};
    case Cause::receiver_disk:
      return {"see which disk, and how busy: isotach vm -d 1", "write elsewhere, or to more disks"};
    case Cause::sender_disk:
      return {"see which disk, and how busy: isotach vm -d 1", "read ahead, or from a faster disk"};
    case Cause::receiver_cpu:
    case Cause::sender_cpu:
      return {"see what the time goes to: perf top -p PID, or isotach inspect",
              "use more connections or threads, or cheaper compression and encryption"};
    case Cause::sender_application:
      return {"the program offers no more: that is right where it has no more",
              "otherwise see what it waits for: isotach doctor --pid PID"};
    case Cause::sender_waits:
      return {"send the next request before the answer has come, or use several connections",
              "round trips limit it: isotach nettest -c HOST --rr shows how many there can be"};
    case Cause::local_queue:
      return {"a limit of the program: SO_MAX_PACING_RATE; of the host: tc -s qdisc show"};
    case Cause::narrow_path:
      return {"more needs a faster link; where it is: isotach path HOST"};
    case Cause::congestion:
      return {
          "see who else sends: isotach traffic; give this transfer its share by a queue discipline "
          "(fq_codel, cake)",
          "send at another time"};
    case Cause::bufferbloat:
      return {"on the router before the narrow link: tc qdisc replace dev DEV root cake bandwidth RATE",
              "at the sender: sysctl -w net.ipv4.tcp_congestion_control=bbr keeps the queue short"};
    case Cause::loss:
      return {"look for damaged frames on the way: isotach link check -i 5, on each machine",
              "at the sender bbr minds random loss little: sysctl -w net.ipv4.tcp_congestion_control=bbr"};
    case Cause::policer:
      return {fmt::format(
                  "shape the traffic just below the rate before it gets there: tc qdisc replace dev {} root "
                  "tbf rate {:.0f}mbit burst 32k latency 50ms",
                  path.interface.empty() ? "DEV" : path.interface, std::max(1.0, facts.rate_bps / 1e6)),
              "ask whoever runs the path for its rate"};
    case Cause::reordering:
      return {"sysctl -w net.ipv4.tcp_recovery=1 (RACK) at the sender bears with reordering",
              "look for links in parallel that spread packets instead of flows"};
    case Cause::black_hole:
      return {"sysctl -w net.ipv4.tcp_mtu_probing=1 at the sender finds the size that passes",
              "let ICMP \"fragmentation needed\" through the firewalls; until then: ip route change ... mtu "
              "1400"};
    case Cause::link_speed:
    case Cause::duplex_mismatch: {
      std::vector<std::string> remedies;
      for (const Finding& finding : path.link_findings) remedies.push_back(finding.remedy);
      return remedies;
    }
    case Cause::name_lookup:
      return {"see which server is slow: isotach doctor",
              "put a faster one first in /etc/resolv.conf, or a cache on this host"};
    case Cause::unknown:
      return {"look from the sending end too: isotach doctor --pid PID over there"};
    case Cause::none:
      break;
  }
  return {};
}

}  // namespace

std::string_view cause_key(Cause cause) {
  return words_of(cause).key;
}
std::string_view cause_name(Cause cause) {
  return words_of(cause).name;
}
bool is_network(Cause cause) {
  return words_of(cause).network;
}

std::optional<Finding> TransferVerdict::finding(const std::string& subject) const {
  const CauseWords& words = words_of(cause);
  if (words.finding.empty()) return std::nullopt;
  Finding one;
  one.id = words.finding;
  one.severity = words.severity;
  one.subject = subject;
  one.title = subject + ": " + std::string(words.answer);
  // The title says the cause; what the answer adds to that is the evidence.
  const std::size_t said = answer.find(words.answer);
  one.evidence = fmt::format("{} of the time{}", percent(share),
                             said == std::string::npos ? "" : answer.substr(said + words.answer.size()));
  one.remedy = remedies.empty() ? std::string() : remedies.front();
  return one;
}

void put_in_words(const network::TransferTrace&, const PathFacts& path, TransferVerdict& verdict) {
  verdict.answer = answer_of(verdict, path);
  fill_evidence(verdict, path);
  verdict.remedies = remedies_of(verdict, path);
}

}  // namespace isotach::doctor
