// What every client of a test has and does, whichever protocol it speaks: its end of the streams, what it
// measures, and the result that becomes of it.
#pragma once

#include <cstdint>
#include <optional>

#include "network/nettest/client.h"
#include "network/nettest/client_link.h"
#include "network/nettest/measure.h"
#include "network/nettest/workers.h"

namespace isotach::nettest {

class ClientRun {
 public:
  ClientRun(const ClientOptions& options, SignalWaiter& waiter, Clock& clock, ClientObserver& observer);
  virtual ~ClientRun() = default;
  ClientRun(const ClientRun&) = delete;
  ClientRun& operator=(const ClientRun&) = delete;

  // From the first connection to the result.
  [[nodiscard]] ClientResult run();

 protected:
  static constexpr std::int64_t kFarNs = 366ll * 24 * 3600 * kNanosecondsPerSecond;

  // All until the data moves: ends with begin_measuring().
  [[nodiscard]] virtual Result<void> begin() = 0;
  // Until the time is over, a limit is reached, or something ends it.
  [[nodiscard]] virtual Result<void> measure() = 0;
  // What the server tells of it. Not called where measure() failed.
  [[nodiscard]] virtual Result<void> exchange() = 0;
  // Nothing moves any more: what the report needs of the protocol.
  virtual void finish(TestReport& report) = 0;

  [[nodiscard]] TestParameters& parameters() { return facts_.parameters; }
  [[nodiscard]] const TestParameters& parameters() const { return facts_.parameters; }
  // What is told of a stream; of the first also what the kernel says of all.
  [[nodiscard]] StreamFacts look_at(int socket, int index, bool sender);
  [[nodiscard]] Result<void> begin_measuring(int most_threads);
  void report_interval(std::int64_t now_ns, bool omitted);
  // Since begin_measuring(); the same whenever it is asked again.
  [[nodiscard]] CpuShare our_cpu();

  const ClientOptions& options_;
  Clock& clock_;
  ClientObserver& observer_;
  Result<void> prepared_;
  ClientLink link_;
  TestFacts facts_;
  Workers workers_;
  Measurement measurement_{workers_, facts_.streams};
  std::optional<PeerResults> peer_;
  ClientResult result_;

 private:
  void finish_report();

  HostCpu host_cpu_;
  CpuUse cpu_before_;
  std::int64_t cpu_from_ns_ = 0;
  int intervals_ = 0;  // reported
  std::optional<CpuShare> cpu_;
};

}  // namespace isotach::nettest
