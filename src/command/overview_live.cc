#include "command/overview_live.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/units.h"
#include "command/doctor/silence.h"
#include "command/live_loop.h"
#include "command/overview_keys.h"
#include "command/overview_model.h"
#include "command/own_cost.h"
#include "kernel/host.h"
#include "view/overview/overview.h"
#include "view/overview/paint.h"

namespace isotach::command {
namespace {

// The first rates are shown soon, whatever the interval.
constexpr std::int64_t kFirstRatesNs = 200'000'000;

class LiveOverview {
 public:
  LiveOverview(Context& context, const OverviewOptions& options, OverviewSource& source, view::Screen& screen)
      : context_(context),
        source_(source),
        screen_(screen),
        builder_(kernel::read_host(overview_root(options)), options.proc_root),
        start_ns_(context.clock.now().monotonic_ns),
        cost_(start_ns_),
        loop_(context, &screen,
              {.interval_ns = options.interval_ns,
               .count = options.count,
               .duration_ns = options.duration_ns,
               .early_ns = kFirstRatesNs}) {
    view_.unicode = screen.unicode() && !options.ascii;
    if (overview_root(options).is_live())
      doctor_ = std::make_unique<StandingThread>(context.clock, StandingDoctor::Options{});
    builder_.set_silenced(silenced_here());
    builder_.set_limits(kernel::read_cgroup_limits(overview_root(options)));
  }

  // Until the user, a limit or a signal ends it.
  [[nodiscard]] Result<void> run() {
    if (auto taken = take_sample(); !taken) return taken;
    const auto ended = loop_.run({.sample = [this] { return take_sample(); },
                                  .draw = [this] { draw(); },
                                  .key =
                                      [this](const view::Key& key) {
                                        on_key(key);
                                        return !done_;
                                      }});
    if (!ended) return tl::make_unexpected(ended.error());
    return {};
  }

  [[nodiscard]] const view::OverviewModel& model() { return builder_.model(); }

  [[nodiscard]] std::string summary() {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    return fmt::format("{} samples in {}, {} missed; isotach itself used {} of a CPU",
                       builder_.model().samples, format_duration_ns(static_cast<double>(now_ns - start_ns_)),
                       loop_.missed(), view::percent_text(cost_.overall(now_ns)));
  }

 private:
  [[nodiscard]] Result<void> take_sample() {
    auto time = source_.sample();
    if (!time) return tl::make_unexpected(std::move(time.error()));
    builder_.add(source_.reading(), *time);
    if (doctor_) {
      // Kept by itself: news that come while it is read replace it.
      const auto news = doctor_->news();
      if (news->number != news_) builder_.add_standing(*news);
      news_ = news->number;
    }
    view::OverviewModel& model = builder_.model();
    model.missed = loop_.missed();
    model.own_cpu_share = cost_.recent(time->monotonic_ns);
    if (!recording_failed_ && source_.recording_error()) {
      recording_failed_ = true;
      view_.notice = "recording stopped: " + source_.recording_error()->message();
    }
    return {};
  }

  void on_key(const view::Key& key) {
    const bool was_paused = view_.paused;
    switch (apply_key(key, overview_keys(held_ ? *held_ : builder_.model(), view_, screen_), view_)) {
      case OverviewAction::quit:
        done_ = true;
        break;
      case OverviewAction::mark:
        mark();
        break;
      case OverviewAction::faster:
        set_interval(shorter_interval_ns(loop_.interval_ns()));
        break;
      case OverviewAction::slower:
        set_interval(longer_interval_ns(loop_.interval_ns()));
        break;
      default:
        break;
    }
    if (view_.paused && !was_paused) held_ = builder_.model();
    if (!view_.paused) held_.reset();
  }

  void set_interval(std::int64_t interval_ns) {
    loop_.set_interval(interval_ns);
    view_.notice = "a sample every " + format_duration_ns(static_cast<double>(interval_ns));
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

  void draw() {
    view_.interval_s = static_cast<double>(loop_.interval_ns()) / static_cast<double>(kNanosecondsPerSecond);
    screen_.draw(
        view::render_overview(held_ ? *held_ : builder_.model(), view_, screen_.columns(), screen_.rows()));
  }

  Context& context_;
  OverviewSource& source_;
  view::Screen& screen_;
  OverviewBuilder builder_;
  std::unique_ptr<StandingThread> doctor_;
  std::uint64_t news_ = 0;
  std::optional<view::OverviewModel> held_;  // what is shown while paused
  view::OverviewView view_;
  std::int64_t start_ns_;
  OwnCost cost_;
  LiveLoop loop_;
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
