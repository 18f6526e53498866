// A block: consecutive samples coded as small steps from one sample to the next.
//
// Coded samples follow each other without padding. All numbers are varints (record/varint.h):
//
//   time     monotonic ns since the sample before; for the first one since the header's first time
//   drift    zigzag: how much further the wall clock moved than the monotonic one, in ns
//   layout   0: the same series with the same types as the sample before
//            n + 1: n points with a new layout, which follows: for each point the series id less the
//            one before less 1 (the first: the id), then a byte with the type
//   values   in the order of the layout; a missing value takes no bytes
//
// The byte with the type: 0x10 unsigned, 0x20 signed, 0x30 real, 0x00 + reason missing. Integers are
// the zigzag of their step from the value before of the same series in this block (0 for the first),
// modulo 2^64; reals are the exclusive or of their IEEE 754 bits with those before, bytes swapped,
// because the lower bits of measured reals are mostly 0. Nothing is rounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/sample.h"

namespace isotach::record {

struct BlockHeader {
  std::int64_t number = 0;         // 1, 2, 3, ... in the order of time
  std::uint64_t first_sample = 0;  // how many samples the blocks before hold
  std::uint32_t sample_count = 0;
  Instant first;
  Instant last;
  std::uint32_t raw_bytes = 0;  // size of the coded samples before compression
};

// What the coding of one point refers to.
struct BlockSlot {
  SeriesId series = 0;
  std::uint8_t type = 0;
  std::uint64_t bits = 0;  // of the last value that was not missing
};

class BlockEncoder {
 public:
  // Starts a block; the memory of the last one is used again.
  void begin(std::int64_t number, std::uint64_t first_sample);
  // Adds a sample that is not earlier than the one before. Of several points of one series the
  // first counts.
  void append(const Sample& sample);
  [[nodiscard]] const BlockHeader& header() const { return header_; }
  // The coded samples so far; append() only adds at the end.
  [[nodiscard]] const std::string& raw() const { return raw_; }
  [[nodiscard]] bool is_full() const;
  // Hands the coded samples over and takes a buffer to go on with.
  [[nodiscard]] std::string exchange_raw(std::string buffer);

 private:
  void put_layout(const std::vector<Point>& points);

  BlockHeader header_;
  std::string raw_;
  std::vector<BlockSlot> slots_;
  std::vector<BlockSlot> next_slots_;  // these two are kept for their memory
  std::vector<Point> ordered_;
};

class BlockDecoder {
 public:
  // `raw` must stay as it is while the block is read. Series ids must be below `series_limit`.
  void begin(const BlockHeader& header, std::string_view raw, std::size_t series_limit);
  // The next sample; false after the last one. An error tells what is wrong with the coding; then
  // nothing more can be read from this block.
  [[nodiscard]] Result<bool> next(Sample& sample);

 private:
  [[nodiscard]] Result<void> take_time(Instant& time);
  [[nodiscard]] Result<void> take_layout(std::uint64_t point_count);

  BlockHeader header_;
  std::string_view rest_;
  std::size_t series_limit_ = 0;
  std::uint32_t taken_ = 0;
  Instant time_;
  std::vector<BlockSlot> slots_;
  std::vector<BlockSlot> next_slots_;
};

}  // namespace isotach::record
