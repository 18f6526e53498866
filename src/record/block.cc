#include "record/block.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "record/recording_format.h"
#include "record/series.h"
#include "record/varint.h"

namespace isotach::record {
namespace {

constexpr std::uint8_t kUnsigned = 0x10;
constexpr std::uint8_t kSigned = 0x20;
constexpr std::uint8_t kReal = 0x30;
constexpr std::uint8_t kTypeMask = 0xf0;
constexpr std::uint8_t kReasonMask = 0x0f;

std::uint8_t type_of(const Value& value) {
  switch (value.type()) {
    case Value::Type::unsigned_integer:
      return kUnsigned;
    case Value::Type::signed_integer:
      return kSigned;
    case Value::Type::real:
      return kReal;
    case Value::Type::missing:
      break;
  }
  return static_cast<std::uint8_t>(value.reason()) & kReasonMask;
}

std::uint64_t bits_of(const Value& value) {
  switch (value.type()) {
    case Value::Type::unsigned_integer:
      return value.as_unsigned();
    case Value::Type::signed_integer:
      return static_cast<std::uint64_t>(value.as_signed());
    case Value::Type::real:
      return std::bit_cast<std::uint64_t>(value.as_real());
    case Value::Type::missing:
      break;
  }
  return 0;
}

Value value_of(std::uint8_t type, std::uint64_t bits) {
  switch (type & kTypeMask) {
    case kUnsigned:
      return Value::of(bits);
    case kSigned:
      return Value::of_signed(static_cast<std::int64_t>(bits));
    case kReal:
      return Value::of_real(std::bit_cast<double>(bits));
    default:
      break;
  }
  // A reason that a later version added is at least known to be one.
  const std::uint8_t reason = type & kReasonMask;
  return reason <= static_cast<std::uint8_t>(Missing::malformed) ? Value(static_cast<Missing>(reason))
                                                                 : Value(Missing::not_supported);
}

bool is_missing(std::uint8_t type) {
  return (type & kTypeMask) == 0;
}

std::uint64_t swap_bytes(std::uint64_t bits) {
  return __builtin_bswap64(bits);
}

bool is_strictly_ordered(const std::vector<Point>& points) {
  return std::adjacent_find(points.begin(), points.end(), [](const Point& a, const Point& b) {
           return a.series >= b.series;
         }) == points.end();
}

// The bits that a series of the new layout starts from are those it had in the old one.
void inherit_bits(const std::vector<BlockSlot>& before, std::vector<BlockSlot>& now) {
  auto old = before.begin();
  for (BlockSlot& slot : now) {
    while (old != before.end() && old->series < slot.series) ++old;
    if (old != before.end() && old->series == slot.series) slot.bits = old->bits;
  }
}

std::uint64_t difference(std::int64_t now, std::int64_t before) {
  return static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(before);
}

}  // namespace

void BlockEncoder::begin(std::int64_t number, std::uint64_t first_sample) {
  header_ = {};
  header_.number = number;
  header_.first_sample = first_sample;
  raw_.clear();
  slots_.clear();
}

bool BlockEncoder::is_full() const {
  return header_.sample_count >= kBlockFullSamples || raw_.size() >= kBlockFullBytes;
}

std::string BlockEncoder::exchange_raw(std::string buffer) {
  buffer.clear();
  return std::exchange(raw_, std::move(buffer));
}

void BlockEncoder::append(const Sample& sample) {
  const std::vector<Point>* points = &sample.points;
  if (!is_strictly_ordered(sample.points)) {
    ordered_ = sample.points;
    std::stable_sort(ordered_.begin(), ordered_.end(),
                     [](const Point& a, const Point& b) { return a.series < b.series; });
    ordered_.erase(std::unique(ordered_.begin(), ordered_.end(),
                               [](const Point& a, const Point& b) { return a.series == b.series; }),
                   ordered_.end());
    points = &ordered_;
  }
  if (header_.sample_count == 0) header_.first = header_.last = sample.time;
  CHECK(sample.time.monotonic_ns >= header_.last.monotonic_ns);
  const std::uint64_t monotonic_step = difference(sample.time.monotonic_ns, header_.last.monotonic_ns);
  put_varint(raw_, monotonic_step);
  put_varint(raw_, zigzag(difference(sample.time.wall_ns, header_.last.wall_ns) - monotonic_step));

  const bool same_layout =
      header_.sample_count > 0 && std::equal(points->begin(), points->end(), slots_.begin(), slots_.end(),
                                             [](const Point& point, const BlockSlot& slot) {
                                               return point.series == slot.series &&
                                                      type_of(point.value) == slot.type;
                                             });
  if (same_layout) {
    put_varint(raw_, 0);
  } else {
    put_layout(*points);
  }

  for (std::size_t i = 0; i < slots_.size(); ++i) {
    BlockSlot& slot = slots_[i];
    if (is_missing(slot.type)) continue;
    const std::uint64_t bits = bits_of((*points)[i].value);
    put_varint(raw_, slot.type == kReal ? swap_bytes(bits ^ slot.bits) : zigzag(bits - slot.bits));
    slot.bits = bits;
  }
  header_.last = sample.time;
  ++header_.sample_count;
  header_.raw_bytes = static_cast<std::uint32_t>(raw_.size());
}

void BlockEncoder::put_layout(const std::vector<Point>& points) {
  put_varint(raw_, points.size() + 1);
  next_slots_.clear();
  std::uint64_t expected = 0;
  for (const Point& point : points) {
    const std::uint8_t type = type_of(point.value);
    put_varint(raw_, point.series - expected);
    raw_.push_back(static_cast<char>(type));
    next_slots_.push_back({point.series, type, 0});
    expected = std::uint64_t{point.series} + 1;
  }
  inherit_bits(slots_, next_slots_);
  slots_.swap(next_slots_);
}

namespace {

Failure damaged(const char* what) {
  return failure(ErrorKind::failed, what);
}

}  // namespace

void BlockDecoder::begin(const BlockHeader& header, std::string_view raw, std::size_t series_limit) {
  header_ = header;
  rest_ = raw;
  series_limit_ = std::min(series_limit, SeriesTable::kLimit);
  taken_ = 0;
  time_ = header.first;
  slots_.clear();
}

Result<bool> BlockDecoder::next(Sample& sample) {
  if (taken_ == header_.sample_count) {
    if (!rest_.empty()) return damaged("it goes on after its last sample");
    return false;
  }
  if (auto taken = take_time(time_); !taken) return tl::make_unexpected(std::move(taken.error()));
  std::uint64_t layout = 0;
  if (!take_varint(rest_, layout)) return damaged("a sample is cut off");
  if (layout == 0 && taken_ == 0) return damaged("its first sample has no layout");
  if (layout != 0) {
    if (auto taken = take_layout(layout - 1); !taken) return tl::make_unexpected(std::move(taken.error()));
  }
  sample.time = time_;
  sample.points.clear();
  for (BlockSlot& slot : slots_) {
    if (!is_missing(slot.type)) {
      std::uint64_t coded = 0;
      if (!take_varint(rest_, coded)) return damaged("a value is cut off");
      slot.bits = slot.type == kReal ? slot.bits ^ swap_bytes(coded) : slot.bits + unzigzag(coded);
    }
    sample.points.push_back({slot.series, value_of(slot.type, slot.bits)});
  }
  ++taken_;
  if (taken_ == header_.sample_count &&
      (time_.monotonic_ns != header_.last.monotonic_ns || time_.wall_ns != header_.last.wall_ns))
    return damaged("its last sample has another time than its head says");
  return true;
}

Result<void> BlockDecoder::take_time(Instant& time) {
  std::uint64_t monotonic_step = 0;
  std::uint64_t drift = 0;
  if (!take_varint(rest_, monotonic_step) || !take_varint(rest_, drift)) return damaged("a time is cut off");
  const auto monotonic_ns =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(time.monotonic_ns) + monotonic_step);
  if (monotonic_ns < time.monotonic_ns || monotonic_ns > header_.last.monotonic_ns)
    return damaged("its times do not ascend");
  time.monotonic_ns = monotonic_ns;
  time.wall_ns =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(time.wall_ns) + monotonic_step + unzigzag(drift));
  return {};
}

Result<void> BlockDecoder::take_layout(std::uint64_t point_count) {
  // Each point takes at least two bytes of layout: a count that cannot be true is not believed.
  if (point_count > series_limit_ || point_count > rest_.size() / 2)
    return damaged("a sample has more points than there are series");
  next_slots_.clear();
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < point_count; ++i) {
    std::uint64_t gap = 0;
    if (!take_varint(rest_, gap) || rest_.empty()) return damaged("a layout is cut off");
    if (gap >= series_limit_ || expected + gap >= series_limit_)
      return damaged("a point refers to a series that does not exist");
    const auto type = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (type > kReal || (type > kReasonMask && (type & kReasonMask) != 0))
      return damaged("a point has an unknown type");
    next_slots_.push_back({static_cast<SeriesId>(expected + gap), type, 0});
    expected += gap + 1;
  }
  inherit_bits(slots_, next_slots_);
  slots_.swap(next_slots_);
  return {};
}

}  // namespace isotach::record
