// The numbers of the recording format that its writer and its readers share; the whole of it is
// described in docs/formats/recording.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isotach::record {

inline constexpr std::int64_t kApplicationId = 0x49736f54;  // "IsoT"; PRAGMA application_id
inline constexpr std::int64_t kFormatVersion = 1;           // PRAGMA user_version

// A block is full with this many samples or coded bytes. 256 samples are enough for zstd to find
// what repeats; 64 KiB keep the cost of writing the newest block again each second low.
inline constexpr std::uint32_t kBlockFullSamples = 256;
inline constexpr std::size_t kBlockFullBytes = std::size_t{64} << 10;

// What a reader accepts. A writer stays far below: one sample of a full series table added to an
// almost full block makes about 1 MiB.
inline constexpr std::uint32_t kBlockSampleLimit = 4096;
inline constexpr std::size_t kBlockRawLimitBytes = std::size_t{4} << 20;
inline constexpr std::size_t kBlockDataLimitBytes = std::size_t{5} << 20;

inline constexpr std::size_t kEventLimit = 65536;
inline constexpr std::size_t kEventTextLimitBytes = 1024;
inline constexpr std::size_t kArgumentLimit = 4096;

// The text of one series (name, help, title, labels), and of all series of a recording.
inline constexpr std::size_t kSeriesTextLimitBytes = std::size_t{64} << 10;
inline constexpr std::size_t kAllSeriesTextLimitBytes = std::size_t{128} << 20;

inline constexpr std::string_view kSchema = R"sql(
CREATE TABLE info(
  key   TEXT PRIMARY KEY NOT NULL,
  value NOT NULL
) WITHOUT ROWID;
CREATE TABLE series(
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL,
  unit         TEXT NOT NULL,
  kind         TEXT NOT NULL,
  help         TEXT NOT NULL,
  title        TEXT NOT NULL,
  scale        REAL NOT NULL,
  rate_display TEXT NOT NULL,
  counter_bits INTEGER NOT NULL,
  labels       TEXT NOT NULL
);
CREATE TABLE block(
  number             INTEGER PRIMARY KEY,
  first_sample       INTEGER NOT NULL,
  sample_count       INTEGER NOT NULL,
  first_monotonic_ns INTEGER NOT NULL,
  first_wall_ns      INTEGER NOT NULL,
  last_monotonic_ns  INTEGER NOT NULL,
  last_wall_ns       INTEGER NOT NULL,
  raw_bytes          INTEGER NOT NULL,
  checksum           INTEGER NOT NULL,
  data               BLOB NOT NULL
);
CREATE TABLE event(
  number       INTEGER PRIMARY KEY,
  monotonic_ns INTEGER NOT NULL,
  wall_ns      INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  text         TEXT NOT NULL
);
)sql";

}  // namespace isotach::record
