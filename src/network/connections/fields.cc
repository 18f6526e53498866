#include "network/connections/fields.h"

#include <cmath>

#include "network/connections/stream_length.h"

namespace isotach::network {
namespace {

using C = const Connection&;
using D = const Direction&;
using V = FieldValue;

constexpr double kMillisecondNs = 1e6;
constexpr double kSecondNs = 1e9;

const Troubles& trouble(D one) {
  static const Troubles kNone;
  return one.trouble ? *one.trouble : kNone;
}

V count(std::uint64_t number) {
  return number;
}
V flag(bool value) {
  return std::string(value ? "Y" : "N");
}
// What was computed, to the sixth place after the point: a millisecond to the nanosecond. Digits beyond say
// nothing, and cost more than all else of a row.
V rounded(double number) {
  constexpr double kMillion = 1e6;
  constexpr double kExact = 1e9;  // beyond, a double has no such places
  return number < kExact ? std::floor(number * kMillion + 0.5) / kMillion : number;
}
V milliseconds(double ns) {
  return rounded(ns / kMillisecondNs);
}
V per_second(std::uint64_t bytes, std::int64_t span_ns) {
  if (span_ns <= 0) return {};
  return rounded(static_cast<double>(bytes) / (static_cast<double>(span_ns) / kSecondNs));
}
V mean(std::uint64_t total, std::uint64_t number) {
  if (number == 0) return {};
  return rounded(static_cast<double>(total) / static_cast<double>(number));
}
V least(const TimeSamples& samples) {
  return samples.count == 0 ? V() : milliseconds(static_cast<double>(samples.least));
}
V most(const TimeSamples& samples) {
  return samples.count == 0 ? V() : milliseconds(static_cast<double>(samples.most));
}
V average(const TimeSamples& samples) {
  return samples.count == 0 ? V() : milliseconds(samples.mean());
}
V deviation(const TimeSamples& samples) {
  return samples.count < 2 ? V() : milliseconds(samples.deviation());
}
V some(std::uint64_t number) {
  return number == 0 ? V() : V(number);
}

V weighted(C connection, D one) {
  if (connection.elapsed_ns() <= 0) return {};
  return rounded(static_cast<double>(one.outstanding_weighted) * 1000 /
                 static_cast<double>(connection.elapsed_ns()));
}

V length_of(D one) {
  const auto length = stream_length(one);
  return length ? V(*length) : V();
}

// More unique bytes than the stream has cannot be: then its ends belong to different streams.
V missed(D one) {
  const auto length = stream_length(one);
  if (!length || *length < one.unique_bytes) return {};
  return *length - one.unique_bytes;
}

V kind(D one, Retransmission which) {
  return count(trouble(one).kinds[static_cast<std::size_t>(which)]);
}

constexpr FieldGroup kPackets = FieldGroup::packets;
constexpr FieldGroup kData = FieldGroup::data;
constexpr FieldGroup kLoss = FieldGroup::loss;
constexpr FieldGroup kOptions = FieldGroup::options;
constexpr FieldGroup kWindow = FieldGroup::window;
constexpr FieldGroup kOutstanding = FieldGroup::outstanding;
constexpr FieldGroup kStream = FieldGroup::stream;
constexpr FieldGroup kRtt = FieldGroup::rtt;
constexpr FieldGroup kAcks = FieldGroup::acks;

constexpr DirectionField kFields[] = {
    {"total_packets", "", "packets", kPackets, [](C, D d) { return count(d.packets); }},
    {"total_bytes", "bytes", "bytes on the wire", kPackets, [](C, D d) { return count(d.wire_bytes); }},
    {"resets_sent", "", "resets", kPackets, [](C, D d) { return count(d.resets); }},
    {"ack_pkts_sent", "", "with an acknowledgement", kPackets, [](C, D d) { return count(d.ack_packets); }},
    {"pure_acks_sent", "", "acknowledgements alone", kPackets, [](C, D d) { return count(d.pure_acks); }},
    {"sack_pkts_sent", "", "with SACK blocks", kPackets,
     [](C, D d) { return count(trouble(d).sack_packets); }, true},
    {"dsack_pkts_sent", "", "with D-SACK", kPackets, [](C, D d) { return count(trouble(d).dsack_packets); },
     true},
    {"max_sack_blks_ack", "", "most SACK blocks", kPackets,
     [](C, D d) { return count(trouble(d).max_sack_blocks); }, true},
    {"SYN_FIN_pkts_sent", "", "SYN/FIN", kPackets,
     [](C, D d) { return V(std::to_string(d.syns) + '/' + std::to_string(d.fins)); }},
    {"keep_alive_pkts", "", "keep-alives", kPackets, [](C, D d) { return count(trouble(d).keep_alives); },
     true},

    {"unique_bytes_sent", "bytes", "data, each byte once", kData,
     [](C, D d) { return count(d.unique_bytes); }},
    {"actual_data_pkts", "", "packets with data", kData, [](C, D d) { return count(d.data_packets); }},
    {"actual_data_bytes", "bytes", "data in them", kData, [](C, D d) { return count(d.data_bytes); }},
    {"pushed_data_pkts", "", "pushed", kData, [](C, D d) { return count(d.pushed_packets); }},
    {"urgent_data_pkts", "", "urgent", kData, [](C, D d) { return count(trouble(d).urgent_packets); }, true},
    {"urgent_data_bytes", "bytes", "urgent pointers, sum", kData,
     [](C, D d) { return count(trouble(d).urgent_bytes); }, true},
    {"max_segm_size", "bytes", "largest segment", kData, [](C, D d) { return some(d.segment_max); }},
    {"min_segm_size", "bytes", "smallest segment", kData, [](C, D d) { return some(d.segment_min); }},
    {"avg_segm_size", "bytes", "mean segment", kData,
     [](C, D d) { return mean(d.data_bytes, d.data_packets); }},
    {"data_xmit_time", "s", "first to last data", kData,
     [](C, D d) {
       return d.data_packets == 0 ? V()
                                  : V(static_cast<double>(d.last_data_ns - d.first_data_ns) / kSecondNs);
     }},
    {"idletime_max", "ms", "longest silence", kData,
     [](C, D d) { return d.packets == 0 ? V() : milliseconds(static_cast<double>(d.idle_max_ns)); }},
    {"throughput", "Bps", "throughput", kData,
     [](C c, D d) { return per_second(d.unique_bytes, c.elapsed_ns()); }},
    {"goodput", "Bps", "goodput while sending", kData,
     [](C, D d) { return per_second(d.unique_bytes, d.last_data_ns - d.first_data_ns); }},

    {"rexmt_data_pkts", "", "retransmissions", kLoss,
     [](C, D d) { return count(trouble(d).retransmitted_packets); }, true},
    {"rexmt_data_bytes", "bytes", "retransmitted", kLoss,
     [](C, D d) { return count(trouble(d).retransmitted_bytes); }, true},
    {"rexmt_fast_pkts", "", "fast, after acknowledgements", kLoss,
     [](C, D d) { return kind(d, Retransmission::fast); }, true},
    {"rexmt_timeout_pkts", "", "by timeout", kLoss, [](C, D d) { return kind(d, Retransmission::timeout); },
     true},
    {"rexmt_tail_probe_pkts", "", "tail loss probes", kLoss,
     [](C, D d) { return kind(d, Retransmission::tail_probe); }, true},
    {"rexmt_spurious_pkts", "", "needless (D-SACK)", kLoss, [](C, D d) { return count(trouble(d).spurious); },
     true},
    {"rexmt_lost_before_capture_pkts", "", "lost before the capture", kLoss,
     [](C, D d) { return count(trouble(d).lost_before_capture); }, true},
    {"outoforder_pkts", "", "put out of order", kLoss, [](C, D d) { return count(trouble(d).out_of_order); },
     true},
    {"hardware_dups", "", "the same packet twice", kLoss, [](C, D d) { return count(trouble(d).duplicated); },
     true},
    {"max_#_retrans", "", "most of one segment", kLoss,
     [](C, D d) { return count(trouble(d).max_retransmissions); }, true},
    {"min_retr_time", "ms", "shortest time to it", kLoss,
     [](C, D d) { return least(trouble(d).between_transmissions); }, true},
    {"max_retr_time", "ms", "longest time to it", kLoss,
     [](C, D d) { return most(trouble(d).between_transmissions); }, true},
    {"avg_retr_time", "ms", "mean time to it", kLoss,
     [](C, D d) { return average(trouble(d).between_transmissions); }, true},
    {"sdv_retr_time", "ms", "its deviation", kLoss,
     [](C, D d) { return deviation(trouble(d).between_transmissions); }, true},

    {"req_1323_ws_ts", "", "asked for scale/timestamps", kOptions,
     [](C, D d) { return V(std::string(d.asked_scale ? "Y/" : "N/") + (d.asked_timestamps ? 'Y' : 'N')); }},
    {"adv_wind_scale", "", "window scale", kOptions,
     [](C, D d) { return d.asked_scale ? V(std::uint64_t{d.window_scale}) : V(); }},
    {"req_sack", "", "asked for SACK", kOptions, [](C, D d) { return flag(d.asked_sack); }},
    {"sacks_sent", "", "SACK options", kOptions, [](C, D d) { return count(trouble(d).sack_options); }, true},
    {"mss_requested", "bytes", "MSS", kOptions, [](C, D d) { return some(d.mss); }},

    {"max_win_adv", "bytes", "largest window", kWindow,
     [](C, D d) { return d.ack_packets + d.syns == 0 ? V() : V(d.window_max); }},
    {"min_win_adv", "bytes", "smallest, not 0", kWindow, [](C, D d) { return some(d.window_min); }},
    {"zero_win_adv", "", "zero windows", kWindow, [](C, D d) { return count(trouble(d).zero_windows); },
     true},
    {"zero_window_time", "s", "time at zero", kWindow,
     [](C, D d) { return V(static_cast<double>(trouble(d).zero_window_ns) / kSecondNs); }, true},
    {"avg_win_adv", "bytes", "mean window", kWindow,
     [](C, D d) { return mean(d.window_total, d.window_packets); }},
    {"zwnd_probe_pkts", "", "probes of a zero window", kWindow,
     [](C, D d) { return count(trouble(d).probes); }, true},
    {"zwnd_probe_bytes", "bytes", "data in them", kWindow,
     [](C, D d) { return count(trouble(d).probe_bytes); }, true},

    {"max_owin", "bytes", "most in flight", kOutstanding,
     [](C, D d) { return d.outstanding_count == 0 ? V() : V(d.outstanding_max); }},
    {"min_non-zero_owin", "bytes", "least, not 0", kOutstanding,
     [](C, D d) { return some(d.outstanding_min); }},
    {"avg_owin", "bytes", "mean in flight", kOutstanding,
     [](C, D d) { return mean(d.outstanding_total, d.outstanding_count); }},
    {"wavg_owin", "bytes", "mean over time", kOutstanding, [](C c, D d) { return weighted(c, d); }},
    {"initial_window_bytes", "bytes", "initial window", kOutstanding,
     [](C, D d) { return count(d.initial_window_bytes); }},
    {"initial_window_pkts", "", "packets of it", kOutstanding,
     [](C, D d) { return count(d.initial_window_packets); }},

    {"ttl_stream_length", "bytes", "from SYN to FIN", kStream, [](C, D d) { return length_of(d); }},
    {"missed_data", "bytes", "not seen of that", kStream, [](C, D d) { return missed(d); }},
    {"truncated_data", "bytes", "cut off by the capture", kStream,
     [](C, D d) { return count(d.truncated_bytes); }},
    {"truncated_packets", "", "packets cut", kStream, [](C, D d) { return count(d.truncated_packets); }},

    {"RTT_samples", "", "samples", kRtt, [](C, D d) { return count(d.rtt.count); }},
    {"RTT_min", "ms", "least", kRtt, [](C, D d) { return least(d.rtt); }},
    {"RTT_max", "ms", "most", kRtt, [](C, D d) { return most(d.rtt); }},
    {"RTT_avg", "ms", "mean", kRtt, [](C, D d) { return average(d.rtt); }},
    {"RTT_stdev", "ms", "deviation", kRtt, [](C, D d) { return deviation(d.rtt); }},
    {"RTT_from_3WHS", "ms", "of the handshake", kRtt,
     [](C, D d) { return d.rtt_handshake == 0 ? V() : milliseconds(static_cast<double>(d.rtt_handshake)); }},
    {"RTT_full_sz_smpls", "", "full segments: samples", kRtt, [](C, D d) { return count(d.rtt_full.count); }},
    {"RTT_full_sz_min", "ms", "least", kRtt, [](C, D d) { return least(d.rtt_full); }},
    {"RTT_full_sz_max", "ms", "most", kRtt, [](C, D d) { return most(d.rtt_full); }},
    {"RTT_full_sz_avg", "ms", "mean", kRtt, [](C, D d) { return average(d.rtt_full); }},
    {"RTT_full_sz_stdev", "ms", "deviation", kRtt, [](C, D d) { return deviation(d.rtt_full); }},
    {"RTT_min_(last)", "ms", "since the last retransmission: least", kRtt,
     [](C, D d) { return least(trouble(d).rtt_last); }, true},
    {"RTT_max_(last)", "ms", "most", kRtt, [](C, D d) { return most(trouble(d).rtt_last); }, true},
    {"RTT_avg_(last)", "ms", "mean", kRtt, [](C, D d) { return average(trouble(d).rtt_last); }, true},
    {"RTT_sdv_(last)", "ms", "deviation", kRtt, [](C, D d) { return deviation(trouble(d).rtt_last); }, true},

    {"post-loss_acks", "", "after a loss, no sample", kAcks,
     [](C, D d) { return count(trouble(d).post_loss_acks); }, true},
    {"ambiguous_acks", "", "ambiguous", kAcks, [](C, D d) { return count(trouble(d).ambiguous_acks); }, true},
    {"segs_cum_acked", "", "segments acknowledged with others", kAcks,
     [](C, D d) { return count(d.cumulatively_acked); }},
    {"duplicate_acks", "", "duplicates", kAcks, [](C, D d) { return count(d.duplicate_acks); }},
    {"triple_dupacks", "", "three duplicates in a row", kAcks,
     [](C, D d) { return count(trouble(d).triple_duplicate_acks); }, true},
};

}  // namespace

std::span<const DirectionField> direction_fields() {
  return kFields;
}

const char* field_group_name(FieldGroup group) {
  switch (group) {
    case FieldGroup::packets:
      return "packets";
    case FieldGroup::data:
      return "data";
    case FieldGroup::loss:
      return "loss and order";
    case FieldGroup::options:
      return "options";
    case FieldGroup::window:
      return "window advertised";
    case FieldGroup::outstanding:
      return "in flight";
    case FieldGroup::stream:
      return "stream";
    case FieldGroup::rtt:
      return "round-trip time";
    case FieldGroup::acks:
      break;
  }
  return "acknowledgements received";
}

const char* connection_state_name(ConnectionState state) {
  switch (state) {
    case ConnectionState::complete:
      return "complete";
    case ConnectionState::reset:
      return "reset";
    case ConnectionState::incomplete:
      break;
  }
  return "incomplete";
}

}  // namespace isotach::network
