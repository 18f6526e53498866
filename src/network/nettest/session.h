// One test at the server, from its parameters to its end. Never blocks: the server calls it when something
// has come, and when a deadline has passed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "kernel/socket.h"
#include "network/nettest/authentication.h"
#include "network/nettest/frame_reader.h"
#include "network/nettest/measure.h"
#include "network/nettest/protocol.h"
#include "network/nettest/report.h"
#include "network/nettest/workers.h"

namespace isotach::nettest {

class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  virtual void started(std::uint64_t test, const TestFacts& facts) = 0;
  virtual void interval(std::uint64_t test, const TestFacts& facts, const IntervalReport& interval) = 0;
  // All of a test that would be printed until now, and its end; for a client that asks for it.
  [[nodiscard]] virtual std::string output(std::uint64_t /*test*/, const TestFacts& /*facts*/,
                                           const TestReport& /*report*/) {
    return {};
  }
  // `facts` is nothing where the test did not begin; `error` where it did not come to its proper end.
  virtual void ended(std::uint64_t test, const TestFacts* facts, const TestReport* report,
                     const std::optional<Error>& error) = 0;
};

class Session {
 public:
  enum class Stage : std::uint8_t {
    parameters,  // its cookie has come
    turn,        // waits to be the only one whose datagrams are expected from its host
    streams,     // create_streams was sent
    running,     // test_running was sent
    results,     // exchange_results was sent
    settling,    // the client's results are here: what is in flight still comes
    done,        // our results were sent
    closed,
  };

  // `notify_fd`: an eventfd for the worker threads.
  Session(std::uint64_t number, Fd control, Fd notify, const Cookie& cookie,
          const kernel::SocketAddress& peer, Clock& clock, SessionObserver& observer);
  ~Session();

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] int control_fd() const { return control_.get(); }
  [[nodiscard]] int notify_fd() const { return notify_.get(); }
  [[nodiscard]] const Cookie& cookie() const { return cookie_; }
  [[nodiscard]] const kernel::SocketAddress& peer() const { return peer_; }
  [[nodiscard]] const TestParameters& parameters() const { return facts_.parameters; }
  [[nodiscard]] bool has_run() const { return has_run_; }
  // Something waits to be written to the control connection.
  [[nodiscard]] bool wants_to_write() const { return !outgoing_.empty(); }

  // Only users of this list may test; `list` outlives the session.
  void ask_for_user(const AuthenticationOptions& list) { users_ = &list; }
  // Greets the client: parameters are due.
  void begin();
  void control_ready(bool readable);
  // A connection that began with our cookie, while stage() is streams.
  void add_stream(Fd fd);
  [[nodiscard]] bool needs_streams() const;
  // An answered transaction over a connection of its own (Transaction::connect).
  void count_transaction();
  void notified();
  // Deadlines.
  void tick(std::int64_t now_ns);
  [[nodiscard]] std::int64_t next_tick_ns() const { return next_tick_ns_; }
  // The server ends: the client is told.
  void terminate();

  // Only one test at a time may expect datagrams without a cookie from a host. For how long it may be so:
  [[nodiscard]] std::int64_t turn_limit_ns() const;
  [[nodiscard]] std::int64_t turn_from_ns() const { return turn_from_ns_; }
  void give_turn();
  // Where the client sends its hello again: descriptors of the streams that stand, in stage streams.
  [[nodiscard]] std::vector<int> waiting_streams() const;

 private:
  void on_frame(const std::string& frame);
  void on_parameters(const std::string& json);
  void on_state(State state);
  void on_results(const std::string& json);
  void start_streams();
  void start_test();
  void end_test(std::int64_t now_ns);
  void settle();
  void tell_results();
  [[nodiscard]] bool all_in(std::int64_t now_ns) const;
  void refuse(int error, int errno_value);
  void send_refusal(int error, int errno_value);
  void finish(std::optional<Error> error);
  void send(std::string_view bytes);
  void send_state(State state);
  void flush();
  void expect_state();
  void schedule(std::int64_t now_ns);
  void finish_report(const PeerResults* peer);
  CpuShare our_cpu();

  std::uint64_t number_;
  Fd control_;
  Fd notify_;
  Cookie cookie_;
  kernel::SocketAddress peer_;
  Clock& clock_;
  SessionObserver& observer_;
  Stage stage_ = Stage::parameters;
  FrameReader frames_;
  std::string outgoing_;
  bool closing_ = false;  // when all has been written
  std::int64_t deadline_ns_ = 0;
  std::int64_t next_tick_ns_ = 0;
  std::int64_t interval_due_ns_ = 0;
  std::int64_t omitted_until_ns_ = 0;
  std::int64_t settle_from_ns_ = 0;
  std::int64_t turn_from_ns_ = 0;
  std::int64_t test_from_ns_ = 0;
  std::int64_t moved_ns_ = 0;  // when the last byte of any stream was seen
  std::uint64_t bytes_seen_ = 0;
  bool has_run_ = false;
  bool finned_ = false;
  const AuthenticationOptions* users_ = nullptr;
  TestFacts facts_;
  TestReport report_;
  Workers workers_;
  Measurement measurement_;
  HostCpu host_cpu_;
  std::optional<PeerResults> peer_results_;
  std::optional<CpuShare> cpu_;
  std::uint64_t connect_transactions_ = 0;
  CpuUse cpu_before_;  // of the server's own thread, which answers connections
};

}  // namespace isotach::nettest
