#include "command/vm_source.h"

#include <sys/stat.h>

#include <cmath>
#include <utility>

#include "base/text.h"
#include "base/ticker.h"
#include "memory/vm/series.h"

namespace isotach::command {
namespace {

using memory::VmReader;
using memory::VmReading;

// A file that every Linux has is not there: the tree is not what the user thinks it is.
Error explained(Error error, const std::string& proc_root) {
  if (!proc_root.empty() && error.errno_value == ENOENT && error.remedy.empty())
    error.remedy = "the saved tree lacks this file, which vm needs here; save it anew with --save-tree";
  return error;
}

class LiveSource final : public VmSource {
 public:
  LiveSource(Context& context, const VmSourceOptions& options, const std::string& proc_root,
             std::function<void()> on_resize)
      : context_(context),
        proc_root_(proc_root),
        on_resize_(std::move(on_resize)),
        first_reader_(std::make_unique<VmReader>(root(), options.mode, options.pressure, true)),
        reader_(root(), options.mode, options.pressure, false),
        ticker_(context.clock.now().monotonic_ns, options.delay_ns) {}

  Result<bool> next(VmFrame& frame) override {
    if (!first_reader_ && !wait()) return false;
    frame.time = context_.clock.now();
    auto read = first_reader_ ? first_reader_->read(frame.reading) : reader_.read(frame.reading);
    if (!read) return tl::make_unexpected(explained(std::move(read.error()), proc_root_));
    first_reader_.reset();
    ticker_.advance(frame.time.monotonic_ns);
    frame.missed_deadlines = ticker_.missed();
    return true;
  }

 private:
  [[nodiscard]] kernel::SystemRoot root() const {
    return proc_root_.empty() ? kernel::SystemRoot() : kernel::SystemRoot(proc_root_);
  }

  // False when there is nothing more to wait for.
  bool wait() {
    for (;;) {
      switch (context_.waiter.wait_until(ticker_.deadline_ns(), {-1, context_.out.fd()})) {
        case Wake::deadline:
          return true;
        case Wake::interrupted:
        case Wake::output_closed:
          return false;
        case Wake::resized:
          on_resize_();
          break;
        case Wake::child_exited:
        case Wake::input:
          break;
      }
    }
  }

  Context& context_;
  std::string proc_root_;
  std::function<void()> on_resize_;
  std::unique_ptr<VmReader> first_reader_;  // reads the time since boot too; gone after the first sample
  VmReader reader_;
  Ticker ticker_;
};

class SequenceSource final : public VmSource {
 public:
  SequenceSource(Context& context, const VmSourceOptions& options, std::string folder)
      : context_(context), options_(options), folder_(std::move(folder)) {}

  Result<bool> next(VmFrame& frame) override {
    if (context_.waiter.interrupted() || number_ == kTreeLimit) return false;
    const std::string tree = folder_ + '/' + std::to_string(number_);
    struct stat status {};
    if (::stat(tree.c_str(), &status) != 0) {
      if (errno == ENOENT) return false;
      return system_failure(errno, "open " + tree);
    }
    const kernel::SystemRoot root(tree);
    VmReader reader(root, options_.mode, options_.pressure, true);
    if (auto read = reader.read(frame.reading); !read)
      return tl::make_unexpected(explained(std::move(read.error()), tree));
    set_time(root, frame.reading);
    frame.time = time_;
    frame.missed_deadlines = 0;
    ++number_;
    return true;
  }

 private:
  static constexpr int kTreeLimit = 1'000'000;
  static constexpr std::int64_t kCentisecondNs = 10'000'000;
  static constexpr double kLongestUptimeS = 1e9;

  void set_time(const kernel::SystemRoot& root, const VmReading& reading) {
    const double uptime_s = reading.machine.uptime.uptime_s.as_real();
    // The kernel writes hundredths; in whole ones the differences are exact.
    const std::int64_t uptime_ns =
        uptime_s > 0 && uptime_s < kLongestUptimeS ? std::llround(uptime_s * 100) * kCentisecondNs : 0;
    std::int64_t step_ns = uptime_ns - uptime_ns_;
    if (uptime_ns == 0 || (number_ > 0 && (uptime_ns_ == 0 || step_ns <= 0))) step_ns = options_.delay_ns;
    uptime_ns_ = uptime_ns;
    if (number_ == 0) {
      time_ = {uptime_ns, booted_ns(root) + uptime_ns};
      return;
    }
    time_.monotonic_ns += step_ns;
    time_.wall_ns += step_ns;
  }

  // When the machine that was saved had started; 1970 where the tree does not tell.
  static std::int64_t booted_ns(const kernel::SystemRoot& root) {
    kernel::CpuReader reader(root, false);
    kernel::CpuReading cpu;
    if (!reader.read(cpu)) return 0;
    constexpr std::uint64_t kLatestS = 9'000'000'000;
    const std::uint64_t booted_s = cpu.boot_time_s.as_unsigned();
    return booted_s < kLatestS ? static_cast<std::int64_t>(booted_s) * kNanosecondsPerSecond : 0;
  }

  Context& context_;
  VmSourceOptions options_;
  std::string folder_;
  int number_ = 0;
  std::int64_t uptime_ns_ = 0;  // of the tree before; 0 when not known
  Instant time_;
};

class RecordedSource final : public VmSource {
 public:
  RecordedSource(const VmSourceOptions& options, ReplaySource& source)
      : source_(source), series_(source.recording().table(), options.mode, options.pressure) {}

  Result<bool> next(VmFrame& frame) override {
    auto more = source_.next(sample_);
    if (!more || !*more) return more;
    if (first_) {
      const auto start = source_.recording().first_time();
      in_the_middle_ = start && start->monotonic_ns != sample_.time.monotonic_ns;
      first_ = false;
    }
    frame.time = sample_.time;
    series_.take(sample_, frame.reading, frame.missed_deadlines);
    return true;
  }

  bool starts_in_the_middle() const override { return in_the_middle_; }

 private:
  ReplaySource& source_;
  memory::VmSeries series_;
  record::Sample sample_;
  bool first_ = true;
  bool in_the_middle_ = false;
};

}  // namespace

std::unique_ptr<VmSource> make_live_source(Context& context, const VmSourceOptions& options,
                                           const std::string& proc_root, std::function<void()> on_resize) {
  return std::make_unique<LiveSource>(context, options, proc_root, std::move(on_resize));
}

bool is_saved_sequence(const std::string& folder) {
  struct stat status {};
  return ::stat((folder + "/0/proc").c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::unique_ptr<VmSource> make_sequence_source(Context& context, const VmSourceOptions& options,
                                               const std::string& folder) {
  return std::make_unique<SequenceSource>(context, options, folder);
}

std::unique_ptr<VmSource> make_replay_source(const VmSourceOptions& options, ReplaySource& source) {
  return std::make_unique<RecordedSource>(options, source);
}

}  // namespace isotach::command
