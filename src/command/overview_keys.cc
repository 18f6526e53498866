#include "command/overview_keys.h"

#include <algorithm>
#include <array>

namespace isotach::command {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::array<std::int64_t, 12> kIntervalsNs = {10 * kMs,   20 * kMs,    50 * kMs,    100 * kMs,
                                                       200 * kMs,  500 * kMs,   1000 * kMs,  2000 * kMs,
                                                       5000 * kMs, 10000 * kMs, 30000 * kMs, 60000 * kMs};

constexpr int kPageRows = 10;

void show(view::OverviewView& view, view::OverviewPage page) {
  view.page = page;
  view.scroll = 0;
}

// To the page, or back from it.
void turn_to(view::OverviewView& view, view::OverviewPage page) {
  show(view, view.page == page ? view::OverviewPage::machine : page);
}

bool scrolls(const view::OverviewView& view) {
  return view.page == view::OverviewPage::findings || view.page == view::OverviewPage::connections;
}

// Down by `rows` of a long page, or on by one interface where interfaces are listed.
void move(const OverviewKeys& keys, int rows, view::OverviewView& view) {
  if (scrolls(view)) {
    view.scroll = std::clamp(view.scroll + rows, 0, keys.scroll_limit);
    return;
  }
  const std::size_t count = keys.interface_count;
  if (count > 0) view.interface = (view.interface + (rows > 0 ? 1 : count - 1)) % count;
}

OverviewAction apply_character(char32_t character, const OverviewKeys& keys, view::OverviewView& view) {
  using view::OverviewPage;
  switch (character) {
    case 'q':
    case 'Q':
      return OverviewAction::quit;
    case '?':
    case 'h':
      turn_to(view, OverviewPage::help);
      break;
    case 'f':
      turn_to(view, OverviewPage::findings);
      break;
    case '1':
      show(view, OverviewPage::machine);
      break;
    case '2':
      show(view, OverviewPage::memory);
      break;
    case '3':
      show(view, OverviewPage::network);
      break;
    case '4':
      show(view, OverviewPage::connections);
      break;
    case '5':
      show(view, OverviewPage::findings);
      break;
    case ' ':
    case 'p':
      view.paused = !view.paused;
      break;
    case 's':
      view.each_cpu = !view.each_cpu;
      break;
    case '\t':
      view.interface = keys.interface_count > 0 ? (view.interface + 1) % keys.interface_count : 0;
      break;
    // In a replay "+" means more speed, not a longer interval.
    case '+':
    case '=':
      return keys.replay ? OverviewAction::faster : OverviewAction::slower;
    case '-':
      return keys.replay ? OverviewAction::slower : OverviewAction::faster;
    case 'm':
      return OverviewAction::mark;
    default:
      break;
  }
  return OverviewAction::none;
}

OverviewAction apply_click(const view::Key& click, const OverviewKeys& keys, view::OverviewView& view) {
  for (const view::ClickTarget& target : keys.targets) {
    const view::Rect& area = target.area;
    if (click.column >= area.column && click.column < area.column + area.columns && click.row >= area.row &&
        click.row < area.row + area.rows)
      return apply_character(target.key, keys, view);
  }
  return OverviewAction::none;
}

}  // namespace

OverviewKeys overview_keys(const view::OverviewModel& model, const view::OverviewView& view,
                           const view::Screen& screen) {
  return {model.interfaces.size(), model.replay.has_value(),
          view::overview_scroll_limit(model, view, screen.columns(), screen.rows()),
          view::overview_targets(model, view, screen.columns(), screen.rows())};
}

OverviewAction apply_key(const view::Key& key, const OverviewKeys& keys, view::OverviewView& view) {
  using Kind = view::Key::Kind;
  view.notice.clear();
  const bool pages = scrolls(view) && !keys.replay;
  switch (key.kind) {
    case Kind::character:
      return apply_character(key.character, keys, view);
    case Kind::click:
      return apply_click(key, keys, view);
    case Kind::escape:
      show(view, view::OverviewPage::machine);
      break;
    case Kind::down:
    case Kind::wheel_down:
      move(keys, 1, view);
      break;
    case Kind::up:
    case Kind::wheel_up:
      move(keys, -1, view);
      break;
    case Kind::left:
      return OverviewAction::back;
    case Kind::right:
      return OverviewAction::forward;
    case Kind::page_up:
      if (!pages) return OverviewAction::page_back;
      move(keys, -kPageRows, view);
      break;
    case Kind::page_down:
      if (!pages) return OverviewAction::page_forward;
      move(keys, kPageRows, view);
      break;
    case Kind::home:
      if (!pages) return OverviewAction::first;
      view.scroll = 0;
      break;
    case Kind::end:
      if (!pages) return OverviewAction::last;
      view.scroll = keys.scroll_limit;
      break;
    default:
      break;
  }
  return OverviewAction::none;
}

std::int64_t longer_interval_ns(std::int64_t interval_ns) {
  for (const std::int64_t candidate : kIntervalsNs)
    if (candidate > interval_ns) return candidate;
  return interval_ns;
}

std::int64_t shorter_interval_ns(std::int64_t interval_ns) {
  for (auto candidate = kIntervalsNs.rbegin(); candidate != kIntervalsNs.rend(); ++candidate)
    if (*candidate < interval_ns) return *candidate;
  return interval_ns;
}

}  // namespace isotach::command
