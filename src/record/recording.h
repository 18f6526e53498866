// Reads a recording, also one that is still being written or whose writer was killed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/recorder.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::record {

class Recording {
 public:
  // A file that is no recording, is truncated, corrupted or of a newer format gives an Error that
  // says so. Nothing in the file can crash the reader.
  [[nodiscard]] static Result<std::unique_ptr<Recording>> open(const std::string& path);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  [[nodiscard]] const RecordingInfo& info() const;
  // The recorded series under their recorded ids. Not const: readers may intern further series.
  [[nodiscard]] SeriesTable& table();
  [[nodiscard]] const std::vector<Event>& events() const;
  [[nodiscard]] std::uint64_t sample_count() const;
  [[nodiscard]] std::uint64_t dropped_samples() const;  // as the recorder counted them
  [[nodiscard]] std::uint64_t dropped_events() const;
  // Whether the recorder ended in good order. If not, it is still writing, or it was killed.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] std::uint64_t size_bytes() const;  // of the file and its -wal file, when it was opened
  // What could not be read besides damaged blocks, in words; empty for a sound recording.
  [[nodiscard]] const std::vector<std::string>& damage() const;
  // Times of the first and last sample; nothing for a recording without samples.
  [[nodiscard]] std::optional<Instant> first_time() const;
  [[nodiscard]] std::optional<Instant> last_time() const;

  // The next sample in order of time into `sample`; false at the end. A damaged block is an Error;
  // calling again goes on after it. After the end, calling again gives what was recorded since.
  [[nodiscard]] Result<bool> next(Sample& sample);
  // Makes next() go on with the first sample at or after this time.
  [[nodiscard]] Result<void> seek(std::int64_t monotonic_ns);
  // The monotonic time of the first sample at or after this wall clock time, for seek(); past the end,
  // a time after the last sample. Where the wall clock was put back while it recorded, times that came
  // twice may mean either. Moves next(), as seek() does.
  [[nodiscard]] Result<std::int64_t> monotonic_at(std::int64_t wall_ns);

 private:
  struct State;
  explicit Recording(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace isotach::record
