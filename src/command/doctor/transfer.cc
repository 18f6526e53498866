// isotach doctor --pid and -- COMMAND: why is this program's transfer slow?
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/doctor/commands.h"
#include "command/doctor/connections_report.h"
#include "kernel/child.h"
#include "network/connections/transfer_watch.h"

namespace isotach::command {
namespace {

using network::TransferWatch;

// Watches until the time is over, a signal, or `ended` says so.
template <class Ended>
Result<void> watch(Context& context, TransferWatch& transfers, std::int64_t duration_ns, const Ended& ended) {
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  Ticker ticker(start_ns, network::kWatchIntervalNs);
  while (!context.waiter.interrupted() && !ended()) {
    const std::int64_t now_ns = context.clock.now().monotonic_ns;
    if (duration_ns > 0 && now_ns - start_ns >= duration_ns) break;
    if (auto sampled = transfers.sample(context.clock); !sampled) return sampled;
    ticker.advance(now_ns);
    static_cast<void>(context.waiter.wait_until(ticker.deadline_ns()));
  }
  return {};
}

void conclude(const TransferWatch& transfers, const LinkContext& links, DoctorReport& report) {
  add_connections(transfers.traces(), links, report);
  if (report.connections.empty()) report.answer = "No connection of it moved data while it was watched.";
  answer_by_connection(report);
  add_processes(transfers.processes(), report);
  if (transfers.left_out() > 0)
    report.not_checked.push_back(fmt::format("{} more connections than are followed", transfers.left_out()));
}

}  // namespace

Result<DoctorReport> examine_processes(Context& context, const std::vector<unsigned>& pids,
                                       const DoctorOptions& options) {
  for (const unsigned pid : pids)
    if (kernel::read_task_activity(kernel::SystemRoot(), static_cast<pid_t>(pid)).empty())
      return failure(ErrorKind::failed, fmt::format("there is no process {}", pid), "see: ps aux");
  auto transfers = TransferWatch::open(kernel::SystemRoot(), static_cast<int>(pids.front()),
                                       {.both_ends = options.both_ends});
  if (!transfers) return tl::make_unexpected(std::move(transfers.error()));
  for (const unsigned pid : pids) transfers->follow_process(static_cast<int>(pid));
  LinkContext links(context.clock, transfers->name_space());
  links.begin();
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const auto ended = [&] {
    return std::all_of(pids.begin(), pids.end(), [](unsigned pid) {
      return kernel::sockets_of(kernel::SystemRoot(), static_cast<pid_t>(pid)).empty() &&
             kernel::read_task_activity(kernel::SystemRoot(), static_cast<pid_t>(pid)).empty();
    });
  };
  if (auto watched = watch(context, *transfers, options.duration_ns, ended); !watched)
    return tl::make_unexpected(std::move(watched.error()));
  links.end();
  DoctorReport report;
  report.subject = fmt::format("process {}", pids.front());
  report.seconds = static_cast<double>(context.clock.now().monotonic_ns - start_ns) / 1e9;
  conclude(*transfers, links, report);
  return report;
}

Result<DoctorReport> examine_command(Context& context, const std::vector<std::string>& words,
                                     const DoctorOptions& options) {
  auto transfers = TransferWatch::open(kernel::SystemRoot(), 0, {.both_ends = options.both_ends});
  if (!transfers) return tl::make_unexpected(std::move(transfers.error()));
  LinkContext links(context.clock, {});
  links.begin();
  auto child = kernel::ChildProcess::start(words, context.waiter);
  if (!child) return tl::make_unexpected(std::move(child.error()));
  transfers->follow_process(child->pid());
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const auto watched = watch(context, *transfers, options.duration_ns, [&] { return child->has_ended(); });
  if (!watched) return tl::make_unexpected(watched.error());
  links.end();
  DoctorReport report;
  report.subject = words.front();
  report.seconds = static_cast<double>(context.clock.now().monotonic_ns - start_ns) / 1e9;
  // Cut short by its time or by a signal, which the program has had as well.
  if (!child->has_ended()) child->stop(context.waiter.signal_number() == 0 ? SIGTERM : 0);
  static_cast<void>(child->wait());
  conclude(*transfers, links, report);
  return report;
}

}  // namespace isotach::command
