// Tests as text for people: a line for each interval and direction, and a summary.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/nettest/report.h"

namespace isotach::command {

// "TCP, 2 streams, both ways, for 10 s".
[[nodiscard]] std::string describe_test(const nettest::TestFacts& facts);

[[nodiscard]] std::string rate_text(double bytes, double seconds);
[[nodiscard]] std::string loss_text(std::int64_t lost, std::uint64_t packets);
// What held a sender of TCP up for more than a tenth of the time, of shares of it.
[[nodiscard]] std::string limit_text(double busy, double window_limited, double buffer_limited);

class NettestText {
 public:
  NettestText(const nettest::TestFacts& facts, int columns);

  [[nodiscard]] std::string head() const;
  [[nodiscard]] std::string interval(const nettest::IntervalReport& report) const;
  // (summary.cc) Totals of each direction and stream, latencies, processors and warnings. `server`: how the
  // other end is named.
  [[nodiscard]] std::string summary(const nettest::TestReport& report, bool we_are_server) const;

 private:
  struct Column {
    std::string name;
    std::size_t width;
  };
  [[nodiscard]] std::string line(const std::vector<std::string>& cells) const;
  [[nodiscard]] std::string row(const nettest::IntervalReport& report, bool sender) const;

  const nettest::TestFacts& facts_;
  std::vector<Column> columns_;
  std::size_t shown_ = 0;
  int width_;
};

}  // namespace isotach::command
