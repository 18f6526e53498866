#include "network/connections/busy_connections.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace isotach::network {
namespace {

using kernel::SocketEntry;

// Finding processes and looking at threads rest that many times as long as they take.
constexpr int kRest = 100;
constexpr std::int64_t kFirstListNs = 500'000'000;

std::uint64_t growth(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : 0;
}

std::uint32_t ports(std::uint16_t local, std::uint16_t remote) {
  return std::uint32_t{local} << 16 | remote;
}

}  // namespace

ListedConnections::Moved ListedConnections::update(const SocketEntry& socket) {
  ++listed_;
  if (!socket.tcp) return {};
  const auto [entry, is_new] = known_.try_emplace(socket.cookie);
  Known& known = entry->second;
  Moved moved;
  if (!is_new) moved = {growth(socket.tcp->bytes_out, known.out), growth(socket.tcp->bytes_in, known.in)};
  known = {socket.tcp->bytes_out, socket.tcp->bytes_in, list_};
  return moved;
}

void ListedConnections::end() {
  const std::size_t listed = std::exchange(listed_, 0);
  if (known_.size() > listed)
    std::erase_if(known_, [this](const auto& entry) { return entry.second.list != list_; });
}

Result<BusyConnections> BusyConnections::open(const kernel::SystemRoot& root, const Options& options) {
  auto socket = kernel::NetlinkSocket::open(NETLINK_SOCK_DIAG);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  auto watch = TransferWatch::open(root, 0, {.both_ends = false, .most = options.most, .rest = kRest});
  if (!watch) return tl::make_unexpected(std::move(watch.error()));
  return BusyConnections(options, std::move(*socket), std::move(*watch));
}

BusyConnections::BusyConnections(const Options& options, kernel::NetlinkSocket socket, TransferWatch watch)
    : options_(options), socket_(std::move(socket)), watch_(std::move(watch)) {}

std::int64_t BusyConnections::deadline_ns() const {
  return watch_.traces().empty() ? next_list_ns_ : std::min(next_list_ns_, next_look_ns_);
}

Result<bool> BusyConnections::step(Clock& clock) {
  const std::int64_t now_ns = clock.now().monotonic_ns;
  const bool first = last_list_ns_ == 0;
  const bool lists = now_ns >= next_list_ns_;
  if (lists) {
    if (auto listed = list(now_ns); !listed) return tl::make_unexpected(std::move(listed.error()));
    choose();
    watch_.forget_before(now_ns - options_.remember_ns);
    // The first tells nothing but where the second begins.
    next_list_ns_ = now_ns + (first ? kFirstListNs : options_.list_every_ns);
  }
  if (!watch_.traces().empty() && now_ns >= next_look_ns_) {
    if (auto sampled = watch_.sample(clock); !sampled) return tl::make_unexpected(std::move(sampled.error()));
    next_look_ns_ = now_ns + kWatchIntervalNs;
  }
  return lists;
}

Result<void> BusyConnections::list(std::int64_t now_ns) {
  const bool first = last_list_ns_ == 0;
  const double seconds = static_cast<double>(now_ns - std::exchange(last_list_ns_, now_ns)) / 1e9;
  const auto least = static_cast<std::uint64_t>(options_.least_bytes_per_second * seconds);
  candidates_.clear();
  count_ = 0;
  listed_.begin();
  auto visited = kernel::visit_sockets(
      socket_, {.protocol = IPPROTO_TCP, .states = kernel::kTransferStates, .memory = false},
      [&](const SocketEntry& socket) {
        ++count_;
        const auto moved = listed_.update(socket);
        const bool stuck = socket.send_queue > 0 || socket.receive_queue > 0;
        if (socket.inode == 0 || first || (moved.out + moved.in < least && !stuck)) return;
        candidates_.push_back({socket, moved.out + moved.in,
                               moved.out > moved.in || (moved.out == moved.in && socket.send_queue > 0)});
      });
  listed_.end();
  return visited;
}

void BusyConnections::choose() {
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.moved > b.moved; });
  std::unordered_multimap<std::uint32_t, std::size_t> by_ports;
  for (std::size_t i = 0; i < candidates_.size(); ++i)
    by_ports.emplace(ports(candidates_[i].socket.local_port, candidates_[i].socket.remote_port), i);
  const auto other_end = [&](const SocketEntry& socket) -> const Candidate* {
    const auto [first, last] = by_ports.equal_range(ports(socket.remote_port, socket.local_port));
    const auto found = std::find_if(first, last, [&](const auto& entry) {
      return are_ends_of_one(socket, candidates_[entry.second].socket);
    });
    return found == last ? nullptr : &candidates_[found->second];
  };
  std::unordered_set<std::uint64_t> chosen;
  std::vector<std::pair<const Candidate*, const Candidate*>> ends;
  left_out_ = 0;
  for (const Candidate& one : candidates_) {
    const Candidate* other = other_end(one.socket);
    // Its sender is, or will be, watched in its place.
    if (other != nullptr && (chosen.contains(other->socket.cookie) || (other->sends && !one.sends))) continue;
    if (chosen.size() >= options_.most) {
      ++left_out_;
      continue;
    }
    chosen.insert(one.socket.cookie);
    ends.emplace_back(&one, other);
  }
  watch_.keep_only(chosen);
  for (const auto& [one, other] : ends) {
    if (other != nullptr)
      watch_.follow(one->socket, other->socket);
    else
      watch_.follow(one->socket);
  }
}

}  // namespace isotach::network
