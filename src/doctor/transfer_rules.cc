#include "doctor/transfer_rules.h"

#include <algorithm>
#include <iterator>

#include "doctor/transfer_thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Activity;

// What the rules of links (link_rules.h) say of a wrong duplex, and of a speed below what is possible.
constexpr std::string_view kDuplexFindings[] = {"duplex-mismatch", "half-duplex", "autonegotiation-one-side"};
constexpr std::string_view kSpeedFindings[] = {
    "below-common", "forced-below-supported", "advertised-narrowed", "below-advertised", "partner-slower",
    "slow-link",    "below-expected"};

template <std::size_t Count>
bool has_finding(const PathFacts& path, const std::string_view (&ids)[Count]) {
  return std::any_of(path.link_findings.begin(), path.link_findings.end(), [&](const Finding& finding) {
    return finding.severity >= Severity::warning &&
           std::find(std::begin(ids), std::end(ids), finding.id) != std::end(ids);
  });
}

double queue_ms(const TransferFacts& facts) {
  return facts.rtt_ms - facts.min_rtt_ms;
}

// A queue counts by what it adds to the round trip, or, on a long path, by its own length.
bool queue_stands(const TransferFacts& facts) {
  return facts.queue >= kQueueSome || queue_ms(facts) >= kQueueSomeMs;
}

// Or comes and goes, and drops when it is full: bursts of others.
bool queue_comes(const TransferFacts& facts) {
  return queue_stands(facts) || facts.queue_at_loss >= kQueueSome;
}

bool overtake(const TransferFacts& facts) {
  const double segments = facts.mss > 0 ? facts.delivered_bytes / facts.mss : 0;
  return facts.reordered >= kReorderedPerSecond * facts.seconds &&
         facts.reordered >= kReorderedShare * segments;
}

bool fills(const TransferFacts& facts, std::optional<double> rate_bps, double share) {
  return rate_bps && *rate_bps > 0 && facts.rate_bps >= share * *rate_bps;
}

// The first that holds is the cause. What stands first is told by counters of its own, or would be taken
// for something further down.
struct PathRule {
  Cause cause;
  bool (*holds)(const TransferFacts& facts, const PathFacts& path);
};

constexpr PathRule kPathRules[] = {
    // Large segments go out and none comes back, though the handshake passed.
    {Cause::black_hole,
     [](const TransferFacts& facts, const PathFacts& path) {
       const bool silent = facts.delivered_bytes < 2 * facts.mss &&
                           (facts.timeouts >= 1 || facts.backoff >= 1) && facts.mss > 0;
       return silent || (path.large_packets_pass && !*path.large_packets_pass);
     }},
    {Cause::duplex_mismatch,
     [](const TransferFacts&, const PathFacts& path) { return has_finding(path, kDuplexFindings); }},
    {Cause::link_speed,
     [](const TransferFacts& facts, const PathFacts& path) {
       return fills(facts, path.link_bps, kPathShared) && has_finding(path, kSpeedFindings);
     }},
    {Cause::none, [](const TransferFacts& facts,
                     const PathFacts& path) { return fills(facts, path.link_bps, kLinkFilled); }},
    {Cause::bufferbloat,
     [](const TransferFacts& facts, const PathFacts& path) {
       return fills(facts, path.capacity_bps, kPathFilled) && queue_ms(facts) >= kBloatMs;
     }},
    {Cause::narrow_path, [](const TransferFacts& facts,
                            const PathFacts& path) { return fills(facts, path.capacity_bps, kPathFilled); }},
    {Cause::reordering,
     [](const TransferFacts& facts, const PathFacts&) {
       if (!overtake(facts)) return false;
       // A sender that has learnt to wait (RACK) sends nothing again, and is slow all the same; where a
       // queue stands and the rate is steady, the path is full whatever overtakes in it.
       return facts.dsack_share >= kDsackMany || facts.queue < kQueueNone || facts.rate_spread > kRateSteady;
     }},
    {Cause::congestion,
     [](const TransferFacts& facts, const PathFacts& path) {
       if (path.capacity_bps) return queue_stands(facts) && !fills(facts, path.capacity_bps, kPathShared);
       // What overtakes makes deliveries uneven by itself.
       if (overtake(facts)) return false;
       // After a loss this transfer leaves the path to others, whose bursts fill it now and then.
       const bool at_random = facts.retransmitted >= kLossFelt && facts.loss_clumping < kLossesInClumps;
       if (facts.queue_at_loss >= kQueueNone && facts.rate_spread > kRateSteady && !at_random) return true;
       return queue_comes(facts) && ((facts.unevenness >= kUneven && facts.rate_spread >= kRateVaries) ||
                                     (facts.queue >= kQueueNone && facts.rate_spread > kRateSteady));
     }},
    {Cause::policer,
     [](const TransferFacts& facts, const PathFacts& path) {
       if (facts.retransmitted < kLossFelt || queue_comes(facts)) return false;
       // Of a train that follows at the speed of the link it drops far more than of a transfer that adapts.
       const bool drops_trains = path.burst_loss && *path.burst_loss >= kBurstLost &&
                                 *path.burst_loss >= kBurstLostMore * facts.retransmitted;
       return drops_trains || facts.loss_clumping >= kLossesInClumps;
     }},
    {Cause::loss,
     [](const TransferFacts& facts, const PathFacts&) {
       const bool queued = facts.losses < kLossesToJudge ? queue_stands(facts) : facts.queue >= kQueueNone;
       return facts.retransmitted >= kLossFelt && !queued && facts.loss_clumping < kLossesInClumps;
     }},
    {Cause::bufferbloat, [](const TransferFacts& facts,
                            const PathFacts&) { return queue_stands(facts) && queue_ms(facts) >= kBloatMs; }},
    {Cause::narrow_path,
     [](const TransferFacts& facts, const PathFacts&) {
       return queue_stands(facts) || facts.cwnd_full >= kWindowSeldomFull;
     }},
};

bool buffer_is_small(const TransferFacts& facts) {
  const bool written = !facts.sender_thread_seen || facts.sender_does(Activity::socket_write) >= 0.5 ||
                       facts.sender_does(Activity::readiness) >= 0.5;
  return facts.send_memory >= kBufferFull && facts.queue <= kQueueDeep && written &&
         (facts.nothing_unsent >= 0.5 || facts.app_limited >= 0.5);
}

bool is_held_here(const TransferFacts& facts) {
  if (facts.pacing_of_limit >= kPacingReached) return true;
  return !facts.paced_by_bbr && facts.cwnd_full < kWindowSeldomFull &&
         facts.unacked_of_cwnd < kFlightHeldBack && facts.nothing_unsent < 0.5 && facts.queue < 1 &&
         facts.window_full < kWindowSeldomFull && facts.retransmitted < kLossFelt &&
         facts.delivered_bytes > 0;
}

}  // namespace

Cause judge_path(const TransferFacts& facts, const PathFacts& path) {
  const auto* rule = std::find_if(std::begin(kPathRules), std::end(kPathRules),
                                  [&](const PathRule& one) { return one.holds(facts, path); });
  return rule != std::end(kPathRules) ? rule->cause : Cause::narrow_path;
}

Cause judge_held(const TransferFacts& facts, const PathFacts& path) {
  // What never arrives fills every buffer.
  if (kPathRules[0].holds(facts, path)) return kPathRules[0].cause;
  if (buffer_is_small(facts)) return Cause::send_buffer;
  // Between two programs of one host there is no network: they wait for the time to move the data.
  if (path.loopback)
    return facts.receiver_does(Activity::running) > facts.sender_does(Activity::running) ? Cause::receiver_cpu
                                                                                         : Cause::sender_cpu;
  if (is_held_here(facts)) return Cause::local_queue;
  return judge_path(facts, path);
}

TransferVerdict judge_transfer(const network::TransferTrace& trace, const PathFacts& path) {
  TransferVerdict verdict;
  verdict.facts = facts_of(trace);
  verdict.shares = shares_of(trace, verdict.facts, path);
  if (!verdict.shares.empty()) {
    verdict.cause = verdict.shares.front().cause;
    verdict.share = verdict.shares.front().share;
  }
  put_in_words(trace, path, verdict);
  return verdict;
}

}  // namespace isotach::doctor
