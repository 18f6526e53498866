#include "network/nettest/seat.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace isotach::nettest {
namespace {

// How often who follows its packets looks where they come in.
constexpr std::int64_t kFollowNs = 10'000'000;
constexpr int kMostMoves = 8;
// Who stays leaves when for so many times so long it gets far less than it did.
constexpr std::int64_t kStayNs = 100'000'000;
constexpr int kBadWindows = 3;
constexpr double kKept = 0.6;
constexpr std::int64_t kWeightOfLoss = 100;
// Both ends by turns on one processor take half of the time that they take on two.
constexpr double kBetterByTurns = 0.95;

}  // namespace

std::vector<int> allowed_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> found;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return found;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &allowed)) found.push_back(processor);
  return found;
}

void take_short_turns() {
  if (::sched_getscheduler(0) != SCHED_OTHER) return;  // somebody chose better
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 100'000;
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
  } attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

Seat::Seat(Transfer& transfer) : transfer_(transfer) {
  if (!transfer.may_be_seated()) return;
  allowed_ = allowed_processors();
  if (allowed_.size() < 2) return;
  next_ns_ = monotonic_ns() + kStayNs;
  if (!transfer.is_sender()) {
    trial_.emplace(monotonic_ns(), transfer.takes_short_turns() ? SeatTrial::kBetter : kBetterByTurns);
    next_ns_ = trial_->next_ns();
    return;
  }
  stays_ = true;
  sit(::sched_getcpu());
}

void Seat::look_now(std::int64_t now_ns) {
  const TransferCounters& counters = transfer_.counters();
  const std::uint64_t bytes = counters.bytes.load(std::memory_order_relaxed);
  if (stays_) return stay(now_ns, bytes);
  // What is lost weighs more than what came: fewer bytes are better than more with some lost.
  const std::uint64_t pieces = std::max<std::uint64_t>(1, counters.packets.load(std::memory_order_relaxed));
  const std::uint64_t lost_bytes = counters.lost.load(std::memory_order_relaxed) * (bytes / pieces);
  follow(now_ns, static_cast<std::int64_t>(bytes) - kWeightOfLoss * static_cast<std::int64_t>(lost_bytes));
}

void Seat::follow(std::int64_t now_ns, std::int64_t score) {
  trial_->look(now_ns, score);
  if (trial_->with_packets()) {
    const int wanted = where_packets_come_in();
    if (wanted < 0 || (wanted != processor_ && ++moves_ > kMostMoves)) {
      trial_->give_up();
    } else {
      if (moves_ == 1 && transfer_.takes_short_turns()) take_short_turns();
      sit(wanted);
    }
  }
  if (!trial_->with_packets()) sit(-1);
  next_ns_ = processor_ < 0 ? trial_->next_ns() : std::min(trial_->next_ns(), now_ns + kFollowNs);
}

void Seat::stay(std::int64_t now_ns, std::uint64_t bytes) {
  const double rate = from_ns_ == 0 ? 0
                                    : static_cast<double>(bytes - from_bytes_) /
                                          static_cast<double>(std::max<std::int64_t>(1, now_ns - from_ns_));
  from_ns_ = now_ns;
  from_bytes_ = bytes;
  next_ns_ = now_ns + kStayNs;
  if (processor_ < 0) {
    best_rate_ = 0;
    bad_windows_ = 0;
    return sit(::sched_getcpu());  // where the scheduler has put it meanwhile
  }
  best_rate_ = std::max(best_rate_, rate);
  bad_windows_ = rate < kKept * best_rate_ ? bad_windows_ + 1 : 0;
  if (bad_windows_ >= kBadWindows) sit(-1);
}

void Seat::sit(int processor) {
  if (processor == processor_) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int one : allowed_)
    if (processor < 0 || one == processor) CPU_SET(one, &set);
  if (CPU_COUNT(&set) == 0 || ::sched_setaffinity(0, sizeof set, &set) != 0) return;
  processor_ = processor;
  transfer_.seated(!stays_ && processor >= 0);
}

int Seat::where_packets_come_in() const {
  int here = -1;
  socklen_t size = sizeof here;
  if (::getsockopt(transfer_.fd(), SOL_SOCKET, SO_INCOMING_CPU, &here, &size) != 0) return -1;
  return std::find(allowed_.begin(), allowed_.end(), here) == allowed_.end() ? -1 : here;
}

}  // namespace isotach::nettest
