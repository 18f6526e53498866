// Reads what a recording holds besides its samples. Every text and number in the file is doubted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/database.h"
#include "record/recorder.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::record {

struct RecordingNotes {
  RecordingInfo info;
  std::uint64_t dropped_samples = 0;
  std::uint64_t dropped_events = 0;
  bool finished = false;
};

[[nodiscard]] Result<RecordingNotes> read_notes(Database& database);

// The events in the order of the file; those that cannot be read are left out and told in `damage`.
[[nodiscard]] std::vector<Event> read_events(Database& database, std::vector<std::string>& damage);

// Interns the recorded series as they appear, and knows which id of the table each recorded id
// became: the same one, unless the reader has interned further series in between.
class SeriesReader {
 public:
  [[nodiscard]] static Result<SeriesReader> open(Database& database);

  // Takes over the series that were recorded since the last call. A series that cannot be read gets
  // a stand-in, so that the others keep their ids, and is told in `damage`.
  [[nodiscard]] Result<void> refresh(SeriesTable& table, std::vector<std::string>& damage);
  [[nodiscard]] std::size_t size() const { return ids_.size(); }
  // Rewrites recorded ids to those of the table.
  void translate(Sample& sample) const;

 private:
  SeriesReader() = default;
  [[nodiscard]] bool read_row(Series& series);
  [[nodiscard]] bool read_labels(std::string_view json, Labels& labels);
  void add(SeriesTable& table, const Series& series, std::vector<std::string>& damage);
  void add_stand_ins(SeriesTable& table, std::int64_t until_id, std::vector<std::string>& damage);

  Statement rows_, last_, one_, labels_;
  std::vector<SeriesId> ids_;
  bool same_ids_ = true;
  std::size_t text_bytes_ = 0;
};

}  // namespace isotach::record
