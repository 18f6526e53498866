#include "command/live_loop.h"

#include <algorithm>

namespace isotach::command {

LiveLoop::LiveLoop(Context& context, view::Screen* screen, const Options& options)
    : context_(context), screen_(screen), options_(options), ticker_(0, options.interval_ns) {}

bool LiveLoop::is_over(std::uint64_t samples) const {
  if (options_.count && samples >= *options_.count) return true;
  return options_.duration_ns && context_.clock.now().monotonic_ns - start_ns_ >= *options_.duration_ns;
}

bool LiveLoop::take_keys(const Actions& actions) {
  while (const auto key = screen_->read_key()) {
    if (key->kind == view::Key::Kind::resize) {
      screen_->resized();
    } else if (!actions.key(*key)) {
      return false;
    }
  }
  return true;
}

Result<LiveEnd> LiveLoop::run(const Actions& actions) {
  start_ns_ = context_.clock.now().monotonic_ns;
  ticker_ = Ticker(start_ns_, options_.interval_ns);
  ticker_.advance(start_ns_);
  // An early one makes no sense when the regular one comes nearly as soon.
  std::int64_t early_ns = options_.early_ns > 0 && options_.interval_ns > 2 * options_.early_ns
                              ? start_ns_ + options_.early_ns
                              : 0;
  if (screen_ != nullptr) actions.draw();
  for (std::uint64_t samples = 0;;) {
    if (!context_.out.is_open()) return LiveEnd::output_closed;
    std::int64_t deadline_ns = early_ns > 0 ? early_ns : ticker_.deadline_ns();
    if (options_.duration_ns) deadline_ns = std::min(deadline_ns, start_ns_ + *options_.duration_ns);
    const WaitTargets targets{screen_ != nullptr ? screen_->input_fd() : -1, context_.out.fd()};
    switch (context_.waiter.wait_until(deadline_ns, targets)) {
      case Wake::deadline:
        if (auto taken = actions.sample(); !taken) return tl::make_unexpected(std::move(taken.error()));
        if (early_ns > 0) {
          early_ns = 0;
        } else {
          ticker_.advance(context_.clock.now().monotonic_ns);
          ++samples;
        }
        if (is_over(samples)) return LiveEnd::finished;
        break;
      case Wake::resized:
        if (screen_ != nullptr) screen_->resized();
        break;
      case Wake::input:
        if (!take_keys(actions)) return LiveEnd::asked;
        break;
      case Wake::interrupted:
        return LiveEnd::interrupted;
      case Wake::output_closed:
        return LiveEnd::output_closed;
      case Wake::child_exited:
        continue;
    }
    if (screen_ != nullptr) actions.draw();
  }
}

void LiveLoop::set_interval(std::int64_t interval_ns) {
  if (interval_ns == options_.interval_ns) return;
  options_.interval_ns = interval_ns;
  missed_before_ += ticker_.missed();
  const std::int64_t now_ns = context_.clock.now().monotonic_ns;
  ticker_ = Ticker(now_ns, interval_ns);
  ticker_.advance(now_ns);
}

bool is_quit_key(const view::Key& key) {
  return key.kind == view::Key::Kind::character && (key.character == U'q' || key.character == U'Q');
}

}  // namespace isotach::command
