// The doctor that stays: looks at the connections and links of this host every two seconds, and, if asked
// to, at the rest of the machine, for as long as a program runs. For the overview, the page, the agent and
// isotach doctor --watch. Stops and traces nobody, and sends nothing: DNS servers are not asked.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "command/doctor/link_context.h"
#include "command/doctor/report.h"
#include "doctor/recent_diagnosis.h"
#include "machine/reading.h"
#include "network/connections/busy_connections.h"
#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"
#include "view/overview/model.h"
#include "view/web/findings.h"

namespace isotach::command {

struct StandingNews {
  std::uint64_t number = 0;  // one more with each look; 0: none yet
  Instant time;
  std::vector<doctor::Finding> findings;      // the gravest first
  std::vector<DoctorConnection> connections;  // the busiest, the fastest first
  std::size_t connection_count = 0;           // established
  std::vector<std::string> not_checked;
};

class StandingDoctor {
 public:
  struct Options {
    std::string proc_root;              // a saved tree has no connections and no links
    bool machine = false;               // also what the overview judges
    std::vector<std::string> silenced;  // "ID" or "ID:SUBJECT"
    std::int64_t every_ns = 2 * kNanosecondsPerSecond;
  };
  StandingDoctor(Clock& clock, const Options& options);

  // Does what is due; true when there are news.
  bool step();
  // When something is due next; monotonic.
  [[nodiscard]] std::int64_t deadline_ns() const;
  [[nodiscard]] const StandingNews& news() const { return news_; }

 private:
  void look();
  void look_at_network();
  void look_at_connections();

  Clock& clock_;
  Options options_;
  kernel::SystemRoot root_;
  std::optional<network::BusyConnections> connections_;
  std::string connections_trouble_;
  LinkContext links_;
  std::int64_t links_due_ns_ = 0, look_due_ns_ = 0;
  machine::MachineReader reader_;
  machine::MachineReading reading_;
  doctor::RecentDiagnosis recent_;
  StandingNews news_;
};

// The same in a thread of its own, for a program that does something else. Any thread may ask for news.
class StandingThread {
 public:
  StandingThread(Clock& clock, const StandingDoctor::Options& options);
  ~StandingThread();
  StandingThread(const StandingThread&) = delete;
  StandingThread& operator=(const StandingThread&) = delete;

  // The last; never null.
  [[nodiscard]] std::shared_ptr<const StandingNews> news() const;

 private:
  void run();

  Clock& clock_;
  StandingDoctor doctor_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::shared_ptr<const StandingNews> news_;
  std::thread thread_;
};

// What standing doctors tell scrapers: how many connections there are, and of those watched, how many each
// cause holds up.
class StandingSeries {
 public:
  explicit StandingSeries(record::SeriesTable& table);
  [[nodiscard]] static std::vector<record::MetricDescriptor> metrics();
  // Appends; `sample` is in order afterwards.
  void put(const StandingNews& news, record::Sample& sample) const;

 private:
  std::vector<std::optional<record::SeriesId>> ids_;  // the number of connections, then the causes
};
// Findings whose subjects are few and stay: those about connections are of the programs behind them.
[[nodiscard]] std::vector<doctor::Finding> findings_by_program(const StandingNews& news);

// As the views show them.
[[nodiscard]] view::FindingText finding_text(const doctor::Finding& finding);
[[nodiscard]] view::ConnectionText connection_text(const DoctorConnection& connection);
[[nodiscard]] view::FindingsDocument findings_document(const StandingNews& news);

}  // namespace isotach::command
