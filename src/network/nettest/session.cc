#include "network/nettest/session.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "network/nettest/stream_setup.h"

namespace isotach::nettest {
namespace {

constexpr std::int64_t kSecond = kNanosecondsPerSecond;
constexpr std::int64_t kSetUpLimitNs = 10 * kSecond;
constexpr std::int64_t kStreamsLimitNs = 20 * kSecond;
// Beyond the time a test asked for: its client may be slow to say that it ends.
constexpr std::int64_t kGraceNs = 20 * kSecond;
// Nothing moves on any stream, and no end is in sight.
constexpr std::int64_t kStallNs = 60 * kSecond;
constexpr std::int64_t kSettleStepNs = 1'000'000;
constexpr std::int64_t kIntervalNs = kSecond;
constexpr std::int64_t kTurnNs = 25'000'000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr int kLivenessS = 20;
// What a client that does not read may make us keep.
constexpr std::size_t kOutgoingLimitBytes = std::size_t{256} * 1024;

}  // namespace

Session::Session(std::uint64_t number, Fd control, Fd notify, const Cookie& cookie,
                 const kernel::SocketAddress& peer, Clock& clock, SessionObserver& observer)
    : number_(number),
      control_(std::move(control)),
      notify_(std::move(notify)),
      cookie_(cookie),
      peer_(peer),
      clock_(clock),
      observer_(observer),
      workers_(notify_.get()),
      measurement_(workers_, facts_.streams) {}

Session::~Session() = default;

void Session::begin() {
  kernel::watch_liveness(control_.get(), kLivenessS);
  static_cast<void>(kernel::set_no_delay(control_.get()));
  facts_.cookie = cookie_text(cookie_);
  facts_.peer = peer_;
  facts_.control_mss = kernel::mss_of(control_.get());
  send_state(State::parameter_exchange);
  frames_.expect_json(kParametersLimitBytes);
  const std::int64_t now_ns = monotonic_ns();
  deadline_ns_ = now_ns + kSetUpLimitNs;
  schedule(now_ns);
}

void Session::send(std::string_view bytes) {
  outgoing_.append(bytes);
  flush();
}

void Session::send_state(State state) {
  const char byte = static_cast<char>(state);
  send(std::string_view(&byte, 1));
}

void Session::flush() {
  while (!outgoing_.empty()) {
    const ssize_t sent =
        ::send(control_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      outgoing_.erase(0, static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && (errno == EAGAIN || errno == EINTR) && outgoing_.size() <= kOutgoingLimitBytes) return;
    outgoing_.clear();  // reading will tell why
    break;
  }
  if (closing_) stage_ = Stage::closed;
}

void Session::expect_state() {
  frames_.expect_bytes(1);
}

void Session::control_ready(bool readable) {
  flush();
  std::array<char, 16384> buffer;
  while (readable && stage_ != Stage::closed && !closing_) {
    const std::size_t wanted = frames_.wanted();
    if (wanted == 0) {
      if (frames_.broken()) refuse(has_run_ ? kErrorResults : kErrorParameters, 0);
      return;  // until a later stage expects more
    }
    const ssize_t got = ::recv(control_.get(), buffer.data(), std::min(buffer.size(), wanted), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      if (stage_ == Stage::done) {
        finish(std::nullopt);
      } else {
        finish(got < 0 ? system_failure(errno, "hear from the client").value()
                       : Error{ErrorKind::failed, 0, "the client went away", {}});
      }
      return;
    }
    frames_.add({buffer.data(), static_cast<std::size_t>(got)});
    if (const auto frame = frames_.take()) on_frame(*frame);
  }
}

void Session::on_frame(const std::string& frame) {
  if (stage_ == Stage::parameters) {
    on_parameters(frame);
  } else if (stage_ == Stage::results && frame.size() > 1) {
    on_results(frame);
  } else {
    on_state(static_cast<State>(frame[0]));
  }
}

void Session::send_refusal(int error, int errno_value) {
  send_state(State::server_error);
  send(be32(static_cast<std::uint32_t>(error)) + be32(static_cast<std::uint32_t>(errno_value)));
}

void Session::refuse(int error, int errno_value) {
  send_refusal(error, errno_value);
  finish(Error{ErrorKind::failed, 0, "refused: " + server_error_text(error, errno_value), {}});
}

void Session::on_parameters(const std::string& json) {
  auto parameters = read_parameters(json);
  if (!parameters) {
    refuse(parameters.error(), 0);
    return;
  }
  if (users_ != nullptr) {
    const auto user = allowed_user(*users_, parameters->token, clock_.now().wall_ns / kNanosecondsPerSecond);
    if (!user) {
      // Stock clients print what the number means, and learn no more than that.
      send_refusal(kErrorNotAllowed, 0);
      finish(user.error());
      return;
    }
  }
  parameters->token.clear();
  facts_.parameters = *parameters;
  if (facts_.parameters.length == 0)
    facts_.parameters.length = facts_.parameters.udp ? kDefaultUdpLength : kDefaultTcpLength;
  expect_state();
  // Datagrams of a stock client do not say which test they belong to.
  if (facts_.parameters.udp && !facts_.parameters.isotach) {
    stage_ = Stage::turn;
    deadline_ns_ = monotonic_ns() + kStreamsLimitNs;
  } else {
    start_streams();
  }
  schedule(monotonic_ns());
}

std::int64_t Session::turn_limit_ns() const {
  const auto tcp = kernel::read_tcp_info(control_.get());
  return kTurnNs + (tcp ? std::int64_t{tcp->rtt_us} * 3000 : 0);
}

void Session::give_turn() {
  start_streams();
  schedule(monotonic_ns());
}

void Session::start_streams() {
  stage_ = Stage::streams;
  turn_from_ns_ = monotonic_ns();
  deadline_ns_ = turn_from_ns_ + kStreamsLimitNs;
  send_state(State::create_streams);
}

bool Session::needs_streams() const {
  return stage_ == Stage::streams &&
         static_cast<int>(facts_.streams.size()) < stream_count(facts_.parameters);
}

std::vector<int> Session::waiting_streams() const {
  std::vector<int> descriptors;
  if (stage_ == Stage::streams && facts_.parameters.udp)
    for (const StreamFacts& stream : facts_.streams) descriptors.push_back(stream.socket);
  return descriptors;
}

void Session::add_stream(Fd fd) {
  if (!needs_streams()) return;
  const int index = static_cast<int>(facts_.streams.size());
  const bool v6 = peer_.is_v6();
  if (auto set = set_up_stream(fd.get(), v6, facts_.parameters); !set) {
    refuse(facts_.parameters.window != 0 ? 141 : kErrorUnsupported, set.error().errno_value);
    return;
  }
  if (facts_.parameters.transaction != Transaction::none && !facts_.parameters.udp) {
    // The buffer of a new connection is empty: this never comes short.
    if (::send(fd.get(), kTransactionGreeting.data(), kTransactionGreeting.size(), MSG_NOSIGNAL) < 0) return;
  }
  StreamFacts stream;
  stream.id = stream_id(index);
  stream.sender = !client_sends(facts_.parameters, index);
  stream.socket = fd.get();
  stream.local = kernel::local_address(fd.get());
  stream.peer = kernel::peer_address(fd.get());
  if (index == 0) {
    report_.local_congestion = facts_.parameters.udp ? "" : kernel::congestion_of(fd.get());
    facts_.send_buffer_bytes = kernel::send_buffer_of(fd.get());
    facts_.receive_buffer_bytes = kernel::receive_buffer_of(fd.get());
    if (facts_.parameters.udp) facts_.path_mtu = kernel::path_mtu_of(fd.get(), v6);
  }
  DataPlan plan = plan_of(facts_.parameters);
  // Connections of their own are answered by the server: these only stay open.
  if (makes_connections(plan.transaction)) plan.transaction = Transaction::request_response;
  workers_.add(make_transfer(std::move(fd), plan, stream.sender, workers_.control()));
  facts_.streams.push_back(stream);
  if (!needs_streams()) start_test();
}

void Session::start_test() {
  facts_.start = clock_.now();
  facts_.duration_s = facts_.parameters.time_s;
  facts_.wanted_buffer_bytes = facts_.parameters.window;
  const std::int64_t now_ns = monotonic_ns();
  test_from_ns_ = now_ns;
  moved_ns_ = now_ns;
  omitted_until_ns_ = facts_.parameters.omit_s > 0 ? now_ns + facts_.parameters.omit_s * kSecond : 0;
  interval_due_ns_ = now_ns + kIntervalNs;
  deadline_ns_ = facts_.parameters.time_s == 0
                     ? kNever
                     : now_ns + (facts_.parameters.time_s + facts_.parameters.omit_s) * kSecond + kGraceNs;
  if (facts_.parameters.reverse) limit_transfers(facts_.parameters, workers_.control());
  host_cpu_.begin();
  cpu_before_ = thread_cpu();
  measurement_.begin(now_ns);
  stage_ = Stage::running;
  has_run_ = true;
  send_state(State::test_start);
  send_state(State::test_running);
  if (auto started = workers_.start(facts_.parameters.threads); !started) {
    refuse(kErrorStreamLimit, started.error().errno_value);
    return;
  }
  observer_.started(number_, facts_);
  schedule(now_ns);
}

void Session::count_transaction() {
  ++connect_transactions_;
  moved_ns_ = monotonic_ns();
}

void Session::on_state(State state) {
  if (state == State::client_terminate) {
    finish(Error{ErrorKind::failed, 0, "the client ended the test early", {}});
  } else if (state == State::test_end && stage_ == Stage::running) {
    end_test(monotonic_ns());
  } else if (state == State::done && stage_ == Stage::done) {
    finish(std::nullopt);
  } else if (state == State::done) {
    finish(Error{ErrorKind::failed, 0, "the client gave the test up", {}});
  } else {
    finish(Error{ErrorKind::failed,
                 0,
                 fmt::format("the client said {} where it has no meaning", static_cast<int>(state)),
                 {}});
  }
}

void Session::finish(std::optional<Error> error) {
  if (stage_ == Stage::closed || closing_) return;
  if (has_run_) {
    workers_.stop();
    workers_.join();
    if (stage_ == Stage::running) measurement_.end(monotonic_ns());
    finish_report(peer_results_ ? &*peer_results_ : nullptr);
  }
  observer_.ended(number_, has_run_ ? &facts_ : nullptr, has_run_ ? &report_ : nullptr, error);
  closing_ = true;
  // A refusal may still have to be written, for a moment.
  deadline_ns_ = monotonic_ns() + kSecond;
  next_tick_ns_ = deadline_ns_;
  flush();
}

void Session::terminate() {
  if (stage_ == Stage::closed || closing_) return;
  send_state(State::server_terminate);
  finish(Error{ErrorKind::failed, 0, "this server was ended", {}});
}

void Session::tick(std::int64_t now_ns) {
  if (stage_ == Stage::closed) return;
  if (closing_) {
    if (now_ns >= deadline_ns_) stage_ = Stage::closed;
    return;
  }
  if (now_ns >= deadline_ns_) {
    const char* text = stage_ == Stage::parameters ? "the client sent no parameters in time"
                       : stage_ == Stage::streams || stage_ == Stage::turn
                           ? "the client opened no streams in time"
                       : stage_ == Stage::running ? "the client did not end the test in time"
                                                  : "the client did not tell its results in time";
    finish(Error{ErrorKind::failed, 0, text, {}});
    return;
  }
  if (stage_ == Stage::running) {
    if (omitted_until_ns_ != 0 && now_ns >= omitted_until_ns_) {
      observer_.interval(number_, facts_, measurement_.cut(now_ns, true));
      measurement_.end_omitted(now_ns);
      omitted_until_ns_ = 0;
      interval_due_ns_ = now_ns + kIntervalNs;
    } else if (now_ns >= interval_due_ns_) {
      const IntervalReport interval = measurement_.cut(now_ns, omitted_until_ns_ != 0);
      observer_.interval(number_, facts_, interval);
      interval_due_ns_ += ((now_ns - interval_due_ns_) / kIntervalNs + 1) * kIntervalNs;
      std::uint64_t bytes = 0;
      for (std::size_t i = 0; i < facts_.streams.size(); ++i) bytes += measurement_.bytes_of(i);
      if (bytes != bytes_seen_) moved_ns_ = now_ns;
      bytes_seen_ = bytes;
      if (now_ns - moved_ns_ > kStallNs) {
        finish(Error{ErrorKind::failed, 0, "nothing came over any stream for a minute", {}});
        return;
      }
    }
  }
  if (stage_ == Stage::settling) settle();
  schedule(now_ns);
}

void Session::schedule(std::int64_t now_ns) {
  next_tick_ns_ = deadline_ns_;
  if (stage_ == Stage::running) {
    next_tick_ns_ = std::min(next_tick_ns_, interval_due_ns_);
    if (omitted_until_ns_ != 0) next_tick_ns_ = std::min(next_tick_ns_, omitted_until_ns_);
  }
  if (stage_ == Stage::settling) next_tick_ns_ = std::min(next_tick_ns_, now_ns + kSettleStepNs);
}

}  // namespace isotach::nettest
