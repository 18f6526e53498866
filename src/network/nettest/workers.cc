#include "network/nettest/workers.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/clock.h"
#include "network/nettest/exchange_ring.h"
#include "network/nettest/seat.h"

namespace isotach::nettest {
namespace {

// How late at most a waiting thread notices that it is to stop.
constexpr std::int64_t kLookUpNs = 20'000'000;
// Pieces that one stream moves before the next of the same thread has its turn.
constexpr int kPiecesATurn = 4;
// Who hurries does not sleep for less than this.
constexpr std::int64_t kHurryNs = 500'000;
// A thread that spins sleeps after so long without anything.
constexpr std::int64_t kSpinNs = 100'000;

// Whether the last moments before something is due may be spent asking the clock. Where others want the
// processor too that makes things worse: the kernel takes it away for longer, because we used it.
class Haste {
 public:
  bool may_spin(std::int64_t now_ns) {
    const bool spun = last_ns_ != 0 && now_ns - last_ns_ < kFarNs;
    if (spun && now_ns - last_ns_ > kTakenAwayNs) calm_until_ns_ = now_ns + kCalmNs;
    last_ns_ = now_ns;
    if (now_ns >= calm_until_ns_) return true;
    last_ns_ = 0;
    return false;
  }
  // The time until now was not spent spinning.
  void slept() { last_ns_ = 0; }

 private:
  static constexpr std::int64_t kTakenAwayNs = 300'000;  // no call that we make while we spin takes so long
  static constexpr std::int64_t kFarNs = 50'000'000;
  static constexpr std::int64_t kCalmNs = 250'000'000;

  std::int64_t last_ns_ = 0;
  std::int64_t calm_until_ns_ = 0;
};

// Until `fd` is readable or writable, or the time has come.
void wait_for(int fd, short events, std::int64_t until_ns) {
  const std::int64_t left_ns = std::max<std::int64_t>(0, until_ns - monotonic_ns());
  const timespec timeout = {left_ns / kNanosecondsPerSecond, left_ns % kNanosecondsPerSecond};
  pollfd polled = {fd, events, 0};
  static_cast<void>(::ppoll(&polled, 1, &timeout, nullptr));
}

CpuUse cpu_of(int whom) {
  rusage usage{};
  ::getrusage(whom, &usage);
  const auto ns = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * kNanosecondsPerSecond + std::int64_t{time.tv_usec} * 1000;
  };
  return {ns(usage.ru_utime), ns(usage.ru_stime)};
}

}  // namespace

CpuUse thread_cpu() {
  return cpu_of(RUSAGE_THREAD);
}

CpuUse process_cpu() {
  return cpu_of(RUSAGE_SELF);
}

Workers::~Workers() {
  stop();
  join();
}

void Workers::notify() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(notify_fd_, &one, sizeof one);
}

Result<void> Workers::start(int most_threads) {
  std::size_t threads = std::min(transfers_.size(), std::max<std::size_t>(1, allowed_processors().size()));
  if (most_threads > 0) threads = std::min(threads, static_cast<std::size_t>(most_threads));
  for (std::size_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
  int senders = 0;
  for (std::size_t i = 0; i < transfers_.size(); ++i) {
    workers_[i % threads]->transfers.push_back(transfers_[i].get());
    if (transfers_[i]->is_sender()) ++senders;
  }
  senders_left_.store(senders, std::memory_order_relaxed);
  threads_left_.store(static_cast<int>(threads), std::memory_order_relaxed);
  for (std::size_t i = 0; i < threads; ++i) {
    Worker& worker = *workers_[i];
    try {
      worker.thread = std::thread([this, &worker] { run(worker); });
    } catch (const std::system_error& error) {
      threads_left_.fetch_sub(static_cast<int>(threads - i), std::memory_order_release);
      return system_failure(error.code().value(), "start a thread", "raise the limit: ulimit -u");
    }
  }
  return {};
}

void Workers::join() {
  for (const auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

CpuUse Workers::cpu() const {
  CpuUse sum;
  for (const auto& worker : workers_) sum += worker->cpu;
  return sum;
}

std::optional<DatagramTiming> Workers::timing(bool senders) const {
  std::optional<DatagramTiming> sum;
  for (const auto& transfer : transfers_) {
    if (transfer->is_sender() != senders || transfer->timing() == nullptr) continue;
    if (!sum) sum.emplace();
    sum->merge(*transfer->timing());
  }
  return sum;
}

double Workers::busiest_thread() const {
  double busiest = 0;
  for (const auto& worker : workers_)
    if (worker->wall_ns > 0)
      busiest = std::max(busiest, static_cast<double>(worker->cpu.user_ns + worker->cpu.system_ns) /
                                      static_cast<double>(worker->wall_ns));
  return busiest;
}

void Workers::run(Worker& worker) {
  // Paced pieces shall leave when they are due; by default the kernel may be 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1000);
  const bool paced = std::any_of(worker.transfers.begin(), worker.transfers.end(),
                                 [](const Transfer* transfer) { return transfer->pieces_a_burst() > 0; });
  if (paced) take_short_turns();
  const std::int64_t begun_ns = monotonic_ns();
  if (worker.transfers.size() == 1) {
    run_alone(*worker.transfers.front());
  } else {
    run_many(worker);
  }
  worker.cpu = thread_cpu();
  worker.wall_ns = monotonic_ns() - begun_ns;
  threads_left_.fetch_sub(1, std::memory_order_release);
  notify();
}

bool Workers::is_over(const Transfer& transfer) const {
  return control_.stop_all.load(std::memory_order_relaxed) ||
         (transfer.is_sender() && control_.stop_sending.load(std::memory_order_relaxed));
}

void Workers::ended_one(Transfer& transfer) {
  transfer.stopped();
  if (!transfer.is_sender()) return;
  if (senders_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) notify();
}

void Workers::run_alone(Transfer& transfer) {
  if (transfer.spins()) return spin(transfer);
  const bool blocks = transfer.waits_itself() || kernel::set_blocking(transfer.fd(), kLookUpNs).has_value();
  Haste haste;
  Seat seat(transfer);
  while (!is_over(transfer)) {
    const std::int64_t due_ns = transfer.due_ns();
    if (const std::int64_t now_ns = due_ns == 0 ? 0 : monotonic_ns(); due_ns > now_ns) {
      if (due_ns - now_ns > kHurryNs || !transfer.hurries() || !haste.may_spin(now_ns)) {
        wait_for(-1, 0, std::min(due_ns, now_ns + kLookUpNs));
        haste.slept();
      }
      continue;
    }
    const Step step = transfer.step(blocks);
    if (step == Step::ended) break;
    seat.look();
    if (step == Step::waits && !blocks) wait_for(transfer.fd(), POLLIN | POLLOUT, monotonic_ns() + kLookUpNs);
  }
  transfer.counters().followed.store(seat.follows(), std::memory_order_relaxed);
  ended_one(transfer);
}

// Whoever sleeps needs to be woken, which takes longer than most answers. After a while without any it sleeps
// all the same: where no processor is free, the other end may be waiting for ours.
void Workers::spin(Transfer& transfer) {
  Haste haste;
  std::int64_t moved_ns = monotonic_ns();
  while (!is_over(transfer)) {
    const Step step = transfer.step(false);
    if (step == Step::ended) break;
    const std::int64_t now_ns = monotonic_ns();
    if (step == Step::moved) moved_ns = now_ns;
    if (haste.may_spin(now_ns) && now_ns - moved_ns < kSpinNs) continue;
    const std::int64_t wake_ns = transfer.wake_ns();
    const std::int64_t until_ns = now_ns + kLookUpNs;
    wait_for(transfer.ready_fd(), POLLIN, wake_ns > 0 ? std::min(wake_ns, until_ns) : until_ns);
    moved_ns = monotonic_ns();
    haste.slept();
  }
  ended_one(transfer);
}

void Workers::run_many(Worker& worker) {
  const bool by_ring = run_by_ring(
      worker.transfers, [this](const Transfer& transfer) { return is_over(transfer); },
      [this](Transfer& transfer) { ended_one(transfer); });
  if (by_ring) return;
  struct Entry {
    Transfer* transfer;
    bool ready = true;
    bool over = false;
  };
  std::vector<Entry> entries;
  const Fd poller(::epoll_create1(EPOLL_CLOEXEC));
  for (std::size_t i = 0; i < worker.transfers.size(); ++i) {
    entries.push_back({worker.transfers[i]});
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u64 = i;
    ::epoll_ctl(poller.get(), EPOLL_CTL_ADD, worker.transfers[i]->ready_fd(), &event);
  }
  Haste haste;
  std::size_t left = entries.size();
  std::array<epoll_event, 64> events;
  while (left > 0) {
    bool any_ready = false;
    bool hurries = false;
    std::int64_t now_ns = 0;
    std::int64_t next_ns = monotonic_ns() + kLookUpNs;
    for (Entry& entry : entries) {
      if (entry.over) continue;
      Transfer& transfer = *entry.transfer;
      if (const std::int64_t wake_ns = entry.ready ? 0 : transfer.wake_ns(); wake_ns > 0)
        entry.ready = wake_ns <= monotonic_ns();
      for (int piece = 0; entry.ready && piece < kPiecesATurn; ++piece) {
        Step step = Step::ended;
        if (!is_over(transfer)) {
          const std::int64_t due_ns = transfer.due_ns();
          if (due_ns > 0) now_ns = monotonic_ns();
          if (due_ns > now_ns && due_ns > 0) {
            next_ns = std::min(next_ns, due_ns);
            hurries =
                hurries || (due_ns - now_ns <= kHurryNs && transfer.hurries() && haste.may_spin(now_ns));
            break;
          }
          step = transfer.step(false);
        }
        if (step == Step::waits) entry.ready = false;
        if (step != Step::ended) continue;
        entry.over = true;
        --left;
        ended_one(transfer);
        break;
      }
      if (!entry.over && entry.ready && transfer.due_ns() == 0) any_ready = true;
      if (entry.over || entry.ready) continue;
      if (const std::int64_t wake_ns = transfer.wake_ns(); wake_ns > 0) next_ns = std::min(next_ns, wake_ns);
    }
    if (left == 0) break;
    if (!any_ready && !hurries) {
      wait_for(poller.get(), POLLIN, next_ns);
      haste.slept();
    }
    const int count = ::epoll_wait(poller.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) entries[events[i].data.u64].ready = true;
    // Those that wait must notice the end too, and a datagram without an answer its time.
    if (count <= 0 && !any_ready && !hurries)
      for (Entry& entry : entries) entry.ready = true;
  }
}

}  // namespace isotach::nettest
