#include "network/connections/sent_record.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "network/connections/piece_store.h"
#include "network/connections/shared_steps.h"

namespace isotach::network {
namespace {

constexpr std::uint32_t kQuarterSize = 0x4000'0000;

// Where holes are never filled the list would grow with the capture. tcptrace lets it.
std::uint32_t most_segments(Rules rules) {
  return rules == Rules::tcptrace ? 65536 : 4096;
}

unsigned quarter_of(std::uint32_t sequence) {
  return sequence >> 30;
}

// Makes the quarter and its neighbours exist and forgets the one opposite.
SegmentList& enter_quarter(SequenceSpace& space, unsigned quarter) {
  const unsigned bit = 1u << quarter;
  if (space.has_neighbours(quarter)) return space.quarters[quarter];
  const unsigned next = 1u << (quarter + 1) % 4;
  const unsigned opposite = 1u << (quarter + 2) % 4;
  const unsigned previous = 1u << (quarter + 3) % 4;
  space.exists = static_cast<std::uint8_t>(bit | next | previous);
  space.has_next = static_cast<std::uint8_t>((space.has_next | bit | previous) & ~(opposite | next));
  space.has_previous = static_cast<std::uint8_t>((space.has_previous | bit | next) & ~(opposite | previous));
  space.quarters[(quarter + 2) % 4] = SegmentList();
  return space.quarters[quarter];
}

// A segment is sent once more.
void repeat(Direction& me, Rules rules, SentSegment& segment, std::int64_t now_ns) {
  if (segment.acked == 0) {
    // What was acknowledged has been joined with others; its time and count mean nothing any more.
    Troubles& troubles = me.troubles();
    const double time = elapsed_units(rules, segment.time_ns, now_ns);
    troubles.max_retransmissions =
        std::max<std::uint32_t>(troubles.max_retransmissions, segment.retransmitted);
    add_time(rules, troubles.between_transmissions, time);
  }
  segment.time_ns = now_ns;
}

// Enters a piece that lies within one quarter.
void place_piece(Direction& me, Rules rules, SegmentList& list, std::uint32_t first, std::uint64_t length,
                 const SentSegment& sent, Placement& placement) {
  const auto last = static_cast<std::uint32_t>(first + length - 1);
  const auto piece = [&](std::uint32_t from, std::uint32_t to) {
    SentSegment segment = sent;
    segment.first = from;
    segment.last = to;
    return segment;
  };
  std::uint32_t index = 0;
  const std::uint32_t count = list.size();
  if (count > 0 && first > list[count - 1].last) {
    index = count;
  } else {
    // The first segment that does not end before this one.
    std::uint32_t below = 0;
    std::uint32_t above = count;
    while (below < above) {
      const std::uint32_t middle = (below + above) / 2;
      if (first > list[middle].last) {
        below = middle + 1;
      } else {
        above = middle;
      }
    }
    index = below;
  }
  bool split = false;
  for (; index < list.size(); ++index) {
    if (first > list[index].last) continue;
    if (first < list[index].first) {
      if (last < list[index].last) {
        placement.fills_hole = true;
        placement.has_above = true;
        placement.above = list[index];
      }
      const std::uint32_t next_first = list[index].first;
      const bool apart = last < next_first;
      list.insert(index, piece(first, apart ? last : next_first - 1));
      if (apart) return;
      ++index;
      first = next_first;
    }
    SentSegment& seen = list[index];
    if (!placement.has_repeated) {
      placement.has_repeated = true;
      placement.repeated = seen;
    }
    if (rules == Rules::tcptrace || seen.retransmitted < std::numeric_limits<std::uint8_t>::max())
      ++seen.retransmitted;
    if (!split) repeat(me, rules, seen, sent.time_ns);
    if (last <= seen.last) {
      placement.seen_before += std::int64_t{last} - first + 1;
      return;
    }
    split = true;
    placement.seen_before += std::int64_t{seen.last} - first + 1;
    first = seen.last + 1;
  }
  list.insert(list.size(), piece(first, last));
}

// Joins what is acknowledged and adjoins, from the front on as far as all is acknowledged.
void join(SegmentList& list) {
  std::uint32_t index = 0;
  for (auto all = list.all(); index + 1 < all.size() && all[index].acked > 0;) {
    const SentSegment& one = all[index];
    SentSegment& next = all[index + 1];
    if (next.acked == 0 || one.last + 1 != next.first) {
      ++index;
      continue;
    }
    // Into the later one, so that at the front nothing has to move.
    next.first = one.first;
    next.time_ns = std::max(next.time_ns, one.time_ns);
    next.retransmitted = one.retransmitted;
    list.erase(index);
    all = list.all();
  }
}

// Keeps a list within its bound: the two oldest become one, the hole between them forgotten.
void bound(SegmentList& list, Rules rules) {
  while (list.size() > most_segments(rules)) {
    list[1].first = list[0].first;
    list[1].time_ns = std::max(list[0].time_ns, list[1].time_ns);
    list[1].acked = std::max<std::uint8_t>(list[0].acked, 1);
    list.erase(0);
  }
}

// Acknowledges all of a quarter that is left behind; the time of the latest transmission.
std::int64_t leave_behind(Direction& me, SegmentList& list) {
  std::int64_t last_sent_ns = 0;
  bool changed = false;
  for (SentSegment& segment : list.all()) {
    if (segment.acked > 0) continue;
    ++segment.acked;
    changed = true;
    ++me.cumulatively_acked;
    last_sent_ns = std::max(last_sent_ns, segment.time_ns);
  }
  if (changed) join(list);
  return last_sent_ns;
}

// `kRules` is known, so that what nearly every segment passes through asks for it nowhere.
template <Rules kRules>
void enter_acknowledgement(Direction& me, const Direction& peer, std::uint32_t ack, std::int64_t data_length,
                           std::uint64_t window, bool plain, std::int64_t now_ns) {
  Working& work = me.working();
  const unsigned quarter = quarter_of(ack);
  SegmentList& list = enter_quarter(work.sent, quarter);
  std::int64_t last_sent_ns = leave_behind(me, work.sent.quarters[(quarter + 3) % 4]);

  // The rule of BSD: nothing new, no data, the same window, and something to wait for. tcptrace asks only
  // whether anything was ever outstanding, and lets SYN, FIN and RST pass (fault 6).
  const bool repeats = ack == peer.ack && data_length == 0 && window == peer.window_last;
  const bool duplicate = kRules == Rules::tcptrace ? repeats && me.outstanding_total > 0
                                                   : repeats && plain && peer.has_ack &&
                                                         static_cast<std::int32_t>(me.top - ack) > 0;
  bool changed = false;
  for (SentSegment& segment : list.all()) {
    if (ack <= segment.first) break;
    last_sent_ns = std::max(last_sent_ns, segment.time_ns);
    const bool exactly = ack == static_cast<std::uint32_t>(segment.last + 1);
    if (segment.acked > 0) {
      if (exactly && duplicate) {
        ++me.duplicate_acks;
        if (segment.acked < std::numeric_limits<std::uint8_t>::max()) ++segment.acked;
        if (segment.acked == 4) ++me.troubles().triple_duplicate_acks;
      } else {
        segment.acked = 1;
      }
      continue;
    }
    segment.acked = 1;
    changed = true;
    if (exactly) {
      answer_segment(me, work, kRules, segment, last_sent_ns > segment.time_ns, now_ns);
    } else {
      ++me.cumulatively_acked;
    }
  }
  if (changed) join(list);
}

// In whole units of the alignment that any memory has.
constexpr std::size_t kWorkingBytes =
    (sizeof(Working) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
using Workings = PieceStore<kWorkingBytes>;

}  // namespace

void* Working::operator new(std::size_t /*size*/) {
  return Workings::take();
}

void Working::operator delete(void* memory) {
  if (memory != nullptr) Workings::give(memory);
}

void Direction::begin_work() {
  work = std::make_unique<Working>();
  if (!work_ended) return;
  SentSegment all;
  all.first = first_sent();
  all.last = top - 1;
  all.time_ns = last_ns;
  all.acked = 1;
  enter_quarter(work->sent, quarter_of(all.first)).insert(0, all);
}

void Direction::end_work() {
  if (!work || !has_top || (trouble && trouble->in_recovery)) return;
  const SegmentList* only = nullptr;
  for (const SegmentList& list : work->sent.quarters) {
    if (list.size() == 0) continue;
    if (only != nullptr || list.size() > 1) return;
    only = &list;
  }
  if (only == nullptr) return;
  const SentSegment& all = (*only)[0];
  if (all.acked == 0 || all.first != first_sent() || all.last != top - 1) return;
  work.reset();
  work_ended = true;
}

Placement place_segment(Direction& me, Rules rules, std::uint32_t sequence, std::uint64_t length,
                        const SentSegment& sent) {
  Placement placement;
  SequenceSpace& space = me.working().sent;
  const auto last = static_cast<std::uint32_t>(sequence + length - 1);
  const unsigned quarter = quarter_of(sequence);
  SegmentList& list = enter_quarter(space, quarter);
  if (quarter_of(last) == quarter) {
    place_piece(me, rules, list, sequence, length, sent, placement);
    bound(list, rules);
    return placement;
  }
  const std::uint64_t here = std::uint64_t{kQuarterSize} * (quarter + 1) - sequence;
  place_piece(me, rules, list, sequence, here, sent, placement);
  SegmentList& next = space.quarters[(quarter + 1) % 4];
  place_piece(me, rules, next, kQuarterSize * quarter_of(last), length - here, sent, placement);
  bound(list, rules);
  bound(next, rules);
  return placement;
}

void set_order(Direction& me, std::uint32_t sequence, const SentSegment& above) {
  const auto all = me.working().sent.quarters[quarter_of(sequence)].all();
  const auto piece = std::lower_bound(
      all.begin(), all.end(), sequence,
      [](const SentSegment& segment, std::uint32_t wanted) { return segment.first < wanted; });
  if (piece == all.end() || piece->first != sequence) return;
  piece->order = above.order;
  piece->timestamp = above.timestamp;
}

void take_acknowledgement(Direction& me, const Direction& peer, Rules rules, std::uint32_t ack,
                          std::int64_t data_length, std::uint64_t window, bool plain, std::int64_t now_ns) {
  if (rules == Rules::tcptrace)
    return enter_acknowledgement<Rules::tcptrace>(me, peer, ack, data_length, window, plain, now_ns);
  enter_acknowledgement<Rules::exact>(me, peer, ack, data_length, window, plain, now_ns);
}

}  // namespace isotach::network
