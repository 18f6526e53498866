#include "memory/ksm/meaning.h"

#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "memory/ksm/merge_time.h"

namespace isotach::memory {
namespace {

// More is as fast as one processor can: looking at a page takes about 2 us.
constexpr double kRunawayPagesPerSecond = 500'000;
// So many unique pages for each page saved, and the scanning is hardly worth it.
constexpr double kUniquePerSaved = 8;
constexpr double kEnoughPagesToJudge = 1024;

std::string bytes(double value) {
  return value < 0 ? '-' + format_bytes(-value) : format_bytes(value);
}

std::string pages(double count) {
  return fmt::format("{:.0f} page{}", count, count == 1 ? "" : "s");
}

void say_state(const KsmNumbers& numbers, KsmMeaning& meaning) {
  auto& say = meaning.sentences;
  if (!meaning.run) return;
  if (*meaning.run == 2) {
    say.push_back("Merging is being undone, or has been: nothing is merged until run is 1 again.");
  } else if (*meaning.run == 0) {
    say.push_back(meaning.merged_pages > 0
                      ? "ksmd is stopped. What it has merged stays merged; nothing is added."
                      : "ksmd is stopped and nothing is merged.");
  } else if (meaning.tracked_pages == 0) {
    say.push_back("ksmd runs, and no program offers it any memory that has been scanned.");
  } else if (numbers.or_zero("full_scans") < 2 && meaning.merged_pages == 0) {
    say.push_back("ksmd is still in its first scan: it only notes checksums. Merging begins in the second.");
  }
}

void say_amounts(const KsmNumbers& numbers, const KsmMeaning& meaning, std::vector<std::string>& say) {
  const double shared = numbers.or_zero("pages_shared");
  const double zero = numbers.or_zero("ksm_zero_pages");
  if (shared > 0)
    say.push_back(fmt::format("{} of programs are kept in {}: each stands for {:.1f} on average.",
                              pages(meaning.merged_pages), pages(shared), meaning.merged_pages / shared));
  if (zero > 0) say.push_back(fmt::format("{} were empty and take no memory at all.", pages(zero)));
  if (meaning.tracked_pages + zero > 0)
    say.push_back(fmt::format("Saved {}, less {} for keeping account of {}: {} gained.",
                              bytes(meaning.saved_bytes), bytes(meaning.cost_bytes),
                              pages(meaning.tracked_pages), bytes(meaning.saved_bytes - meaning.cost_bytes)));
  const double unsettled = numbers.or_zero("pages_unshared") + numbers.or_zero("pages_volatile");
  if (unsettled > 0)
    say.push_back(fmt::format("{} are watched and not merged: unique, changing, or not seen twice yet.",
                              pages(unsettled)));
  // The first copy of each would be there anyway.
  if (const double extra = numbers.or_zero("stable_node_dups") - numbers.or_zero("stable_node_chains");
      extra > 0)
    say.push_back(fmt::format("{} of {} are there only because max_page_sharing is {:.0f}.", pages(extra),
                              pages(shared), numbers.or_zero("max_page_sharing")));
}

void say_rate(const KsmNumbers& numbers, const KsmMeaning& meaning, std::uint64_t page_size_bytes,
              std::vector<std::string>& say) {
  if (!meaning.wanted_pages_per_second || meaning.run != 1) return;
  const double rate = *meaning.wanted_pages_per_second;
  if (rate <= 0) return;
  const MergeTime time = predict_merge_time((std::uint64_t{1} << 30) / page_size_bytes,
                                            {static_cast<std::uint64_t>(numbers.or_zero("pages_to_scan")),
                                             static_cast<std::uint64_t>(numbers.or_zero("sleep_millisecs"))},
                                            MergeCost{});
  const std::string by = numbers.advisor() == "scan-time" ? " (chosen by the advisor)" : "";
  say.push_back(fmt::format(
      "At most {} are scanned a second{}: 1 GiB of equal pages would be merged after about {}.",
      bytes(rate * static_cast<double>(page_size_bytes)), by, format_duration_ns(time.settled_ns)));
}

void find_problems(const KsmNumbers& numbers, KsmMeaning& meaning) {
  auto& problems = meaning.problems;
  if (meaning.profit_bytes && *meaning.profit_bytes < 0)
    problems.push_back(
        {"loss", fmt::format("Page merging costs {} more than it saves.", bytes(-*meaning.profit_bytes)),
         "isotach ksm top shows who offers memory for nothing; isotach ksm set --keep run=2 undoes it"});
  if (meaning.run == 0 && meaning.merged_pages > 0)
    problems.push_back(
        {"stopped-with-merged",
         "Pages are merged, and ksmd is stopped: pages that are written to are not merged again.",
         "isotach ksm set --keep run=1 goes on; isotach ksm set --keep run=2 takes them apart"});
  if (meaning.run != 1) return;
  if (numbers.number("pages_to_scan") == 0.0) {
    problems.push_back({"scans-nothing", "ksmd runs and scans nothing: pages_to_scan is 0.",
                        "isotach ksm set --keep pages_to_scan=100"});
  } else if (numbers.number("sleep_millisecs") == 0.0) {
    problems.push_back({"never-sleeps", "ksmd takes all of a processor for ever: sleep_millisecs is 0.",
                        "isotach ksm set --keep sleep_millisecs=20"});
  } else if (meaning.wanted_pages_per_second.value_or(0) > kRunawayPagesPerSecond) {
    problems.push_back({"runaway", "ksmd takes all of a processor: it is asked for more than it can scan.",
                        "isotach ksm set --keep pages_to_scan=1000 sleep_millisecs=20"});
  }
  const double saved = numbers.or_zero("pages_sharing") + numbers.or_zero("ksm_zero_pages");
  const double unique = numbers.or_zero("pages_unshared");
  if (unique >= kEnoughPagesToJudge && unique > kUniquePerSaved * saved && numbers.or_zero("full_scans") >= 2)
    problems.push_back({"mostly-unique",
                        fmt::format("{} are unique, {} are saved: most of the scanning is for nothing.",
                                    pages(unique), pages(saved)),
                        "isotach ksm predict says beforehand which programs have equal pages"});
  if (numbers.number("max_page_sharing").value_or(256) < 16 && numbers.or_zero("stable_node_dups") > 0)
    problems.push_back({"small-max-page-sharing",
                        "max_page_sharing is so small that ksmd spends its time among copies.",
                        "isotach ksm set --keep --unmerge max_page_sharing=256"});
}

}  // namespace

std::optional<double> KsmNumbers::number(std::string_view name) const {
  for (const kernel::KsmFile& file : files_)
    if (file.name == name && !file.value.is_missing()) return file.value.as_real();
  return std::nullopt;
}

std::string KsmNumbers::advisor() const {
  for (const kernel::KsmFile& file : files_) {
    if (file.name != "advisor_mode") continue;
    const std::size_t open = file.text.find('[');
    const std::size_t close = file.text.find(']', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) return file.text;
    return file.text.substr(open + 1, close - open - 1);
  }
  return {};
}

KsmMeaning meaning_of_ksm(const std::vector<kernel::KsmFile>& files, std::uint64_t page_size_bytes) {
  const KsmNumbers numbers(files);
  const auto page = static_cast<double>(page_size_bytes);
  KsmMeaning meaning;
  meaning.run = numbers.number("run");
  const double zero = numbers.or_zero("ksm_zero_pages");
  meaning.merged_pages = numbers.or_zero("pages_shared") + numbers.or_zero("pages_sharing");
  meaning.tracked_pages =
      meaning.merged_pages + numbers.or_zero("pages_unshared") + numbers.or_zero("pages_volatile");
  meaning.saved_bytes = (numbers.or_zero("pages_sharing") + zero) * page;
  meaning.cost_bytes = meaning.tracked_pages * static_cast<double>(kKsmBytesPerPage);
  meaning.profit_bytes = numbers.number("general_profit");
  if (meaning.profit_bytes)
    meaning.profit_difference_bytes = meaning.saved_bytes - meaning.cost_bytes - *meaning.profit_bytes;
  const auto scan = numbers.number("pages_to_scan");
  const auto sleep_ms = numbers.number("sleep_millisecs");
  if (scan && sleep_ms && *sleep_ms > 0) meaning.wanted_pages_per_second = *scan * 1000 / *sleep_ms;

  say_state(numbers, meaning);
  say_amounts(numbers, meaning, meaning.sentences);
  say_rate(numbers, meaning, page_size_bytes, meaning.sentences);
  find_problems(numbers, meaning);
  return meaning;
}

}  // namespace isotach::memory
