// Writes a recording: one SQLite file in WAL mode (docs/formats/recording.md).
//
// append() copies into a bounded queue and returns at once; a thread of the recorder's own writes
// and commits at least once a second, so that a kill -9 loses at most the last second and a slow
// disk never delays a sample. What does not fit into the queue is dropped and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::record {

// Where a recording comes from.
struct RecordingInfo {
  std::string command;                 // "vm", "record": decides the view a replay starts with
  std::vector<std::string> arguments;  // as typed after the command
  std::string program_version;         // "0.1.0"
  std::string host;                    // nodename
  std::string kernel;                  // release
  Instant start;
  std::int64_t interval_ns = 0;
};

// How much may wait to be written. The default is minutes of a busy machine at 100 samples/s.
struct RecorderLimits {
  std::size_t queued_samples = 65536;
  std::size_t queued_bytes = std::size_t{32} << 20;  // coded: about a tenth of the samples in memory
};

// Thread rules: any thread may call; the samples of one recorder come from one thread.
class Recorder {
 public:
  // Creates `path`; refuses to overwrite a file that exists. `table` must outlive the recorder and
  // may grow while it records.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> create(const std::string& path,
                                                                const RecordingInfo& info,
                                                                const SeriesTable& table,
                                                                RecorderLimits limits = {});
  ~Recorder();  // finishes, if finish() was not called
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Samples come in order of time; one that goes back in time is dropped.
  void append(const Sample& sample);
  // Text past 1024 bytes is cut off; past 65536 events further ones are dropped.
  void append(Event event);

  // Why writing failed (a full disk), once it has. Everything committed before stays readable.
  [[nodiscard]] std::optional<Error> error() const;
  // Samples that were taken into the queue.
  [[nodiscard]] std::uint64_t appended_samples() const;
  // Samples that are in the file and survive the end of this process.
  [[nodiscard]] std::uint64_t committed_samples() const;
  // Samples that did not fit into the queue, or came after an error.
  [[nodiscard]] std::uint64_t dropped_samples() const;
  [[nodiscard]] std::uint64_t dropped_events() const;

  // Writes out what is queued and closes the file. The error, if there was one, is returned here too.
  [[nodiscard]] Result<void> finish();

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace isotach::record
