#include "network/traffic/methods.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <random>
#include <utility>

#include "kernel/route_link.h"
#include "kernel/traffic_program.h"
#include "network/traffic/accounts.h"
#include "network/traffic/counted_interfaces.h"
#include "network/traffic/interface_watch.h"
#include "network/traffic/owners.h"
#include "network/traffic/socket_lister.h"

namespace isotach::network {
namespace {

constexpr std::int64_t kWalkEveryNs = 5 * kNanosecondsPerSecond;
constexpr std::size_t kOwnerWord = TRAFFIC_COMMAND_BYTES;
// Slots of all processors together, of both buffers: at most 128 MiB, and more only where each has few.
constexpr std::uint32_t kSlotBudget = 1U << 20;
constexpr std::uint32_t kMostSlots = TRAFFIC_NUMBER_MASK + 1U;

std::int64_t processor_time_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * kNanosecondsPerSecond + time.tv_nsec;
}

std::uint32_t power_of_two_from(std::uint32_t value) {
  std::uint32_t power = 1;
  while (power < value && power < 1U << 31) power *= 2;
  return power;
}

class BpfSource final : public TrafficSource {
 public:
  BpfSource(const TrafficOptions& options, Clock& clock, std::unique_ptr<kernel::TrafficProgram> program,
            kernel::RouteSocket routes, std::uint32_t blocks, std::uint64_t seed, bool tracepoints)
      : options_(options),
        clock_(&clock),
        program_(std::move(program)),
        routes_(std::move(routes)),
        accounts_(options, seed, program_->processors() * 2, blocks),
        owners_(kernel::SystemRoot(), [this](std::uint32_t pid) { return remembered(pid); }),
        interfaces_(options_, accounts_, blocks,
                    {[this](const kernel::RouteLink& link, unsigned block, unsigned link_head) {
                       return program_->attach(link.index, block, link_head);
                     },
                     [this](std::uint32_t index) { program_->detach(index); }}) {
    accounts_.take_unknown_for_kernel(program_->marks_all());
    if (tracepoints) lister_.emplace(options.processes);
  }

  [[nodiscard]] Result<void> begin() { return interfaces_.begin(routes_); }

  Result<void> read(TrafficSnapshot& snapshot) override {
    const std::int64_t started_ns = processor_time_ns();
    const auto before = read_now(routes_, *clock_);
    if (!before) return tl::make_unexpected(before.error());
    const Instant now = before->now;
    const auto buffer = program_->switch_buffer();
    if (!buffer) return tl::make_unexpected(buffer.error());
    // The moment lies between both readings, wherever the wait ended; what passed after it is in the other
    // buffer.
    const auto after = routes_.links();
    if (!after) return tl::make_unexpected(after.error());
    owners_.begin_round();
    for (unsigned processor = 0; processor < program_->processors(); ++processor)
      accounts_.add(processor * 2 + *buffer, program_->area(processor, *buffer), now.monotonic_ns, owners_);
    if (lister_) accounts_.tell_sockets(lister_->list(), owners_);
    interfaces_.compare(before->links, *after);
    accounts_.finish(now.monotonic_ns, owners_, snapshot);
    interfaces_.follow(routes_, *after);
    if (options_.processes && now.monotonic_ns - walked_ns_ > kWalkEveryNs) {
      program_->walk_sockets();
      walked_ns_ = now.monotonic_ns;
    }
    snapshot.time = now;
    snapshot.method = TrafficMethod::bpf;
    snapshot.reason.clear();
    snapshot.remedy.clear();
    snapshot.missing = interfaces_.missing();
    snapshot.filter.clear();
    if (lister_ && options_.processes)
      snapshot.missing.push_back(
          "Sockets that only receive are told while they are open: this kernel has no tcx hooks (Linux 6.6), "
          "so "
          "packets are counted at tracepoints.");
    if (!program_->no_owners_because().empty())
      snapshot.missing.push_back(
          "Processes are told only for sockets that are open: " + program_->no_owners_because() + ".");
    cost_ns_ += processor_time_ns() - started_ns;
    snapshot.cost_ns = static_cast<std::uint64_t>(cost_ns_);
    return {};
  }

 private:
  [[nodiscard]] std::optional<std::string> remembered(std::uint32_t pid) const {
    const auto owner = program_->owner(pid);
    if (!owner) return std::nullopt;
    return std::string(owner->command, strnlen(owner->command, kOwnerWord));
  }

  TrafficOptions options_;
  Clock* clock_;
  std::unique_ptr<kernel::TrafficProgram> program_;
  kernel::RouteSocket routes_;
  TrafficAccounts accounts_;
  TrafficOwners owners_;
  std::optional<SocketLister> lister_;  // where the program does not find sockets for what comes in
  CountedInterfaces interfaces_;
  std::int64_t walked_ns_ = 0;
  std::int64_t cost_ns_ = 0;
};

}  // namespace

Result<std::unique_ptr<TrafficSource>> open_bpf_source(const TrafficOptions& options, Clock& clock) {
  if (!options.filter.empty())
    return failure(ErrorKind::not_supported, "filter expressions run in an AF_PACKET ring only");
  auto routes = kernel::RouteSocket::open();
  if (!routes) return tl::make_unexpected(routes.error());
  const auto links = routes->links();
  if (!links) return tl::make_unexpected(links.error());
  std::random_device random;
  const std::uint64_t seed = std::uint64_t{random()} << 32 | random();
  kernel::TrafficProgramOptions program_options;
  // A flow needs its slot at every processor that sees it; one processor may see them all.
  const auto processors = static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
  const std::uint32_t fair = std::max(kSlotBudget / 2 / processors, 4096U);
  program_options.slot_limit = std::min({options.flow_limit, fair, kMostSlots});
  program_options.places_each = power_of_two_from(program_options.slot_limit) * 2;
  program_options.block_count =
      static_cast<std::uint32_t>(std::min<std::size_t>(1024, std::max<std::size_t>(32, links->size() * 2)));
  program_options.hash_seed = seed;
  program_options.find_owners = options.processes;
  const auto open_with = [&](kernel::TrafficHooks hooks) -> Result<std::unique_ptr<TrafficSource>> {
    program_options.hooks = hooks;
    auto program = kernel::TrafficProgram::load(program_options);
    if (!program) return tl::make_unexpected(program.error());
    auto own_routes = kernel::RouteSocket::open();
    if (!own_routes) return tl::make_unexpected(own_routes.error());
    auto source = std::make_unique<BpfSource>(options, clock, std::move(*program), std::move(*own_routes),
                                              program_options.block_count, seed,
                                              hooks == kernel::TrafficHooks::tracepoints);
    if (auto ok = source->begin(); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<TrafficSource>(std::move(source));
  };
  if (options.tracepoints) return open_with(kernel::TrafficHooks::tracepoints);
  auto source = open_with(kernel::TrafficHooks::tcx);
  if (source || source.error().kind == ErrorKind::not_permitted) return source;
  auto traced = open_with(kernel::TrafficHooks::tracepoints);
  return traced ? std::move(traced) : std::move(source);
}

}  // namespace isotach::network
