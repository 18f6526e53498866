// One run of `isotach vm`, live or replayed: frames in, printed samples out.
#pragma once

#include <memory>

#include "command/context.h"
#include "command/vm_options.h"
#include "command/vm_printer.h"
#include "command/vm_source.h"
#include "memory/vm/series.h"
#include "record/recorder.h"

namespace isotach::command {

// Writes every frame of a run to a file.
class VmRecording {
 public:
  [[nodiscard]] static Result<std::unique_ptr<VmRecording>> create(const std::string& path,
                                                                   const record::RecordingInfo& info,
                                                                   const VmOptions& options);
  void append(const VmFrame& frame);
  void interrupted(const Instant& time);
  [[nodiscard]] std::optional<Error> error() const { return recorder_->error(); }
  [[nodiscard]] Result<void> finish() { return recorder_->finish(); }

 private:
  explicit VmRecording(const VmOptions& options)
      : series_(table_, options.text.mode, options.text.pressure) {}

  record::SeriesTable table_;
  memory::VmSeries series_;
  record::Sample sample_;
  std::unique_ptr<record::Recorder> recorder_;
};

// The text of the event that marks a run which the user ended.
inline constexpr std::string_view kInterruptedEvent = "interrupted";

struct VmRun {
  const VmOptions& options;
  VmSource& source;
  VmPrinter& printer;
  VmRecording* recording = nullptr;
  bool replayed_interruption = false;  // the recorded run was interrupted: its replay says so too
};

// Returns the exit code.
int run_vm_session(Context& context, const VmRun& run);

}  // namespace isotach::command
