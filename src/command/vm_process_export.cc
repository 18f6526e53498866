// Rows of processes for programs: JSON, JSON one object a line, CSV. Schema isotach.vm.process.v1.
#include <string>
#include <vector>

#include "base/units.h"
#include "command/vm_process_report.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using memory::ProcessCell;
using memory::ProcessColumn;
using memory::ProcessColumnInfo;
using memory::ProcessRow;
using memory::ProcessSummary;
using view::CsvWriter;
using view::JsonWriter;

constexpr std::string_view kSchema = "isotach.vm.process.v1";

double seconds(std::int64_t duration_ns) {
  return static_cast<double>(duration_ns) / 1e9;
}

void write_process(JsonWriter& json, const ProcessRow& row) {
  json.begin_object();
  json.key("pid").unsigned_integer(row.pid);
  json.key("command").string(row.command);
  bool any_missing = false;
  for (std::size_t i = 0; i < memory::kProcessColumnCount; ++i) {
    const ProcessCell& cell = row.cells[i];
    json.key(memory::process_column(static_cast<ProcessColumn>(i)).key);
    if (cell.is_missing()) {
      json.null();
      any_missing = true;
    } else {
      json.value(cell.value);
    }
  }
  if (any_missing) {
    json.key("missing").begin_object();
    for (std::size_t i = 0; i < memory::kProcessColumnCount; ++i)
      if (row.cells[i].is_missing())
        json.key(memory::process_column(static_cast<ProcessColumn>(i)).key)
            .string(memory::absent_text(row.cells[i].absent));
    json.end_object();
  }
  json.end_object();
}

void write_moment(JsonWriter& json, const ProcessWriter::Moment& moment,
                  const std::vector<ProcessRow>& rows) {
  json.key("time").string(format_wall_time_utc(moment.time.wall_ns));
  json.key("wall_ns").integer(moment.time.wall_ns);
  json.key("monotonic_ns").integer(moment.time.monotonic_ns);
  json.key("since_start_ns").integer(moment.since_start_ns);
  json.key("processes").begin_array();
  for (const ProcessRow& row : rows) write_process(json, row);
  json.end_array();
}

void write_peak(JsonWriter& json, std::string_view key, const std::optional<ProcessSummary::Peak>& peak) {
  json.key(key);
  if (peak) {
    json.unsigned_integer(peak->bytes);
  } else {
    json.null();
  }
}

void write_count(JsonWriter& json, std::string_view key, std::optional<std::uint64_t> count) {
  json.key(key);
  if (count) {
    json.unsigned_integer(*count);
  } else {
    json.null();
  }
}

void write_end(JsonWriter& json, const std::vector<ProcessWriter::Summary>& summaries,
               const ProcessOutcome& outcome) {
  json.key("summary").begin_array();
  for (const ProcessWriter::Summary& summary : summaries) {
    const ProcessSummary& process = *summary.process;
    json.begin_object();
    json.key("pid").unsigned_integer(process.pid());
    json.key("command").string(process.command());
    json.key("ended").boolean(summary.ended);
    json.key("samples").unsigned_integer(process.samples());
    json.key("followed_seconds")
        .real(seconds(process.last_time().monotonic_ns - process.first_time().monotonic_ns));
    if (summary.unseen_peak_bytes) {
      json.key("rss_peak_bytes").unsigned_integer(*summary.unseen_peak_bytes);
    } else {
      write_peak(json, "rss_peak_bytes", process.resident_peak());
    }
    write_peak(json, "pss_peak_bytes", process.proportional_peak());
    write_peak(json, "swap_peak_bytes", process.swap_peak());
    write_peak(json, "heap_peak_bytes", process.heap_peak());
    write_count(json, "minor_faults", process.minor_faults(summary.from_start));
    write_count(json, "major_faults", process.major_faults(summary.from_start));
    json.key("cpu_seconds").real(process.cpu_seconds(summary.from_start));
    json.end_object();
  }
  json.end_array();
  if (!outcome.command.empty()) {
    json.key("started").begin_object();
    json.key("words").begin_array();
    for (const std::string& word : outcome.command) json.string(word);
    json.end_array();
    if (outcome.end) {
      json.key(outcome.end->by_signal ? "signal" : "exit_code").integer(outcome.end->number);
      json.key("user_seconds").real(seconds(outcome.end->user_ns));
      json.key("system_seconds").real(seconds(outcome.end->system_ns));
    }
    json.end_object();
  }
  json.key("missed_samples").unsigned_integer(outcome.missed_samples);
  json.key("interrupted").boolean(outcome.interrupted);
}

class ProcessJson final : public ProcessWriter {
 public:
  ProcessJson(Output& out, const ProcessReportOptions& options) : out_(out) {
    json_.begin_object();
    json_.key("schema").string(kSchema);
    json_.key("delay_ns").integer(options.interval_ns);
    json_.key("samples").begin_array();
  }
  void rows(const Moment& moment, const std::vector<ProcessRow>& rows) override {
    json_.begin_object();
    write_moment(json_, moment, rows);
    json_.end_object();
    out_.write(json_.take() + "\n");
  }
  void finish(const std::vector<Summary>& summaries, const ProcessOutcome& outcome) override {
    json_.end_array();
    write_end(json_, summaries, outcome);
    json_.end_object();
    out_.write(json_.take() + "\n");
  }

 private:
  Output& out_;
  JsonWriter json_;
};

class ProcessJsonStream final : public ProcessWriter {
 public:
  explicit ProcessJsonStream(Output& out) : out_(out) {}
  void rows(const Moment& moment, const std::vector<ProcessRow>& rows) override {
    JsonWriter json;
    json.begin_object();
    json.key("schema").string(kSchema);
    write_moment(json, moment, rows);
    json.end_object();
    out_.write(json.take() + "\n");
  }
  void finish(const std::vector<Summary>& summaries, const ProcessOutcome& outcome) override {
    JsonWriter json;
    json.begin_object();
    json.key("schema").string(kSchema);
    write_end(json, summaries, outcome);
    json.end_object();
    out_.write(json.take() + "\n");
  }

 private:
  Output& out_;
};

class ProcessCsv final : public ProcessWriter {
 public:
  explicit ProcessCsv(Output& out) : out_(out) {
    std::vector<std::string> names = {"time", "since_start_seconds", "pid", "command"};
    for (std::size_t i = 0; i < memory::kProcessColumnCount; ++i)
      names.emplace_back(memory::process_column(static_cast<ProcessColumn>(i)).key);
    csv_.head(names);
    out_.write(csv_.take());
  }
  void rows(const Moment& moment, const std::vector<ProcessRow>& rows) override {
    for (const ProcessRow& row : rows) {
      csv_.text(format_wall_time_utc(moment.time.wall_ns));
      csv_.real(seconds(moment.since_start_ns));
      csv_.unsigned_integer(row.pid);
      csv_.text(row.command);
      for (const ProcessCell& cell : row.cells) {
        if (cell.is_missing()) {
          csv_.empty();
        } else {
          csv_.value(cell.value);
        }
      }
      csv_.end_row();
    }
    out_.write(csv_.take());
  }
  void finish(const std::vector<Summary>&, const ProcessOutcome&) override {}

 private:
  Output& out_;
  CsvWriter csv_;
};

}  // namespace

std::unique_ptr<ProcessWriter> make_process_export(Output& out, const ProcessReportOptions& options) {
  if (options.format == Format::csv) return std::make_unique<ProcessCsv>(out);
  if (options.format == Format::json_stream) return std::make_unique<ProcessJsonStream>(out);
  return std::make_unique<ProcessJson>(out, options);
}

}  // namespace isotach::command
