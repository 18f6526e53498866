// The real terminal: ncursesw behind a few calls. One at a time; use from one thread only.
//
// The terminal is restored by the destructor, and by SignalWaiter's emergency text when a second
// SIGINT ends the process.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "base/wait.h"
#include "view/terminal/grid.h"

namespace isotach::view {

struct Key {
  enum class Kind {
    character,
    left,
    right,
    up,
    down,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    shift_tab,
    wheel_up,
    wheel_down,
    click,  // the first button, at column and row
    resize,
    other,
  };
  Kind kind = Kind::other;
  char32_t character = 0;
  int column = 0;
  int row = 0;
};

class Screen {
 public:
  struct Options {
    bool color = true;
    // Clicks and the wheel come as keys. The terminal then leaves selecting text to Shift.
    bool mouse = false;
  };
  // Fails (not_supported) where TERM is unknown or dumb or there is no terminal: callers then print
  // plain text instead.
  [[nodiscard]] static Result<std::unique_ptr<Screen>> open(const Options& options, SignalWaiter& waiter);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] int columns() const;
  [[nodiscard]] int rows() const;
  // Draws only what changed since the last call.
  void draw(const Grid& grid);
  // Asks the terminal for its size again, after Wake::resized.
  void resized();
  // A key that was pressed, without waiting; nothing when there is none. Wait for input with
  // SignalWaiter on input_fd().
  [[nodiscard]] std::optional<Key> read_key();
  // Where keys come from: standard input, or the terminal itself where standard input is a pipe or
  // a file. -1 when there is none, also after it has ended: ask before each wait.
  [[nodiscard]] int input_fd() const;
  // False where the terminal's locale cannot show braille and blocks: draw with ASCII.
  [[nodiscard]] bool unicode() const;

 private:
  struct State;
  explicit Screen(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace isotach::view
