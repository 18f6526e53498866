#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "command/ksm/demo.h"

namespace isotach::command {
namespace {

using memory::MergeMoment;
using memory::MergeSample;

std::string bytes(double value) {
  return value < 0 ? '-' + format_bytes(-value) : format_bytes(value);
}

// "135 MiB less".
std::string changed(double by) {
  return bytes(std::abs(by)) + (by < 0 ? " less" : " more");
}

std::string after(std::int64_t time_ns) {
  return fmt::format("{:.2f} s", static_cast<double>(time_ns) / 1e9);
}

const MergeSample* at(const DemoResult& result, std::optional<std::size_t> index) {
  return index && *index < result.samples.size() ? &result.samples[*index] : nullptr;
}

// The last PSS that was read up to there, and the one before anything was merged.
std::optional<double> proportional_near(const DemoResult& result, std::size_t from, std::size_t to) {
  std::optional<double> found;
  for (std::size_t i = from; i < to && i < result.samples.size(); ++i)
    if (result.samples[i].proportional_bytes) found = result.samples[i].proportional_bytes;
  return found;
}

void tell_growth(const DemoResult& result, std::vector<std::string>& story) {
  const MergeSample* start = at(result, result.course.start);
  const MergeSample* maximum = at(result, result.course.maximum);
  if (start == nullptr) {
    story.push_back("The program was never seen: it ended before it could be sampled.");
    return;
  }
  const MergeSample& before = result.samples[*result.course.start > 0 ? *result.course.start - 1 : 0];
  story.push_back(fmt::format("The program started at {}; {} of memory were free before.",
                              after(start->time_ns), bytes(before.free_bytes)));
  if (maximum == nullptr) return;
  story.push_back(
      fmt::format("It reached its maximum at {} with {} resident; free memory was {} then, {} than before.",
                  after(maximum->time_ns), bytes(maximum->resident_bytes.value_or(0)),
                  bytes(maximum->free_bytes), changed(maximum->free_bytes - before.free_bytes)));
}

void tell_merging(const DemoResult& result, std::vector<std::string>& story) {
  const MergeSample* begin = at(result, result.course.merge_begin);
  const MergeSample* end = at(result, result.course.merge_end);
  if (begin == nullptr || end == nullptr) {
    if (result.course.start) story.push_back("Nothing was merged while it was watched.");
    return;
  }
  const double share = result.course.merged_pages / static_cast<double>(result.pages);
  story.push_back(fmt::format(
      "ksmd merged from {} to {}, {} long: {:.0f} pages, {:.1f} % of the program's. Before that it scanned "
      "them once and only noted their checksums.",
      after(begin->time_ns), after(end->time_ns),
      format_duration_ns(static_cast<double>(end->time_ns - begin->time_ns)), result.course.merged_pages,
      share * 100));
  const MergeSample& before =
      result.samples[*result.course.merge_begin > 0 ? *result.course.merge_begin - 1 : 0];
  story.push_back(fmt::format(
      "Free memory was {} at the end of it than at its beginning, anonymous memory {}; what "
      "other programs did meanwhile is in both. The profit that the kernel reckons went "
      "from {} to {}.",
      changed(end->free_bytes - before.free_bytes), changed(end->anonymous_bytes - before.anonymous_bytes),
      bytes(before.profit_bytes), bytes(end->profit_bytes)));
  const std::size_t last = result.course.end.value_or(result.samples.size());
  const auto large = proportional_near(result, *result.course.start, *result.course.merge_begin);
  const auto small = proportional_near(result, *result.course.merge_end, last);
  if (end->resident_bytes && large && small)
    story.push_back(fmt::format("RSS never shows it: {} to the end. PSS fell from {} to {}.",
                                bytes(*end->resident_bytes), bytes(*large), bytes(*small)));
}

// Pages of other programs that ksmd had to scan as well, at the most, before all of ours were merged.
double others_at_most(const DemoResult& result) {
  double most = 0;
  const std::size_t last = result.course.merge_end.value_or(result.samples.size());
  for (std::size_t i = 0; i < last && i < result.samples.size(); ++i) {
    const MergeSample& sample = result.samples[i];
    const double tracked = sample.shared_pages + sample.sharing_pages + sample.unsettled_pages;
    const double ours = sample.resident_bytes ? static_cast<double>(result.pages) : 0;
    most = std::max(most, tracked - ours);
  }
  return most;
}

void tell_end(const DemoResult& result, std::vector<std::string>& story) {
  if (result.writing_ns && result.written_ns) {
    const double took_ns = static_cast<double>(*result.written_ns - *result.writing_ns);
    story.push_back(fmt::format(
        "Writing to every page at {} took {}, {} a page: the kernel gave each its own memory again.",
        after(*result.writing_ns), format_duration_ns(took_ns),
        format_duration_ns(took_ns / static_cast<double>(result.pages))));
  }
  const MergeSample* end = at(result, result.course.end);
  if (end == nullptr || !result.course.start) return;
  const MergeSample& before = result.samples[*result.course.start > 0 ? *result.course.start - 1 : 0];
  const MergeSample& last = result.samples.back();
  story.push_back(fmt::format("It ended at {}. Free memory is {} now, {} than before the program.",
                              after(end->time_ns), bytes(last.free_bytes),
                              changed(last.free_bytes - before.free_bytes)));
}

void tell_time(const DemoResult& result, std::vector<std::string>& story) {
  const auto took_ns = merging_took_ns(result);
  if (!took_ns || !result.predicted.finite) return;
  const double error = result.predicted.settled_ns / static_cast<double>(*took_ns) - 1;
  story.push_back(
      fmt::format("From the moment in which it offered them until all were merged it took {}; {} were "
                  "predicted: {:+.1f} %.",
                  format_duration_ns(static_cast<double>(*took_ns)),
                  format_duration_ns(result.predicted.settled_ns), error * 100));
  if (const double others = others_at_most(result); others > 0.02 * static_cast<double>(result.pages))
    story.push_back(fmt::format(
        "Other programs had {:.0f} pages or more for ksmd to scan meanwhile: that delays it.", others));
  const MergeSample* start = at(result, result.course.start);
  const MergeSample* end = at(result, result.course.merge_end);
  if (!start->ksmd_cpu_ns || !end->ksmd_cpu_ns) return;
  std::string text =
      fmt::format("ksmd used {} of CPU for it", format_duration_ns(*end->ksmd_cpu_ns - *start->ksmd_cpu_ns));
  if (start->ksmd_wait_ns && end->ksmd_wait_ns) {
    const double waited_ns = *end->ksmd_wait_ns - *start->ksmd_wait_ns;
    text += fmt::format(", and waited {} for a processor", format_duration_ns(waited_ns));
    // The prediction is for a machine that has one to spare.
    if (waited_ns > 0.1 * static_cast<double>(*took_ns))
      text +=
          fmt::format(": other programs had it, as ksmd runs with nice 5. Without that it would have been {}",
                      format_duration_ns(std::max(0.0, static_cast<double>(*took_ns) - waited_ns)));
  }
  story.push_back(text + '.');
}

void tell_trace(const DemoResult& result, std::vector<std::string>& story) {
  const DemoTrace& trace = result.trace;
  if (!trace.why_not.empty()) {
    story.push_back("The kernel's tracepoints were not read: " + trace.why_not + ".");
    return;
  }
  if (!trace.first_ns || !trace.last_ns) return;
  std::string text =
      fmt::format("The kernel's tracepoints tell of {} merged pages from {} to {}", trace.merged,
                  fmt::format("{:.3f} s", static_cast<double>(*trace.first_ns) / 1e9),
                  fmt::format("{:.3f} s", static_cast<double>(*trace.last_ns) / 1e9));
  if (result.agreement) {
    text +=
        fmt::format("; the samples differ by {} and {}, {} two of their periods",
                    format_duration_ns(static_cast<double>(std::abs(result.agreement->begin_difference_ns))),
                    format_duration_ns(static_cast<double>(std::abs(result.agreement->end_difference_ns))),
                    result.agreement->agrees() ? "less than" : "more than");
  }
  story.push_back(text + '.');
  if (trace.lost > 0)
    story.push_back(fmt::format("{} events were lost: the kernel's buffer was full.", trace.lost));
}

}  // namespace

std::optional<std::int64_t> merging_took_ns(const DemoResult& result) {
  const MergeSample* start = at(result, result.course.start);
  const MergeSample* end = at(result, result.course.merge_end);
  if (start == nullptr || end == nullptr || result.course.merged_pages < static_cast<double>(result.pages))
    return std::nullopt;
  return end->time_ns - result.offered_ns.value_or(start->time_ns);
}

std::vector<std::string> demo_story(const DemoResult& result) {
  std::vector<std::string> story;
  if (result.samples.empty()) return story;
  tell_growth(result, story);
  tell_merging(result, story);
  tell_time(result, story);
  tell_end(result, story);
  tell_trace(result, story);
  return story;
}

}  // namespace isotach::command
