// What the kernel's tracepoints tell of ksmd (kernel: include/trace/events/ksm.h): each page merged, each
// scan begun and ended, to the microsecond. Needs root and a kernel with CONFIG_TRACING.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/tracefs.h"

namespace isotach::kernel {

enum class KsmEventKind { merged, merge_failed, scan_started, scan_ended };

struct KsmEvent {
  std::int64_t monotonic_ns = 0;
  KsmEventKind kind = KsmEventKind::merged;
};

// One line of a trace; nothing for other lines:
// "            ksmd-37      [000] .....  2267.330287: ksm_start_scan: seq 0 rmap size 0"
[[nodiscard]] std::optional<KsmEvent> parse_ksm_event(std::string_view line);
// How many events the kernel had to throw away: "CPU:0 [LOST 123 EVENTS]"; nothing for other lines.
[[nodiscard]] std::optional<std::uint64_t> parse_lost_events(std::string_view line);

// Takes the text of a trace in pieces, and keeps what a person asks of it.
class KsmTraceLog {
 public:
  void feed(std::string_view piece);

  [[nodiscard]] std::optional<std::int64_t> first_merge_ns() const { return first_merge_ns_; }
  [[nodiscard]] std::optional<std::int64_t> last_merge_ns() const { return last_merge_ns_; }
  [[nodiscard]] std::uint64_t merged() const { return merged_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  // When full scans ended, up to a limit.
  [[nodiscard]] const std::vector<std::int64_t>& scans_ended_ns() const { return scans_ended_ns_; }

 private:
  static constexpr std::size_t kLineLimit = 4096;
  static constexpr std::size_t kScanLimit = 100'000;
  void line(std::string_view text);

  std::string rest_;
  bool too_long_ = false;
  std::optional<std::int64_t> first_merge_ns_, last_merge_ns_;
  std::uint64_t merged_ = 0, failed_ = 0, lost_ = 0;
  std::vector<std::int64_t> scans_ended_ns_;
};

// The events as they come.
class KsmTrace {
 public:
  // `instance` has been made already: its removal is a step of a transaction.
  [[nodiscard]] static Result<KsmTrace> start(Tracefs tracefs, const std::string& instance);

  // Reads what has come since. Never waits.
  void collect();
  // Stops tracing and lets go of the instance, so that it can be removed.
  void stop();
  [[nodiscard]] const KsmTraceLog& log() const { return log_; }

 private:
  KsmTrace(Tracefs tracefs, std::string instance)
      : tracefs_(std::move(tracefs)), path_(std::move(instance)) {}

  Tracefs tracefs_;
  std::string path_;
  Fd pipe_;
  KsmTraceLog log_;
};

}  // namespace isotach::kernel
