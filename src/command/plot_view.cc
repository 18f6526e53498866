#include "command/plot_view.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "base/text.h"
#include "base/units.h"
#include "view/plot/terminal_plot.h"

namespace isotach::command {
namespace {

// Twenty pictures a second look smooth; on a terminal that scrolls, one every two seconds can be read.
constexpr std::int64_t kFrameNs = 50'000'000;
constexpr std::int64_t kPlainFrameNs = 2'000'000'000;
constexpr int kPlainRows = 16;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

constexpr std::array<std::int64_t, 14> kWindowsS = {1,   2,   5,   10,   20,   30,   60,
                                                    120, 300, 600, 1200, 1800, 3600, 7200};

constexpr std::array<std::pair<const char*, const char*>, 7> kKeys = {{
    {"q", "quit"},
    {"space", "pause, go on"},
    {"left right", "move through the past while paused"},
    {"a", "value axis: follow the data, or stay"},
    {"+ -", "show less, more of the past"},
    {"m", "set a mark"},
    {"?", "this help"},
}};

// "60 s", "5 min": one number is enough for a window.
std::string window_text(std::int64_t window_ns) {
  const std::int64_t seconds = window_ns / kNanosecondsPerSecond;
  if (seconds >= 120 && seconds % 60 == 0 && window_ns % kNanosecondsPerSecond == 0)
    return std::to_string(seconds / 60) + " min";
  if (seconds == 60) return "60 s";
  return format_duration_ns(static_cast<double>(window_ns));
}

}  // namespace

PlotView::PlotView(Context& context, PlotSession& session)
    : context_(context), session_(session), window_ns_(session.options().window_ns) {
  if (!context.out_is_terminal || session.prints_data()) return;
  auto opened = view::Screen::open({context.color}, context.waiter);
  if (opened) {
    screen_ = std::move(*opened);
  } else {
    plain_ = true;
  }
  session.set_live(true);
}

void PlotView::resized() {
  if (screen_) screen_->resized();
  changed_ = true;
}

std::int64_t PlotView::next_frame_ns() const {
  if (plain_) return changed_ ? last_frame_ns_ + kPlainFrameNs : kNever;
  if (!screen_) return kNever;
  const bool moving = !paused_ && session_.model().axes_moving();
  return changed_ || moving ? last_frame_ns_ + kFrameNs : kNever;
}

void PlotView::draw_if_due(const Instant& now) {
  if (now.monotonic_ns < next_frame_ns() || session_.samples() == 0) return;
  last_frame_ns_ = now.monotonic_ns;
  changed_ = false;
  if (screen_) {
    draw(now);
  } else {
    print_plain();
  }
}

std::string PlotView::status() const {
  std::string text = paused_ ? "paused  " : "";
  text += session_.model().axes_fixed() ? "fixed  " : "auto  ";
  text += window_text(window_ns_);
  return text + "  ? help";
}

void PlotView::draw(const Instant& now) {
  view::PlotModel& model = session_.model();
  view::Figure figure = paused_ ? model.still_figure(paused_->first, paused_->second)
                                : model.live_figure(window_ns_, now.monotonic_ns);
  session_.label(figure);
  view::TerminalPlotOptions options{session_.plain_dots(), status()};
  if (!session_.options().dots)
    options.dots = screen_->unicode() ? view::DotStyle::braille : view::DotStyle::ascii;
  view::Grid grid(screen_->columns(), screen_->rows());
  draw_figure(grid, figure, options);
  if (help_) draw_help(grid);
  screen_->draw(grid);
}

void PlotView::draw_help(view::Grid& grid) const {
  std::size_t key_width = 0, width = 0;
  for (const auto& [key, text] : kKeys) key_width = std::max(key_width, display_width(key));
  for (const auto& [key, text] : kKeys) width = std::max(width, key_width + 2 + display_width(text));
  const int box_width = std::min(grid.columns(), static_cast<int>(width) + 4);
  const int box_height = std::min(grid.rows(), static_cast<int>(kKeys.size()) + 2);
  const int left = (grid.columns() - box_width) / 2;
  const int top = (grid.rows() - box_height) / 2;
  grid.fill(left, top, box_width, box_height, " ");
  view::Grid box(box_width, box_height);
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const int row = static_cast<int>(i) + 1;
    box.write(2, row, kKeys[i].first, view::Style::bold);
    box.write(2 + static_cast<int>(key_width) + 2, row, kKeys[i].second, view::Style::plain, true);
  }
  for (int row = 0; row < box.rows(); ++row)
    for (int column = 0; column < box.columns(); ++column) {
      const view::Cell& cell = box.at(column, row);
      grid.put(left + column, top + row, cell.text, cell.style);
    }
}

void PlotView::print_plain() {
  const TerminalSize size = terminal_size(context_.out.fd());
  view::Grid grid(size.columns, std::min(size.rows - 1, kPlainRows));
  view::Figure figure = session_.model().live_figure(window_ns_, last_frame_ns_);
  session_.label(figure);
  draw_figure(grid, figure, {session_.plain_dots(), {}});
  context_.out.write((context_.color ? grid.text_with_color() : grid.text()) + '\n');
  context_.out.flush();
}

void PlotView::pause_or_go_on() {
  if (paused_) {
    paused_.reset();
  } else {
    paused_ = view::live_time_axis(session_.model().last_ns(), window_ns_);
  }
}

void PlotView::scroll(int direction) {
  if (!paused_) return;
  const std::int64_t span_ns = paused_->second - paused_->first;
  const std::int64_t latest_ns = std::max(session_.model().last_ns(), span_ns);
  const std::int64_t high_ns = std::clamp(paused_->second + direction * span_ns / 4, span_ns, latest_ns);
  paused_ = {high_ns - span_ns, high_ns};
}

void PlotView::change_window(int direction) {
  const auto longer =
      std::upper_bound(kWindowsS.begin(), kWindowsS.end(), window_ns_ / kNanosecondsPerSecond);
  if (direction > 0) {
    if (longer != kWindowsS.end()) window_ns_ = *longer * kNanosecondsPerSecond;
  } else {
    const auto shorter = std::find_if(kWindowsS.rbegin(), kWindowsS.rend(), [&](std::int64_t seconds) {
      return seconds * kNanosecondsPerSecond < window_ns_;
    });
    if (shorter != kWindowsS.rend()) window_ns_ = *shorter * kNanosecondsPerSecond;
  }
  if (paused_) {
    // The right edge stays.
    paused_->first = std::max<std::int64_t>(0, paused_->second - window_ns_);
    paused_->second = paused_->first + window_ns_;
  }
}

bool PlotView::take_keys(const Instant& now) {
  if (!screen_) return true;
  // As many as a person can have typed; a stuck key must not hold up the samples.
  for (int i = 0; i < 64; ++i) {
    const auto key = screen_->read_key();
    if (!key) return true;
    changed_ = true;
    switch (key->kind) {
      case view::Key::Kind::left:
        scroll(-1);
        break;
      case view::Key::Kind::right:
        scroll(+1);
        break;
      case view::Key::Kind::resize:
        screen_->resized();
        break;
      case view::Key::Kind::escape:
        help_ = false;
        break;
      case view::Key::Kind::character:
        switch (key->character) {
          case U'q':
          case U'Q':
            return false;
          case U' ':
          case U'p':
            pause_or_go_on();
            break;
          case U'a':
            if (session_.model().axes_fixed()) {
              session_.model().free_axes();
            } else {
              session_.model().freeze_axes();
            }
            break;
          case U'+':
          case U'=':
            change_window(-1);
            break;
          case U'-':
            change_window(+1);
            break;
          case U'm':
            session_.mark(now);
            break;
          case U'?':
          case U'h':
            help_ = !help_;
            break;
          default:
            break;
        }
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace isotach::command
