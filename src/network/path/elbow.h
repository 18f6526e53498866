// The available bandwidth from how much streams of several rates were slowed: none below it, ever more above
// it,
//
//     slowed(rate) = max(0, (rate - available) / capacity of the tight link)
//
// All in units of the narrow link's capacity. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace isotach::path {

struct SlowedStream {
  double rate = 0;     // that it was sent with
  double slowed = 0;   // out of the path it took so much longer; all of it
  double settled = 0;  // of its later part, when it had met what waited already
};

struct Elbow {
  double available = 1;
  double low = 1, high = 1;  // with 95 % confidence
  double tight = 1;          // capacity of the tight link; 1: it is the narrow one
};

// `tight_hint`: what else the tight link's capacity may be, as gaps tell; nothing where they do not.
// Nothing from fewer than six streams.
[[nodiscard]] std::optional<Elbow> fit_elbow(const std::vector<SlowedStream>& streams,
                                             std::optional<double> tight_hint);

}  // namespace isotach::path
