// What a path does to small requests while a stream fills it ("bufferbloat"). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/histogram.h"

namespace isotach::nettest {

struct LoadLatency {
  Histogram idle_ns;
  Histogram loaded_ns;
  // Round trips of the stream's own segments as TCP saw them, on average; nothing where the other end sends.
  std::optional<double> stream_rtt_ns;
  std::string problem;  // why a part is missing; empty where none is
};

struct LoadVerdict {
  double idle_ns = 0;  // mean without the slowest twentieth, as are the others
  double loaded_ns = 0;
  double increase_ns = 0;  // not below 0
  // By the increase: A+ below 5 ms, A below 30, B below 60, C below 200, D below 400, F.
  std::string_view grade;
  // Round trips a minute under load (draft-ietf-ippm-responsiveness): 60 s by the mean of what a connection
  // beside the stream and the stream's own segments take.
  double round_trips_per_minute = 0;
};

// Nothing where one of both was not measured.
[[nodiscard]] std::optional<LoadVerdict> judge(const LoadLatency& latency);

}  // namespace isotach::nettest
