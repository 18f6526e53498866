#include "network/path/prober.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "network/nettest/protocol.h"
#include "network/path/urgent.h"

namespace isotach::path {
namespace {

constexpr int kSafeSegment = 536;  // that every path carries

std::int64_t monotonic_ns() {
  SystemClock clock;
  return clock.now().monotonic_ns;
}

Failure no_partner(const kernel::SocketAddress& to) {
  return failure(ErrorKind::not_supported, "no Isotach answers at " + to.text(),
                 "start one there: isotach nettest -s; without a partner: isotach path --hops " + to.host());
}

nettest::Cookie path_cookie() {
  std::array<std::uint8_t, nettest::kCookieBytes - 1> random{};
  [[maybe_unused]] const ssize_t unused = ::getrandom(random.data(), random.size(), 0);
  nettest::Cookie cookie = nettest::make_cookie(random);
  std::copy(kCookiePrefix.begin(), kCookiePrefix.end(), cookie.begin());
  return cookie;
}

}  // namespace

Result<Prober> Prober::connect(const kernel::SocketAddress& to, std::int64_t limit_ns, SignalWaiter& waiter) {
  auto fd = kernel::new_socket(to, kernel::Transport::tcp);
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  // Reports come over this connection: where large packets vanish they still arrive.
  const int segment = kSafeSegment;
  ::setsockopt(fd->get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  if (auto begun = kernel::begin_connect(fd->get(), to); !begun)
    return tl::make_unexpected(std::move(begun.error()));
  const std::int64_t deadline_ns = monotonic_ns() + limit_ns;
  pollfd writable{fd->get(), POLLOUT, 0};
  const int ready = ::poll(&writable, 1, static_cast<int>(limit_ns / 1'000'000));
  const int error = ready > 0 ? kernel::connection_error(fd->get()) : ETIMEDOUT;
  if (error != 0) {
    auto problem = system_failure(error, "connect to " + to.text()).value();
    if (error == ECONNREFUSED) problem.remedy = no_partner(to).value().remedy;
    return tl::make_unexpected(std::move(problem));
  }
  static_cast<void>(kernel::set_no_delay(fd->get()));
  Prober prober(std::move(*fd), waiter);
  const nettest::Cookie cookie = path_cookie();
  if (auto sent = prober.send_all(std::string(cookie.data(), cookie.size())); !sent)
    return tl::make_unexpected(std::move(sent.error()));
  const auto greeting = prober.read_bytes(1, deadline_ns - monotonic_ns());
  if (!greeting || (*greeting)[0] != kGreeting[0]) return no_partner(to);
  if (auto greeted = prober.greet(deadline_ns - monotonic_ns()); !greeted)
    return tl::make_unexpected(std::move(greeted.error()));
  return prober;
}

Result<void> Prober::greet(std::int64_t limit_ns) {
  const auto rest = read_bytes(kGreeting.size() - 1, limit_ns);
  if (!rest) return tl::make_unexpected(rest.error());
  kernel::SocketAddress local = kernel::local_address(control_.get());
  local.set_port(0);
  auto probes = ProbeSocket::open(local);
  if (!probes) return tl::make_unexpected(std::move(probes.error()));
  probes_ = std::make_unique<ProbeSocket>(std::move(*probes));
  probes_->probe_path_mtu();
  if (auto sent = send_all(message(Hello{probes_->port()})); !sent) return sent;
  const auto content = read_message(MessageType::welcome, limit_ns);
  if (!content) return tl::make_unexpected(content.error());
  const auto welcome = read_welcome(*content);
  if (!welcome) return failure(ErrorKind::failed, "the partner's answer is not understood");
  token_ = welcome->token;
  kernel::SocketAddress peer = kernel::peer_address(control_.get());
  peer.set_port(welcome->udp_port);
  return probes_->connect(peer);
}

Result<void> Prober::send_all(const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t wrote = ::send(control_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (wrote > 0) {
      sent += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      pollfd room{control_.get(), POLLOUT, 0};
      ::poll(&room, 1, 1000);
    } else if (errno != EINTR) {
      return system_failure(errno, "speak to the partner");
    }
  }
  return {};
}

Result<std::string> Prober::read_bytes(std::size_t size, std::int64_t limit_ns) {
  std::string bytes(size, '\0');
  const std::int64_t deadline_ns = monotonic_ns() + limit_ns;
  for (std::size_t got = 0; got < size;) {
    if (waiter_->interrupted()) return failure(ErrorKind::failed, "interrupted");
    const ssize_t some = ::recv(control_.get(), bytes.data() + got, size - got, MSG_DONTWAIT);
    if (some > 0) {
      got += static_cast<std::size_t>(some);
      continue;
    }
    if (some == 0) return failure(ErrorKind::failed, "the partner ended the connection");
    if (errno != EAGAIN && errno != EINTR) return system_failure(errno, "hear from the partner");
    if (monotonic_ns() > deadline_ns) return failure(ErrorKind::failed, "the partner does not answer");
    pollfd readable{control_.get(), POLLIN, 0};
    ::poll(&readable, 1, 100);
  }
  return bytes;
}

Result<std::string> Prober::read_message(MessageType type, std::int64_t limit_ns) {
  const auto bytes = read_bytes(kMessageHead, limit_ns);
  if (!bytes) return bytes;
  const auto head = read_head(*bytes);
  if (!head || head->type != type)
    return failure(ErrorKind::failed, "the partner's answer is not understood");
  return read_bytes(head->size, limit_ns);
}

Result<StreamRecord> Prober::stream(std::size_t wire_bytes, std::uint32_t count, double gap_ns) {
  auto records = exchange({wire_bytes, count, 1, gap_ns, 0});
  if (!records) return tl::make_unexpected(std::move(records.error()));
  return std::move(records->front());
}

Result<std::vector<StreamRecord>> Prober::trains(std::size_t wire_bytes, std::uint32_t count,
                                                 std::uint32_t trains, double rest_ns) {
  return exchange({wire_bytes, count, trains, 0, rest_ns});
}

Result<std::vector<StreamRecord>> Prober::exchange(const Plan& plan) {
  ++stream_;
  auto seen = direction_ == Direction::to_peer ? send_probes(plan) : receive_probes(plan);
  if (!seen) return tl::make_unexpected(std::move(seen.error()));
  const std::uint32_t number = plan.count * plan.trains;
  intrusion_.bytes += plan.wire_bytes * number;
  intrusion_.packets += number;
  if (plan.gap_ns > 0)
    intrusion_.peak_bps =
        std::max(intrusion_.peak_bps, static_cast<double>(plan.wire_bytes) * 8e9 / plan.gap_ns);
  // What was not sent, for we were interrupted, is no loss. One that comes after the next train has begun was
  // overtaken too.
  StreamRecord all;
  all.sent_ns = seen->sent_ns;
  all.arrivals = seen->arrivals;
  count_losses(all, losses_);
  std::vector<StreamRecord> records(plan.trains);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].wire_bytes = plan.wire_bytes;
    records[i].gap_ns = plan.gap_ns;
    const auto from = std::min<std::size_t>(i * plan.count, seen->sent_ns.size());
    const auto to = std::min<std::size_t>(from + plan.count, seen->sent_ns.size());
    records[i].sent_ns.assign(seen->sent_ns.begin() + static_cast<std::ptrdiff_t>(from),
                              seen->sent_ns.begin() + static_cast<std::ptrdiff_t>(to));
  }
  for (Arrival arrival : seen->arrivals) {
    if (arrival.sequence >= seen->sent_ns.size()) continue;
    StreamRecord& record = records[arrival.sequence / plan.count];
    arrival.sequence %= plan.count;
    record.arrivals.push_back(arrival);
  }
  return records;
}

std::int64_t Prober::patience_ns() const {
  return static_cast<std::int64_t>(std::clamp(rtt_ns_ + 60e6, 100e6, 2e9));
}

Result<Prober::Seen> Prober::send_probes(const Plan& plan) {
  Seen seen;
  auto sent =
      probes_->send_trains({stream_, plan.wire_bytes - head_bytes(), plan.count, plan.gap_ns, 0}, plan.trains,
                           plan.rest_ns, token_, [&] { return !waiter_->interrupted(); });
  if (!sent) return tl::make_unexpected(std::move(sent.error()));
  seen.sent_ns = std::move(*sent);
  const ReportRequest request{stream_, static_cast<std::uint32_t>(seen.sent_ns.size()),
                              static_cast<std::uint32_t>(patience_ns() / 1'000'000)};
  if (auto asked = send_all(message(request)); !asked) return tl::make_unexpected(std::move(asked.error()));
  const auto content = read_message(MessageType::records, 30 * kNanosecondsPerSecond);
  if (!content) return tl::make_unexpected(content.error());
  auto records = read_records(*content);
  if (!records || records->stream != stream_)
    return failure(ErrorKind::failed, "the partner's answer is not understood");
  losses_.dropped_by_socket = records->dropped;
  seen.arrivals = std::move(records->arrivals);
  return seen;
}

Result<Prober::Seen> Prober::receive_probes(const Plan& plan) {
  Seen seen;
  const SendRequest request{stream_,
                            static_cast<std::uint16_t>(plan.wire_bytes - head_bytes()),
                            plan.count,
                            plan.trains,
                            static_cast<std::uint64_t>(plan.gap_ns * 1000),
                            static_cast<std::uint64_t>(plan.rest_ns)};
  if (auto asked = send_all(message(request)); !asked) return tl::make_unexpected(std::move(asked.error()));
  const std::size_t number = std::size_t{plan.count} * plan.trains;
  Distinct distinct;
  bool told = false;
  std::int64_t quiet_since_ns = monotonic_ns();
  const std::int64_t limit_ns = static_cast<std::int64_t>(kMostSentNs) + 2 * kNanosecondsPerSecond;
  while (!waiter_->interrupted() && !(told && distinct.count() >= seen.sent_ns.size())) {
    const std::int64_t left_ns = quiet_since_ns + (told ? patience_ns() : limit_ns) - monotonic_ns();
    if (left_ns <= 0) {
      if (!told) return failure(ErrorKind::failed, "the partner does not answer");
      break;
    }
    std::array<pollfd, 2> watched = {{{probes_->fd(), POLLIN, 0}, {told ? -1 : control_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::min<std::int64_t>(left_ns / 1'000'000 + 1, 100)));
    if (watched[0].revents != 0) {
      probes_->receive([&](const ReceivedProbe& received) {
        const Probe& probe = received.probe;
        if (probe.kind != ProbeKind::probe || probe.stream != stream_ || probe.token != token_) return;
        seen.arrivals.push_back({probe.sequence, received.stamp_ns, received.tos});
        distinct.add(probe.sequence);
        quiet_since_ns = monotonic_ns();
      });
      if (!told) ProbeSocket::rest();
      if ((watched[0].revents & POLLERR) != 0) probes_->clear_error();
    }
    if (watched[1].revents == 0) continue;
    const auto content = read_message(MessageType::sent, kNanosecondsPerSecond);
    if (!content) return tl::make_unexpected(content.error());
    auto sent = read_sent(*content);
    if (!sent || sent->stream != stream_ || sent->times_ns.size() > number)
      return failure(ErrorKind::failed, "the partner's answer is not understood");
    seen.sent_ns = std::move(sent->times_ns);
    told = true;
    quiet_since_ns = monotonic_ns();
  }
  losses_.dropped_by_socket = probes_->dropped();
  return seen;
}

std::int64_t Prober::now_ns() const {
  return monotonic_ns();
}

void Prober::wait_until(std::int64_t monotonic) {
  while (!waiter_->interrupted() && monotonic_ns() < monotonic)
    static_cast<void>(waiter_->wait_until(monotonic));
}

Prober::Interface Prober::interface() const {
  const kernel::SocketAddress local = kernel::local_address(probes_->fd());
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != local.storage.ss_family) continue;
    kernel::SocketAddress address;
    address.size = local.size;
    std::memcpy(&address.storage, each->ifa_addr, local.size);
    if (address.host() != local.host()) continue;
    ifreq request{};
    std::strncpy(request.ifr_name, each->ifa_name, IFNAMSIZ - 1);
    if (::ioctl(probes_->fd(), SIOCGIFMTU, &request) == 0) return {each->ifa_name, request.ifr_mtu};
  }
  return {};
}

std::vector<std::optional<Echo>> Prober::echoes(const EchoPlan& plan, const std::function<bool()>& goes_on) {
  const Urgent urgent;
  std::vector<std::optional<Echo>> found(plan.count);
  const std::uint32_t stream = ++stream_;
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  const std::int64_t start_ns = monotonic_ns();
  std::int64_t last_ns = start_ns;
  while (!waiter_->interrupted()) {
    const std::int64_t now_ns = monotonic_ns();
    const bool more = sent < plan.count && (!goes_on || goes_on());
    if (!more && (answered >= sent || now_ns > last_ns + plan.patience_ns)) break;
    const std::int64_t due_ns = start_ns + static_cast<std::int64_t>(sent) * plan.gap_ns;
    if (more && now_ns >= due_ns) {
      if (probes_->send({ProbeKind::echo_request, 0, token_, stream, sent, wall_ns(), 0, 0}, plan.size)) {
        intrusion_.bytes += plan.size + head_bytes();
        ++intrusion_.packets;
      }
      ++sent;
      last_ns = now_ns;
      continue;
    }
    const std::int64_t until_ns = more ? due_ns : last_ns + plan.patience_ns;
    const std::int64_t left_ns = std::max<std::int64_t>(0, until_ns - now_ns);
    const timespec limit{left_ns / kNanosecondsPerSecond, left_ns % kNanosecondsPerSecond};
    pollfd readable{probes_->fd(), POLLIN, 0};
    if (::ppoll(&readable, 1, &limit, nullptr) <= 0) continue;
    probes_->receive([&](const ReceivedProbe& received) {
      const Probe& probe = received.probe;
      if (probe.kind != ProbeKind::echo_answer || probe.stream != stream || probe.token != token_) return;
      if (probe.sequence >= found.size() || found[probe.sequence]) return;
      Echo echo;
      echo.forth_ns = static_cast<double>(probe.received_ns - probe.sent_ns);
      echo.back_ns = static_cast<double>(received.stamp_ns - probe.answered_ns);
      echo.rtt_ns = echo.forth_ns + echo.back_ns;
      echo.tos = probe.tos;
      found[probe.sequence] = echo;
      ++answered;
    });
    // An error of the path (a packet too big) was told: it is read off, so that it does not wake us again.
    if ((readable.revents & POLLERR) != 0) probes_->clear_error();
  }
  found.resize(sent);  // of those that were not asked any more nothing is known
  return found;
}

}  // namespace isotach::path
