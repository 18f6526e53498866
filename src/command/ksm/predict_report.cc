// What `ksm predict` shows to people.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "command/ksm/predict.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using memory::MergeResult;
using memory::MergeTime;
using memory::Prediction;
using memory::PredictionPart;
using view::Align;
using view::Table;

std::string bytes(double count) {
  return format_bytes(count);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string pages_as_bytes(std::uint64_t pages, const Prediction& prediction) {
  return bytes(static_cast<double>(pages * prediction.page_bytes));
}

std::string grouped(std::uint64_t number) {
  std::string text = fmt::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

// The one sentence that answers the question.
std::string verdict(const PredictOutcome& outcome) {
  const Prediction& prediction = outcome.prediction;
  if (prediction.places == 0) return "There is no memory that KSM could merge.";
  if (prediction.result) {
    const auto net = static_cast<double>(prediction.result->net_bytes);
    const auto freed = static_cast<double>(prediction.result->freed_frames * prediction.page_bytes);
    const auto records = static_cast<double>(prediction.result->record_bytes);
    if (net <= 0)
      return fmt::format("KSM would cost you memory: it would free {} and needs {} for its own records.",
                         bytes(freed), bytes(records));
    const double part =
        100 * net /
        static_cast<double>(std::max<std::uint64_t>(1, prediction.frames * prediction.page_bytes));
    return fmt::format("KSM would save {} net, {:.1f} % of what was looked at.", bytes(net), part);
  }
  const memory::Interval net = prediction.estimate->net_bytes;
  if (net.high <= 0)
    return fmt::format("KSM would cost you memory: {} to {}.", bytes(-net.high), bytes(-net.low));
  if (net.low >= 0) return fmt::format("KSM would save {} to {} net.", bytes(net.low), bytes(net.high));
  return fmt::format("KSM would save at most {}, or cost up to {}: the sample does not say which.",
                     bytes(net.high), bytes(-net.low));
}

class Lines {
 public:
  explicit Lines(int columns) : columns_(static_cast<std::size_t>(std::max(columns, 20))) {}

  // A name and words that are broken where the terminal ends.
  void add(std::string_view name, std::string_view text) {
    constexpr std::size_t kIndent = 2;
    constexpr std::size_t kName = 17;
    std::string line = fmt::format("{:{}}{:<{}}", "", kIndent, name, kName);
    const std::size_t start = kIndent + kName;
    std::size_t width = display_width(line);
    bool first = true;
    for (const std::string_view word : split_blanks(text)) {
      const std::size_t size = display_width(word);
      if (!first && width + 1 + size > columns_ && columns_ > start + 8) {
        text_ += line + '\n';
        line.assign(start, ' ');
        width = start;
        first = true;
      }
      if (!first) line += ' ';
      width += size + (first ? 0 : 1);
      line += word;
      first = false;
    }
    text_ += line + '\n';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::size_t columns_;
  std::string text_;
};

std::string time_text(const MergeTime& time, const memory::MergeSettings& settings) {
  const std::string with = fmt::format("with pages_to_scan {}, sleep_millisecs {}", settings.pages_to_scan,
                                       settings.sleep_milliseconds);
  if (!time.finite) return "never " + with;
  return fmt::format("{} {} ({} of CPU, then {:.1f} % of a processor)", format_duration_ns(time.settled_ns),
                     with, format_duration_ns(time.cpu_ns), 100 * time.idle_cpu_share);
}

void add_looked_at(const PredictOutcome& outcome, Lines& lines) {
  const Prediction& prediction = outcome.prediction;
  const double read = static_cast<double>(prediction.read_pages * prediction.page_bytes);
  const double cpu_s = std::max(1e-9, static_cast<double>(outcome.scan_cpu_ns) / 1e9);
  const std::string sampled =
      prediction.read_pages < prediction.places
          ? fmt::format(", of which {} pages were read", grouped(prediction.read_pages))
          : std::string();
  lines.add("looked at",
            fmt::format(
                "{} of {}, {} pages{}; {} of CPU, {:.1f} GB/s", pages_as_bytes(prediction.places, prediction),
                counted(prediction.processes.scanned, "process", "processes"), grouped(prediction.places),
                sampled, format_duration_ns(static_cast<double>(outcome.scan_cpu_ns)), read / cpu_s / 1e9));
  std::vector<std::string> left;
  if (prediction.processes.not_permitted > 0)
    left.push_back(counted(prediction.processes.not_permitted, "process", "processes") + " not permitted");
  if (prediction.processes.vanished > 0)
    left.push_back(fmt::format("{} that ended meanwhile", prediction.processes.vanished));
  if (prediction.swapped_pages > 0)
    left.push_back(pages_as_bytes(prediction.swapped_pages, prediction) + " in swap");
  if (prediction.volatile_pages > 0)
    left.push_back(pages_as_bytes(prediction.volatile_pages, prediction) + " that changed");
  if (prediction.unreadable_pages > 0)
    left.push_back(grouped(prediction.unreadable_pages) + " pages that cannot be read");
  if (!left.empty()) lines.add("left out", fmt::format("{}", fmt::join(left, ", ")));
}

void add_exact(const Prediction& prediction, const PredictKernel& kernel, Lines& lines) {
  const MergeResult& result = *prediction.result;
  lines.add("frees", fmt::format("{} ({} pages would be merged into {})",
                                 pages_as_bytes(result.freed_frames, prediction),
                                 grouped(result.pages_sharing + result.pages_shared + result.zero_pages),
                                 grouped(result.pages_shared)));
  lines.add("costs", fmt::format("{} of records, {} B for each page that ksmd scans",
                                 bytes(static_cast<double>(result.record_bytes)), memory::kPlaceRecordBytes));
  lines.add("the kernel says",
            fmt::format("pages_shared {}, pages_sharing {}, pages_unshared {}{}, general_profit {}",
                        result.pages_shared, result.pages_sharing, result.pages_unshared,
                        result.zero_pages > 0 ? fmt::format(", ksm_zero_pages {}", result.zero_pages) : "",
                        result.general_profit_bytes));
  if (!kernel.pages_sharing.is_missing() && kernel.pages_sharing.as_unsigned() > 0)
    lines.add("merged now", fmt::format("pages_sharing is {} already", kernel.pages_sharing.as_unsigned()));
  const MergeResult& other = prediction.variants.back().result;
  if (prediction.zero_places > 0) {
    const std::int64_t more = other.net_bytes - result.net_bytes;
    lines.add("zeros", fmt::format("{} are zeros; use_zero_pages={} would save {} {}",
                                   pages_as_bytes(prediction.zero_places, prediction),
                                   prediction.what_if.use_zero_pages ? 0 : 1,
                                   bytes(std::fabs(static_cast<double>(more))), more < 0 ? "less" : "more"));
  }
}

void add_estimate(const Prediction& prediction, Lines& lines) {
  const memory::MergeEstimate& estimate = *prediction.estimate;
  const auto page = static_cast<double>(prediction.page_bytes);
  lines.add("frees",
            fmt::format("{} to {}, in at least 95 of 100 samples", bytes(estimate.freed_frames.low * page),
                        bytes(estimate.freed_frames.high * page)));
  if (prediction.content_step > 1)
    lines.add("memory limit", fmt::format("one content in {} was remembered", prediction.content_step));
  if (estimate.zero_frames.high > 0)
    lines.add("zeros", fmt::format("{} to {} are zeros", bytes(estimate.zero_frames.low * page),
                                   bytes(estimate.zero_frames.high * page)));
}

void add_time(const PredictOutcome& outcome, const PredictOptions& options, const PredictKernel& kernel,
              Lines& lines) {
  if (outcome.prediction.places == 0) return;
  const std::string which = options.settings_given    ? " as asked"
                            : kernel.run.is_missing() ? " as kernels begin"
                                                      : " as set now";
  lines.add("time to merge", time_text(outcome.time, options.settings) + which);
  if (outcome.recommended.pages_to_scan != options.settings.pages_to_scan ||
      outcome.recommended.sleep_milliseconds != options.settings.sleep_milliseconds)
    lines.add("", time_text(outcome.recommended_time, outcome.recommended) + " as recommended");
  if (outcome.prediction.huge_bytes > 0)
    lines.add("huge pages", fmt::format("up to {} of transparent huge pages would be split",
                                        bytes(static_cast<double>(outcome.prediction.huge_bytes))));
}

std::string parts_table(const std::vector<PredictionPart>& parts, std::size_t rows, bool groups,
                        std::uint64_t page_bytes, int columns) {
  std::vector<view::TableColumn> heads = {{groups ? "control group" : "process", Align::left, 0, 12}};
  if (!groups) heads.push_back({"pid", Align::right});
  heads.push_back({"looked at", Align::quantity, 3});
  heads.push_back({"merges", Align::quantity, 2});
  heads.push_back({"zeros", Align::quantity, 4});
  heads.push_back({"frees", Align::quantity, 1});
  heads.push_back({"net", Align::quantity});
  Table table(heads);
  const std::size_t shown = rows == 0 ? parts.size() : std::min(rows, parts.size());
  const auto quantity = [&](std::uint64_t pages) { return bytes(static_cast<double>(pages * page_bytes)); };
  for (std::size_t i = 0; i < shown; ++i) {
    const PredictionPart& part = parts[i];
    std::vector<view::TableCell> cells = {part.name};
    if (!groups) cells.emplace_back(fmt::to_string(part.pid));
    cells.emplace_back(quantity(part.places));
    cells.emplace_back(quantity(part.merged_places));
    cells.emplace_back(quantity(part.zero_places));
    cells.emplace_back(bytes(part.freed_bytes));
    cells.emplace_back(bytes(part.net_bytes));
    table.row(std::move(cells));
  }
  std::string text = '\n' + table.text(columns);
  if (shown < parts.size())
    text += fmt::format("and {} more {} (--rows 0 shows all)\n", parts.size() - shown,
                        groups ? "control groups" : "processes");
  return text;
}

std::string variants_table(const Prediction& prediction, int columns) {
  Table table({{"max_page_sharing", Align::right},
               {"pages_shared", Align::right, 2},
               {"pages_sharing", Align::right, 1},
               {"frees", Align::quantity},
               {"net", Align::quantity}});
  for (std::size_t i = 0; i + 1 < prediction.variants.size(); ++i) {
    const memory::PredictionVariant& variant = prediction.variants[i];
    table.row({fmt::to_string(variant.what_if.max_page_sharing), grouped(variant.result.pages_shared),
               grouped(variant.result.pages_sharing), pages_as_bytes(variant.result.freed_frames, prediction),
               bytes(static_cast<double>(variant.result.net_bytes))});
  }
  return '\n' + table.text(columns);
}

// Who has what in common with whom.
std::string cross_table(const Prediction& prediction, int columns) {
  const std::size_t size = prediction.cross.owners.size();
  if (size < 2) return {};
  std::uint64_t any = 0;
  for (std::size_t a = 0; a < size; ++a)
    for (std::size_t b = 0; b < size; ++b)
      if (a != b) any += prediction.cross.at(a, b);
  if (any == 0) return {};
  std::vector<view::TableColumn> heads = {{"in common with", Align::left, 0, 12}, {"pid", Align::right}};
  for (std::size_t i = 0; i < size; ++i)
    heads.push_back({fmt::to_string(prediction.parts[i].pid), Align::quantity, static_cast<int>(i) + 1});
  Table table(heads);
  for (std::size_t a = 0; a < size; ++a) {
    std::vector<view::TableCell> cells = {prediction.parts[a].name, fmt::to_string(prediction.parts[a].pid)};
    for (std::size_t b = 0; b < size; ++b)
      cells.emplace_back(pages_as_bytes(prediction.cross.at(a, b), prediction));
    table.row(std::move(cells));
  }
  return '\n' + table.text(columns) +
         "What merging two with each other frees besides what each frees alone (its own column).\n";
}

}  // namespace

std::string predict_text(const PredictOutcome& outcome, const PredictOptions& options,
                         const PredictKernel& kernel, int columns) {
  const Prediction& prediction = outcome.prediction;
  Lines lines(columns);
  add_looked_at(outcome, lines);
  if (prediction.result && prediction.places > 0) add_exact(prediction, kernel, lines);
  if (prediction.estimate && prediction.places > 0) add_estimate(prediction, lines);
  add_time(outcome, options, kernel, lines);
  std::string text = verdict(outcome) + "\n\n" + lines.take();
  if (!prediction.result || prediction.places == 0) return text;
  text += parts_table(prediction.parts, options.rows, false, prediction.page_bytes, columns);
  if (prediction.groups.size() > 1)
    text += parts_table(prediction.groups, options.rows, true, prediction.page_bytes, columns);
  if (prediction.result->pages_shared > 0) text += variants_table(prediction, columns);
  text += cross_table(prediction, columns);
  return text;
}

}  // namespace isotach::command
