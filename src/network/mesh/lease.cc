#include "network/mesh/lease.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace isotach::mesh {
namespace {

constexpr std::string_view kGreeting = "isotach-mesh 1 ";
constexpr std::int64_t kMillisecondNs = 1'000'000;

std::int64_t monotonic_now_ns() {
  return SystemClock().now().monotonic_ns;
}

int milliseconds_until(std::int64_t deadline_ns, std::int64_t now_ns) {
  return static_cast<int>(std::clamp<std::int64_t>((deadline_ns - now_ns) / kMillisecondNs + 1, 0, 60'000));
}

// Waits until `fd` is ready; false when the time has passed.
bool ready_by(int fd, short events, std::int64_t limit_ns) {
  for (;;) {
    const std::int64_t now_ns = monotonic_now_ns();
    if (now_ns >= limit_ns) return false;
    pollfd one = {fd, events, 0};
    if (::poll(&one, 1, milliseconds_until(limit_ns, now_ns)) > 0) return true;
  }
}

}  // namespace

std::optional<std::string> name_of_request(std::string_view line) {
  if (!line.starts_with(kGreeting)) return std::nullopt;
  const std::string_view name = line.substr(kGreeting.size());
  if (name.empty() || name.size() > kLongestLine || printable(name) != name) return std::nullopt;
  return std::string(name);
}

class LeaseKeeper::Service {
 public:
  Service(Fd listener, Fd stop, Options options)
      : listener_(std::move(listener)), stop_(std::move(stop)), options_(std::move(options)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Service() {
    const std::uint64_t one = 1;
    static_cast<void>(::write(stop_.get(), &one, sizeof one));
    thread_.join();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] int listener() const { return listener_.get(); }

  [[nodiscard]] bool take(const std::string& holder) {
    const std::lock_guard lock(mutex_);
    if (holder_) return false;
    holder_ = holder;
    own_ = true;
    return true;
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    if (own_) holder_.reset();
    own_ = false;
  }
  [[nodiscard]] std::optional<std::string> holder() const {
    const std::lock_guard lock(mutex_);
    return holder_;
  }

 private:
  struct Connection {
    Fd fd;
    std::string request;
    std::int64_t deadline_ns = 0;
    bool holds = false;
    bool over = false;
  };

  void serve() {
    std::vector<pollfd> polled;
    for (;;) {
      polled.clear();
      polled.push_back({stop_.get(), POLLIN, 0});
      const bool room = connections_.size() < kMostConnections;
      polled.push_back({room ? listener_.get() : -1, POLLIN, 0});
      std::int64_t next_ns = monotonic_now_ns() + 60'000 * kMillisecondNs;
      for (const Connection& one : connections_) {
        polled.push_back({one.fd.get(), POLLIN, 0});
        next_ns = std::min(next_ns, one.deadline_ns);
      }
      const int ready = ::poll(polled.data(), polled.size(), milliseconds_until(next_ns, monotonic_now_ns()));
      if (ready < 0 && errno != EINTR) return;
      if (polled[0].revents != 0) return;
      for (std::size_t i = 0; i < connections_.size(); ++i)
        if (ready > 0 && polled[i + 2].revents != 0) hear(connections_[i]);
      if (ready > 0 && polled[1].revents != 0) welcome();
      drop_what_is_over();
    }
  }

  void welcome() {
    kernel::SocketAddress peer;
    auto accepted = kernel::accept_next(listener_.get(), peer);
    if (!accepted || !*accepted) return;
    const bool member =
        std::any_of(options_.members.begin(), options_.members.end(),
                    [&](const kernel::SocketAddress& one) { return one.host() == peer.host(); });
    if (!member) {
      say(**accepted, "no your address is not in the mesh file of this host");
      return;
    }
    connections_.push_back({std::move(**accepted), {}, monotonic_now_ns() + kRequestLimitNs, false, false});
  }

  void hear(Connection& connection) {
    char buffer[kLongestLine];
    const ssize_t size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // Who holds the lease says nothing more: the end of the connection gives it back.
    if (size <= 0 || connection.holds) {
      connection.over = true;
      return;
    }
    connection.request.append(buffer, static_cast<std::size_t>(size));
    const std::size_t end = connection.request.find('\n');
    if (end == std::string::npos) {
      connection.over = connection.request.size() >= kLongestLine;
      return;
    }
    answer(connection, std::string_view(connection.request).substr(0, end));
  }

  void answer(Connection& connection, std::string_view line) {
    connection.over = true;
    const auto name = name_of_request(line);
    if (!name) return say(connection.fd, "no this is the lease port of an isotach mesh");
    {
      const std::lock_guard lock(mutex_);
      if (holder_) return say(connection.fd, "busy " + *holder_);
      holder_ = *name;
    }
    connection.holds = true;
    connection.over = false;
    connection.deadline_ns = monotonic_now_ns() + options_.longest_ns;
    say(connection.fd, "go");
  }

  // A line fits into the buffer of any socket.
  static void say(const Fd& fd, const std::string& line) {
    const std::string text = line.substr(0, kLongestLine - 1) + '\n';
    static_cast<void>(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }

  void drop_what_is_over() {
    const std::int64_t now_ns = monotonic_now_ns();
    std::erase_if(connections_, [&](const Connection& one) {
      if (!one.over && now_ns < one.deadline_ns) return false;
      const std::lock_guard lock(mutex_);
      if (one.holds && !own_) holder_.reset();
      return true;
    });
  }

  Fd listener_;
  Fd stop_;
  Options options_;
  std::vector<Connection> connections_;  // of the thread alone

  mutable std::mutex mutex_;
  std::optional<std::string> holder_;
  bool own_ = false;
  std::thread thread_;
};

LeaseKeeper::LeaseKeeper(std::unique_ptr<Service> service) : service_(std::move(service)) {}
LeaseKeeper::~LeaseKeeper() = default;

Result<std::unique_ptr<LeaseKeeper>> LeaseKeeper::listen(const kernel::SocketAddress& address,
                                                         Options options) {
  auto listener = kernel::listen_tcp(address);
  if (!listener) return tl::make_unexpected(std::move(listener.error()));
  Fd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.is_open()) return system_failure(errno, "make an eventfd");
  return std::unique_ptr<LeaseKeeper>(
      new LeaseKeeper(std::make_unique<Service>(std::move(*listener), std::move(stop), std::move(options))));
}

kernel::SocketAddress LeaseKeeper::address() const {
  return kernel::local_address(service_->listener());
}
bool LeaseKeeper::take(const std::string& for_what) {
  return service_->take(for_what);
}
void LeaseKeeper::give_back() {
  service_->give_back();
}
std::optional<std::string> LeaseKeeper::holder() const {
  return service_->holder();
}

Result<std::optional<Lease>> ask_for_lease(const kernel::SocketAddress& from, const kernel::SocketAddress& of,
                                           const std::string& name, std::int64_t limit_ns) {
  const auto silent = [&] {
    return failure(ErrorKind::failed, of.text() + " does not answer",
                   "does isotach mesh run there, with the same file?");
  };
  auto fd = kernel::new_socket(of, kernel::Transport::tcp);
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  if (auto bound = kernel::bind_to(fd->get(), from); !bound)
    return tl::make_unexpected(std::move(bound.error()));
  if (auto begun = kernel::begin_connect(fd->get(), of); !begun)
    return tl::make_unexpected(std::move(begun.error()));
  if (!ready_by(fd->get(), POLLOUT, limit_ns)) return silent();
  if (const int error = kernel::connection_error(fd->get()); error != 0)
    return system_failure(error, "connect to " + of.text(),
                          "does isotach mesh run there, with the same file?");
  const std::string request = fmt::format("{}{}\n", kGreeting, name);
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return system_failure(errno, "ask " + of.text());

  std::string answer;
  while (answer.find('\n') == std::string::npos && answer.size() < kLongestLine) {
    if (!ready_by(fd->get(), POLLIN, limit_ns)) return silent();
    char buffer[kLongestLine];
    const ssize_t size = ::recv(fd->get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(size));
  }
  const std::string_view line = std::string_view(answer).substr(0, answer.find('\n'));
  if (line == "go") return std::optional<Lease>(Lease(std::move(*fd)));
  if (line.starts_with("busy")) return std::optional<Lease>();
  return failure(ErrorKind::failed, fmt::format("{} refuses: {}", of.text(),
                                                line.empty() ? "it closed the connection" : printable(line)));
}

}  // namespace isotach::mesh
