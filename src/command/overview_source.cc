#include <utility>

#include "command/overview_live.h"
#include "command/record_info.h"

namespace isotach::command {

kernel::SystemRoot overview_root(const OverviewOptions& options) {
  return options.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options.proc_root);
}

OverviewSource::OverviewSource(const kernel::SystemRoot& root, Clock& clock)
    : clock_(clock), probe_(root, table_, machine::Parts::all()) {}

Result<std::unique_ptr<OverviewSource>> OverviewSource::open(Context& context, const Arguments& arguments,
                                                             const OverviewOptions& options) {
  const kernel::SystemRoot root = overview_root(options);
  std::unique_ptr<OverviewSource> source(new OverviewSource(root, context.clock));
  if (!options.record_file) return source;
  const record::RecordingInfo info =
      recording_info(context, arguments, root, context.clock.now(), options.interval_ns);
  auto recorder = record::Recorder::create(*options.record_file, info, source->table_);
  if (!recorder) return tl::make_unexpected(std::move(recorder.error()));
  source->recorder_ = std::move(*recorder);
  return source;
}

Result<Instant> OverviewSource::sample() {
  sample_.points.clear();
  sample_.time = clock_.now();
  probe_.collect(sample_);
  if (probe_.error()) return tl::make_unexpected(*probe_.error());
  if (recorder_) recorder_->append(sample_);
  return sample_.time;
}

void OverviewSource::mark(const std::string& text) {
  if (recorder_) recorder_->append(record::Event{clock_.now(), record::EventKind::mark, text});
}

std::optional<Error> OverviewSource::recording_error() const {
  return recorder_ ? recorder_->error() : std::nullopt;
}

Result<void> OverviewSource::finish() {
  if (!recorder_) return {};
  return recorder_->finish();
}

std::optional<view::FindingSeverity> overview_fail_if(const Arguments& arguments) {
  const auto severity = arguments.value("--fail-if");
  if (!severity) return std::nullopt;
  return *severity == "critical" ? view::FindingSeverity::critical : view::FindingSeverity::warning;
}

int overview_exit_code(const OverviewOptions& options, const view::OverviewModel& model, int code) {
  const auto worst = view::worst_severity(model);
  if (code == kExitOk && options.fail_if && worst && *worst >= *options.fail_if) return kExitThreshold;
  return code;
}

}  // namespace isotach::command
