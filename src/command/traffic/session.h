// One run of isotach traffic: a source, its last two snapshots, and what is remembered from all of them:
// peaks, means, the past of the total and of the one thing that is looked at closely.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "network/traffic/groups.h"
#include "network/traffic/rates.h"
#include "network/traffic/source.h"
#include "view/overview/model.h"

namespace isotach::command {

// How two snapshots or more of them make a row's numbers.
struct TrafficSpeeds {
  std::optional<double> peak_bits_s;  // of both directions together
  std::optional<double> mean_bits_s;
};

// Packets that the kernel counted and the source did not see, on all interfaces. Nothing where no interface
// tells; what a source saw too much is no loss.
[[nodiscard]] std::optional<std::uint64_t> unaccounted_packets(const network::TrafficSnapshot& snapshot);
// Packets of flows that had no row.
[[nodiscard]] std::uint64_t other_packets(const network::TrafficSnapshot& snapshot);

class TrafficSession {
 public:
  // Takes the first snapshot. `source` has been opened.
  [[nodiscard]] static Result<std::unique_ptr<TrafficSession>> begin(
      std::unique_ptr<network::TrafficSource> source);

  [[nodiscard]] Result<void> read();

  [[nodiscard]] const network::TrafficSnapshot& first() const { return first_; }
  [[nodiscard]] const network::TrafficSnapshot& now() const { return held_ ? held_->now : now_; }
  // Between the last two snapshots; nullptr before the second.
  [[nodiscard]] const network::TrafficRates* rates() const {
    const auto& rates = held_ ? held_->rates : rates_;
    return rates ? &*rates : nullptr;
  }
  // Over the whole run.
  [[nodiscard]] std::optional<network::TrafficRates> whole_rates() const {
    return network::rates(first_, now());
  }
  // The newest, even while an earlier one is held.
  [[nodiscard]] const network::TrafficSnapshot& newest() const { return now_; }
  // As long as it is held, now() and all that is made of it stay as they are; read() goes on.
  void hold(bool on);
  [[nodiscard]] double running_s() const;

  [[nodiscard]] TrafficSpeeds speeds(network::TrafficBy by, const network::TrafficGroup& group) const;
  [[nodiscard]] TrafficSpeeds total_speeds() const;
  [[nodiscard]] const view::Past& in_past() const { return held_ ? held_->in_past : in_past_; }
  [[nodiscard]] const view::Past& out_past() const { return held_ ? held_->out_past : out_past_; }

  // From now on the past of this group is kept; that of another is forgotten.
  void watch(network::TrafficBy by, std::uint64_t key);
  struct Watched {
    network::TrafficBy by = network::TrafficBy::flow;
    std::uint64_t key = 0;
    view::Past in_past, out_past;
    bool is_gone = false;
  };
  [[nodiscard]] const std::optional<Watched>& watched() const { return watched_; }
  void unwatch() { watched_.reset(); }

  // As many samples as the widest terminal shows.
  static constexpr std::size_t kPastSamples = 1000;

 private:
  struct Held {
    network::TrafficSnapshot now;
    std::optional<network::TrafficRates> rates;
    view::Past in_past, out_past;
  };
  using Peaks = std::unordered_map<std::uint64_t, double>;  // bits/s by key

  explicit TrafficSession(std::unique_ptr<network::TrafficSource> source) : source_(std::move(source)) {}
  void remember();
  void remember_peaks(network::TrafficBy by, const std::vector<network::TrafficGroup>& groups);
  void remember_watched(const std::vector<network::TrafficGroup>& groups);

  std::unique_ptr<network::TrafficSource> source_;
  network::TrafficSnapshot first_, before_, now_;
  std::optional<network::TrafficRates> rates_;
  std::array<Peaks, network::kTrafficBys> peaks_;
  double total_peak_bits_s_ = 0;
  view::Past in_past_, out_past_;
  std::optional<Watched> watched_;
  std::optional<Held> held_;
};

}  // namespace isotach::command
