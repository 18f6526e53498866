#include "command/plot_data.h"

#include "base/units.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using view::JsonWriter;
using view::PlotModel;

constexpr const char* kSchema = "isotach.plot.v1";

double seconds(std::int64_t time_ns) {
  return static_cast<double>(time_ns) / 1e9;
}

double since_origin_s(const PlotModel& model, const Instant& time) {
  const std::int64_t origin_ns = model.origin() ? model.origin()->monotonic_ns : time.monotonic_ns;
  return static_cast<double>(time.monotonic_ns) / 1e9 - static_cast<double>(origin_ns) / 1e9;
}

void write_line(JsonWriter& json, const PlotModel::LineState& line) {
  json.begin_object();
  json.key("key").string(line.key);
  json.key("name").string(line.name);
  json.key("unit").string(unit_name(line.unit));
  json.key("thinned").boolean(line.track.is_thinned());
  json.key("summary");
  if (const auto& summary = line.track.summary()) {
    json.begin_object();
    json.key("minimum").real(summary->minimum);
    json.key("mean").real(summary->mean);
    json.key("maximum").real(summary->maximum);
    json.key("last").real(summary->last);
    json.key("count").unsigned_integer(summary->count);
    json.end_object();
  } else {
    json.null();
  }
  json.key("points").begin_array();
  for (const view::DataPoint& point : line.track.points()) {
    json.begin_array();
    json.real(seconds(point.time_ns));
    json.real(point.value);  // a gap becomes null
    json.end_array();
  }
  json.end_array();
  json.end_object();
}

}  // namespace

void PlotData::sample(const PlotModel& model, const Instant& time) {
  if (format_ == Format::csv) csv_row(model, time);
  if (format_ == Format::json_stream) stream_object(model, time);
}

void PlotData::csv_row(const PlotModel& model, const Instant& time) {
  if (!csv_) {
    csv_.emplace();
    std::vector<std::string> head = {"time", "elapsed_seconds"};
    for (const PlotModel::LineState& line : model.lines()) head.push_back(line.key);
    csv_->head(head);
    csv_lines_ = model.lines().size();
  }
  csv_->text(format_wall_time_utc(time.wall_ns));
  csv_->real(since_origin_s(model, time));
  for (std::size_t i = 0; i < csv_lines_; ++i) csv_->real(model.lines()[i].latest);
  csv_->end_row();
  out_.write(csv_->take());
  out_.flush();
}

void PlotData::stream_object(const PlotModel& model, const Instant& time) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string(kSchema);
  json.key("time").string(format_wall_time_utc(time.wall_ns));
  json.key("elapsed_seconds").real(since_origin_s(model, time));
  json.key("values").begin_object();
  for (const PlotModel::LineState& line : model.lines()) json.key(line.key).real(line.latest);
  json.end_object();
  json.end_object();
  out_.write(json.text() + '\n');
  out_.flush();
}

void PlotData::event(const PlotModel& model, const record::Event& event) {
  if (format_ != Format::json_stream) return;
  JsonWriter json;
  json.begin_object();
  json.key("schema").string(kSchema);
  json.key("time").string(format_wall_time_utc(event.time.wall_ns));
  json.key("elapsed_seconds").real(since_origin_s(model, event.time));
  json.key("event").begin_object();
  json.key("kind").string(record::event_kind_name(event.kind));
  json.key("text").string(event.text);
  json.end_object();
  json.end_object();
  out_.write(json.text() + '\n');
  out_.flush();
}

void PlotData::finish(const PlotModel& model, const std::string& title, bool interrupted) {
  if (format_ != Format::json) return;
  JsonWriter json;
  json.begin_object();
  json.key("schema").string(kSchema);
  json.key("title").string(title);
  json.key("start");
  if (model.origin()) {
    json.string(format_wall_time_utc(model.origin()->wall_ns));
  } else {
    json.null();
  }
  json.key("interrupted").boolean(interrupted);
  json.key("samples").unsigned_integer(model.sample_count());
  json.key("series").begin_array();
  for (const PlotModel::LineState& line : model.lines()) {
    write_line(json, line);
    // A long plot is written as it grows, not held twice.
    out_.write(json.take());
  }
  json.end_array();
  json.key("events").begin_array();
  for (const view::FigureEvent& event : model.events()) {
    json.begin_object();
    json.key("elapsed_seconds").real(seconds(event.time_ns));
    json.key("kind").string(record::event_kind_name(event.kind));
    json.key("text").string(event.text);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  out_.write(json.take() + '\n');
  out_.flush();
}

}  // namespace isotach::command
