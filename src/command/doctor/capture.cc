// isotach doctor --capture: what limited the connections of a capture.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/units.h"
#include "command/connections/capture_run.h"
#include "command/doctor/commands.h"
#include "doctor/quantities.h"
#include "network/connections/limit_observer.h"

namespace isotach::command {
namespace {

using doctor::Severity;
using network::Connection;
using network::Limit;
using network::LimitShares;

struct LimitWords {
  std::string_view finding;  // empty where nothing is wrong
  Severity severity;
  bool network;
  std::string_view answer;
  std::string_view remedy;
};

// In the order of network::Limit.
constexpr LimitWords kWords[network::kLimits] = {
    {"transfer-sender-application", Severity::info, false, "the sending application did not offer more",
     "look what it waits for, on the sender: isotach doctor --pid PID"},
    {"transfer-receiver-application", Severity::warning, false,
     "the receiving application did not read fast enough",
     "look at it, on the receiver: isotach doctor --pid PID"},
    {"transfer-receive-window", Severity::warning, false, "the receiver's buffer was too small for this path",
     "at the receiver a larger net.ipv4.tcp_rmem; a program that sets SO_RCVBUF switches off that it grows"},
    {"transfer-send-buffer", Severity::warning, false, "the sender's buffer was too small for this path",
     "at the sender a larger net.ipv4.tcp_wmem; a program that sets SO_SNDBUF switches off that it grows"},
    {"transfer-loss", Severity::warning, true, "losses kept the congestion window small",
     "look for damaged frames on the way: isotach link check -i 5, on each machine"},
    {"transfer-loss", Severity::warning, true, "losses had to be made good",
     "look for damaged frames on the way: isotach link check -i 5, on each machine"},
    {"", Severity::info, false, "nothing was wrong: it was over while its rate still grew", ""},
    {"transfer-narrow-path", Severity::info, true, "the path was full",
     "more needs a faster link; where it is: isotach path HOST"},
};

const LimitWords& words_of(Limit limit) {
  return kWords[static_cast<std::size_t>(limit)];
}

std::string way_of(const Connection& connection, int side) {
  const std::string a = network::endpoint_text(connection.key.source_address(), connection.key.source_port);
  const std::string b =
      network::endpoint_text(connection.key.destination_address(), connection.key.destination_port);
  return side == 0 ? a + " to " + b : b + " to " + a;
}

struct Judged {
  std::size_t index = 0;
  int side = 0;
  const LimitShares* shares = nullptr;
  std::uint64_t bytes = 0;
};

void add_finding(const Connection& connection, const Judged& one, DoctorReport& report) {
  const LimitWords& words = words_of(one.shares->verdict());
  if (words.finding.empty()) return;
  const std::string way = way_of(connection, one.side);
  report.findings.push_back(
      {std::string(words.finding), words.severity, way, fmt::format("{}: {}", way, words.answer),
       fmt::format("{} of the time; {}", doctor::percent(one.shares->share(one.shares->verdict())),
                   network::limit_evidence(one.shares->verdict(), *one.shares, connection, one.side)),
       std::string(words.remedy)});
}

void answer_by(const Connection& connection, const Judged& one, DoctorReport& report) {
  const Limit limit = one.shares->verdict();
  const LimitWords& words = words_of(limit);
  report.answer = fmt::format("{}{} ({} of the time).",
                              words.finding.empty() ? ""
                              : words.network       ? "It was the network: "
                                                    : "It was not the network: ",
                              words.answer, doctor::percent(one.shares->share(limit)));
  if (words.finding.empty()) report.answer[0] = 'N';
  for (std::size_t i = 0; i < network::kLimits; ++i) {
    const auto each = static_cast<Limit>(i);
    if (one.shares->share(each) < 0.005) continue;
    report.evidence.push_back({fmt::format("time: {}", network::limit_name(each)),
                               doctor::percent(one.shares->share(each)),
                               network::limit_evidence(each, *one.shares, connection, one.side)});
  }
  if (!words.remedy.empty()) report.remedies.emplace_back(words.remedy);
}

}  // namespace

Result<DoctorReport> examine_captures(Context& context, const std::vector<std::string>& paths) {
  network::Tracker tracker(network::Rules::exact, unforeseen_seed(context));
  network::LimitObserver limits;
  tracker.set_observer(&limits);
  CaptureRequest request;
  request.paths = paths;
  const auto run = read_captures(context, request, tracker);
  if (!run) return tl::make_unexpected(run.error());
  limits.finish();
  tell_about(context, *run, tracker);
  DoctorReport report;
  report.subject = paths.front();
  report.seconds = static_cast<double>(run->last_ns - run->first_ns) / 1e9;
  std::vector<Judged> judged;
  std::size_t untold = 0;
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    const int side = network::LimitObserver::main_side(tracker[i]);
    const LimitShares* shares = limits.shares(i, side);
    if (shares == nullptr) continue;
    if (!shares->is_known()) {
      ++untold;
      continue;
    }
    judged.push_back({i, side, shares, tracker[i].directions[static_cast<std::size_t>(side)].unique_bytes});
  }
  std::stable_sort(judged.begin(), judged.end(),
                   [](const Judged& a, const Judged& b) { return a.bytes > b.bytes; });
  constexpr std::size_t kTold = 20;
  for (std::size_t i = 0; i < std::min(kTold, judged.size()); ++i)
    add_finding(tracker[judged[i].index], judged[i], report);
  if (judged.empty())
    report.answer = "No connection in it shows data and its answers.";
  else
    answer_by(tracker[judged.front().index], judged.front(), report);
  if (judged.size() > kTold)
    report.not_checked.push_back(
        fmt::format("{} smaller connections; isotach connections --why has all", judged.size() - kTold));
  if (untold > 0)
    report.not_checked.push_back(
        fmt::format("{} connections whose answers the capture does not show", untold));
  return report;
}

}  // namespace isotach::command
