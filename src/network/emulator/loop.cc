#include "network/emulator/loop.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"

namespace isotach::emulator {
namespace {

constexpr std::int64_t kClockEveryNs = 100'000'000;
constexpr std::int64_t kControlEveryNs = 5'000'000;
// A wake-up takes up to that; the rest is spun away.
constexpr std::int64_t kSpinNs = 100'000;
// Its share of each millisecond is not used up, so that it is not held up at an odd moment.
constexpr std::int64_t kWorkNs = 700'000;
constexpr std::int64_t kRestNs = 150'000;
constexpr std::int64_t kOldestNs = 200'000'000;
constexpr std::uint64_t kPeriodNs = 1'000'000;
constexpr int kPriority = 50;

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

std::int64_t monotonic() {
  return clock_ns(CLOCK_MONOTONIC);
}

// <linux/sched/types.h> cannot be included beside <sched.h>.
struct DeadlineAttributes {
  std::uint32_t size = sizeof(DeadlineAttributes);
  std::uint32_t policy = 6;  // SCHED_DEADLINE
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0, deadline_ns = 0, period_ns = 0;
};

// A share of a processor in each millisecond, before everybody else. A plain real-time thread that never
// rests is stalled by 50 ms in each second instead, to let others run. Several paths share what the kernel
// gives away.
bool ask_for_share() {
  for (const std::uint64_t runtime_ns : {850'000U, 400'000U, 200'000U}) {
    DeadlineAttributes attributes;
    attributes.runtime_ns = runtime_ns;
    attributes.deadline_ns = attributes.period_ns = kPeriodNs;
    if (::syscall(SYS_sched_setattr, 0, &attributes, 0U) == 0) return true;
  }
  return false;
}

void ask_for_priority() {
  ::prctl(PR_SET_TIMERSLACK, 1);
  if (ask_for_share()) return;
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  ::sched_setscheduler(0, SCHED_RR, &parameters);
}

void wait(std::vector<pollfd>& watched, std::int64_t limit_ns) {
  const timespec limit{limit_ns / kNanosecondsPerSecond, limit_ns % kNanosecondsPerSecond};
  static_cast<void>(::ppoll(watched.data(), watched.size(), &limit, nullptr));
}

}  // namespace

Loop::Loop(Path path, std::vector<Port> ports)
    : path_(std::move(path)), ports_(std::move(ports)), began_ns_(monotonic()) {
  follow_clock(began_ns_);
}

double Loop::now_ns() const {
  return static_cast<double>(monotonic() - began_ns_);
}

void Loop::follow_clock(std::int64_t now) {
  if (now < clock_due_ns_) return;
  const std::int64_t before = monotonic();
  const std::int64_t real = clock_ns(CLOCK_REALTIME);
  const std::int64_t after = monotonic();
  to_monotonic_ns_ = before + (after - before) / 2 - real;
  clock_due_ns_ = now + kClockEveryNs;
  // Some way behind, so that a packet that came just now finds the queue as it was.
  path_.catch_up(std::max(0.0, static_cast<double>(now - began_ns_) - 1e6));
}

bool Loop::take_in() {
  bool any = false;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    any |= ports_[i].read([&](const std::uint8_t* bytes, std::size_t size, std::int64_t real_ns) {
      Packet* packet = path_.new_packet();
      if (packet == nullptr) return;
      std::memcpy(packet->bytes, bytes, size);
      packet->size = size;
      const std::int64_t now = monotonic();
      std::int64_t at_ns = real_ns + to_monotonic_ns_;
      if (at_ns > now || now - at_ns > kOldestNs) at_ns = now;  // the clock was set
      path_.enter(packet, i, static_cast<double>(at_ns - began_ns_));
    });
  }
  return any;
}

bool Loop::release() {
  const double now = now_ns();
  path_.run_until(now);
  std::vector<Packet*>& arrived = path_.arrived();
  if (arrived.empty()) return false;
  for (Packet* packet : arrived) {
    const double late_ns = now - packet->due_ns;
    lateness_.add(late_ns > 0 ? static_cast<std::uint64_t>(late_ns) : 0);
    ports_[packet->host].add(packet,
                             static_cast<std::int64_t>(packet->due_ns) + began_ns_ - to_monotonic_ns_);
  }
  arrived.clear();
  for (Port& port : ports_)
    if (port.has_output()) port.flush([&](Packet* packet) { path_.give_back(packet); });
  return true;
}

void Loop::run(int stop_fd, int control_fd, const std::function<void()>& control) {
  ask_for_priority();
  std::vector<pollfd> asked = {{stop_fd, POLLIN, 0}, {control_fd, POLLIN, 0}};
  std::vector<pollfd> watched = asked;
  for (const Port& port : ports_) watched.push_back({port.fd(), POLLIN, 0});
  std::vector<pollfd> none;
  std::int64_t asked_due_ns = 0;
  std::int64_t rested_ns = monotonic();
  while (true) {
    const std::int64_t now = monotonic();
    follow_clock(now);
    if (now >= asked_due_ns) {
      wait(asked, 0);
      if (asked[0].revents != 0) return;
      if (asked[1].revents != 0) control();
      if (stopped_) return;
      asked_due_ns = now + kControlEveryNs;
    }
    bool busy = take_in();
    busy |= release();
    const bool rests = monotonic() - rested_ns > kWorkNs;
    if (busy && !rests) continue;
    std::int64_t limit_ns = kControlEveryNs;
    if (!path_.is_empty())
      limit_ns = std::min(limit_ns, static_cast<std::int64_t>(path_.next_ns() - now_ns()) - kSpinNs);
    if (rests) limit_ns = kRestNs;
    if (limit_ns <= 0) continue;
    rested_ns = monotonic() + limit_ns;
    wait(rests ? none : watched, limit_ns);
    if (!rests && (watched[0].revents != 0 || watched[1].revents != 0)) asked_due_ns = 0;
  }
}

Result<void> Loop::apply(std::string_view words) {
  PathSettings settings = path_.settings();
  if (auto done = apply_words(settings, words); !done) return done;
  path_.set(settings, now_ns());
  return {};
}

Statistics Loop::statistics() {
  Statistics statistics;
  statistics.time_ns = now_ns();
  path_.catch_up(statistics.time_ns);
  path_.fill(statistics);
  statistics.lateness_ns = lateness_;
  statistics.cpu_ns = static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID));
  for (const Port& port : ports_) statistics.ports.push_back(port.statistics());
  return statistics;
}

}  // namespace isotach::emulator
