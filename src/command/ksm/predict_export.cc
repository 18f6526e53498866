// What `ksm predict` writes for programs.
#include "command/ksm/predict.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using memory::Interval;
using memory::MergeResult;
using memory::Prediction;
using memory::PredictionPart;
using view::JsonWriter;

void write_result(JsonWriter& json, const MergeResult& result, const Prediction& prediction) {
  json.key("pages_shared").unsigned_integer(result.pages_shared);
  json.key("pages_sharing").unsigned_integer(result.pages_sharing);
  json.key("pages_unshared").unsigned_integer(result.pages_unshared);
  json.key("ksm_zero_pages").unsigned_integer(result.zero_pages);
  json.key("general_profit_bytes").integer(result.general_profit_bytes);
  json.key("freed_bytes").unsigned_integer(result.freed_frames * prediction.page_bytes);
  json.key("record_bytes").unsigned_integer(result.record_bytes);
  json.key("net_bytes").integer(result.net_bytes);
}

void write_interval(JsonWriter& json, std::string_view name, Interval interval, double scale) {
  json.key(name).begin_object();
  json.key("low").real(interval.low * scale);
  json.key("high").real(interval.high * scale);
  json.end_object();
}

void write_part(JsonWriter& json, const PredictionPart& part, const Prediction& prediction) {
  json.begin_object();
  if (part.pid != 0) {
    json.key("pid").unsigned_integer(part.pid);
    json.key("command").string(part.name);
  }
  json.key("cgroup");
  if (part.cgroup.empty())
    json.null();
  else
    json.string(part.cgroup);
  json.key("bytes").unsigned_integer(part.places * prediction.page_bytes);
  json.key("merging_pages").unsigned_integer(part.merged_places);
  json.key("zero_pages").unsigned_integer(part.zero_places);
  json.key("freed_bytes").real(part.freed_bytes);
  json.key("net_bytes").real(part.net_bytes);
  json.end_object();
}

void write_time(JsonWriter& json, const memory::MergeSettings& settings, const memory::MergeTime& time) {
  json.begin_object();
  json.key("pages_to_scan").unsigned_integer(settings.pages_to_scan);
  json.key("sleep_millisecs").unsigned_integer(settings.sleep_milliseconds);
  json.key("first_merge_seconds").real(time.finite ? std::optional(time.first_merge_ns / 1e9) : std::nullopt);
  json.key("settled_seconds").real(time.finite ? std::optional(time.settled_ns / 1e9) : std::nullopt);
  json.key("cpu_seconds").real(time.finite ? std::optional(time.cpu_ns / 1e9) : std::nullopt);
  json.key("idle_cpu_share").real(time.idle_cpu_share);
  json.end_object();
}

void write_exact(JsonWriter& json, const Prediction& prediction) {
  json.key("prediction").begin_object();
  write_result(json, *prediction.result, prediction);
  json.end_object();
  json.key("zero_bytes").unsigned_integer(prediction.zero_places * prediction.page_bytes);
  json.key("what_if").begin_array();
  for (const memory::PredictionVariant& variant : prediction.variants) {
    json.begin_object();
    json.key("max_page_sharing").unsigned_integer(variant.what_if.max_page_sharing);
    json.key("use_zero_pages").boolean(variant.what_if.use_zero_pages);
    write_result(json, variant.result, prediction);
    json.end_object();
  }
  json.end_array();
  json.key("processes").begin_array();
  for (const PredictionPart& part : prediction.parts) write_part(json, part, prediction);
  json.end_array();
  json.key("cgroups").begin_array();
  for (const PredictionPart& part : prediction.groups) write_part(json, part, prediction);
  json.end_array();
  json.key("common").begin_array();
  const std::size_t size = prediction.cross.owners.size();
  for (std::size_t a = 0; a < size; ++a) {
    for (std::size_t b = a; b < size; ++b) {
      if (prediction.cross.at(a, b) == 0) continue;
      json.begin_object();
      json.key("pid").unsigned_integer(prediction.parts[a].pid);
      json.key("other_pid").unsigned_integer(prediction.parts[b].pid);
      json.key("bytes").unsigned_integer(prediction.cross.at(a, b) * prediction.page_bytes);
      json.end_object();
    }
  }
  json.end_array();
}

}  // namespace

std::string predict_json(const PredictOutcome& outcome, const PredictOptions& options,
                         const PredictKernel& kernel) {
  const Prediction& prediction = outcome.prediction;
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.ksm.predict.v1");
  json.key("complete").boolean(!outcome.cut_short);
  json.key("page_size_bytes").unsigned_integer(prediction.page_bytes);
  json.key("regions").string(options.scan.regions == memory::MergeRegions::all ? "all" : "mergeable");
  json.key("max_page_sharing").unsigned_integer(prediction.what_if.max_page_sharing);
  json.key("use_zero_pages").boolean(prediction.what_if.use_zero_pages);
  json.key("sample").real(options.scan.sample);
  json.key("content_step").unsigned_integer(prediction.content_step);
  json.key("frames_visible").boolean(prediction.frames_visible);
  json.key("kernel_pages_sharing").value(kernel.pages_sharing);
  json.key("scanned").begin_object();
  json.key("processes").unsigned_integer(prediction.processes.scanned);
  json.key("not_permitted").unsigned_integer(prediction.processes.not_permitted);
  json.key("vanished").unsigned_integer(prediction.processes.vanished);
  json.key("pages").unsigned_integer(prediction.places);
  json.key("frames").unsigned_integer(prediction.frames);
  json.key("read_pages").unsigned_integer(prediction.read_pages);
  json.key("swapped_pages").unsigned_integer(prediction.swapped_pages);
  json.key("volatile_pages").unsigned_integer(prediction.volatile_pages);
  json.key("unreadable_pages").unsigned_integer(prediction.unreadable_pages);
  json.key("huge_page_bytes").unsigned_integer(prediction.huge_bytes);
  json.key("wall_seconds").real(static_cast<double>(outcome.scan_wall_ns) / 1e9);
  json.key("cpu_seconds").real(static_cast<double>(outcome.scan_cpu_ns) / 1e9);
  json.key("peak_memory_bytes");
  if (outcome.peak_memory_kib.is_missing())
    json.null();
  else
    json.unsigned_integer(outcome.peak_memory_kib.as_unsigned() * 1024);
  json.end_object();
  if (prediction.result) {
    write_exact(json, prediction);
  } else {
    json.key("estimate").begin_object();
    const auto page = static_cast<double>(prediction.page_bytes);
    write_interval(json, "freed_bytes", prediction.estimate->freed_frames, page);
    write_interval(json, "net_bytes", prediction.estimate->net_bytes, 1);
    write_interval(json, "zero_bytes", prediction.estimate->zero_frames, page);
    json.end_object();
  }
  json.key("time_to_merge");
  write_time(json, options.settings, outcome.time);
  json.key("recommended");
  write_time(json, outcome.recommended, outcome.recommended_time);
  json.end_object();
  return json.take() + '\n';
}

std::string predict_csv(const PredictOutcome& outcome) {
  const Prediction& prediction = outcome.prediction;
  view::CsvWriter csv;
  csv.head({"pid", "command", "cgroup", "bytes", "merging_pages", "zero_pages", "freed_bytes", "net_bytes"});
  for (const PredictionPart& part : prediction.parts)
    csv.unsigned_integer(part.pid)
        .text(part.name)
        .text(part.cgroup)
        .unsigned_integer(part.places * prediction.page_bytes)
        .unsigned_integer(part.merged_places)
        .unsigned_integer(part.zero_places)
        .real(part.freed_bytes)
        .real(part.net_bytes)
        .end_row();
  return csv.take();
}

}  // namespace isotach::command
