// Whether a thread that receives had better run where its packets come in, or wherever the scheduler puts it.
// Pure.
//
// On the processor that took a packet in (over loopback and veth that of the sender) its data is in the
// caches, and who waits for it is woken without a signal to a sleeping processor: that may be three times as
// fast. But a processor of its own may be faster as well. So both are tried in turns, by what arrives
// meanwhile, and the better one stays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace isotach::nettest {

class SeatTrial {
 public:
  // So many times as much has to arrive with the packets, that noise alone does not move it.
  static constexpr double kBetter = 1.1;

  explicit SeatTrial(std::int64_t start_ns, double better = kBetter)
      : better_(better), until_ns_(start_ns + kWarmUpNs) {}

  // look() has something to do.
  [[nodiscard]] std::int64_t next_ns() const { return until_ns_; }
  [[nodiscard]] bool with_packets() const { return with_packets_; }
  // Tells what was received since the start, less what is to be avoided, and so where to sit from now on.
  void look(std::int64_t now_ns, std::int64_t score);
  // The packets come in here and there: whoever follows them would only run about.
  void give_up();

 private:
  // Until the streams have found their rate.
  static constexpr std::int64_t kWarmUpNs = 40'000'000;
  // After each change, not measured.
  static constexpr std::int64_t kSettleNs = 3'000'000;
  static constexpr std::int64_t kMeasureNs = 10'000'000;
  static constexpr std::size_t kTurns = 4;
  static constexpr std::int64_t kWatchNs = 100'000'000;
  // What of it it keeps later on.
  static constexpr double kKept = 0.6;

  enum class Phase : std::uint8_t { warm_up, settle, measure, watch, done };
  struct Sum {
    double score = 0;
    double ns = 0;
    [[nodiscard]] double rate() const { return ns > 0 ? score / ns : 0; }
  };

  void enter(Phase phase, std::int64_t now_ns, std::int64_t score, std::int64_t length_ns);
  void decide(std::int64_t now_ns, std::int64_t score);

  double better_;
  Phase phase_ = Phase::warm_up;
  bool with_packets_ = false;
  std::size_t turn_ = 0;
  std::int64_t from_ns_ = 0;
  std::int64_t until_ns_;
  std::int64_t from_score_ = 0;
  std::array<Sum, 2> seats_;  // anywhere, with the packets
};

}  // namespace isotach::nettest
