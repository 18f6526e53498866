// Samples the streams of a running test and adds them up: the same for client and server.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernel/cpu_stat.h"
#include "kernel/system_root.h"
#include "network/nettest/report.h"
#include "network/nettest/workers.h"

namespace isotach::nettest {

// Share of the time, 0..1, that all processors of the machine worked since begin().
class HostCpu {
 public:
  void begin();
  [[nodiscard]] std::optional<double> busy();

 private:
  kernel::SystemRoot root_;
  kernel::CpuReader reader_{root_, false};
  std::optional<kernel::CpuTimes> before_;
};

class Measurement {
 public:
  Measurement(const Workers& workers, const std::vector<StreamFacts>& streams)
      : workers_(workers), streams_(streams) {}

  void begin(std::int64_t now_ns);  // TEST_START
  // What came before counts no more.
  void end_omitted(std::int64_t now_ns);
  [[nodiscard]] IntervalReport cut(std::int64_t now_ns, bool omitted);
  // Senders have ended, or are about to be told so: the test lasts until here.
  void end(std::int64_t now_ns);

  [[nodiscard]] std::int64_t start_ns() const { return start_ns_; }
  // Sent or received, without the omitted time, until now.
  [[nodiscard]] std::uint64_t bytes_of(std::size_t stream) const;
  [[nodiscard]] std::uint64_t bytes_received() const;

  // After Workers::join() or at least once nothing moves any more. What the peer told is merged in.
  [[nodiscard]] std::vector<StreamTotal> totals(const PeerResults* peer) const;
  // What we tell the peer.
  [[nodiscard]] std::vector<StreamResult> results(const PeerResults* peer) const;
  [[nodiscard]] double seconds() const;
  // How our end moved its data; after Workers::join().
  [[nodiscard]] DataPath path(const TestFacts& facts) const;

 private:
  struct Extremes {
    std::uint64_t cwnd_bytes = 0;
    std::uint64_t peer_window_bytes = 0;
    std::uint32_t smallest_rtt_us = 0;
    std::uint32_t largest_rtt_us = 0;
    double rtt_sum_us = 0;
    int count = 0;
  };

  [[nodiscard]] StreamSample sample(std::size_t stream, std::int64_t now_ns) const;
  [[nodiscard]] std::optional<SenderTcp> sender_tcp(std::size_t stream) const;
  [[nodiscard]] StreamEnd our_end(std::size_t stream, const StreamResult* peer) const;
  [[nodiscard]] std::vector<StreamSample> all(std::int64_t now_ns) const;

  const Workers& workers_;
  const std::vector<StreamFacts>& streams_;
  std::int64_t start_ns_ = 0;
  std::int64_t counted_from_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::vector<StreamSample> first_;  // where counting begins
  std::vector<StreamSample> last_;   // of the interval before
  std::vector<Extremes> extremes_;
};

}  // namespace isotach::nettest
