#include "command/vm_process_report.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>

namespace isotach::command {

using kernel::ProcessReading;
using memory::ProcessRow;

std::string end_text(const kernel::ChildEnd& end) {
  if (!end.by_signal) return fmt::format("exit code {}", end.number);
  const char* name = ::sigdescr_np(end.number);
  return fmt::format("signal {} ({})", end.number, name != nullptr ? name : "unknown");
}

ProcessReport::ProcessReport(Output& out, Output& talk, const ProcessReportOptions& options)
    : options_(options),
      talk_(talk),
      writer_(options.format == Format::table ? make_process_table(out, options)
                                              : make_process_export(out, options)) {}

bool ProcessReport::sample(Instant time, const std::vector<ProcessReading>& readings) {
  const bool first = !start_.has_value();
  if (first) start_ = time;
  rows_.clear();
  for (const ProcessReading& reading : readings) {
    auto known = followed_.find(reading.pid);
    const bool before = known != followed_.end() && !known->second.ended;
    const std::int64_t elapsed_ns = before ? time.monotonic_ns - known->second.time.monotonic_ns : 0;
    rows_.push_back(memory::make_process_row(before ? &known->second.before : nullptr, reading, elapsed_ns,
                                             options_.page_size_bytes));
    if (!before) {
      if (known == followed_.end() && followed_.size() >= kSummaryLimit) continue;
      Followed fresh;
      fresh.order = seen_++;
      known = followed_.insert_or_assign(reading.pid, std::move(fresh)).first;
    }
    known->second.summary.add(rows_.back(), time);
    known->second.before = reading;
    known->second.time = time;
  }
  if (first && options_.skip_first) return false;
  writer_->rows({time, time.monotonic_ns - start_->monotonic_ns}, rows_);
  return true;
}

void ProcessReport::ended(const ProcessReading& last, Instant time) {
  const auto known = followed_.find(last.pid);
  if (known == followed_.end()) return;
  Followed& followed = known->second;
  const ProcessRow row = memory::make_process_row(nullptr, last, 0, options_.page_size_bytes);
  followed.summary.add_last_counters(row, time);
  followed.ended = true;
}

std::vector<ProcessWriter::Summary> ProcessReport::summaries(const ProcessOutcome& outcome) const {
  std::vector<const Followed*> in_order;
  for (const auto& [pid, followed] : followed_) in_order.push_back(&followed);
  std::sort(in_order.begin(), in_order.end(),
            [](const Followed* a, const Followed* b) { return a->order < b->order; });
  std::vector<ProcessWriter::Summary> summaries;
  for (const Followed* followed : in_order) {
    const bool is_command = summaries.empty() && outcome.end.has_value();
    ProcessWriter::Summary summary{
        &followed->summary, is_command, !outcome.command.empty(), followed->ended, {}};
    if (is_command && outcome.end->peak_resident_kib) {
      const std::uint64_t bytes = *outcome.end->peak_resident_kib * 1024;
      const auto& seen = followed->summary.resident_peak();
      if (!seen || bytes > seen->bytes) summary.unseen_peak_bytes = bytes;
    }
    summaries.push_back(summary);
  }
  return summaries;
}

void ProcessReport::finish(const ProcessOutcome& outcome) {
  const std::vector<ProcessWriter::Summary> all = summaries(outcome);
  writer_->finish(all, outcome);
  if (options_.format != Format::table && options_.format != Format::csv) return;
  // One row that was asked for says everything already.
  const bool worth_it = outcome.end || outcome.interrupted ||
                        std::any_of(all.begin(), all.end(), [](const ProcessWriter::Summary& summary) {
                          return summary.ended || summary.process->samples() > 1;
                        });
  if (!worth_it) return;
  talk_.write((outcome.interrupted ? "\n" : "") + process_summary_text(all, outcome));
  talk_.flush();
}

}  // namespace isotach::command
