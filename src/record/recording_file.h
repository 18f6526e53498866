// Opens the database of a recording for reading, however it is found: finished, still being written,
// left behind by a killed recorder, on a read-only disk; and refuses everything else in clear words.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "record/database.h"

namespace isotach::record {

struct OpenedRecording {
  Database database;
  std::uint64_t size_bytes = 0;  // of the file and its -wal file
};

[[nodiscard]] Result<OpenedRecording> open_recording_file(const std::string& path);

}  // namespace isotach::record
