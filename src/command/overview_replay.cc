// The overview over a recording: on a terminal a player with a position bar, elsewhere one report over
// all that was asked for.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "command/common_options.h"
#include "command/overview_keys.h"
#include "command/overview_live.h"
#include "command/overview_model.h"
#include "command/replay.h"
#include "machine/series.h"
#include "view/overview/report.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kStepNs = kNanosecondsPerSecond;
constexpr std::int64_t kPageNs = 60 * kNanosecondsPerSecond;
// After a jump as much of the past is read as a wide history shows.
constexpr std::int64_t kWarmUpSamples = 400;
constexpr double kSlowest = 1.0 / 16;
constexpr double kFastest = 4096;
// A damaged piece is passed over; a file that is nothing else must not be read forever.
constexpr int kDamageLimit = 1000;

kernel::Host host_of(const record::RecordingInfo& info) {
  return {info.host, info.kernel};
}

class ReplayPicture {
 public:
  ReplayPicture(Context& context, ReplaySource& source, view::Screen& screen, bool ascii)
      : context_(context),
        source_(source),
        recording_(source.recording()),
        screen_(screen),
        series_(recording_.table(), machine::Parts::all()),
        builder_(host_of(recording_.info()), "recording"),
        speed_(source.speed() > 0 ? source.speed() : kFastest) {
    view_.unicode = screen.unicode() && !ascii;
    first_ = recording_.first_time().value_or(Instant{});
    last_ = recording_.last_time().value_or(Instant{});
    // The position bar ends where the replay does.
    const std::int64_t to_ns = std::max(source.to_ns(), first_.monotonic_ns);
    const std::int64_t beyond_ns = std::max<std::int64_t>(0, last_.monotonic_ns - to_ns);
    last_ = {last_.monotonic_ns - beyond_ns, last_.wall_ns - beyond_ns};
  }

  [[nodiscard]] Result<void> run() {
    // The player of the command knows where to start.
    record::Sample first;
    auto got = source_.next(first);
    if (!got) return tl::make_unexpected(std::move(got.error()));
    if (*got) next_ = std::move(first);
    show_next();
    while (!done_) {
      draw();
      switch (context_.waiter.wait_until(due_ns(), {screen_.input_fd(), context_.out.fd()})) {
        case Wake::deadline:
          show_due();
          break;
        case Wake::resized:
          screen_.resized();
          break;
        case Wake::input:
          while (const auto key = screen_.read_key()) on_key(*key);
          break;
        case Wake::interrupted:
        case Wake::output_closed:
          done_ = true;
          break;
        case Wake::child_exited:
          break;
      }
    }
    if (error_) return tl::make_unexpected(*error_);
    return {};
  }

 private:
  // Fills next_; empty at the end.
  void read_next() {
    record::Sample sample = next_ ? std::move(*next_) : record::Sample{};
    next_.reset();
    for (int damaged = 0; damaged < kDamageLimit; ++damaged) {
      auto got = recording_.next(sample);
      if (got) {
        if (*got && sample.time.monotonic_ns <= source_.to_ns()) next_ = std::move(sample);
        return;
      }
      error_ = std::move(got.error());
      view_.notice = "damaged piece left out";
    }
  }

  void show_next() {
    if (!next_) return;
    series_.take(*next_, reading_);
    previous_ = shown_;
    shown_ = next_->time;
    builder_.add(reading_, *shown_);
    read_next();
  }

  // When the next sample is to be shown.
  [[nodiscard]] std::int64_t due_ns() {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (view_.paused || !next_ || !shown_) return now_ns + kPageNs;
    if (!pace_from_) pace_from_ = {now_ns, shown_->monotonic_ns};
    const double ahead_ns = static_cast<double>(next_->time.monotonic_ns - pace_from_->sample_ns) / speed_;
    return pace_from_->clock_ns + static_cast<std::int64_t>(std::clamp(ahead_ns, 0.0, 9e15));
  }

  // All samples that are due by now, drawn once: at high speed there are many a picture.
  void show_due() {
    if (view_.paused) return;
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    for (int i = 0; i < kWarmUpSamples && next_ && due_ns() <= now_ns; ++i) show_next();
  }

  void seek(std::int64_t target_ns) {
    const std::int64_t target = std::clamp(target_ns, first_.monotonic_ns, last_.monotonic_ns);
    const std::int64_t interval_ns =
        std::clamp<std::int64_t>(recording_.info().interval_ns, 1'000'000, kPageNs);
    const std::int64_t from = std::max(first_.monotonic_ns, target - kWarmUpSamples * interval_ns);
    if (auto done = recording_.seek(from); !done) {
      view_.notice = done.error().message();
      return;
    }
    builder_.restart();
    shown_.reset();
    previous_.reset();
    pace_from_.reset();
    next_.reset();
    read_next();
    // A recording of another interval than it says cannot make the jump endless.
    for (std::int64_t i = 0; i < 100 * kWarmUpSamples && next_; ++i) {
      show_next();
      if (shown_->monotonic_ns >= target) break;
    }
  }

  void on_key(const view::Key& key) {
    const std::int64_t now_shown_ns = shown_ ? shown_->monotonic_ns : first_.monotonic_ns;
    const std::int64_t before_ns = previous_ ? previous_->monotonic_ns : first_.monotonic_ns;
    pace_from_.reset();
    switch (apply_key(key, overview_keys(builder_.model(), view_, screen_), view_)) {
      case OverviewAction::quit:
        done_ = true;
        break;
      case OverviewAction::faster:
        speed_ = std::min(speed_ * 2, kFastest);
        break;
      case OverviewAction::slower:
        speed_ = std::max(speed_ / 2, kSlowest);
        break;
      // Samples may be further apart than a step; a step always moves.
      case OverviewAction::back:
        seek(std::min(now_shown_ns - kStepNs, before_ns));
        break;
      case OverviewAction::forward:
        seek(now_shown_ns + kStepNs);
        break;
      case OverviewAction::page_back:
        seek(std::min(now_shown_ns - kPageNs, before_ns));
        break;
      case OverviewAction::page_forward:
        seek(now_shown_ns + kPageNs);
        break;
      case OverviewAction::first:
        seek(first_.monotonic_ns);
        break;
      case OverviewAction::last:
        seek(last_.monotonic_ns);
        break;
      case OverviewAction::mark:
      case OverviewAction::none:
        break;
    }
  }

  void draw() {
    view::OverviewModel& model = builder_.model();
    model.replay = view::ReplayPosition{first_, last_, speed_, !next_};
    screen_.draw(view::render_overview(model, view_, screen_.columns(), screen_.rows()));
  }

  struct Pace {
    std::int64_t clock_ns, sample_ns;
  };

  Context& context_;
  ReplaySource& source_;
  record::Recording& recording_;
  view::Screen& screen_;
  machine::MachineSeries series_;
  machine::MachineReading reading_;
  OverviewBuilder builder_;
  view::OverviewView view_;
  double speed_;
  Instant first_, last_;
  std::optional<record::Sample> next_;       // read, not yet shown
  std::optional<Instant> shown_, previous_;  // times of the newest and the one before
  std::optional<Pace> pace_from_;            // which moment of the recording is which of the clock
  std::optional<Error> error_;
  bool done_ = false;
};

int report_replay(Context& context, const Arguments& arguments, Format format, ReplaySource& source) {
  record::Recording& recording = source.recording();
  machine::MachineSeries series(recording.table(), machine::Parts::all());
  machine::MachineReading reading;
  record::Sample sample;
  OverviewOptions options;
  options.format = format;
  options.fail_if = overview_fail_if(arguments);
  OverviewBuilder builder(host_of(recording.info()), "recording");  // every sample
  OverviewBuilder whole(host_of(recording.info()), "recording");    // the first and the last
  const bool stream = format == Format::json_stream || format == Format::csv;
  if (format == Format::csv) context.out.write(view::report_csv_head());
  std::optional<Instant> last;
  while (context.out.is_open()) {
    auto got = source.next(sample);
    if (!got) return context.report(got.error());
    if (!*got) break;
    series.take(sample, reading);
    if (!last) whole.add(reading, sample.time);
    if (stream) {
      builder.add(reading, sample.time);
      // Rates need an earlier sample, as they do live.
      if (last) write_overview_report(context, format, builder.model());
    }
    last = sample.time;
  }
  if (!last) return context.report({ErrorKind::failed, 0, "there are no samples to show", {}});
  if (last->monotonic_ns > whole.model().time.monotonic_ns) whole.add(reading, *last);
  if (!stream) write_overview_report(context, format, whole.model());
  return overview_exit_code(options, stream ? builder.model() : whole.model(), kExitOk);
}

}  // namespace

int replay_overview(Context& context, const Arguments& arguments, ReplaySource& source) {
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  const bool report = arguments.has("--report") || arguments.has("--once");
  if (!report && *format == Format::table && context.out_is_terminal && source.recording().first_time()) {
    if (auto screen = view::Screen::open({.color = context.color, .mouse = true}, context.waiter)) {
      const Result<void> ended = ReplayPicture(context, source, **screen, arguments.has("--ascii")).run();
      screen->reset();
      return ended ? kExitOk : context.report(ended.error());
    }
  }
  return report_replay(context, arguments, *format, source);
}

}  // namespace isotach::command
