#include "command/samples_view.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/units.h"
#include "record/derive.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

constexpr std::string_view kSchema = "isotach.samples.v1";

void write_time(view::JsonWriter& json, const Instant& time) {
  json.key("time").string(format_wall_time_utc(time.wall_ns));
  json.key("time_ns").integer(time.wall_ns);
  json.key("monotonic_ns").integer(time.monotonic_ns);
}

}  // namespace

void write_series(view::JsonWriter& json, const record::Series& series) {
  const record::MetricDescriptor& metric = series.metric;
  json.key("key").string(series.key());
  json.key("name").string(metric.name);
  json.key("labels").begin_object();
  for (const auto& [name, value] : series.labels) json.key(name).string(value);
  json.end_object();
  json.key("kind").string(record::kind_name(metric.kind));
  json.key("unit").string(unit_name(metric.unit));
  json.key("shown_unit").string(unit_name(metric.shown_unit()));
  json.key("scale").real(metric.scale);
  json.key("help").string(metric.help);
}

void write_recording_info(view::JsonWriter& json, const record::RecordingInfo& info) {
  json.key("command").string(info.command);
  json.key("arguments").begin_array();
  for (const std::string& argument : info.arguments) json.string(argument);
  json.end_array();
  json.key("program_version").string(info.program_version);
  json.key("host").string(info.host);
  json.key("kernel").string(info.kernel);
  json.key("start").string(format_wall_time_utc(info.start.wall_ns));
  json.key("interval_ns").integer(info.interval_ns);
}

void write_events(view::JsonWriter& json, const std::vector<record::Event>& events) {
  json.key("events").begin_array();
  for (const record::Event& event : events) {
    json.begin_object();
    write_time(json, event.time);
    json.key("kind").string(record::event_kind_name(event.kind));
    json.key("text").string(event.text);
    json.end_object();
  }
  json.end_array();
}

void SamplesView::begin(const record::RecordingInfo& info) {
  if (options_.format != Format::json) return;
  json_.begin_object();
  json_.key("schema").string(kSchema);
  json_.key("recording").begin_object();
  write_recording_info(json_, info);
  json_.end_object();
  json_.key("samples").begin_array();
}

void SamplesView::add(const record::Sample& sample) {
  switch (options_.format) {
    case Format::json:
    case Format::json_stream:
      write_json_sample(sample);
      break;
    case Format::csv:
      if (!csv_series_count_) write_csv_head(sample);
      write_csv_row(sample);
      break;
    case Format::table:
      break;
  }
  if (!first_time_) first_time_ = sample.time;
  // The memory of the older one serves the newest.
  std::swap(before_, newest_);
  newest_ = sample;
}

void SamplesView::end(const std::vector<record::Event>& events) {
  if (options_.format == Format::table) write_table();
  if (options_.format != Format::json) return;
  json_.end_array();
  json_.key("series").begin_array();
  for (record::SeriesId id = 0; id < table_.size(); ++id) {
    json_.begin_object();
    write_series(json_, table_.at(id));
    json_.end_object();
  }
  json_.end_array();
  write_events(json_, events);
  json_.end_object();
  out_.write(json_.take() + '\n');
}

const std::string& SamplesView::key(record::SeriesId id) {
  for (auto next = static_cast<record::SeriesId>(keys_.size()); next <= id; ++next)
    keys_.push_back(table_.at(next).key());
  return keys_[id];
}

std::optional<double> SamplesView::shown(const record::Sample& sample, record::SeriesId id,
                                         const Value& now) const {
  const Value* before = newest_ ? newest_->find(id) : nullptr;
  const std::int64_t elapsed_ns = newest_ ? sample.time.monotonic_ns - newest_->time.monotonic_ns : 0;
  return record::derive(table_.at(id).metric, before, now, elapsed_ns);
}

void SamplesView::write_json_sample(const record::Sample& sample) {
  json_.begin_object();
  if (options_.format == Format::json_stream) json_.key("schema").string(kSchema);
  write_time(json_, sample.time);
  json_.key("values").begin_object();
  for (const record::Point& point : sample.points) {
    json_.key(key(point.series)).begin_object();
    json_.key("raw").value(point.value);
    json_.key("shown").real(shown(sample, point.series, point.value));
    if (point.value.is_missing()) json_.key("missing").string(missing_text(point.value.reason()));
    json_.end_object();
  }
  json_.end_object();
  json_.end_object();
  out_.write(json_.take());
  if (options_.format == Format::json_stream) out_.write("\n");
}

// Every series known by now has a column, so that those which come and go keep theirs.
void SamplesView::write_csv_head(const record::Sample& sample) {
  csv_series_count_ = table_.size();
  if (!sample.points.empty()) static_cast<void>(key(sample.points.back().series));
  std::vector<std::string> names = {"time", "elapsed_seconds"};
  for (record::SeriesId id = 0; id < *csv_series_count_; ++id) names.push_back(key(id));
  csv_.head(names);
}

void SamplesView::write_csv_row(const record::Sample& sample) {
  const Instant start = first_time_.value_or(sample.time);
  csv_.text(format_wall_time_utc(sample.time.wall_ns));
  csv_.value(Value::of_signed(sample.time.monotonic_ns - start.monotonic_ns), 1e-9);
  for (record::SeriesId id = 0; id < *csv_series_count_; ++id) {
    const Value* value = sample.find(id);
    if (value == nullptr || value->is_missing()) {
      csv_.empty();
    } else if (options_.raw) {
      csv_.value(*value, table_.at(id).metric.scale);
    } else {
      csv_.real(shown(sample, id, *value));
    }
  }
  csv_.end_row();
  out_.write(csv_.take());
  series_left_out_ = table_.size() - *csv_series_count_;
}

void SamplesView::write_table() {
  if (!newest_) {
    out_.write("no samples\n");
    return;
  }
  view::Table table({{"series", view::Align::left, 0, 20}, {"value", view::Align::quantity}});
  const record::Sample newest = std::move(*newest_);
  newest_ = std::move(before_);  // what shown() compares with
  for (const record::Point& point : newest.points) {
    const record::MetricDescriptor& metric = table_.at(point.series).metric;
    std::string text = "-";
    if (point.value.is_missing()) {
      text = std::string(missing_text(point.value.reason()));
    } else if (options_.raw) {
      text = format_quantity(point.value.as_real() * metric.scale, metric.unit);
    } else if (const auto value = shown(newest, point.series, point.value)) {
      text = format_quantity(*value, metric.shown_unit());
    }
    table.row({key(point.series), text});
  }
  out_.write(format_wall_time_local(newest.time.wall_ns) + '\n');
  out_.write(table.text(options_.columns));
}

}  // namespace isotach::command
