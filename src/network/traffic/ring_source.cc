#include "network/traffic/methods.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "kernel/packet_ring.h"
#include "kernel/route_link.h"
#include "kernel/socket_filter.h"
#include "network/traffic/accounts.h"
#include "network/traffic/counted_interfaces.h"
#include "network/traffic/frame_counter.h"
#include "network/traffic/interface_watch.h"
#include "network/traffic/owners.h"
#include "network/traffic/socket_lister.h"

namespace isotach::network {
namespace {

constexpr std::size_t kMostInterfaces = 64;
constexpr std::size_t kMostThreads = 4;

// One thread that empties rings and counts what was in them.
class RingWorker {
 public:
  RingWorker(std::uint32_t slot_limit, std::uint64_t seed)
      : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), counter_(slot_limit, kMostInterfaces, seed) {}
  ~RingWorker() {
    stop_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
  }
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void add(kernel::PacketRing ring, std::uint32_t interface, std::uint32_t block, unsigned link_head) {
    const std::lock_guard lock(mutex_);
    rings_.push_back(std::make_unique<Ring>(Ring{std::move(ring), interface, block, link_head}));
    wake();
  }
  void remove(std::uint32_t interface) {
    const std::lock_guard lock(mutex_);
    rings_.erase(std::remove_if(rings_.begin(), rings_.end(),
                                [interface](const auto& ring) { return ring->interface == interface; }),
                 rings_.end());
    wake();
  }
  [[nodiscard]] kernel::TrafficArea switch_buffer(unsigned& buffer) {
    const std::lock_guard lock(mutex_);
    buffer = counter_.switch_buffer();
    return counter_.area(buffer);
  }
  // Since the last call, by interface.
  void take_drops(std::map<std::uint32_t, std::uint64_t>& drops) {
    const std::lock_guard lock(mutex_);
    for (const auto& ring : rings_) drops[ring->interface] += ring->ring.take_drops();
  }

 private:
  struct Ring {
    kernel::PacketRing ring;
    std::uint32_t interface;
    std::uint32_t block;
    unsigned link_head;
  };

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  void run() {
    std::vector<pollfd> waiting;
    while (!stop_) {
      waiting.assign(1, {wake_.get(), POLLIN, 0});
      {
        const std::lock_guard lock(mutex_);
        for (const auto& ring : rings_) waiting.push_back({ring->ring.descriptor(), POLLIN, 0});
      }
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
      std::uint64_t told = 0;
      [[maybe_unused]] const auto size = ::read(wake_.get(), &told, sizeof told);
      const std::lock_guard lock(mutex_);
      for (const auto& ring : rings_)
        ring->ring.read([&](const kernel::RingFrame& frame) {
          counter_.count(frame, ring->interface, ring->block, ring->link_head);
        });
    }
  }

  Fd wake_;
  std::mutex mutex_;
  FrameCounter counter_;                      // under the mutex
  std::vector<std::unique_ptr<Ring>> rings_;  // under the mutex
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class RingSource final : public TrafficSource {
 public:
  RingSource(const TrafficOptions& options, Clock& clock, kernel::RouteSocket routes, std::size_t threads,
             std::uint64_t seed)
      : options_(options),
        clock_(&clock),
        routes_(std::move(routes)),
        lister_(options.processes),
        accounts_(options, seed, static_cast<unsigned>(threads * 2), kMostInterfaces),
        owners_(kernel::SystemRoot()),
        interfaces_(options_, accounts_, kMostInterfaces,
                    {[this](const kernel::RouteLink& link, unsigned block, unsigned link_head) {
                       return listen(link, block, link_head);
                     },
                     [this](std::uint32_t index) {
                       for (const auto& worker : workers_) worker->remove(index);
                     }}) {
    for (std::size_t i = 0; i < threads; ++i)
      workers_.push_back(
          std::make_unique<RingWorker>(std::min(options.flow_limit, TRAFFIC_NUMBER_MASK + 1U), seed));
    fanout_ = static_cast<std::uint16_t>(::getpid());
  }

  [[nodiscard]] Result<void> begin() {
    const auto links = routes_.links();
    if (!links) return tl::make_unexpected(links.error());
    const auto wanted = std::count_if(links->begin(), links->end(), [this](const kernel::RouteLink& link) {
      return wants_interface(options_, link.name);
    });
    ring_bytes_ = (std::size_t{options_.ring_mebibytes} << 20) /
                  (workers_.size() * std::max<std::size_t>(1, static_cast<std::size_t>(wanted)));
    if (auto begun = interfaces_.begin(routes_); !begun) return begun;
    for (const auto& worker : workers_) worker->start();
    return {};
  }

  Result<void> read(TrafficSnapshot& snapshot) override {
    const auto before = read_now(routes_, *clock_);
    if (!before) return tl::make_unexpected(before.error());
    const Instant now = before->now;
    owners_.begin_round();
    std::vector<std::pair<unsigned, kernel::TrafficArea>> areas;
    for (const auto& worker : workers_) {
      unsigned buffer = 0;
      const kernel::TrafficArea area = worker->switch_buffer(buffer);
      areas.emplace_back(buffer, area);
    }
    const auto after = routes_.links();
    if (!after) return tl::make_unexpected(after.error());
    for (unsigned i = 0; i < areas.size(); ++i)
      accounts_.add(i * 2 + areas[i].first, areas[i].second, now.monotonic_ns, owners_);
    std::map<std::uint32_t, std::uint64_t> drops;
    for (const auto& worker : workers_) worker->take_drops(drops);
    for (const auto& [index, count] : drops) interfaces_.add_drops(index, count);
    interfaces_.compare(before->links, *after);
    accounts_.tell_sockets(lister_.list(), owners_);
    accounts_.finish(now.monotonic_ns, owners_, snapshot);
    interfaces_.follow(routes_, *after);
    snapshot.time = now;
    snapshot.method = TrafficMethod::ring;
    snapshot.reason = options_.filter.empty() ? "" : "a filter was given";
    snapshot.remedy.clear();
    snapshot.filter = options_.filter;
    snapshot.missing = interfaces_.missing();
    if (options_.processes)
      snapshot.missing.push_back(
          "Sockets that open and close between two readings belong to no process: they are asked for, not "
          "watched.");
    snapshot.cost_ns = cost_ns();
    return {};
  }

 private:
  static std::uint64_t cost_ns() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
  }

  [[nodiscard]] Result<void> listen(const kernel::RouteLink& link, unsigned block, unsigned link_head) {
    std::vector<sock_filter> filter;
    if (!options_.filter.empty()) {
      auto compiled =
          kernel::compile_socket_filter(options_.filter, link_head, kernel::PacketRing::kSnapLength);
      if (!compiled) return tl::make_unexpected(compiled.error());
      filter = std::move(*compiled);
    }
    kernel::PacketRingOptions ring_options;
    ring_options.interface = link.index;
    ring_options.bytes = ring_bytes_;
    ring_options.filter = filter;
    // Groups are of one interface each.
    if (workers_.size() > 1) ring_options.fanout = static_cast<std::uint16_t>(fanout_ + link.index);
    std::vector<kernel::PacketRing> rings;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto ring = kernel::PacketRing::open(ring_options);
      if (!ring) return tl::make_unexpected(ring.error());
      rings.push_back(std::move(*ring));
    }
    for (std::size_t i = 0; i < workers_.size(); ++i)
      workers_[i]->add(std::move(rings[i]), link.index, block, link_head);
    return {};
  }

  TrafficOptions options_;
  Clock* clock_;
  kernel::RouteSocket routes_;
  SocketLister lister_;
  TrafficAccounts accounts_;
  TrafficOwners owners_;
  CountedInterfaces interfaces_;
  std::size_t ring_bytes_ = 0;
  std::uint16_t fanout_ = 0;
  std::vector<std::unique_ptr<RingWorker>> workers_;  // end first
};

}  // namespace

Result<std::unique_ptr<TrafficSource>> open_ring_source(const TrafficOptions& options, Clock& clock) {
  auto routes = kernel::RouteSocket::open();
  if (!routes) return tl::make_unexpected(routes.error());
  std::random_device random;
  const std::uint64_t seed = std::uint64_t{random()} << 32 | random();
  // A thread takes half a million packets a second and more; those of others would only take time from who
  // sends.
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads = std::clamp<std::size_t>(processors / 2, 1, kMostThreads);
  auto source = std::make_unique<RingSource>(options, clock, std::move(*routes), threads, seed);
  if (auto ok = source->begin(); !ok) return tl::make_unexpected(ok.error());
  return std::unique_ptr<TrafficSource>(std::move(source));
}

}  // namespace isotach::network
