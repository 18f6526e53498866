// What `isotach vm --pid` prints, in every format; the same for a live run and for a replay.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "command/common_options.h"
#include "kernel/child.h"
#include "memory/process/follower.h"
#include "memory/process/row.h"
#include "memory/process/summary.h"

namespace isotach::command {

struct ProcessReportOptions {
  Format format = Format::table;
  int columns = 0;          // of the terminal; 0: as wide as it is
  int screen_rows = 0;      // the head is repeated once a screen; 0: only once
  bool wall_time = false;   // instead of the time since the first sample
  bool skip_first = false;  // the row of averages since the start of each process
  std::int64_t interval_ns = 0;
  std::uint64_t page_size_bytes = 4096;
};

// How it ended, for the summary.
struct ProcessOutcome {
  std::vector<std::string> command;  // empty where none was started
  std::optional<kernel::ChildEnd> end;
  bool interrupted = false;
  std::uint64_t missed_samples = 0;
};

// "exit code 3", "signal 9 (Killed)".
[[nodiscard]] std::string end_text(const kernel::ChildEnd& end);

// One of the formats.
class ProcessWriter {
 public:
  struct Moment {
    Instant time;
    std::int64_t since_start_ns = 0;
  };
  struct Summary {
    const memory::ProcessSummary* process = nullptr;
    bool is_command = false;  // the one that we started
    bool from_start = false;  // it started while we watched: its counters tell of all its life
    bool ended = false;
    std::optional<std::uint64_t> unseen_peak_bytes;  // of RSS, between samples
  };

  virtual ~ProcessWriter() = default;
  virtual void rows(const Moment& moment, const std::vector<memory::ProcessRow>& rows) = 0;
  virtual void finish(const std::vector<Summary>& summaries, const ProcessOutcome& outcome) = 0;
  virtual void set_columns(int) {}
};

// The table, or text of the other formats.
[[nodiscard]] std::unique_ptr<ProcessWriter> make_process_table(Output& out,
                                                                const ProcessReportOptions& options);
[[nodiscard]] std::unique_ptr<ProcessWriter> make_process_export(Output& out,
                                                                 const ProcessReportOptions& options);

// For standard error, where the rows themselves do not end with it.
[[nodiscard]] std::string process_summary_text(const std::vector<ProcessWriter::Summary>& summaries,
                                               const ProcessOutcome& outcome);

class ProcessReport {
 public:
  // Rows go to `out`, the summary of tables and CSV to `talk`.
  ProcessReport(Output& out, Output& talk, const ProcessReportOptions& options);

  // Rows of this moment; false when they were left out (the first ones, with skip_first).
  bool sample(Instant time, const std::vector<kernel::ProcessReading>& readings);
  // The process ended; its last counters complete its summary.
  void ended(const kernel::ProcessReading& last, Instant time);
  void finish(const ProcessOutcome& outcome);
  void set_columns(int columns) { writer_->set_columns(columns); }

  [[nodiscard]] const std::vector<memory::ProcessRow>& last_rows() const { return rows_; }
  // In the order in which they were first seen.
  [[nodiscard]] std::vector<ProcessWriter::Summary> summaries(const ProcessOutcome& outcome) const;
  [[nodiscard]] const std::optional<Instant>& start() const { return start_; }

 private:
  // Descendants come and go without end; the summaries are for those a person can read.
  static constexpr std::size_t kSummaryLimit = 1024;

  struct Followed {
    kernel::ProcessReading before;
    Instant time;
    memory::ProcessSummary summary;
    bool ended = false;
    std::uint64_t order = 0;
  };

  ProcessReportOptions options_;
  Output& talk_;
  std::unique_ptr<ProcessWriter> writer_;
  std::optional<Instant> start_;
  std::map<unsigned, Followed> followed_;
  std::uint64_t seen_ = 0;
  std::vector<memory::ProcessRow> rows_;
};

}  // namespace isotach::command
