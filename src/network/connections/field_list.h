// The statistics of a direction, one after the other, and the kinds of value that they have: what fields.cc
// makes values of, and field_text.cc text. Each kind is small, so that the compiler makes one piece of the
// code of all.
#pragma once

#include <cstdint>
#include <tuple>

#include "network/connections/connection.h"
#include "network/connections/fields.h"
#include "network/connections/stream_length.h"

namespace isotach::network::field_list {

using C = const Connection&;
using D = const Direction&;

struct Count {
  std::uint64_t number = 0;
  bool is_there = true;
};

// What was computed, to the sixth place after the point: a millisecond to the nanosecond. Digits beyond say
// nothing, and cost more than all else of a row.
struct Rounded {
  enum class Kind : std::uint8_t { none, millionths, whole };

  Kind kind = Kind::none;
  std::uint64_t millionths = 0;
  double number = 0;  // where it is so large that a double has no such places
};

struct Seconds {
  std::int64_t ns = 0;
  bool is_there = true;
};

struct Pair {
  std::uint32_t one = 0;
  std::uint32_t two = 0;
};

// Yes and no.
struct Letters {
  const char* one = "";
  const char* two = "";
};

inline constexpr double kMillisecondNs = 1e6;
inline constexpr double kSecondNs = 1e9;

inline const Troubles kNoTroubles;

inline const Troubles& trouble(D one) {
  return one.trouble ? *one.trouble : kNoTroubles;
}

inline Count count(std::uint64_t number) {
  return {number};
}
inline Count count_if(bool is_there, std::uint64_t number) {
  return {number, is_there};
}
inline Count some(std::uint64_t number) {
  return {number, number != 0};
}

// `number` is at least 0.
inline Rounded rounded(double number) {
  constexpr double kMillion = 1e6;
  constexpr double kExact = 1e9;  // beyond, a double has no such places
  if (number < kExact)
    return {Rounded::Kind::millionths,
            static_cast<std::uint64_t>(static_cast<std::int64_t>(number * kMillion + 0.5))};
  return {Rounded::Kind::whole, 0, number};
}
inline Rounded milliseconds(double ns) {
  return rounded(ns / kMillisecondNs);
}
inline Rounded whole_milliseconds(bool is_there, std::uint64_t ns) {
  constexpr std::uint64_t kExact = 1'000'000'000'000'000;
  if (!is_there) return {};
  if (ns < kExact) return {Rounded::Kind::millionths, ns};
  return {Rounded::Kind::whole, 0, static_cast<double>(ns) / kMillisecondNs};
}
inline Rounded per_second(std::uint64_t bytes, std::int64_t span_ns) {
  if (span_ns <= 0) return {};
  return rounded(static_cast<double>(bytes) / (static_cast<double>(span_ns) / kSecondNs));
}
inline Rounded mean(std::uint64_t total, std::uint64_t number) {
  if (number == 0) return {};
  return rounded(static_cast<double>(total) / static_cast<double>(number));
}
inline Rounded least(const TimeSamples& samples) {
  return whole_milliseconds(samples.count > 0, samples.least);
}
inline Rounded most(const TimeSamples& samples) {
  return whole_milliseconds(samples.count > 0, samples.most);
}
inline Rounded average(const TimeSamples& samples) {
  return samples.count == 0 ? Rounded() : milliseconds(samples.mean());
}
inline Rounded deviation(const TimeSamples& samples) {
  return samples.count < 2 ? Rounded() : milliseconds(samples.deviation());
}

inline Rounded weighted(C connection, D one) {
  if (connection.elapsed_ns() <= 0) return {};
  return rounded(static_cast<double>(one.outstanding_weighted) * 1000 /
                 static_cast<double>(connection.elapsed_ns()));
}

inline Count length_of(D one) {
  const auto length = stream_length(one);
  return count_if(length.has_value(), length.value_or(0));
}

// More unique bytes than the stream has cannot be: then its ends belong to different streams.
inline Count missed(D one) {
  const auto length = stream_length(one);
  if (!length || *length < one.unique_bytes) return {0, false};
  return count(*length - one.unique_bytes);
}

inline Count kind(D one, Retransmission which) {
  return count(trouble(one).kinds[static_cast<std::size_t>(which)]);
}

template <class Function>
struct Field {
  const char* name;
  const char* unit;
  const char* label;
  FieldGroup group;
  Function value;            // of a connection and one of its directions: one of the kinds above
  bool of_troubles = false;  // follows from Direction::trouble alone, and is the same wherever there is none
};
// For clang 16, which does not deduce it from an aggregate.
template <class Function>
Field(const char*, const char*, const char*, FieldGroup, Function, bool = false) -> Field<Function>;

inline constexpr FieldGroup kPackets = FieldGroup::packets;
inline constexpr FieldGroup kData = FieldGroup::data;
inline constexpr FieldGroup kLoss = FieldGroup::loss;
inline constexpr FieldGroup kOptions = FieldGroup::options;
inline constexpr FieldGroup kWindow = FieldGroup::window;
inline constexpr FieldGroup kOutstanding = FieldGroup::outstanding;
inline constexpr FieldGroup kStream = FieldGroup::stream;
inline constexpr FieldGroup kRtt = FieldGroup::rtt;
inline constexpr FieldGroup kAcks = FieldGroup::acks;

inline constexpr std::tuple kFields{
    Field{"total_packets", "", "packets", kPackets, [](C, D d) { return count(d.packets); }},
    Field{"total_bytes", "bytes", "bytes on the wire", kPackets, [](C, D d) { return count(d.wire_bytes); }},
    Field{"resets_sent", "", "resets", kPackets, [](C, D d) { return count(d.resets); }},
    Field{"ack_pkts_sent", "", "with an acknowledgement", kPackets,
          [](C, D d) { return count(d.ack_packets); }},
    Field{"pure_acks_sent", "", "acknowledgements alone", kPackets,
          [](C, D d) { return count(d.pure_acks); }},
    Field{"sack_pkts_sent", "", "with SACK blocks", kPackets,
          [](C, D d) { return count(trouble(d).sack_packets); }, true},
    Field{"dsack_pkts_sent", "", "with D-SACK", kPackets,
          [](C, D d) { return count(trouble(d).dsack_packets); }, true},
    Field{"max_sack_blks_ack", "", "most SACK blocks", kPackets,
          [](C, D d) { return count(trouble(d).max_sack_blocks); }, true},
    Field{"SYN_FIN_pkts_sent", "", "SYN/FIN", kPackets,
          [](C, D d) {
            return Pair{d.syns, d.fins};
          }},
    Field{"keep_alive_pkts", "", "keep-alives", kPackets,
          [](C, D d) { return count(trouble(d).keep_alives); }, true},

    Field{"unique_bytes_sent", "bytes", "data, each byte once", kData,
          [](C, D d) { return count(d.unique_bytes); }},
    Field{"actual_data_pkts", "", "packets with data", kData, [](C, D d) { return count(d.data_packets); }},
    Field{"actual_data_bytes", "bytes", "data in them", kData, [](C, D d) { return count(d.data_bytes); }},
    Field{"pushed_data_pkts", "", "pushed", kData, [](C, D d) { return count(d.pushed_packets); }},
    Field{"urgent_data_pkts", "", "urgent", kData, [](C, D d) { return count(trouble(d).urgent_packets); },
          true},
    Field{"urgent_data_bytes", "bytes", "urgent pointers, sum", kData,
          [](C, D d) { return count(trouble(d).urgent_bytes); }, true},
    Field{"max_segm_size", "bytes", "largest segment", kData, [](C, D d) { return some(d.segment_max); }},
    Field{"min_segm_size", "bytes", "smallest segment", kData, [](C, D d) { return some(d.segment_min); }},
    Field{"avg_segm_size", "bytes", "mean segment", kData,
          [](C, D d) { return mean(d.data_bytes, d.data_packets); }},
    Field{"data_xmit_time", "s", "first to last data", kData,
          [](C, D d) {
            return Seconds{d.last_data_ns - d.first_data_ns, d.data_packets > 0};
          }},
    Field{"idletime_max", "ms", "longest silence", kData,
          [](C, D d) { return whole_milliseconds(d.packets > 0, d.idle_max_ns); }},
    Field{"throughput", "Bps", "throughput", kData,
          [](C c, D d) { return per_second(d.unique_bytes, c.elapsed_ns()); }},
    Field{"goodput", "Bps", "goodput while sending", kData,
          [](C, D d) { return per_second(d.unique_bytes, d.last_data_ns - d.first_data_ns); }},

    Field{"rexmt_data_pkts", "", "retransmissions", kLoss,
          [](C, D d) { return count(trouble(d).retransmitted_packets); }, true},
    Field{"rexmt_data_bytes", "bytes", "retransmitted", kLoss,
          [](C, D d) { return count(trouble(d).retransmitted_bytes); }, true},
    Field{"rexmt_fast_pkts", "", "fast, after acknowledgements", kLoss,
          [](C, D d) { return kind(d, Retransmission::fast); }, true},
    Field{"rexmt_timeout_pkts", "", "by timeout", kLoss,
          [](C, D d) { return kind(d, Retransmission::timeout); }, true},
    Field{"rexmt_tail_probe_pkts", "", "tail loss probes", kLoss,
          [](C, D d) { return kind(d, Retransmission::tail_probe); }, true},
    Field{"rexmt_spurious_pkts", "", "needless (D-SACK)", kLoss,
          [](C, D d) { return count(trouble(d).spurious); }, true},
    Field{"rexmt_lost_before_capture_pkts", "", "lost before the capture", kLoss,
          [](C, D d) { return count(trouble(d).lost_before_capture); }, true},
    Field{"outoforder_pkts", "", "put out of order", kLoss,
          [](C, D d) { return count(trouble(d).out_of_order); }, true},
    Field{"hardware_dups", "", "the same packet twice", kLoss,
          [](C, D d) { return count(trouble(d).duplicated); }, true},
    Field{"max_#_retrans", "", "most of one segment", kLoss,
          [](C, D d) { return count(trouble(d).max_retransmissions); }, true},
    Field{"min_retr_time", "ms", "shortest time to it", kLoss,
          [](C, D d) { return least(trouble(d).between_transmissions); }, true},
    Field{"max_retr_time", "ms", "longest time to it", kLoss,
          [](C, D d) { return most(trouble(d).between_transmissions); }, true},
    Field{"avg_retr_time", "ms", "mean time to it", kLoss,
          [](C, D d) { return average(trouble(d).between_transmissions); }, true},
    Field{"sdv_retr_time", "ms", "its deviation", kLoss,
          [](C, D d) { return deviation(trouble(d).between_transmissions); }, true},

    Field{"req_1323_ws_ts", "", "asked for scale/timestamps", kOptions,
          [](C, D d) { return Letters{d.asked_scale ? "Y/" : "N/", d.asked_timestamps ? "Y" : "N"}; }},
    Field{"adv_wind_scale", "", "window scale", kOptions,
          [](C, D d) { return count_if(d.asked_scale, d.window_scale); }},
    Field{"req_sack", "", "asked for SACK", kOptions,
          [](C, D d) { return Letters{d.asked_sack ? "Y" : "N"}; }},
    Field{"sacks_sent", "", "SACK options", kOptions, [](C, D d) { return count(trouble(d).sack_options); },
          true},
    Field{"mss_requested", "bytes", "MSS", kOptions, [](C, D d) { return some(d.mss); }},

    Field{"max_win_adv", "bytes", "largest window", kWindow,
          [](C, D d) { return count_if(d.ack_packets + d.syns > 0, d.window_max); }},
    Field{"min_win_adv", "bytes", "smallest, not 0", kWindow, [](C, D d) { return some(d.window_min); }},
    Field{"zero_win_adv", "", "zero windows", kWindow, [](C, D d) { return count(trouble(d).zero_windows); },
          true},
    Field{"zero_window_time", "s", "time at zero", kWindow,
          [](C, D d) { return Seconds{trouble(d).zero_window_ns, true}; }, true},
    Field{"avg_win_adv", "bytes", "mean window", kWindow,
          [](C, D d) { return mean(d.window_total, d.window_packets); }},
    Field{"zwnd_probe_pkts", "", "probes of a zero window", kWindow,
          [](C, D d) { return count(trouble(d).probes); }, true},
    Field{"zwnd_probe_bytes", "bytes", "data in them", kWindow,
          [](C, D d) { return count(trouble(d).probe_bytes); }, true},

    Field{"max_owin", "bytes", "most in flight", kOutstanding,
          [](C, D d) { return count_if(d.outstanding_count > 0, d.outstanding_max); }},
    Field{"min_non-zero_owin", "bytes", "least, not 0", kOutstanding,
          [](C, D d) { return some(d.outstanding_min); }},
    Field{"avg_owin", "bytes", "mean in flight", kOutstanding,
          [](C, D d) { return mean(d.outstanding_total, d.outstanding_count); }},
    Field{"wavg_owin", "bytes", "mean over time", kOutstanding, [](C c, D d) { return weighted(c, d); }},
    Field{"initial_window_bytes", "bytes", "initial window", kOutstanding,
          [](C, D d) { return count(d.initial_window_bytes); }},
    Field{"initial_window_pkts", "", "packets of it", kOutstanding,
          [](C, D d) { return count(d.initial_window_packets); }},

    Field{"ttl_stream_length", "bytes", "from SYN to FIN", kStream, [](C, D d) { return length_of(d); }},
    Field{"missed_data", "bytes", "not seen of that", kStream, [](C, D d) { return missed(d); }},
    Field{"truncated_data", "bytes", "cut off by the capture", kStream,
          [](C, D d) { return count(d.truncated_bytes); }},
    Field{"truncated_packets", "", "packets cut", kStream, [](C, D d) { return count(d.truncated_packets); }},

    Field{"RTT_samples", "", "samples", kRtt, [](C, D d) { return count(d.rtt.count); }},
    Field{"RTT_min", "ms", "least", kRtt, [](C, D d) { return least(d.rtt); }},
    Field{"RTT_max", "ms", "most", kRtt, [](C, D d) { return most(d.rtt); }},
    Field{"RTT_avg", "ms", "mean", kRtt, [](C, D d) { return average(d.rtt); }},
    Field{"RTT_stdev", "ms", "deviation", kRtt, [](C, D d) { return deviation(d.rtt); }},
    Field{"RTT_from_3WHS", "ms", "of the handshake", kRtt,
          [](C, D d) { return whole_milliseconds(d.rtt_handshake > 0, d.rtt_handshake); }},
    Field{"RTT_full_sz_smpls", "", "full segments: samples", kRtt,
          [](C, D d) { return count(d.rtt_full.count); }},
    Field{"RTT_full_sz_min", "ms", "least", kRtt, [](C, D d) { return least(d.rtt_full); }},
    Field{"RTT_full_sz_max", "ms", "most", kRtt, [](C, D d) { return most(d.rtt_full); }},
    Field{"RTT_full_sz_avg", "ms", "mean", kRtt, [](C, D d) { return average(d.rtt_full); }},
    Field{"RTT_full_sz_stdev", "ms", "deviation", kRtt, [](C, D d) { return deviation(d.rtt_full); }},
    Field{"RTT_min_(last)", "ms", "since the last retransmission: least", kRtt,
          [](C, D d) { return least(trouble(d).rtt_last); }, true},
    Field{"RTT_max_(last)", "ms", "most", kRtt, [](C, D d) { return most(trouble(d).rtt_last); }, true},
    Field{"RTT_avg_(last)", "ms", "mean", kRtt, [](C, D d) { return average(trouble(d).rtt_last); }, true},
    Field{"RTT_sdv_(last)", "ms", "deviation", kRtt, [](C, D d) { return deviation(trouble(d).rtt_last); },
          true},

    Field{"post-loss_acks", "", "after a loss, no sample", kAcks,
          [](C, D d) { return count(trouble(d).post_loss_acks); }, true},
    Field{"ambiguous_acks", "", "ambiguous", kAcks, [](C, D d) { return count(trouble(d).ambiguous_acks); },
          true},
    Field{"segs_cum_acked", "", "segments acknowledged with others", kAcks,
          [](C, D d) { return count(d.cumulatively_acked); }},
    Field{"duplicate_acks", "", "duplicates", kAcks, [](C, D d) { return count(d.duplicate_acks); }},
    Field{"triple_dupacks", "", "three duplicates in a row", kAcks,
          [](C, D d) { return count(trouble(d).triple_duplicate_acks); }, true}};
inline constexpr std::size_t kFieldCount = std::tuple_size_v<std::remove_cvref_t<decltype(kFields)>>;

}  // namespace isotach::network::field_list
