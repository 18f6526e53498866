#include "network/path/responder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/clock.h"
#include "network/path/probe_socket.h"
#include "network/path/urgent.h"
#include "network/path/wire.h"

namespace isotach::path {
namespace {

constexpr int kSilentMs = 120'000;
constexpr std::uint32_t kMostPatienceMs = 5000;
constexpr std::size_t kMostRequestBytes = 64;

class Responder {
 public:
  Responder(Fd control, int stop_fd) : control_(std::move(control)), stop_fd_(stop_fd) {}

  void run() {
    const Urgent urgent;
    if (!send_all(std::string(kGreeting))) return;
    while (true) {
      std::array<pollfd, 3> watched = {{{stop_fd_, POLLIN, 0}, {control_.get(), POLLIN, 0}, {-1, POLLIN, 0}}};
      if (probes_) watched[2].fd = probes_->fd();
      const int limit_ms = asked_ ? static_cast<int>(asked_->patience_ms) : kSilentMs;
      const int ready = ::poll(watched.data(), watched.size(), limit_ms);
      if (ready < 0 && errno == EINTR) continue;
      if (watched[0].revents != 0) return;
      if (ready == 0 && !asked_) return;
      if (watched[2].revents != 0 && take_probes() && !asked_) ProbeSocket::rest();
      if (ready == 0 || (asked_ && is_complete())) {
        if (asked_ && !answer()) return;
      }
      if (watched[1].revents != 0 && !take_request()) return;
    }
  }

 private:
  bool send_all(const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t wrote = ::send(control_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (wrote > 0) {
        sent += static_cast<std::size_t>(wrote);
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return false;
      pollfd room{control_.get(), POLLOUT, 0};
      if (::poll(&room, 1, kSilentMs) <= 0) return false;
    }
    return true;
  }

  bool take_request() {
    std::array<char, 512> buffer;
    const ssize_t got = ::recv(control_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;
    waiting_.append(buffer.data(), static_cast<std::size_t>(got));
    while (waiting_.size() >= kMessageHead) {
      const auto head = read_head(waiting_);
      if (!head || head->size > kMostRequestBytes) return false;
      if (waiting_.size() < kMessageHead + head->size) return true;
      const std::string content = waiting_.substr(kMessageHead, head->size);
      waiting_.erase(0, kMessageHead + head->size);
      if (!obey(head->type, content)) return false;
    }
    return true;
  }

  bool obey(MessageType type, const std::string& content) {
    if (type == MessageType::hello) {
      const auto hello = read_hello(content);
      return hello && !probes_ && greet(*hello);
    }
    if (type == MessageType::send) {
      const auto wanted = read_send_request(content);
      return wanted && probes_ && is_within_bounds(*wanted) && send_probes(*wanted);
    }
    const auto request = type == MessageType::report ? read_report_request(content) : std::nullopt;
    if (!request || !probes_) return false;
    asked_ = request;
    asked_->patience_ms = std::clamp<std::uint32_t>(asked_->patience_ms, 1, kMostPatienceMs);
    static_cast<void>(take_probes());
    return !is_complete() || answer();
  }

  // A socket on the server's own port, which firewalls let pass; it is connected, so that it gets what comes
  // from this client and nothing else.
  bool greet(const Hello& hello) {
    const kernel::SocketAddress local = kernel::local_address(control_.get());
    auto probes = ProbeSocket::open(local);
    if (!probes) return false;
    kernel::SocketAddress peer = kernel::peer_address(control_.get());
    peer.set_port(hello.udp_port);
    if (!probes->connect(peer)) return false;
    probes_.emplace(std::move(*probes));
    probes_->probe_path_mtu();
    if (::getrandom(&token_, sizeof token_, 0) != sizeof token_) return false;
    return send_all(message(Welcome{probes_->port(), token_}));
  }

  // Only to a client whose address the control connection has proven, and that asked for it over that.
  bool send_probes(const SendRequest& wanted) {
    const ProbeStream stream{wanted.stream, wanted.payload_bytes, wanted.count,
                             static_cast<double>(wanted.gap_ps) / 1000, 0};
    const auto goes_on = [this] {
      std::array<pollfd, 2> watched = {{{stop_fd_, POLLIN, 0}, {control_.get(), POLLRDHUP, 0}}};
      return ::poll(watched.data(), watched.size(), 0) == 0;
    };
    auto sent =
        probes_->send_trains(stream, wanted.trains, static_cast<double>(wanted.rest_ns), token_, goes_on);
    return send_all(message(Sent{wanted.stream, sent ? std::move(*sent) : std::vector<std::int64_t>()}));
  }

  // Whether there were any but echoes, which are answered at once.
  bool take_probes() {
    bool any = false;
    probes_->receive([&](const ReceivedProbe& received) {
      Probe probe = received.probe;
      if (probe.token != token_) return;
      if (probe.kind == ProbeKind::echo_request) {
        probe.kind = ProbeKind::echo_answer;
        probe.tos = received.tos;
        probe.received_ns = received.stamp_ns;
        probe.answered_ns = wall_ns();
        static_cast<void>(probes_->send(probe, kProbeBytes));
        return;
      }
      if (probe.kind != ProbeKind::probe) return;
      if (probe.stream != records_.stream) {
        if (probe.stream < records_.stream) return;  // of a stream that is over
        records_ = {probe.stream, 0, {}};
        distinct_.clear();
      }
      any = true;
      distinct_.add(probe.sequence);
      if (records_.arrivals.size() < kMostRecords)
        records_.arrivals.push_back({probe.sequence, received.stamp_ns, received.tos});
    });
    return any;
  }

  [[nodiscard]] bool is_complete() const {
    return asked_ && records_.stream == asked_->stream && distinct_.count() >= asked_->sent;
  }

  bool answer() {
    static_cast<void>(take_probes());  // a copy of the last may have come with it
    Records records = records_.stream == asked_->stream ? records_ : Records{asked_->stream, 0, {}};
    records.dropped = probes_->dropped();
    asked_.reset();
    return send_all(message(records));
  }

  Fd control_;
  int stop_fd_;
  std::string waiting_;
  std::optional<ProbeSocket> probes_;
  std::uint64_t token_ = 0;
  Records records_;
  Distinct distinct_;
  std::optional<ReportRequest> asked_;
};

}  // namespace

Responders::Responders() : stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Responders::~Responders() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t unused = ::write(stop_.get(), &one, sizeof one);
  for (Worker& worker : workers_)
    if (worker.thread.joinable()) worker.thread.join();
}

void Responders::remove_ended() {
  for (auto at = workers_.begin(); at != workers_.end();) {
    if (at->ended) {
      at->thread.join();
      at = workers_.erase(at);
    } else {
      ++at;
    }
  }
}

void Responders::start(Fd control) {
  remove_ended();
  if (workers_.size() >= kMost || !stop_.is_open()) return;
  Worker& worker = workers_.emplace_back();
  worker.thread = std::thread([&worker, stop = stop_.get(), fd = control.release()] {
    Responder(Fd(fd), stop).run();
    worker.ended = true;
  });
}

}  // namespace isotach::path
