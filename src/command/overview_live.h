// The two ways the overview runs: as a picture that lives in the terminal, and as a report that ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "command/common_options.h"
#include "command/context.h"
#include "doctor/finding.h"
#include "machine/series.h"
#include "record/recorder.h"
#include "view/overview/model.h"
#include "view/terminal/screen.h"

namespace isotach::command {

struct OverviewOptions {
  std::string proc_root;  // empty: this machine
  std::int64_t interval_ns = kNanosecondsPerSecond;
  std::optional<std::uint64_t> count;
  std::optional<std::int64_t> duration_ns;
  std::optional<std::string> record_file;
  Format format = Format::table;
  bool ascii = false;
  std::optional<view::FindingSeverity> fail_if;
};

// Reads the machine and, where asked, records what was read.
class OverviewSource {
 public:
  [[nodiscard]] static Result<std::unique_ptr<OverviewSource>> open(Context& context,
                                                                    const Arguments& arguments,
                                                                    const OverviewOptions& options);

  // Takes a sample now. The first one must succeed; later a file that fails is an error of the run.
  [[nodiscard]] Result<Instant> sample();
  [[nodiscard]] const machine::MachineReading& reading() const { return probe_.reading(); }
  void mark(const std::string& text);
  [[nodiscard]] bool is_recording() const { return recorder_ != nullptr; }
  // Why recording stopped, once it has.
  [[nodiscard]] std::optional<Error> recording_error() const;
  // Writes out what is queued.
  [[nodiscard]] Result<void> finish();

 private:
  OverviewSource(const kernel::SystemRoot& root, Clock& clock);

  Clock& clock_;
  record::SeriesTable table_;
  machine::MachineProbe probe_;
  record::Sample sample_;
  std::unique_ptr<record::Recorder> recorder_;
};

[[nodiscard]] int run_overview_live(Context& context, const Arguments& arguments,
                                    const OverviewOptions& options, std::unique_ptr<view::Screen> screen);
[[nodiscard]] int run_overview_report(Context& context, const Arguments& arguments,
                                      const OverviewOptions& options);
// One report in options.format: what a stream prints again and again.
void write_overview_report(Context& context, Format format, const view::OverviewModel& model);
// Where the machine is: live, or the saved tree of --proc-root.
[[nodiscard]] kernel::SystemRoot overview_root(const OverviewOptions& options);

// What --fail-if asks for.
[[nodiscard]] std::optional<view::FindingSeverity> overview_fail_if(const Arguments& arguments);

// 3 where a finding is as grave as --fail-if asks, else `code`.
[[nodiscard]] int overview_exit_code(const OverviewOptions& options, const view::OverviewModel& model,
                                     int code);

}  // namespace isotach::command
