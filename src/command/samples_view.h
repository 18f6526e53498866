// Shows samples of any kind, without knowing what they mean: every series under its key.
//
//   table        the newest value of every series
//   json_stream  one object a sample, schema isotach.samples.v1
//   json         one document with the series, the samples and the events
//   csv          one line a sample, one column a series
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "command/common_options.h"
#include "record/recorder.h"
#include "record/sample.h"
#include "record/series.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {

// key, name, labels, unit, kind and help of a series, as members of the object that was begun.
void write_series(view::JsonWriter& json, const record::Series& series);
// command, host, kernel and so on, likewise.
void write_recording_info(view::JsonWriter& json, const record::RecordingInfo& info);
void write_events(view::JsonWriter& json, const std::vector<record::Event>& events);

class SamplesView {
 public:
  struct Options {
    Format format = Format::table;
    bool raw = false;  // tables and CSV give counters as they stand instead of as rates
    int columns = 80;  // width of the table
  };
  // `out` and `table` must outlive the view.
  SamplesView(Output& out, const record::SeriesTable& table, Options options)
      : out_(out), table_(table), options_(options) {}

  void begin(const record::RecordingInfo& info);
  void add(const record::Sample& sample);
  void end(const std::vector<record::Event>& events);

  // Series that appeared after the head of the CSV was written, and have no column.
  [[nodiscard]] std::size_t series_left_out() const { return series_left_out_; }

 private:
  void write_json_sample(const record::Sample& sample);
  void write_csv_head(const record::Sample& sample);
  void write_csv_row(const record::Sample& sample);
  void write_table();
  [[nodiscard]] const std::string& key(record::SeriesId id);
  [[nodiscard]] std::optional<double> shown(const record::Sample& sample, record::SeriesId id,
                                            const Value& now) const;

  Output& out_;
  const record::SeriesTable& table_;
  const Options options_;
  view::JsonWriter json_;
  view::CsvWriter csv_;
  std::vector<std::string> keys_;
  std::optional<std::size_t> csv_series_count_;
  std::size_t series_left_out_ = 0;
  std::optional<record::Sample> before_;
  std::optional<record::Sample> newest_;
  std::optional<Instant> first_time_;
};

}  // namespace isotach::command
