#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/ksm/demo.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using memory::MergeSample;
using view::JsonWriter;

double seconds(std::int64_t time_ns) {
  return static_cast<double>(time_ns) / 1e9;
}

std::string bytes(double value) {
  return value < 0 ? '-' + format_bytes(-value) : format_bytes(value);
}

void optional_seconds(JsonWriter& json, const char* key, std::optional<std::int64_t> time_ns) {
  json.key(key);
  time_ns ? json.real(seconds(*time_ns)) : json.null();
}

std::optional<std::int64_t> time_at(const DemoResult& result, std::optional<std::size_t> index) {
  if (!index || *index >= result.samples.size()) return std::nullopt;
  return result.samples[*index].time_ns;
}

void print_table(Context& context, const DemoResult& result) {
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 120;
  view::Table table({{"moment", view::Align::left},
                     {"time", view::Align::right},
                     {"free", view::Align::quantity},
                     {"rss", view::Align::quantity, 1},
                     {"shared"},
                     {"sharing"},
                     {"unsettled", view::Align::right, 2},
                     {"profit", view::Align::quantity}});
  for (const memory::MergeMoment& moment : result.moments) {
    const MergeSample& values = moment.values;
    table.row({moment.name, fmt::format("{:.2f} s", seconds(moment.time_ns)), bytes(values.free_bytes),
               values.resident_bytes ? bytes(*values.resident_bytes) : "-",
               fmt::format("{:.0f}", values.shared_pages), fmt::format("{:.0f}", values.sharing_pages),
               fmt::format("{:.0f}", values.unsettled_pages), bytes(values.profit_bytes)});
  }
  context.out.write(table.text(columns) + '\n');
  const auto width = static_cast<std::size_t>(std::min(columns, 100));
  for (const std::string& sentence : demo_story(result)) context.out.write(wrap_words(sentence, 0, 2, width));
  for (const memory::MergeIdentity& identity : result.identities)
    context.out.write(
        wrap_words(fmt::format("{}: {}: {:.0f} = {:.0f}", identity.holds() ? "holds" : "DOES NOT HOLD",
                               identity.text, identity.left, identity.right),
                   0, 2, width));
}

void write_course(JsonWriter& json, const DemoResult& result) {
  json.key("course").begin_object();
  optional_seconds(json, "start_seconds", time_at(result, result.course.start));
  optional_seconds(json, "maximum_seconds", time_at(result, result.course.maximum));
  optional_seconds(json, "merge_begin_seconds", time_at(result, result.course.merge_begin));
  optional_seconds(json, "merge_end_seconds", time_at(result, result.course.merge_end));
  optional_seconds(json, "end_seconds", time_at(result, result.course.end));
  json.key("merged_pages").real(result.course.merged_pages);
  json.end_object();
  json.key("program").begin_object();
  optional_seconds(json, "mapped_seconds", result.mapped_ns);
  optional_seconds(json, "filled_seconds", result.filled_ns);
  optional_seconds(json, "offered_seconds", result.offered_ns);
  optional_seconds(json, "writing_seconds", result.writing_ns);
  optional_seconds(json, "written_seconds", result.written_ns);
  optional_seconds(json, "unmapping_seconds", result.unmapping_ns);
  json.end_object();
}

void write_trace(JsonWriter& json, const DemoResult& result) {
  json.key("tracepoints").begin_object();
  json.key("read").boolean(result.trace.why_not.empty());
  if (!result.trace.why_not.empty()) json.key("why_not").string(result.trace.why_not);
  optional_seconds(json, "first_merge_seconds", result.trace.first_ns);
  optional_seconds(json, "last_merge_seconds", result.trace.last_ns);
  json.key("merged").unsigned_integer(result.trace.merged);
  json.key("failed").unsigned_integer(result.trace.failed);
  json.key("lost").unsigned_integer(result.trace.lost);
  json.key("scans_ended").unsigned_integer(result.trace.scans_ended_ns.size());
  json.key("agrees");
  if (result.agreement) {
    json.boolean(result.agreement->agrees());
    json.key("begin_difference_seconds").real(seconds(result.agreement->begin_difference_ns));
    json.key("end_difference_seconds").real(seconds(result.agreement->end_difference_ns));
  } else {
    json.null();
  }
  json.end_object();
}

void write_sample(JsonWriter& json, const MergeSample& sample) {
  json.begin_object();
  json.key("time_seconds").real(seconds(sample.time_ns));
  json.key("free_bytes").real(sample.free_bytes);
  json.key("anonymous_bytes").real(sample.anonymous_bytes);
  json.key("resident_bytes").real(sample.resident_bytes);
  json.key("proportional_bytes").real(sample.proportional_bytes);
  json.key("merged_pages").real(sample.merged_pages);
  json.key("shared_pages").real(sample.shared_pages);
  json.key("sharing_pages").real(sample.sharing_pages);
  json.key("unsettled_pages").real(sample.unsettled_pages);
  json.key("zero_pages").real(sample.zero_pages);
  json.key("profit_bytes").real(sample.profit_bytes);
  json.end_object();
}

void print_json(Context& context, const DemoResult& result, bool with_samples) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.ksm.demo.v1");
  json.key("start").string(format_wall_time_utc(result.begin.wall_ns));
  json.key("interrupted").boolean(result.interrupted);
  json.key("pages").unsigned_integer(result.pages);
  json.key("page_size_bytes").unsigned_integer(result.page_size_bytes);
  json.key("interval_seconds").real(seconds(result.interval_ns));
  json.key("sample_count").unsigned_integer(result.samples.size());
  json.key("missed_samples").unsigned_integer(result.missed_samples);
  json.key("own_cpu_share").real(result.own_cpu_share);
  json.key("settings").begin_object();
  for (const auto& [name, value] : result.settings) json.key(name).string(value);
  json.end_object();
  json.key("predicted_seconds");
  result.predicted.finite ? json.real(result.predicted.settled_ns / 1e9) : json.null();
  optional_seconds(json, "merging_seconds", merging_took_ns(result));
  const auto waited = [&](std::optional<std::size_t> index) -> std::optional<double> {
    return index && *index < result.samples.size() ? result.samples[*index].ksmd_wait_ns : std::nullopt;
  };
  json.key("ksmd_waited_seconds");
  const auto from = waited(result.course.start);
  const auto to = waited(result.course.merge_end);
  from&& to ? json.real((*to - *from) / 1e9) : json.null();
  write_course(json, result);
  write_trace(json, result);
  json.key("identities").begin_array();
  for (const memory::MergeIdentity& identity : result.identities) {
    json.begin_object();
    json.key("text").string(identity.text).key("left").real(identity.left).key("right").real(identity.right);
    json.key("holds").boolean(identity.holds());
    json.end_object();
  }
  json.end_array();
  json.key("story").begin_array();
  for (const std::string& sentence : demo_story(result)) json.string(sentence);
  json.end_array();
  json.key("moments").begin_array();
  for (const memory::MergeMoment& moment : result.moments) {
    json.begin_object();
    json.key("name").string(moment.name).key("values");
    write_sample(json, moment.values);
    json.end_object();
  }
  json.end_array();
  if (with_samples) {
    json.key("samples").begin_array();
    for (const MergeSample& sample : result.samples) write_sample(json, sample);
    json.end_array();
  }
  json.end_object();
  context.out.write(json.text() + '\n');
}

void print_csv(Context& context, const DemoResult& result) {
  view::CsvWriter csv;
  csv.head({"time_seconds", "free_bytes", "anonymous_bytes", "resident_bytes", "proportional_bytes",
            "merged_pages", "shared_pages", "sharing_pages", "unsettled_pages", "zero_pages",
            "profit_bytes"});
  for (const MergeSample& sample : result.samples) {
    csv.real(seconds(sample.time_ns)).real(sample.free_bytes).real(sample.anonymous_bytes);
    csv.real(sample.resident_bytes).real(sample.proportional_bytes).real(sample.merged_pages);
    csv.real(sample.shared_pages).real(sample.sharing_pages).real(sample.unsettled_pages);
    csv.real(sample.zero_pages).real(sample.profit_bytes).end_row();
  }
  context.out.write(csv.take());
}

}  // namespace

void print_demo(Context& context, const DemoResult& result, Format format) {
  if (format == Format::csv) return print_csv(context, result);
  if (format == Format::table) return print_table(context, result);
  print_json(context, result, true);
}

}  // namespace isotach::command
