// Where the samples of a running plot come from: the machine, at its own pace, or what vmstat prints.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "command/context.h"
#include "command/plot_session.h"
#include "record/series.h"

namespace isotach::command {

class PlotFeed {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  virtual ~PlotFeed() = default;
  // When on_deadline() is due.
  [[nodiscard]] virtual std::int64_t deadline_ns() const { return kNever; }
  // Readable when on_input() is due; -1 for none.
  [[nodiscard]] virtual int input_fd() const { return -1; }
  // Both give the session what there is; false at the end.
  [[nodiscard]] virtual Result<bool> on_deadline(const Instant& now) = 0;
  [[nodiscard]] virtual Result<bool> on_input(const Instant& now) = 0;
  // A child process has ended, perhaps ours.
  virtual void on_child_exit(const Instant&) {}
  // After the last sample: what there is to say about the source.
  virtual void finish() {}
};

// Samples of this machine, or of a saved tree, and of a program that is started and followed.
[[nodiscard]] Result<std::unique_ptr<PlotFeed>> make_machine_feed(Context& context, PlotSession& session,
                                                                  record::SeriesTable& table, bool drawn);
// Lines from `input_fd`.
[[nodiscard]] Result<std::unique_ptr<PlotFeed>> make_vmstat_feed(Context& context, PlotSession& session,
                                                                 record::SeriesTable& table, int input_fd);

}  // namespace isotach::command
