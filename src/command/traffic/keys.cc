#include "command/traffic/keys.h"

#include <algorithm>

namespace isotach::command {
namespace {

using view::Key;
using view::TrafficPage;
using view::TrafficView;

// What is typed longer than this can match nothing.
constexpr std::size_t kMostSearch = 64;
constexpr std::size_t kWheelRows = 3;

void turn_to(TrafficView& view, TrafficPage page) {
  view.help = false;
  if (page == view.page) return;
  view.page = page;
  view.cursor = 0;
}

void turn_by(TrafficView& view, int step) {
  const int count = view::kTrafficPageCount;
  turn_to(view, static_cast<TrafficPage>((static_cast<int>(view.page) + step + count) % count));
}

void move_cursor(TrafficView& view, std::size_t matching, bool down, std::size_t step) {
  const std::size_t last = matching == 0 ? 0 : matching - 1;
  view.cursor = std::min(view.cursor, last);
  view.cursor = down ? std::min(last, view.cursor + step) : view.cursor - std::min(view.cursor, step);
}

void append_utf8(std::string& text, char32_t character) {
  if (character < 0x80) {
    text += static_cast<char>(character);
  } else if (character < 0x800) {
    text += static_cast<char>(0xc0 | (character >> 6));
    text += static_cast<char>(0x80 | (character & 0x3f));
  } else if (character < 0x10000) {
    text += static_cast<char>(0xe0 | (character >> 12));
    text += static_cast<char>(0x80 | (character >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (character & 0x3f));
  }
}

void erase_last(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

// While text is typed every character belongs to it. False: the key is none of typing.
bool type(const Key& key, TrafficView& view) {
  switch (key.kind) {
    case Key::Kind::character:
      if (key.character >= U' ' && view.search.size() < kMostSearch) append_utf8(view.search, key.character);
      view.cursor = 0;
      return true;
    case Key::Kind::backspace:
      erase_last(view.search);
      view.cursor = 0;
      return true;
    case Key::Kind::escape:
      view.search.clear();
      view.typing = false;
      return true;
    case Key::Kind::enter:
      view.typing = false;
      return true;
    default:
      return false;
  }
}

TrafficAction apply_character(char32_t character, TrafficView& view) {
  if (character >= U'0' && character <= U'9') {
    turn_to(view, static_cast<TrafficPage>((static_cast<int>(character - U'0') + 9) % 10));
    return TrafficAction::none;
  }
  switch (character) {
    case U'q':
    case U'Q':
      return TrafficAction::quit;
    case U'?':
    case U'h':
      view.help = !view.help;
      break;
    case U'\t':
      turn_by(view, 1);
      break;
    case U' ':
    case U'p':
      view.paused = !view.paused;
      break;
    case U'b':
      view.bytes = !view.bytes;
      break;
    case U'/':
      if (view.page == TrafficPage::overview) turn_to(view, TrafficPage::flows);
      view.help = false;
      view.typing = true;
      view.search.clear();
      break;
    case U's':
      return TrafficAction::next_sort;
    case U'+':
    case U'=':
      return TrafficAction::slower;
    case U'-':
      return TrafficAction::faster;
    default:
      break;
  }
  return TrafficAction::none;
}

TrafficAction go_back(TrafficView& view) {
  if (view.help) {
    view.help = false;
    return TrafficAction::none;
  }
  if (!view.search.empty()) {
    view.search.clear();
    view.cursor = 0;
    return TrafficAction::none;
  }
  return TrafficAction::back;
}

TrafficAction click(const Key& key, std::size_t matching, TrafficScreenSize size, TrafficView& view) {
  if (const auto page = view::traffic_tab_at(view, size.columns, size.rows, key.column, key.row)) {
    turn_to(view, *page);
    return TrafficAction::none;
  }
  const auto row = view::traffic_row_at(view, size.columns, size.rows, key.row);
  if (!row || view.help) return TrafficAction::none;
  // As the list is drawn: with the cursor on its page.
  const std::size_t rows = view::traffic_page_rows(view, size.columns, size.rows);
  const std::size_t place = view.cursor / rows * rows + *row;
  if (place >= matching) return TrafficAction::none;
  const bool again = view.cursor == place;
  view.cursor = place;
  return again ? TrafficAction::open : TrafficAction::none;
}

}  // namespace

TrafficAction apply_traffic_key(const Key& key, std::size_t matching, TrafficScreenSize size,
                                TrafficView& view) {
  using Kind = Key::Kind;
  view.notice.clear();
  if (view.typing && type(key, view)) return TrafficAction::none;
  const std::size_t page = view::traffic_page_rows(view, size.columns, size.rows);
  switch (key.kind) {
    case Kind::character:
      return apply_character(key.character, view);
    case Kind::left:
    case Kind::shift_tab:
      turn_by(view, -1);
      break;
    case Kind::right:
      turn_by(view, 1);
      break;
    case Kind::up:
      move_cursor(view, matching, false, 1);
      break;
    case Kind::down:
      move_cursor(view, matching, true, 1);
      break;
    case Kind::wheel_up:
      move_cursor(view, matching, false, kWheelRows);
      break;
    case Kind::wheel_down:
      move_cursor(view, matching, true, kWheelRows);
      break;
    case Kind::page_up:
      move_cursor(view, matching, false, page);
      break;
    case Kind::page_down:
      move_cursor(view, matching, true, page);
      break;
    case Kind::home:
      view.cursor = 0;
      break;
    case Kind::end:
      view.cursor = matching == 0 ? 0 : matching - 1;
      break;
    case Kind::enter:
      return view.help ? TrafficAction::none : TrafficAction::open;
    case Kind::escape:
    case Kind::backspace:
      return go_back(view);
    case Kind::click:
      return click(key, matching, size, view);
    case Kind::resize:
    case Kind::other:
      break;
  }
  return TrafficAction::none;
}

}  // namespace isotach::command
