// What streams of probes say of a path. Pure.
//
// Capacity: the rate of the narrow link, the slowest. Packets that leave back to back come out of it spaced
// by the time that it takes for one. Of all spacings those count whose packets were least delayed, for
// nothing got in between (R. Kapoor et al.: CapProbe, 2004; L.-J. Chen et al.: PBProbe, 2009).
//
// Available bandwidth: what the tight link has left. A stream faster than that builds a queue there, and
// comes out slower: in / out = 1 + (in - available) / capacity of the tight link, as long as the queue does
// not run empty (B. Melander et al.: TOPP, 2000). Streams at several rates tell both unknowns (elbow.h);
// where the tight link is the narrow one, its capacity is known, and where it lies behind it, gaps tell.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "network/path/wire.h"

namespace isotach::path {

// One stream as both ends saw it. `sent_ns` is by sequence number.
struct StreamRecord {
  std::size_t wire_bytes = 0;  // of a probe, with the IP header
  double gap_ns = 0;
  std::vector<std::int64_t> sent_ns;
  std::vector<Arrival> arrivals;
};

// A stream is even as long as its packets leave within that of their times: what is less than the queue that
// it builds makes no difference.
[[nodiscard]] double evenness_ns(double gap_ns, std::size_t count);

// A value and the range that holds it with 95 % confidence.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

struct Capacity {
  Estimate bps;
  std::uint32_t spacing = 0;  // packets between the two that were compared
  double spread = 0;          // of the least delayed, relative: how well they agree
  std::size_t samples = 0;
};
// Nothing where too little arrived.
[[nodiscard]] std::optional<Capacity> estimate_capacity(const std::vector<StreamRecord>& trains);

// Of one stream: what came out against what the narrow link alone would have let out of what went in,
// whenever each packet left. Nothing where too much was lost or the sender was held up.
struct StreamRates {
  double in_bps = 0;
  double slowed = 0;   // it took so much longer, as a share
  double settled = 0;  // the same of its later part
};
[[nodiscard]] std::optional<StreamRates> rates_of(const StreamRecord& stream, double capacity_bps);

// Packets that the narrow link spaced come closer together behind a faster one where they wait: they leave it
// back to back, if nobody's packet comes between. Its capacity, where many gaps agree.
[[nodiscard]] std::optional<double> link_behind(const std::vector<StreamRecord>& streams,
                                                double capacity_bps);

// The rate that the shortest of their gaps tell, of which some agree; nothing where none do.
[[nodiscard]] std::optional<double> fastest_spacing_bps(const std::vector<StreamRecord>& trains);

struct Available {
  Estimate bps;          // the mean over the time of the measurement
  double least_bps = 0;  // of 90 % of the streams: how it varies
  double most_bps = 0;
  std::optional<double> tight_bps;  // capacity of the tight link, where it is another than the narrow one
  std::size_t streams = 0;
};
// `behind_bps`: as link_behind() tells.
[[nodiscard]] std::optional<Available> estimate_available(const std::vector<StreamRates>& streams,
                                                          double capacity_bps,
                                                          std::optional<double> behind_bps);

// What became of probes, told apart.
struct Losses {
  std::uint64_t sent = 0, arrived = 0;
  std::uint64_t lost = 0;  // by the network
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;       // came after one that was sent later (RFC 4737)
  std::uint64_t reorder_extent = 0;  // at most so many came before it
  std::uint64_t dropped_by_socket = 0;
};
// Adds one stream.
void count_losses(const StreamRecord& stream, Losses& losses);

// Sorted values: the one that `share` of all do not exceed.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double share);

}  // namespace isotach::path
