#include "network/connections/limit_observer.h"

#include <fmt/format.h>

#include "base/units.h"

namespace isotach::network {
namespace {

std::string bytes(std::uint64_t number) {
  return format_bytes(static_cast<double>(number));
}
std::string time(std::int64_t ns) {
  return format_duration_ns(static_cast<double>(ns));
}
std::string rate_of(std::uint64_t per_trip, std::int64_t rtt_ns) {
  return format_bits_per_second(static_cast<double>(per_trip) * 8e9 / static_cast<double>(rtt_ns));
}
std::string times(std::uint64_t number) {
  return number == 1 ? "once" : number == 2 ? "twice" : fmt::format("{} times", number);
}

std::string per_round_trip(std::uint64_t amount, const LimitShares& shares) {
  if (shares.rtt_least_ns <= 0) return {};
  return fmt::format("; that in a round trip of {} is {} at most", time(shares.rtt_least_ns),
                     rate_of(amount, shares.rtt_least_ns));
}

std::string application_evidence(const LimitShares& shares) {
  if (shares.span_ns() == 0) return "all it had fitted into one flight";
  if (shares.pauses == 0) return "the windows had room for more";
  return fmt::format("paused {} with the windows open, for up to {}", times(shares.pauses),
                     time(shares.longest_pause_ns));
}

std::string receiver_evidence(const LimitShares& shares, const Direction& peer) {
  std::string text = shares.windows_shut > 0
                         ? fmt::format("its window was shut {}", times(shares.windows_shut))
                         : std::string("its window shrank below half of what it was");
  if (peer.trouble && peer.trouble->zero_window_ns > 0)
    text += fmt::format(", at zero for {}", time(peer.trouble->zero_window_ns));
  return text + fmt::format("; at its largest it was {}", bytes(shares.window_most_bytes));
}

std::string loss_evidence(const LimitShares& shares, const Direction& me) {
  const std::uint64_t again = me.trouble ? me.trouble->retransmitted_packets : 0;
  const double share =
      me.data_packets == 0 ? 0 : 100.0 * static_cast<double>(again) / static_cast<double>(me.data_packets);
  std::string text =
      fmt::format("{} retransmission{}, {:.2g} % of the segments", again, again == 1 ? "" : "s", share);
  if (me.trouble) {
    const auto timeouts = me.trouble->kinds[static_cast<std::size_t>(Retransmission::timeout)];
    if (timeouts > 0) text += fmt::format("; {} by timeout", timeouts);
  }
  return text +
         fmt::format("; made good in {} recover{}", shares.recoveries, shares.recoveries == 1 ? "y" : "ies");
}

}  // namespace

void LimitObserver::see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
                        const SegmentVerdict& verdict) {
  // Times at the end of what can be said are damage; here they are added to.
  constexpr std::int64_t kLatestNs = 9'000'000'000'000'000'000;
  if (segment.time_ns < 0 || segment.time_ns > kLatestNs) return;
  if (index >= analyses_.size()) analyses_.resize(index + 1);
  auto& both = analyses_[index];
  const auto analysis = [&](int which) -> LimitAnalysis& {
    auto& one = both[static_cast<std::size_t>(which)];
    if (!one) one = std::make_unique<LimitAnalysis>();
    return *one;
  };
  if (segment.data_length > 0 || both[static_cast<std::size_t>(side)])
    analysis(side).sent(connection, side, segment, verdict);
  analysis(1 - side).answered(segment, verdict);
}

void LimitObserver::take(LimitObserver&& other, std::span<const std::uint32_t> numbers) {
  for (std::size_t i = 0; i < other.analyses_.size(); ++i) {
    if (numbers[i] >= analyses_.size()) analyses_.resize(numbers[i] + 1);
    analyses_[numbers[i]] = std::move(other.analyses_[i]);
  }
  other.analyses_.clear();
}

void LimitObserver::finish() {
  for (auto& both : analyses_)
    for (auto& one : both)
      if (one) one->finish();
}

const LimitShares* LimitObserver::shares(std::size_t index, int side) const {
  if (index >= analyses_.size()) return nullptr;
  const auto& one = analyses_[index][static_cast<std::size_t>(side)];
  return one && one->shares().has_data ? &one->shares() : nullptr;
}

std::string limit_evidence(Limit limit, const LimitShares& shares, const Connection& connection, int side) {
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  const Direction& peer = connection.directions[static_cast<std::size_t>(1 - side)];
  switch (limit) {
    case Limit::sender_application:
      return application_evidence(shares);
    case Limit::receiver_application:
      return receiver_evidence(shares, peer);
    case Limit::receiver_window:
      return fmt::format("its window of {} was full{}", bytes(shares.window_full_bytes),
                         per_round_trip(shares.window_full_bytes, shares));
    case Limit::send_buffer:
      return fmt::format("never more than {} in flight for {} round trips, though the window has {}{}",
                         bytes(shares.flight_flat_bytes), shares.flat_rounds, bytes(shares.window_most_bytes),
                         per_round_trip(shares.flight_flat_bytes, shares));
    case Limit::congestion_window:
      return shares.recoveries > 0
                 ? fmt::format("after {} loss{} the flight grew slowly, to {} at most", shares.recoveries,
                               shares.recoveries == 1 ? "" : "es", bytes(shares.flight_most_bytes))
                 : fmt::format("the flight grew slowly, to {} at most", bytes(shares.flight_most_bytes));
    case Limit::loss:
      return loss_evidence(shares, me);
    case Limit::slow_start:
      if (shares.slow_start_rounds < 2)
        return fmt::format("its first flight had {}", bytes(shares.flight_first_bytes));
      return fmt::format("the flight grew from {} to {} in {} round trips", bytes(shares.flight_first_bytes),
                         bytes(shares.flight_grown_bytes), shares.slow_start_rounds);
    case Limit::path_capacity:
      break;
  }
  return fmt::format("{} passed while the round trip was {} instead of {}: a queue stood on the path",
                     format_bits_per_second(shares.rate_queued * 8), time(shares.rtt_queued_ns),
                     time(shares.rtt_least_ns));
}

}  // namespace isotach::network
