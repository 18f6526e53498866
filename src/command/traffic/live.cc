#include <fmt/format.h>

#include "base/units.h"
#include "command/live_loop.h"
#include "command/overview_keys.h"
#include "command/own_cost.h"
#include "command/traffic/keys.h"
#include "command/traffic/pages.h"
#include "command/traffic/run.h"
#include "view/overview/paint.h"

namespace isotach::command {
namespace {

// The first rates are shown soon, whatever the interval.
constexpr std::int64_t kFirstRatesNs = 200'000'000;

class LiveTraffic {
 public:
  LiveTraffic(Context& context, const TrafficCommandOptions& options, std::unique_ptr<TrafficSession> session,
              TrafficSinks& sinks, HostNames* names, view::Screen& screen)
      : context_(context),
        options_(options),
        session_(std::move(session)),
        sinks_(sinks),
        screen_(screen),
        pages_(*session_, names),
        cost_(context.clock.now().monotonic_ns),
        loop_(context, &screen,
              {.interval_ns = options.interval_ns,
               .count = options.count,
               .duration_ns = options.duration_ns,
               .early_ns = kFirstRatesNs}) {
    view_.unicode = screen.unicode() && !options.ascii;
    view_.page = first_page();
    pages_.set_sort(options.sort);
  }

  Result<void> run() {
    const auto ended = loop_.run({.sample = [this] { return sample(); },
                                  .draw = [this] { draw(); },
                                  .key = [this](const view::Key& key) { return take_key(key); }});
    if (!ended) return tl::make_unexpected(ended.error());
    sinks_.send_rest(*session_);
    return {};
  }

  [[nodiscard]] std::string summary() const {
    const network::TwoWay total = network::traffic_total(session_->newest());
    const auto unaccounted = unaccounted_packets(session_->newest());
    return fmt::format("{} in {} packets in {}; not accounted {}; isotach itself used {} of a CPU",
                       format_bytes(static_cast<double>(total.bytes())), total.packets(),
                       format_duration_ns(session_->running_s() * 1e9),
                       unaccounted ? std::to_string(*unaccounted) : "unknown",
                       view::percent_text(cost_.overall(context_.clock.now().monotonic_ns)));
  }

 private:
  // The page of the first kind that was asked for.
  [[nodiscard]] view::TrafficPage first_page() const {
    using network::TrafficBy;
    if (options_.bys.empty()) return view::TrafficPage::overview;
    switch (options_.bys.front()) {
      case TrafficBy::flow:
        return view::TrafficPage::flows;
      case TrafficBy::host:
        return view::TrafficPage::hosts;
      case TrafficBy::station:
        return view::TrafficPage::stations;
      case TrafficBy::port:
        return view::TrafficPage::ports;
      case TrafficBy::process:
      case TrafficBy::container:
        return view::TrafficPage::processes;
      case TrafficBy::size:
        return view::TrafficPage::sizes;
      case TrafficBy::protocol:
        return view::TrafficPage::protocols;
      case TrafficBy::interface:
        return view::TrafficPage::interfaces;
      case TrafficBy::vlan:
      case TrafficBy::dscp:
      case TrafficBy::cast:
        break;
    }
    return view::TrafficPage::classes;
  }

  Result<void> sample() {
    if (auto read = session_->read(); !read) return read;
    if (auto added = sinks_.add(*session_); !added) return added;
    if (std::string notice = sinks_.take_notice(); !notice.empty()) view_.notice = std::move(notice);
    return {};
  }

  bool take_key(const view::Key& key) {
    const bool was_paused = view_.paused;
    switch (apply_traffic_key(key, pages_.matching(), {screen_.columns(), screen_.rows()}, view_)) {
      case TrafficAction::quit:
        return false;
      case TrafficAction::open:
        pages_.open(view_);
        break;
      case TrafficAction::back:
        pages_.back(view_);
        break;
      case TrafficAction::next_sort:
        pages_.next_sort(view_);
        break;
      case TrafficAction::faster:
        change_interval(shorter_interval_ns(loop_.interval_ns()));
        break;
      case TrafficAction::slower:
        change_interval(longer_interval_ns(loop_.interval_ns()));
        break;
      case TrafficAction::none:
        break;
    }
    if (view_.paused != was_paused) session_->hold(view_.paused);
    // Several keys may come at once: each acts on what the one before has made.
    draw();
    return true;
  }

  void change_interval(std::int64_t interval_ns) {
    loop_.set_interval(interval_ns);
    view_.notice = "every " + format_duration_ns(static_cast<double>(interval_ns));
  }

  void draw() {
    view_.interval_s = static_cast<double>(loop_.interval_ns()) / static_cast<double>(kNanosecondsPerSecond);
    view::TrafficModel model = pages_.model(view_, screen_.columns(), screen_.rows());
    model.own_cpu_share = cost_.recent(context_.clock.now().monotonic_ns);
    model.missed = loop_.missed();
    screen_.draw(view::render_traffic(model, view_, screen_.columns(), screen_.rows()));
  }

  Context& context_;
  const TrafficCommandOptions& options_;
  std::unique_ptr<TrafficSession> session_;
  TrafficSinks& sinks_;
  view::Screen& screen_;
  TrafficPages pages_;
  view::TrafficView view_;
  OwnCost cost_;
  LiveLoop loop_;
};

}  // namespace

int run_traffic_live(Context& context, const TrafficCommandOptions& options,
                     std::unique_ptr<TrafficSession> session, TrafficSinks& sinks, HostNames* names,
                     std::unique_ptr<view::Screen> screen) {
  LiveTraffic live(context, options, std::move(session), sinks, names, *screen);
  const Result<void> ended = live.run();
  screen.reset();
  if (!ended) return context.report(ended.error());
  context.note(live.summary());
  if (auto finished = sinks.finish(context); !finished) return context.report(finished.error());
  return kExitOk;
}

}  // namespace isotach::command
