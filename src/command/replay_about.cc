#include "command/replay_about.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "command/samples_view.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

constexpr std::size_t kShownEvents = 20;

std::uint64_t bytes_per_sample(const record::Recording& recording) {
  const std::uint64_t samples = recording.sample_count();
  return samples == 0 ? 0 : (recording.size_bytes() + samples / 2) / samples;
}

std::string command_line(const record::RecordingInfo& info) {
  std::string text = "isotach " + info.command;
  for (const std::string& argument : info.arguments)
    text += argument.find_first_of(" \t\n'\"\\$*") == std::string::npos && !argument.empty()
                ? ' ' + argument
                : " '" + argument + '\'';
  return text;
}

std::string state_text(const record::Recording& recording) {
  return recording.finished() ? "finished"
                              : "not finished: it is still being written, or its recorder was killed";
}

void write_info_json(Context& context, record::Recording& recording, const std::string& path) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.recording.v1");
  json.key("file").string(path);
  write_recording_info(json, recording.info());
  json.key("first").begin_object();
  const auto time = [&](const std::optional<Instant>& instant) {
    if (!instant) return;
    json.key("time").string(format_wall_time_utc(instant->wall_ns));
    json.key("monotonic_ns").integer(instant->monotonic_ns);
  };
  time(recording.first_time());
  json.end_object();
  json.key("last").begin_object();
  time(recording.last_time());
  json.end_object();
  json.key("finished").boolean(recording.finished());
  json.key("samples").unsigned_integer(recording.sample_count());
  json.key("series").unsigned_integer(recording.table().size());
  json.key("dropped_samples").unsigned_integer(recording.dropped_samples());
  json.key("dropped_events").unsigned_integer(recording.dropped_events());
  json.key("size_bytes").unsigned_integer(recording.size_bytes());
  write_events(json, recording.events());
  json.key("damage").begin_array();
  for (const std::string& text : recording.damage()) json.string(text);
  json.end_array();
  json.end_object();
  context.out.write(json.take() + '\n');
}

void write_info_table(Context& context, record::Recording& recording, const std::string& path) {
  const record::RecordingInfo& info = recording.info();
  view::Table table({{"", view::Align::left}, {"", view::Align::left, 0, 10}});
  table.row({"file", path});
  table.row({"recorded by", command_line(info) + "  (isotach " + info.program_version + ')'});
  table.row({"host", info.host.empty() ? "unknown" : info.host + ", Linux " + info.kernel});
  if (const auto first = recording.first_time()) {
    const auto last = recording.last_time().value_or(*first);
    table.row({"from", format_wall_time_local(first->wall_ns)});
    table.row({"to", format_wall_time_local(last.wall_ns) + "  (" +
                         format_duration_ns(static_cast<double>(last.monotonic_ns) -
                                            static_cast<double>(first->monotonic_ns)) +
                         ')'});
  }
  table.row({"interval", format_duration_ns(static_cast<double>(info.interval_ns))});
  table.row({"samples", std::to_string(recording.sample_count())});
  table.row({"series", std::to_string(recording.table().size())});
  table.row({"dropped",
             fmt::format("{} samples, {} events", recording.dropped_samples(), recording.dropped_events())});
  table.row(
      {"size", fmt::format("{}, {} bytes a sample", format_bytes(static_cast<double>(recording.size_bytes())),
                           bytes_per_sample(recording))});
  table.row({"state", state_text(recording)});
  const std::vector<record::Event>& events = recording.events();
  for (std::size_t i = 0; i < events.size() && i < kShownEvents; ++i)
    table.row({i == 0 ? "events" : "", format_wall_time_local(events[i].time.wall_ns) + "  " +
                                           std::string(record::event_kind_name(events[i].kind)) + ": " +
                                           events[i].text});
  if (events.size() > kShownEvents)
    table.row({"", fmt::format("and {} more; --info --json lists all", events.size() - kShownEvents)});
  context.out.write(table.text(terminal_size(context.out.fd()).columns));
}

}  // namespace

int show_recording_info(Context& context, record::Recording& recording, const std::string& path,
                        Format format) {
  if (format == Format::csv)
    return context.report({ErrorKind::usage, 0, "--info prints a table or --json, no --csv", {}});
  if (format == Format::table) {
    write_info_table(context, recording, path);
    for (const std::string& text : recording.damage()) context.warn(text);
  } else {
    write_info_json(context, recording, path);
  }
  return recording.damage().empty() ? kExitOk : kExitFailed;
}

int show_recorded_series(Context& context, record::Recording& recording, Format format) {
  const record::SeriesTable& table = recording.table();
  view::JsonWriter json;
  view::CsvWriter csv;
  view::Table text({{"series", view::Align::left, 0, 20},
                    {"kind", view::Align::left, 1},
                    {"unit", view::Align::left, 1},
                    {"meaning", view::Align::left, 2, 20}});
  if (format == Format::json) {
    json.begin_object();
    json.key("schema").string("isotach.series.v1");
    json.key("series").begin_array();
  }
  if (format == Format::csv) csv.head({"key", "kind", "unit", "shown_unit", "help"});
  for (record::SeriesId id = 0; id < table.size(); ++id) {
    const record::Series& series = table.at(id);
    const record::MetricDescriptor& metric = series.metric;
    switch (format) {
      case Format::table:
        text.row({series.key(), std::string(record::kind_name(metric.kind)),
                  std::string(unit_name(metric.unit)), metric.help});
        break;
      case Format::csv:
        csv.text(series.key()).text(record::kind_name(metric.kind)).text(unit_name(metric.unit));
        csv.text(unit_name(metric.shown_unit())).text(metric.help).end_row();
        break;
      case Format::json:
      case Format::json_stream:
        json.begin_object();
        if (format == Format::json_stream) json.key("schema").string("isotach.series.v1");
        write_series(json, series);
        json.end_object();
        if (format == Format::json_stream) context.out.write(json.take() + '\n');
        break;
    }
  }
  if (format == Format::json) {
    json.end_array();
    json.end_object();
    context.out.write(json.take() + '\n');
  }
  if (format == Format::csv) context.out.write(csv.take());
  if (format == Format::table) context.out.write(text.text(terminal_size(context.out.fd()).columns));
  return kExitOk;
}

}  // namespace isotach::command
