// Steps that all ways of entering a segment share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "network/connections/sent_record.h"
#include "network/connections/statistics.h"

namespace isotach::network {

// tcptrace takes a smallest time of 0 for none at all (docs/tcptrace.md, fault 3).
inline void add_time(Rules rules, TimeSamples& samples, double time) {
  if (rules == Rules::exact) {
    samples.add(time);
    return;
  }
  const auto whole = static_cast<std::uint64_t>(time);
  if (samples.least == 0 || static_cast<double>(samples.least) > time) samples.least = whole;
  if (static_cast<double>(samples.most) < time) samples.most = whole;
  samples.sum += time;
  samples.sum_of_squares += time * time;
  ++samples.count;
}

// Round-trip time of the largest segments so far: a larger one begins anew.
inline void sample_full_size(Direction& me, Rules rules, const SentSegment& segment, double time) {
  std::uint32_t size = segment.last - segment.first + 1;
  if (rules == Rules::tcptrace && segment.last <= segment.first) {
    // Fault 2: a SYN or FIN, of one byte, counts as 4 GiB, and nothing is ever larger.
    size = std::numeric_limits<std::uint32_t>::max();
  }
  if (me.rtt_full_size == 0 || me.rtt_full_size < size) {
    me.rtt_full_size = size;
    me.rtt_full = {};
    me.rtt_full.add(time);
  } else if (me.rtt_full_size == size) {
    add_time(rules, me.rtt_full, time);
  }
}

// The acknowledgement answers `segment` exactly.
inline void answer_segment(Direction& me, Working& work, Rules rules, const SentSegment& segment,
                           bool later_sent, std::int64_t now_ns) {
  const double time = elapsed_units(rules, segment.time_ns, now_ns);
  if (later_sent) {
    // Something before it was sent again meanwhile, and delayed this acknowledgement.
    work.rtt_last = 0;
    ++me.troubles().post_loss_acks;
    return;
  }
  if (segment.retransmitted == 0) {
    work.rtt_last = time;
    add_time(rules, me.rtt, time);
    sample_full_size(me, rules, segment, time);
    return;
  }
  // Nobody knows which transmission it answers (Karn's algorithm).
  Troubles& troubles = me.troubles();
  add_time(rules, troubles.rtt_last, time);
  ++troubles.ambiguous_acks;
  work.rtt_last = 0;
}

// Data that are outstanding when this side has sent, and how long those were that were so until now.
template <Rules kRules>
[[gnu::always_inline]] inline void note_outstanding(Direction& me, Working& work, std::uint64_t amount,
                                                    std::int64_t now_ns) {
  constexpr std::int64_t kSecondUs = 1'000'000;
  if (amount > me.outstanding_max) me.outstanding_max = amount;
  // The least but for 0, and 0 where there is none.
  if (amount - 1 < me.outstanding_min - 1) me.outstanding_min = amount;
  me.outstanding_total += amount;
  ++me.outstanding_count;
  // In whole moments, so that nothing is lost from one to the next.
  const std::int64_t now_us = now_ns / 1000;
  const bool first =
      kRules == Rules::tcptrace ? work.outstanding_last_us / kSecondUs == 0 : work.outstanding_last_us == 0;
  if (!first && now_us > work.outstanding_last_us) {
    const auto span_us = static_cast<std::uint64_t>(now_us - work.outstanding_last_us);
    if constexpr (kRules == Rules::tcptrace) {
      // In whole bytes and seconds, cut off each time (fault 14).
      const double seconds = static_cast<double>(span_us) / 1e6;
      me.outstanding_weighted += cut_off(static_cast<double>(work.outstanding_last) * seconds);
    } else {
      me.outstanding_weighted += work.outstanding_last * span_us;
    }
  }
  work.outstanding_last_us = now_us;
  work.outstanding_last = amount;
}

// IPv6 has no id that tells one packet from another; the time of sending stands for it. A retransmission
// comes a round trip later at least, with another timestamp if those are fine enough. 0: none.
inline std::uint16_t id_by_timestamp(std::uint32_t timestamp, std::int64_t handshake_ns) {
  constexpr std::int64_t kTwoStepsNs = 2'000'000;
  return handshake_ns < kTwoStepsNs ? std::uint16_t{0} : static_cast<std::uint16_t>(timestamp * 2 + 1);
}

// Whether this side numbers its IP packets one after the other; told by data that come in order.
inline void note_id(Working& work, std::uint16_t ip_id) {
  if (ip_id == 0) return;
  constexpr int kLargestStep = 2048;
  const auto step = static_cast<std::int16_t>(ip_id - work.last_ip_id);
  if (work.last_ip_id != 0) ++(step > 0 && step < kLargestStep ? work.ids_in_order : work.ids_out_of_order);
  work.ids_by_one += step == 1 ? 1 : 0;
  work.last_ip_id = ip_id;
}

}  // namespace isotach::network
