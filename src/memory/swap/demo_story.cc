#include "memory/swap/demo_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/counter.h"
#include "base/units.h"

namespace isotach::memory {
namespace {

constexpr std::int64_t kRateWindowNs = 250'000'000;
// A few pages come and go with everything a machine does.
constexpr std::uint64_t kNoticeableBytes = std::uint64_t{1} << 20;

double to_real(std::uint64_t bytes) {
  return static_cast<double>(bytes);
}

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(to_real(bytes));
}

std::int64_t fall(std::uint64_t from, std::uint64_t to) {
  return static_cast<std::int64_t>(from) - static_cast<std::int64_t>(to);
}

// The largest growth of a counter of pages, as bytes a second.
double peak_rate(const std::vector<DemoSample>& samples, std::uint64_t DemoSample::*counter,
                 std::uint64_t page_bytes) {
  double peak = 0;
  std::size_t first = 0;
  for (std::size_t last = 1; last < samples.size(); ++last) {
    while (first + 1 < last && samples[last].time_ns - samples[first + 1].time_ns >= kRateWindowNs) ++first;
    const std::int64_t time_ns = samples[last].time_ns - samples[first].time_ns;
    const auto pages = counter_growth(samples[first].*counter, samples[last].*counter);
    if (time_ns < kRateWindowNs || !pages) continue;
    peak = std::max(peak, to_real(*pages) * to_real(page_bytes) * 1e9 / static_cast<double>(time_ns));
  }
  return peak;
}

const DemoSample* sample_at(const std::vector<DemoSample>& samples, std::optional<std::int64_t> time_ns) {
  if (!time_ns) return nullptr;
  for (const DemoSample& sample : samples)
    if (sample.time_ns >= *time_ns) return &sample;
  return nullptr;
}

}  // namespace

DemoStory tell_demo(const std::vector<DemoSample>& samples, const DemoMarks& marks,
                    std::uint64_t page_bytes) {
  DemoStory story;
  if (samples.empty()) return story;
  story.before_used_bytes = samples.front().swap_used_bytes;
  story.after_used_bytes = samples.back().swap_used_bytes;
  story.resident_peak_bytes = Missing::vanished;
  story.idle_out_bytes = samples.back().idle_swap_bytes;
  const DemoSample* first_out = nullptr;
  for (const DemoSample& sample : samples) {
    if (sample.swap_used_bytes > story.peak_used_bytes || !story.peak_ns) {
      story.peak_used_bytes = sample.swap_used_bytes;
      story.peak_ns = sample.time_ns;
    }
    if (!sample.resident_bytes.is_missing() &&
        (story.resident_peak_bytes.is_missing() ||
         sample.resident_bytes.as_unsigned() > story.resident_peak_bytes.as_unsigned()))
      story.resident_peak_bytes = sample.resident_bytes;
    // The idle one may have been out from the start.
    const bool is_out = sample.program_swap_bytes.as_unsigned() > 0 ||
                        sample.idle_swap_bytes.as_unsigned() > samples.front().idle_swap_bytes.as_unsigned();
    if (is_out && first_out == nullptr) first_out = &sample;
  }
  const auto grown = [&](std::uint64_t DemoSample::*counter) {
    return counter_growth(samples.front().*counter, samples.back().*counter).value_or(0) * page_bytes;
  };
  story.out_bytes = grown(&DemoSample::out_pages);
  story.in_bytes = grown(&DemoSample::in_pages);
  story.peak_out_rate = peak_rate(samples, &DemoSample::out_pages, page_bytes);
  story.peak_in_rate = peak_rate(samples, &DemoSample::in_pages, page_bytes);
  if (first_out == nullptr) return story;
  story.first_out_ns = first_out->time_ns;
  const DemoSample* const started = sample_at(samples, marks.started_ns);
  story.free_fell_before_bytes =
      fall((started != nullptr ? *started : samples.front()).free_bytes, first_out->free_bytes);
  if (const DemoSample* const filled = sample_at(samples, marks.filled_ns);
      filled != nullptr && filled->time_ns > first_out->time_ns)
    story.free_fell_while_bytes = fall(first_out->free_bytes, filled->free_bytes);
  return story;
}

std::vector<std::string> explain_demo(const DemoStory& story, std::uint64_t limit_bytes, bool limited) {
  if (!story.first_out_ns)
    return {
        "Nothing of the program was swapped out: the machine did not need the room, or the program ended "
        "too soon."};
  std::vector<std::string> text;
  text.push_back(
      fmt::format("The kernel wrote {} to swap, at most {}/s (so in vmstat), and read {} back, at most {}/s "
                  "(si). Swap in "
                  "use rose from {} to {}.",
                  bytes_text(story.out_bytes), format_bytes(story.peak_out_rate), bytes_text(story.in_bytes),
                  format_bytes(story.peak_in_rate), bytes_text(story.before_used_bytes),
                  bytes_text(story.peak_used_bytes)));
  const std::string before =
      format_bytes(static_cast<double>(std::max<std::int64_t>(story.free_fell_before_bytes, 0)));
  const std::string meanwhile =
      fmt::format("{} by {}", story.free_fell_while_bytes >= 0 ? "fell" : "rose",
                  format_bytes(static_cast<double>(std::abs(story.free_fell_while_bytes))));
  text.push_back(
      limited
          ? fmt::format(
                "That swpd grows does not mean that free grows. Until the first page went out, free memory "
                "fell by {}. While pages went out it {} (other programs move it too): each page "
                "that left made room for the next one of the same program, which could hold {} at most.",
                before, meanwhile, bytes_text(limit_bytes))
          : fmt::format("The program filled its memory first, for which free memory fell by {}, and then "
                        "asked the kernel to page out all but {} of it. Pages that were written stay in "
                        "the swap cache until somebody needs the room: swpd grows at once, free only then.",
                        before, bytes_text(limit_bytes)));
  const std::uint64_t left =
      story.after_used_bytes - std::min(story.after_used_bytes, story.before_used_bytes);
  if (left < kNoticeableBytes) {
    text.push_back(
        "When the program ended, its pages in swap were free at once: swap in use is what it was "
        "before.");
    return text;
  }
  std::string rest = fmt::format(
      "When the program ended, its own pages in swap were free at once, and yet {} stay in use (swpd is not "
      "0).",
      bytes_text(left));
  if (story.idle_out_bytes.as_unsigned() > 0)
    rest += fmt::format(
        " {} of that belong to a program that did nothing all the time: its pages were pushed "
        "out, and nobody has asked for them since. They stay until it uses them, or ends, or "
        "somebody drains swap; in the meantime they cost nothing.",
        bytes_text(story.idle_out_bytes.as_unsigned()));
  text.push_back(std::move(rest));
  return text;
}

}  // namespace isotach::memory
