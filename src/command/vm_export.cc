#include "base/text.h"
#include "base/units.h"
#include "command/vm_printer.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using memory::BaseNumber;
using memory::Cell;
using memory::RowColumn;
using memory::VmColumn;
using memory::VmMode;
using memory::VmRecord;

constexpr std::string_view kSchema = "isotach.vm.v1";

// The cells of a sample's records with their columns; a row is one record without a label.
std::size_t shown_column_count(const VmOptions& options) {
  const std::size_t all = memory::vm_columns(options.text.mode).size();
  const bool without_pressure = options.text.mode == VmMode::row && !options.text.pressure;
  return without_pressure ? static_cast<std::size_t>(RowColumn::pressure_cpu) : all;
}

class JsonPrinter final : public VmPrinter {
 public:
  JsonPrinter(Context& context, const VmOptions& options, const VmOrigin& origin)
      : context_(context),
        options_(options),
        origin_(origin),
        mode_(options.text.mode),
        stream_(options.format == Format::json_stream) {}

  // A document is written as it grows: what has been printed when the program ends only needs its end.
  void begin(const Instant&) override {
    if (stream_) return;
    json_.begin_object();
    put_head();
    json_.key("delay_ns").integer(options_.delay_ns);
    json_.key("samples").begin_array();
    begun_ = true;
    write("\n");
  }

  void sample(const VmSample& sample) override {
    json_.begin_object();
    if (stream_) put_head();
    json_.key("time").string(format_wall_time_utc(sample.time.wall_ns));
    json_.key("wall_ns").integer(sample.time.wall_ns);
    json_.key("monotonic_ns").integer(sample.time.monotonic_ns);
    json_.key("elapsed_ns");
    if (sample.elapsed_ns) {
      json_.integer(*sample.elapsed_ns);
    } else {
      json_.null();
    }
    json_.key("missed_deadlines").unsigned_integer(sample.missed_deadlines);
    if (mode_ == VmMode::row) {
      json_.key("since_boot").boolean(sample.row.since_boot);
      put_cells(sample.row.cells, sample.ticks_per_second);
    } else if (memory::vm_record_label(mode_).empty()) {
      if (!sample.records.empty()) put_cells(sample.records.front().cells, sample.ticks_per_second);
    } else {
      put_records(sample);
    }
    json_.end_object();
    write("\n");
  }

  void end(bool interrupted, const Error* error) override {
    if (!begun_) return;
    json_.end_array();
    json_.key("interrupted").boolean(interrupted);
    if (error != nullptr) json_.key("error").string(error->message());
    json_.end_object();
    write("\n");
    // The document has told about the error; a second object would spoil it.
    context_.json_errors = false;
  }

 private:
  void put_head() {
    json_.key("schema").string(kSchema);
    json_.key("mode").string(memory::vm_mode_name(mode_));
    json_.key("host").string(origin_.host);
    json_.key("kernel").string(origin_.kernel);
  }

  void put_records(const VmSample& sample) {
    const std::string_view label = memory::vm_record_label(mode_);
    json_.key(std::string(label) + "s").begin_array();
    for (const VmRecord& record : sample.records) {
      json_.begin_object();
      json_.key(label).string(record.label);
      put_cells(record.cells, sample.ticks_per_second);
      json_.end_object();
    }
    json_.end_array();
  }

  void put_cells(std::span<const Cell> cells, std::uint64_t ticks_per_second) {
    const std::span<const VmColumn> columns = memory::vm_columns(mode_);
    const std::size_t count = shown_column_count(options_);
    bool any_missing = false;
    for (std::size_t i = 0; i < count; ++i) {
      json_.key(columns[i].name);
      const auto number = memory::base_number(cells[i], columns[i].form, ticks_per_second);
      any_missing = any_missing || !number;
      if (!number) {
        json_.null();
      } else if (number->whole) {
        json_.unsigned_integer(*number->whole);
      } else {
        json_.real(number->real);
      }
    }
    if (!any_missing) return;
    json_.key("missing").begin_object();
    for (std::size_t i = 0; i < count; ++i)
      if (cells[i].is_missing()) json_.key(columns[i].name).string(memory::absent_text(cells[i].absent));
    json_.end_object();
  }

  void write(std::string_view after) {
    context_.out.write(json_.take());
    context_.out.write(after);
    context_.out.flush();
  }

  Context& context_;
  VmOptions options_;
  VmOrigin origin_;
  VmMode mode_;
  bool stream_;
  bool begun_ = false;
  view::JsonWriter json_;
};

class CsvPrinter final : public VmPrinter {
 public:
  CsvPrinter(Context& context, const VmOptions& options) : context_(context), options_(options) {}

  void begin(const Instant&) override {
    std::vector<std::string> names = {"time", "wall_ns", "monotonic_ns", "elapsed_ns", "missed_deadlines"};
    const VmMode mode = options_.text.mode;
    if (mode == VmMode::row) names.emplace_back("since_boot");
    if (const std::string_view label = memory::vm_record_label(mode); !label.empty())
      names.emplace_back(label);
    const std::span<const VmColumn> columns = memory::vm_columns(mode);
    for (std::size_t i = 0; i < shown_column_count(options_); ++i) names.emplace_back(columns[i].name);
    csv_.head(names);
    write();
  }

  void sample(const VmSample& sample) override {
    if (options_.text.mode == VmMode::row) {
      put_times(sample);
      csv_.integer(sample.row.since_boot ? 1 : 0);
      put_cells(sample.row.cells, sample.ticks_per_second);
    } else {
      for (const VmRecord& record : sample.records) {
        put_times(sample);
        if (!memory::vm_record_label(options_.text.mode).empty()) csv_.text(record.label);
        put_cells(record.cells, sample.ticks_per_second);
      }
    }
    write();
  }

  void end(bool, const Error*) override {}

 private:
  void put_times(const VmSample& sample) {
    csv_.text(format_wall_time_utc(sample.time.wall_ns));
    csv_.integer(sample.time.wall_ns).integer(sample.time.monotonic_ns);
    if (sample.elapsed_ns) {
      csv_.integer(*sample.elapsed_ns);
    } else {
      csv_.empty();
    }
    csv_.unsigned_integer(sample.missed_deadlines);
  }

  void put_cells(std::span<const Cell> cells, std::uint64_t ticks_per_second) {
    const std::span<const VmColumn> columns = memory::vm_columns(options_.text.mode);
    for (std::size_t i = 0; i < shown_column_count(options_); ++i) {
      const auto number = memory::base_number(cells[i], columns[i].form, ticks_per_second);
      if (!number) {
        csv_.empty();
      } else if (number->whole) {
        csv_.unsigned_integer(*number->whole);
      } else {
        csv_.real(number->real);
      }
    }
    csv_.end_row();
  }

  void write() {
    context_.out.write(csv_.take());
    context_.out.flush();
  }

  Context& context_;
  VmOptions options_;
  view::CsvWriter csv_;
};

}  // namespace

std::unique_ptr<VmPrinter> make_export_printer(Context& context, const VmOptions& options,
                                               const VmOrigin& origin) {
  if (options.format == Format::csv) return std::make_unique<CsvPrinter>(context, options);
  return std::make_unique<JsonPrinter>(context, options, origin);
}

}  // namespace isotach::command
