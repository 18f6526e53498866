#include "command/vm_session.h"

#include <utility>

#include "base/text.h"
#include "command/vm_summary.h"

namespace isotach::command {
namespace {

using memory::VmMode;

// Frames become samples here: the first is averages since boot, each later one the difference to the
// frame before it.
class SampleMaker {
 public:
  explicit SampleMaker(const VmOptions& options) : options_(options) {}

  // False for a frame that only serves as the start of the next interval.
  bool make(const VmFrame& frame, const VmFrame* before, bool since_boot_known, VmSample& sample) {
    sample.time = frame.time;
    sample.missed_deadlines = frame.missed_deadlines;
    sample.ticks_per_second = frame.reading.machine.ticks_per_second;
    sample.elapsed_ns.reset();
    if (before != nullptr) sample.elapsed_ns = frame.time.monotonic_ns - before->time.monotonic_ns;
    if (options_.text.mode != VmMode::row) {
      memory::make_records(options_.text.mode, frame.reading, options_.text.partition, sample.records);
      return true;
    }
    if (before != nullptr) {
      sample.row =
          memory::row_between(before->reading.machine, frame.reading.machine, *sample.elapsed_ns, debt_);
      return true;
    }
    sample.row = memory::row_since_boot(frame.reading.machine);
    return !options_.text.no_first && since_boot_known;
  }

 private:
  const VmOptions& options_;
  memory::TickDebt debt_;
};

Failure no_such_partition(const std::string& name) {
  return failure(ErrorKind::failed, "there is no disk or partition '" + printable(name) + "'",
                 "the names are in /proc/diskstats, such as sda1; isotach vm --disk lists the disks");
}

// Samples until the end; the error that ended them, if one did.
std::optional<Error> run_samples(Context& context, const VmRun& run, VmSummary& summary) {
  SampleMaker maker(run.options);
  VmSample sample;
  VmFrame frames[2];
  bool begun = false;
  std::uint64_t printed = 0;
  for (std::size_t number = 0; context.out.is_open(); ++number) {
    VmFrame& frame = frames[number % 2];
    const VmFrame* before = number == 0 ? nullptr : &frames[(number + 1) % 2];
    const auto more = run.source.next(frame);
    if (!more) return more.error();
    if (!*more) break;
    if (run.recording != nullptr) {
      run.recording->append(frame);
      if (auto error = run.recording->error()) return error;
    }
    const bool shown = maker.make(frame, before, !run.source.starts_in_the_middle(), sample);
    if (run.options.text.mode == VmMode::partition && sample.records.empty())
      return no_such_partition(run.options.text.partition).value();
    if (!begun) run.printer.begin(frame.time);
    begun = true;
    if (!shown) continue;
    run.printer.sample(sample);
    if (run.options.text.mode == VmMode::row) {
      summary.add(sample.row, frame.time.monotonic_ns, frame.missed_deadlines);
    } else {
      summary.add_sample(frame.time.monotonic_ns, frame.missed_deadlines);
    }
    if (run.options.count && ++printed == *run.options.count) break;
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<VmRecording>> VmRecording::create(const std::string& path,
                                                         const record::RecordingInfo& info,
                                                         const VmOptions& options) {
  std::unique_ptr<VmRecording> recording(new VmRecording(options));
  auto recorder = record::Recorder::create(path, info, recording->table_);
  if (!recorder) return tl::make_unexpected(std::move(recorder.error()));
  recording->recorder_ = std::move(*recorder);
  return recording;
}

void VmRecording::append(const VmFrame& frame) {
  sample_.time = frame.time;
  sample_.points.clear();
  series_.put(frame.reading, frame.missed_deadlines, sample_);
  recorder_->append(sample_);
}

void VmRecording::interrupted(const Instant& time) {
  recorder_->append(record::Event{time, record::EventKind::end, std::string(kInterruptedEvent)});
}

int run_vm_session(Context& context, const VmRun& run) {
  VmSummary summary;
  std::optional<Error> error = run_samples(context, run, summary);
  const bool interrupted = context.waiter.interrupted() || run.replayed_interruption;
  if (run.recording != nullptr) {
    if (context.waiter.interrupted()) run.recording->interrupted(context.clock.now());
    auto finished = run.recording->finish();
    if (!finished && !error) error = std::move(finished.error());
  }
  run.printer.end(interrupted, error ? &*error : nullptr);
  context.out.flush();
  if (context.waiter.interrupted()) {
    context.err.write("\n" + summary.text());
    context.err.flush();
  }
  return error ? context.report(*error) : kExitOk;
}

}  // namespace isotach::command
