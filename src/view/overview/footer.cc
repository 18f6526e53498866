// The last rows: which pages there are, what keys do, what watching costs, where a replay stands.
#include <fmt/format.h>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kRoomyFrom = 100;
constexpr int kPagesFrom = 60;  // narrower ones begin with how to get out

struct KeyHint {
  std::string key, meaning;
  bool current = false;  // the page that is shown
  int gap = 2;           // columns before it
};

struct PageHint {
  OverviewPage page;
  const char* key;
  const char* title;
  const char* brief;
};

constexpr PageHint kPages[] = {
    {OverviewPage::machine, "1", "overview", "overview"},
    {OverviewPage::memory, "2", "memory", "memory"},
    {OverviewPage::network, "3", "network", "network"},
    {OverviewPage::connections, "4", "connections", "TCP"},
    {OverviewPage::findings, "5", "findings", "findings"},
};

std::vector<KeyHint> hints_of(const OverviewModel& model, const OverviewView& view, int columns) {
  const bool roomy = columns >= kRoomyFrom;
  std::vector<KeyHint> hints;
  if (columns < kPagesFrom) hints = {{"q", "quit"}, {"?", "help"}};
  for (const PageHint& page : kPages)
    if (!model.replay || page.page != OverviewPage::connections)
      hints.push_back({page.key, roomy ? page.title : page.brief, page.page == view.page, roomy ? 2 : 1});
  if (columns < kPagesFrom) return hints;
  if (model.replay) {
    hints.insert(hints.end(),
                 {{"space", "pause"}, {"arrows", "seek"}, {"?", "help"}, {"q", "quit"}, {"+/-", "speed"}});
    return hints;
  }
  hints.insert(hints.end(), {{"?", "help"}, {"q", "quit"}});
  if (roomy)
    hints.insert(hints.end(), {{"space", "pause"},
                               {"+/-", format_duration_ns(view.interval_s * 1e9)},
                               {"s", "CPUs"},
                               {"tab", "interface"},
                               {"m", "mark"}});
  return hints;
}

// The key that a click on a hint stands for; 0 where a hint names several keys.
char32_t key_of(const KeyHint& hint) {
  if (hint.key == "space") return ' ';
  if (hint.key == "tab") return '\t';
  return hint.key.size() == 1 ? static_cast<char32_t>(hint.key.front()) : 0;
}

std::string cost_text(const OverviewModel& model, int columns) {
  const std::string share = percent_text(model.own_cpu_share);
  if (columns >= 150) return fmt::format("isotach {} of a CPU, {} missed", share, model.missed);
  std::string cost = "self " + share;
  if (model.missed > 0) cost += fmt::format(", {} missed", model.missed);
  return cost;
}

}  // namespace

void draw_footer(Canvas canvas, const OverviewModel& model, const OverviewView& view,
                 std::vector<ClickTarget>* targets) {
  const std::string cost = model.replay ? std::string() : cost_text(model, canvas.columns());
  int end = canvas.columns();
  if (canvas.columns() >= 60 && !cost.empty()) {
    canvas.text_right(end, 0, cost, model.missed > 0 ? Style::warning : Style::dim);
    end -= static_cast<int>(cost.size()) + 1;
  }
  if (!view.notice.empty()) {
    canvas.text(0, 0, view.notice, Style::bold, end);
    return;
  }
  int at = 0;
  for (const KeyHint& hint : hints_of(model, view, canvas.columns())) {
    const int from = at == 0 ? 0 : at + hint.gap;
    const int width = static_cast<int>(hint.key.size() + 1 + hint.meaning.size());
    if (from + width > end) break;
    at = canvas.text(from, 0, hint.key, Style::bold) + 1;
    at = canvas.text(at, 0, hint.meaning, hint.current ? Style::selected : Style::dim);
    if (const char32_t key = key_of(hint); key != 0 && targets != nullptr)
      targets->push_back({canvas.place(from, 0, width, 1), key});
  }
}

namespace {

std::string clock_text(std::int64_t wall_ns) {
  const std::string time = format_wall_time_local(wall_ns);
  return time.size() > 11 ? time.substr(11) : time;
}

}  // namespace

// "03:20:00 ━━━━━━──────── 03:40:00  x4": where a replay stands.
void draw_position(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const ReplayPosition& replay = *model.replay;
  const double span = static_cast<double>(replay.last.monotonic_ns - replay.first.monotonic_ns);
  const double done = static_cast<double>(model.time.monotonic_ns - replay.first.monotonic_ns);
  const Number share = span > 0 ? done / span : 1;
  std::string state = replay.speed > 0 ? fmt::format("x{:g}", replay.speed) : std::string("fastest");
  if (view.paused) state = "paused";
  if (replay.at_end) state = "end";
  canvas.text_right(canvas.columns(), 0, state, Style::bold);
  int end = canvas.columns() - 9;
  int from = 0;
  if (canvas.columns() >= 40) {
    canvas.text(0, 0, clock_text(replay.first.wall_ns), Style::dim);
    canvas.text_right(end, 0, clock_text(replay.last.wall_ns), Style::dim);
    from = 9;
    end -= 9;
  }
  canvas.bar(from, 0, end - from, share, Style::title);
}

}  // namespace isotach::view
