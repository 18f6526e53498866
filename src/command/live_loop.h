// The loop of every command that shows something again and again until it is stopped: on a terminal's screen
// with keys and resizing, or as rows and objects. It decides when; what is read and shown is the caller's.
//
// A sample that comes late keeps its place in the schedule (base/ticker.h). The schedule starts with run().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/ticker.h"
#include "command/context.h"
#include "view/terminal/screen.h"

namespace isotach::command {

// Why run() came back.
enum class LiveEnd { finished, asked, interrupted, output_closed };

class LiveLoop {
 public:
  struct Options {
    std::int64_t interval_ns = kNanosecondsPerSecond;
    std::optional<std::uint64_t> count;       // samples, the early one not counted
    std::optional<std::int64_t> duration_ns;  // ends with a sample then
    std::int64_t early_ns = 0;                // a first sample so soon, when the interval is longer; 0: none
  };
  struct Actions {
    // Reads the next sample and shows it where there is no screen.
    std::function<Result<void>()> sample;
    // Draws what is there to draw; called after each sample, key and resize. Only with a screen.
    std::function<void()> draw;
    // False: it is time to end. Only with a screen; resizing is done already.
    std::function<bool(const view::Key&)> key;
  };

  // `screen` may be nullptr.
  LiveLoop(Context& context, view::Screen* screen, const Options& options);

  [[nodiscard]] Result<LiveEnd> run(const Actions& actions);

  // From now on. May be called by the actions.
  void set_interval(std::int64_t interval_ns);
  [[nodiscard]] std::int64_t interval_ns() const { return options_.interval_ns; }
  // Samples that were due and could not be taken in time.
  [[nodiscard]] std::uint64_t missed() const { return missed_before_ + ticker_.missed(); }

 private:
  [[nodiscard]] bool is_over(std::uint64_t samples) const;
  bool take_keys(const Actions& actions);

  Context& context_;
  view::Screen* screen_;
  Options options_;
  std::int64_t start_ns_ = 0;
  Ticker ticker_;
  std::uint64_t missed_before_ = 0;  // by schedules of earlier intervals
};

// True for q and Q, which end every live view.
[[nodiscard]] bool is_quit_key(const view::Key& key);

}  // namespace isotach::command
