// isotach doctor --watch: the doctor stays, and says what begins and what is over.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "command/doctor/commands.h"
#include "command/doctor/finding_log.h"
#include "command/doctor/standing.h"
#include "command/own_cost.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

std::string text_of(const FindingLog::Entry& entry, Instant time) {
  const doctor::Finding& finding = entry.finding;
  const std::string when = format_wall_time_local(time.wall_ns);
  if (!entry.begins)
    return fmt::format("{} over: {} [{}], after {}\n", when, printable(finding.title), finding.id,
                       format_duration_ns(static_cast<double>(entry.lasted_ns)));
  std::string text = fmt::format("{} {}: {} [{}]\n", when, doctor::severity_name(finding.severity),
                                 printable(finding.title), finding.id);
  if (!finding.evidence.empty()) text += fmt::format("    {}\n", printable(finding.evidence));
  if (!finding.remedy.empty()) text += fmt::format("    do: {}\n", printable(finding.remedy));
  return text;
}

std::string json_of(const FindingLog::Entry& entry, Instant time) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.doctor.watch.v1");
  json.key("wall_time").string(format_wall_time_utc(time.wall_ns));
  json.key("event").string(entry.begins ? "begin" : "end");
  if (!entry.begins) json.key("seconds").real(static_cast<double>(entry.lasted_ns) / 1e9);
  json.key("finding");
  write_finding(json, entry.finding);
  json.end_object();
  return json.take() + '\n';
}

}  // namespace

int watch_host(Context& context, const DoctorOptions& options, bool json_stream) {
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const OwnCost cost(start_ns);
  StandingDoctor::Options standing;
  standing.machine = true;
  standing.silenced = options.silenced;
  if (options.interval_ns) standing.every_ns = *options.interval_ns;
  StandingDoctor doctor(context.clock, standing);
  FindingLog log;
  std::uint64_t looks = 0;
  const std::int64_t end_ns = options.duration_ns > 0 ? start_ns + options.duration_ns : 0;
  while (!context.waiter.interrupted()) {
    const std::int64_t now_ns = context.clock.now().monotonic_ns;
    if (end_ns > 0 && now_ns >= end_ns) break;
    if (doctor.step()) {
      const StandingNews& news = doctor.news();
      if (looks++ == 1)  // of the first no rates are known
        for (const std::string& line : news.not_checked) context.note("not checked: " + line);
      for (const FindingLog::Entry& entry : log.update(news.findings, news.time.monotonic_ns))
        context.out.write(json_stream ? json_of(entry, news.time) : text_of(entry, news.time));
      context.out.flush();
    }
    const std::int64_t due_ns = doctor.deadline_ns();
    static_cast<void>(context.waiter.wait_until(end_ns > 0 ? std::min(due_ns, end_ns) : due_ns));
  }
  const std::int64_t now_ns = context.clock.now().monotonic_ns;
  context.note(fmt::format("{} findings in {}, {} looks; isotach itself used {:.1f} % of a CPU", log.begun(),
                           format_duration_ns(static_cast<double>(now_ns - start_ns)), looks,
                           100 * cost.overall(now_ns).value_or(0)));
  return log.had_problem() ? kExitFailed : kExitOk;
}

}  // namespace isotach::command
