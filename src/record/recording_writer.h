// The SQL side of a recorder: makes the file and puts blocks, series and events into it. Used by
// one thread at a time; knows no queue and no clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/block.h"
#include "record/block_seal.h"
#include "record/database.h"
#include "record/recorder.h"
#include "record/series.h"

namespace isotach::record {

class RecordingWriter {
 public:
  // Creates the file with its tables and its info, and nothing else yet. Never overwrites a file.
  [[nodiscard]] static Result<RecordingWriter> create(const std::string& path, const RecordingInfo& info);

  // All that is put between these two becomes readable at once, or not at all.
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> commit();
  void roll_back();

  // A block of the same number is replaced.
  [[nodiscard]] Result<void> put_block(const BlockHeader& header, std::string_view raw);
  [[nodiscard]] Result<void> put_series(SeriesId id, const Series& series);
  [[nodiscard]] Result<void> put_event(std::int64_t number, const Event& event);
  [[nodiscard]] Result<void> put_info(std::string_view key, std::int64_t value);
  // Whether the last failure was another program's lock, which may go away.
  [[nodiscard]] bool is_locked_out() const { return database_.trouble() == Database::Trouble::busy; }

 private:
  explicit RecordingWriter(Database database) : database_(std::move(database)) {}
  [[nodiscard]] Result<void> make_tables(const RecordingInfo& info);
  [[nodiscard]] Result<void> put_info(std::string_view key, std::string_view value);

  Database database_;
  Statement begin_, commit_, block_, series_, event_, info_;
  std::unique_ptr<BlockCompressor> compressor_ = std::make_unique<BlockCompressor>();
  std::string labels_;  // kept for its memory
};

}  // namespace isotach::record
