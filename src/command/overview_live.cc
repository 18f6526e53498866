#include "command/overview_live.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/ticker.h"
#include "base/units.h"
#include "command/overview_keys.h"
#include "command/overview_model.h"
#include "kernel/host.h"
#include "view/overview/overview.h"
#include "view/overview/paint.h"

namespace isotach::command {
namespace {

// The first rates are shown soon, whatever the interval.
constexpr std::int64_t kFirstRatesNs = 200'000'000;

std::int64_t own_cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::int64_t>(used.tv_sec) * kNanosecondsPerSecond + used.tv_nsec;
}

// CPU time this process used, as a share of one CPU: over the last seconds, and over all.
class OwnCost {
 public:
  explicit OwnCost(std::int64_t now_ns) : start_{now_ns, own_cpu_ns()}, from_(start_), next_(start_) {}

  [[nodiscard]] std::optional<double> recent(std::int64_t now_ns) {
    const Point now = {now_ns, own_cpu_ns()};
    if (now.time_ns - next_.time_ns >= kWindowNs) {
      from_ = next_;
      next_ = now;
    }
    return share(from_, now);
  }
  [[nodiscard]] std::optional<double> overall(std::int64_t now_ns) const {
    return share(start_, {now_ns, own_cpu_ns()});
  }

 private:
  struct Point {
    std::int64_t time_ns = 0, cpu_ns = 0;
  };
  static std::optional<double> share(const Point& from, const Point& to) {
    if (to.time_ns <= from.time_ns) return std::nullopt;
    return static_cast<double>(to.cpu_ns - from.cpu_ns) / static_cast<double>(to.time_ns - from.time_ns);
  }
  static constexpr std::int64_t kWindowNs = 5 * kNanosecondsPerSecond;

  Point start_, from_, next_;
};

class LiveOverview {
 public:
  LiveOverview(Context& context, const OverviewOptions& options, OverviewSource& source, view::Screen& screen)
      : context_(context),
        options_(options),
        source_(source),
        screen_(screen),
        builder_(kernel::read_host(overview_root(options)), options.proc_root),
        interval_ns_(options.interval_ns),
        start_ns_(context.clock.now().monotonic_ns),
        cost_(start_ns_),
        ticker_(start_ns_, options.interval_ns) {
    view_.unicode = screen.unicode() && !options.ascii;
    builder_.set_limits(kernel::read_cgroup_limits(overview_root(options)));
  }

  // Until the user, a limit or a signal ends it.
  [[nodiscard]] Result<void> run() {
    if (auto taken = take_sample(); !taken) return taken;
    std::int64_t early_ns = interval_ns_ > 2 * kFirstRatesNs ? start_ns_ + kFirstRatesNs : 0;
    ticker_.advance(context_.clock.now().monotonic_ns);
    draw();
    while (!done_) {
      const std::int64_t deadline_ns = early_ns > 0 ? early_ns : ticker_.deadline_ns();
      switch (context_.waiter.wait_until(deadline_ns, {screen_.input_fd(), context_.out.fd()})) {
        case Wake::deadline:
          if (early_ns > 0) {
            early_ns = 0;
          } else {
            ticker_.advance(context_.clock.now().monotonic_ns);
            ++intervals_;
          }
          if (auto taken = take_sample(); !taken) return taken;
          if (is_over()) done_ = true;
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
      if (!done_) draw();
    }
    return {};
  }

  [[nodiscard]] const view::OverviewModel& model() { return builder_.model(); }

  [[nodiscard]] std::string summary() {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    return fmt::format("{} samples in {}, {} missed; isotach itself used {} of a CPU",
                       builder_.model().samples, format_duration_ns(static_cast<double>(now_ns - start_ns_)),
                       missed(), view::percent_text(cost_.overall(now_ns)));
  }

 private:
  [[nodiscard]] std::uint64_t missed() const { return missed_before_ + ticker_.missed(); }

  [[nodiscard]] bool is_over() const {
    if (options_.count && intervals_ >= *options_.count) return true;
    const std::int64_t watched_ns = context_.clock.now().monotonic_ns - start_ns_;
    return options_.duration_ns && watched_ns >= *options_.duration_ns;
  }

  [[nodiscard]] Result<void> take_sample() {
    auto time = source_.sample();
    if (!time) return tl::make_unexpected(std::move(time.error()));
    builder_.add(source_.reading(), *time);
    view::OverviewModel& model = builder_.model();
    model.missed = missed();
    model.own_cpu_share = cost_.recent(time->monotonic_ns);
    if (!recording_failed_ && source_.recording_error()) {
      recording_failed_ = true;
      view_.notice = "recording stopped: " + source_.recording_error()->message();
    }
    return {};
  }

  void on_key(const view::Key& key) {
    const bool was_paused = view_.paused;
    switch (apply_key(key, builder_.model().interfaces.size(), false, view_)) {
      case OverviewAction::quit:
        done_ = true;
        break;
      case OverviewAction::mark:
        mark();
        break;
      case OverviewAction::faster:
        change_interval(shorter_interval_ns(interval_ns_));
        break;
      case OverviewAction::slower:
        change_interval(longer_interval_ns(interval_ns_));
        break;
      default:
        break;
    }
    if (view_.paused && !was_paused) held_ = builder_.model();
    if (!view_.paused) held_.reset();
  }

  void mark() {
    if (!source_.is_recording()) {
      view_.notice = "marks are kept in recordings: isotach --record FILE";
      return;
    }
    const std::string text = fmt::format("mark {}", ++marks_);
    source_.mark(text);
    view_.notice = text + " recorded";
  }

  void change_interval(std::int64_t interval_ns) {
    if (interval_ns == interval_ns_) return;
    interval_ns_ = interval_ns;
    missed_before_ += ticker_.missed();
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    ticker_ = Ticker(now_ns, interval_ns_);
    ticker_.advance(now_ns);
  }

  void draw() {
    view_.interval_s = static_cast<double>(interval_ns_) / static_cast<double>(kNanosecondsPerSecond);
    screen_.draw(
        view::render_overview(held_ ? *held_ : builder_.model(), view_, screen_.columns(), screen_.rows()));
  }

  Context& context_;
  const OverviewOptions& options_;
  OverviewSource& source_;
  view::Screen& screen_;
  OverviewBuilder builder_;
  std::optional<view::OverviewModel> held_;  // what is shown while paused
  view::OverviewView view_;
  std::int64_t interval_ns_;
  std::int64_t start_ns_;
  OwnCost cost_;
  Ticker ticker_;
  std::uint64_t missed_before_ = 0;  // by tickers of earlier intervals
  std::uint64_t intervals_ = 0;
  unsigned marks_ = 0;
  bool recording_failed_ = false;
  bool done_ = false;
};

}  // namespace

int run_overview_live(Context& context, const Arguments& arguments, const OverviewOptions& options,
                      std::unique_ptr<view::Screen> screen) {
  auto opened = OverviewSource::open(context, arguments, options);
  if (!opened) {
    screen.reset();  // messages belong on the terminal that the user came from
    return context.report(opened.error());
  }
  OverviewSource& source = **opened;
  LiveOverview live(context, options, source, *screen);
  const Result<void> ended = live.run();
  screen.reset();
  if (!ended) return context.report(ended.error());
  context.note(live.summary());
  if (auto finished = source.finish(); !finished) return context.report(finished.error());
  return overview_exit_code(options, live.model(), kExitOk);
}

}  // namespace isotach::command
