// The live picture of `isotach plot`: on a terminal that can be drawn on, or printed again and again
// on one that cannot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "command/context.h"
#include "command/plot_session.h"
#include "view/terminal/screen.h"

namespace isotach::command {

class PlotView {
 public:
  // Draws nothing where standard output is no terminal or takes data.
  PlotView(Context& context, PlotSession& session);

  [[nodiscard]] bool is_drawn() const { return screen_ != nullptr; }
  // Where keys come from; -1 for none.
  [[nodiscard]] int input_fd() const { return screen_ ? screen_->input_fd() : -1; }
  void resized();
  // Takes the keys that were pressed; false when the user wants to leave.
  [[nodiscard]] bool take_keys(const Instant& now);

  // There is a new sample, or a key has changed the picture.
  void changed() { changed_ = true; }
  // When the next picture is due; far away when nothing moves.
  [[nodiscard]] std::int64_t next_frame_ns() const;
  void draw_if_due(const Instant& now);

 private:
  void draw(const Instant& now);
  void print_plain();
  [[nodiscard]] std::string status() const;
  void draw_help(view::Grid& grid) const;
  void pause_or_go_on();
  void scroll(int direction);
  void change_window(int direction);

  Context& context_;
  PlotSession& session_;
  std::unique_ptr<view::Screen> screen_;
  bool plain_ = false;  // a terminal without cursor movement
  bool changed_ = false;
  bool help_ = false;
  std::int64_t window_ns_;
  std::optional<std::pair<std::int64_t, std::int64_t>> paused_;  // the time axis that stands still
  std::int64_t last_frame_ns_ = 0;
};

}  // namespace isotach::command
