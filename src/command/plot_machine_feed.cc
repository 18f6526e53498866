#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "base/ticker.h"
#include "command/plot_feed.h"
#include "command/record_marks.h"
#include "kernel/child.h"
#include "machine/series.h"
#include "memory/process/follower.h"
#include "memory/process/metrics.h"

namespace isotach::command {
namespace {

using record::Event;
using record::EventKind;

// How often the memory of the program is looked at between samples, so that its peak is not missed.
constexpr std::int64_t kPeakIntervalNs = 50'000'000;
// How long the plot goes on after the program has ended, so that its memory is seen to return.
constexpr std::int64_t kAfterglowNs = 1'000'000'000;

std::string base_name(const std::string& path) {
  return printable(path.substr(path.rfind('/') + 1));
}

std::string end_text(const std::string& name, const kernel::ChildEnd& end) {
  if (end.by_signal) return fmt::format("{} killed by signal {}", name, end.number);
  return fmt::format("{} exited {}", name, end.number);
}

// The program after "--": started, followed, seen to its end.
class Program {
 public:
  Program(Context& context, PlotSession& session, record::SeriesTable& table, int output_fd)
      : context_(context),
        session_(session),
        series_(table),
        follower_({}, context.clock, memory::Children::sum, kNanosecondsPerSecond),
        output_fd_(output_fd) {}

  [[nodiscard]] bool is_running() const { return child_.has_value(); }
  [[nodiscard]] bool has_ended() const { return ended_; }

  Result<void> start() {
    const std::vector<std::string>& words = session_.options().command;
    name_ = base_name(words.front());
    auto child = kernel::ChildProcess::start(words, context_.waiter, {.output = output_fd_});
    if (!child) return tl::make_unexpected(child.error());
    child_.emplace(std::move(*child));
    session_.take(Event{context_.clock.now(), EventKind::start, "start " + name_});
    // A program that has ended already cannot be followed; its end is seen all the same.
    static_cast<void>(follower_.add(static_cast<unsigned>(child_->pid())));
    return {};
  }

  // Reads the program's memory; adds its points where a sample is given.
  void read(const Instant& now, record::Sample* sample) {
    if (!child_) return;
    if (!follower_.collect(readings_, ended_processes_)) return;
    // A program that becomes another one (a script its interpreter) is still the one that was asked
    // for, and stays one line.
    for (kernel::ProcessReading& reading : readings_) reading.command = name_;
    if (sample != nullptr && !readings_.empty()) series_.put(readings_, *sample);
    for (const kernel::ProcessReading& reading : readings_) {
      const Value& pages = reading[kernel::ProcessField::resident_pages];
      if (!pages.is_missing()) note_resident(pages.as_unsigned() * page_bytes_, now);
    }
  }

  void check_end(const Instant& now) {
    if (!child_ || !child_->has_ended()) return;
    const kernel::ChildEnd end = child_->wait();
    child_.reset();
    ended_ = true;
    if (end.peak_resident_kib)
      note_resident(*end.peak_resident_kib * 1024, peak_bytes_ > 0 ? peak_time_ : now);
    session_.take(Event{now, EventKind::end, end_text(name_, end)});
    if (peak_bytes_ > 0) session_.move_peak(peak());
  }

  void stop(const Instant& now) {
    if (!child_) return;
    child_->stop(context_.waiter.signal_number());
    check_end(now);
  }

 private:
  [[nodiscard]] Event peak() const {
    return {peak_time_, EventKind::peak, "peak " + format_bytes(static_cast<double>(peak_bytes_))};
  }

  void note_resident(std::uint64_t bytes, const Instant& time) {
    if (bytes <= peak_bytes_) return;
    peak_bytes_ = bytes;
    peak_time_ = time;
    session_.move_peak(peak());
  }

  Context& context_;
  PlotSession& session_;
  memory::ProcessSeries series_;
  memory::ProcessFollower follower_;
  int output_fd_;
  std::string name_;
  std::optional<kernel::ChildProcess> child_;
  bool ended_ = false;
  std::uint64_t page_bytes_ = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t peak_bytes_ = 0;
  Instant peak_time_;
  std::vector<kernel::ProcessReading> readings_;
  std::vector<memory::EndedProcess> ended_processes_;
};

class MachineFeed final : public PlotFeed {
 public:
  MachineFeed(Context& context, PlotSession& session, record::SeriesTable& table, Fd null_output,
              int output_fd, bool drawn)
      : context_(context),
        session_(session),
        null_output_(std::move(null_output)),
        program_(context, session, table, output_fd),
        probe_(root(session.options()), table, session.selection().parts()),
        ticker_(context.clock.now().monotonic_ns, session.options().interval_ns) {
    // The live view takes keys instead, and a program has our standard input for itself.
    if (!drawn && session.options().command.empty()) marks_.emplace();
  }

  [[nodiscard]] std::int64_t deadline_ns() const override {
    const std::int64_t next_ns = ticker_.deadline_ns();
    return program_.is_running() ? std::min(next_ns, next_peak_ns_) : next_ns;
  }

  [[nodiscard]] Result<bool> on_deadline(const Instant& now) override {
    if (program_.is_running() && now.monotonic_ns < ticker_.deadline_ns()) {
      next_peak_ns_ = now.monotonic_ns + kPeakIntervalNs;
      program_.read(now, nullptr);
      return true;
    }
    // The first sample shows the machine without the program.
    if (!session_.options().command.empty() && session_.samples() == 1) {
      if (auto started = program_.start(); !started) return tl::make_unexpected(started.error());
    }
    sample_.time = now;
    sample_.points.clear();
    probe_.collect(sample_);
    if (probe_.error()) return tl::make_unexpected(*probe_.error());
    program_.read(now, &sample_);
    next_peak_ns_ = now.monotonic_ns + kPeakIntervalNs;
    if (auto taken = session_.take(sample_); !taken) return tl::make_unexpected(taken.error());
    ticker_.advance(now.monotonic_ns);
    return !(end_ns_ && now.monotonic_ns >= *end_ns_);
  }

  [[nodiscard]] int input_fd() const override { return marks_ ? marks_->fd() : -1; }

  [[nodiscard]] Result<bool> on_input(const Instant& now) override {
    if (marks_)
      for (const std::string& text : marks_->read()) session_.mark(now, text);
    return true;
  }

  void on_child_exit(const Instant& now) override {
    program_.check_end(now);
    const PlotOptions& options = session_.options();
    if (program_.has_ended() && !end_ns_ && !options.is_planned())
      end_ns_ = now.monotonic_ns + std::max(kAfterglowNs, 2 * options.interval_ns);
  }

  void finish() override {
    program_.stop(context_.clock.now());
    if (ticker_.missed() > 0)
      context_.note(fmt::format("{} samples came too late and were left out", ticker_.missed()));
  }

 private:
  static kernel::SystemRoot root(const PlotOptions& options) {
    return options.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options.proc_root);
  }

  Context& context_;
  PlotSession& session_;
  Fd null_output_;
  Program program_;
  machine::MachineProbe probe_;
  Ticker ticker_;
  std::optional<MarkInput> marks_;
  record::Sample sample_;
  std::int64_t next_peak_ns_ = 0;
  std::optional<std::int64_t> end_ns_;
};

}  // namespace

Result<std::unique_ptr<PlotFeed>> make_machine_feed(Context& context, PlotSession& session,
                                                    record::SeriesTable& table, bool drawn) {
  Fd null_output;
  // What the program prints must neither mix with our data nor scroll the picture away.
  int output_fd = STDERR_FILENO;
  const std::vector<std::string>& command = session.options().command;
  if (!command.empty()) {
    if (const auto found = kernel::find_program(command.front()); !found)
      return tl::make_unexpected(found.error());
    if (drawn) {
      null_output = Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
      if (!null_output.is_open()) return system_failure(errno, "open /dev/null");
      output_fd = null_output.get();
    }
  }
  return std::make_unique<MachineFeed>(context, session, table, std::move(null_output), output_fd, drawn);
}

}  // namespace isotach::command
