// What one side has sent, as the capture saw it: tells new data from what was seen before, and finds the
// segment that an acknowledgement answers. The method is that of Ostermann's tcptrace.
#pragma once

#include <cstdint>
#include <optional>

#include "network/connections/statistics.h"

namespace isotach::network {

// Definitions to count by: what is right, or what tcptrace 6.6.7 prints.
enum class Rules : std::uint8_t { exact, tcptrace };

// What a segment turned out to be.
struct Placement {
  std::int64_t seen_before = 0;  // bytes of it, SYN and FIN included, that were seen already
  bool fills_hole = false;       // begins and ends below what was seen, and was not seen itself
  // The segment right above the hole, as it was when it came: evidence of what was sent first.
  bool has_above = false;
  SentSegment above;
  // The segment that it repeats, before this transmission.
  bool has_repeated = false;
  SentSegment repeated;
};

// Enters `length` bytes from `sequence` on. Times between transmissions go into `me.troubles()`.
[[nodiscard]] Placement place_segment(Direction& me, Rules rules, std::uint32_t sequence,
                                      std::uint64_t length, const SentSegment& sent);

// The same for what nearly always comes: the next segment, of which nothing was seen before. False when it is
// not that; nothing is entered then.
[[nodiscard]] inline bool append_segment(SequenceSpace& space, std::uint32_t sequence, std::uint64_t length,
                                         const SentSegment& sent) {
  constexpr std::uint32_t kMany = 1024;  // for place_segment() to keep within its bound
  const auto last = static_cast<std::uint32_t>(sequence + length - 1);
  const unsigned quarter = sequence >> 30;
  if (!space.has_neighbours(quarter)) return false;
  SegmentList& list = space.quarters[quarter];
  const std::uint32_t count = list.size();
  if (last >> 30 != quarter || last < sequence || count == 0 || count > kMany ||
      sequence <= list[count - 1].last)
    return false;
  SentSegment segment = sent;
  segment.first = sequence;
  segment.last = last;
  list.insert(count, segment);
  return true;
}

// The piece that begins with `sequence` is a retransmission: its first transmission was sent before `above`.
void set_order(Direction& me, std::uint32_t sequence, const SentSegment& above);

// Enters an acknowledgement of what `me` sent. `peer` sent it; its statistics are those before this
// segment. `data_length` and `window` are those of the segment that carries it.
void take_acknowledgement(Direction& me, const Direction& peer, Rules rules, std::uint32_t ack,
                          std::int64_t data_length, std::uint64_t window, bool plain, std::int64_t now_ns);

// `b` - `a` in the unit of `rules`: ns, or us; 0 when time went backwards.
[[nodiscard]] inline double elapsed_units(Rules rules, std::int64_t a, std::int64_t b) {
  if (b < a) return 0;
  return rules == Rules::tcptrace ? static_cast<double>((b - a) / 1000) : static_cast<double>(b - a);
}

// As tcptrace's compiler makes a whole number of it on x86-64: 0 when it does not fit.
[[nodiscard]] inline std::uint64_t cut_off(double value) {
  return value < 0x1p64 ? static_cast<std::uint64_t>(value) : 0;
}

}  // namespace isotach::network
