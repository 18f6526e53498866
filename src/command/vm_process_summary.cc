// What remains when the last row has been printed, for people.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "command/vm_process_report.h"

namespace isotach::command {
namespace {

using memory::ProcessSummary;

std::string line(std::string_view name, std::string_view value) {
  return fmt::format("  {:<10} {}\n", name, value);
}

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

std::string peak_text(const std::optional<ProcessSummary::Peak>& peak, const ProcessSummary& process) {
  if (!peak) return "-";
  const std::int64_t after_ns = peak->time.monotonic_ns - process.first_time().monotonic_ns;
  if (peak->bytes == 0 || after_ns <= 0) return bytes_text(peak->bytes);
  return bytes_text(peak->bytes) + " after " + format_duration_ns(static_cast<double>(after_ns));
}

std::string count_text(std::optional<std::uint64_t> count) {
  return count ? fmt::to_string(*count) : std::string("-");
}

std::string process_text(const ProcessWriter::Summary& summary, const ProcessOutcome& outcome) {
  const ProcessSummary& process = *summary.process;
  const std::int64_t followed_ns = process.last_time().monotonic_ns - process.first_time().monotonic_ns;
  std::string text = fmt::format("{} ({}) ", printable(process.command()), process.pid());
  if (summary.is_command) {
    text += fmt::format("ended with {} after ", end_text(*outcome.end));
  } else {
    text += summary.ended ? "ended after " : "was followed for ";
  }
  text += format_duration_ns(static_cast<double>(followed_ns)) + '\n';
  if (summary.unseen_peak_bytes) {
    text += line("peak rss", bytes_text(*summary.unseen_peak_bytes) + " between two samples");
  } else {
    // The kernel's own account of so short a life is hidden by what the program inherited from us.
    constexpr std::uint64_t kTooFewSamples = 2;
    const bool unknown = summary.is_command && process.samples() <= kTooFewSamples;
    text += line("peak rss", (unknown ? "at least " : "") + peak_text(process.resident_peak(), process));
  }
  text += line("peak pss", peak_text(process.proportional_peak(), process));
  text += line("peak swap", peak_text(process.swap_peak(), process));
  text += line("peak heap", peak_text(process.heap_peak(), process));
  text +=
      line("faults", fmt::format("{} minor, {} major", count_text(process.minor_faults(summary.from_start)),
                                 count_text(process.major_faults(summary.from_start))));
  const auto cpu_s = process.cpu_seconds(summary.from_start);
  text += line("cpu", cpu_s ? format_duration_ns(*cpu_s * 1e9) : std::string("-"));
  text += line("samples", fmt::to_string(process.samples()));
  return text;
}

}  // namespace

std::string process_summary_text(const std::vector<ProcessWriter::Summary>& summaries,
                                 const ProcessOutcome& outcome) {
  std::string text;
  for (const ProcessWriter::Summary& summary : summaries) text += process_text(summary, outcome);
  if (outcome.missed_samples > 0)
    text += fmt::format("{} samples came too late and were left out\n", outcome.missed_samples);
  return text;
}

}  // namespace isotach::command
