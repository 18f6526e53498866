// Recorded traffic, whose series and labels may say anything: made a snapshot again and shown in every way.
//
// A line is a point, "metric|label=value|...|number", with its series; an empty line ends a sample.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "command/traffic/export.h"
#include "command/traffic/options.h"
#include "command/traffic/pages.h"
#include "command/traffic/replayed.h"

namespace {

using namespace isotach;

constexpr std::size_t kMostSamples = 20;

std::vector<record::Sample> read_samples(std::string_view text, record::SeriesTable& table) {
  std::vector<record::Sample> samples(1);
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) {
      if (samples.size() == kMostSamples) break;
      samples.emplace_back();
      continue;
    }
    const auto pieces = split(line, '|');
    record::MetricDescriptor metric;
    metric.name = std::string(pieces.front());
    record::Labels labels;
    for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
      const std::size_t equals = pieces[i].find('=');
      labels.emplace_back(pieces[i].substr(0, equals),
                          equals == std::string_view::npos ? "" : pieces[i].substr(equals + 1));
    }
    const auto value = parse_unsigned(pieces.back());
    if (const auto id = table.intern(metric, labels))
      samples.back().points.push_back({*id, value ? Value::of(*value) : Value()});
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].time = {static_cast<std::int64_t>(i + 1) * 1'000'000'000, 0};
    samples[i].sort();
  }
  return samples;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  record::SeriesTable table;
  const std::vector<record::Sample> samples =
      read_samples({reinterpret_cast<const char*>(data), size}, table);
  std::size_t next = 0;
  auto source =
      std::make_unique<command::ReplayedTraffic>(table, [&](record::Sample& sample) -> Result<bool> {
        if (next == samples.size()) return false;
        sample = samples[next++];
        return true;
      });
  const command::ReplayedTraffic& replayed = *source;
  auto session = command::TrafficSession::begin(std::move(source));
  CHECK(session.has_value());
  while (!replayed.is_over()) CHECK((*session)->read().has_value());
  command::TrafficCommandOptions options;
  view::JsonWriter json;
  command::write_traffic_json(json, **session, command::traffic_report_of(options, command::Format::json),
                              nullptr);
  CHECK(!json.text().empty());
  CHECK(!command::traffic_text(**session, command::traffic_report_of(options, command::Format::table), 80,
                               nullptr)
             .empty());
  command::TrafficPages pages(**session, nullptr);
  view::TrafficView view;
  for (int page = 0; page < view::kTrafficPageCount; ++page) {
    view.page = static_cast<view::TrafficPage>(page);
    view.cursor = 3;
    const view::TrafficModel model = pages.model(view, 80, 24);
    (void)view::render_traffic(model, view, 80, 24);
    pages.open(view);
    (void)view::render_traffic(pages.model(view, 80, 24), view, 80, 24);
    pages.back(view);
  }
  return 0;
}
