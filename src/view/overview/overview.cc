#include "view/overview/overview.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kTwoColumnsFrom = 72;
constexpr int kThreeColumnsFrom = 150;
constexpr int kGapColumns = 3;
constexpr int kFooterFromRows = 8;

struct Stack {
  std::vector<const Section*> sections;
};

std::vector<Stack> stacks_for(int columns) {
  if (columns >= kThreeColumnsFrom)
    return {{{&kCpuSection, &kPressureSection}},
            {{&kMemorySection, &kSwapSection, &kKsmSection}},
            {{&kNetworkSection, &kDiskSection}}};
  if (columns >= kTwoColumnsFrom)
    return {{{&kCpuSection, &kMemorySection, &kSwapSection, &kKsmSection}},
            {{&kPressureSection, &kNetworkSection, &kDiskSection}}};
  return {{{&kCpuSection, &kMemorySection, &kSwapSection, &kPressureSection, &kNetworkSection, &kDiskSection,
            &kKsmSection}}};
}

void draw_stack(Canvas canvas, const Stack& stack, const OverviewModel& model, const OverviewView& view) {
  std::vector<SectionRows> wanted;
  for (const Section* section : stack.sections)
    wanted.push_back(section->rows(model, view, canvas.columns()));
  const std::vector<int> rows = share_rows(wanted, canvas.rows());
  int row = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] > 0) stack.sections[i]->draw(canvas.part(0, row, canvas.columns(), rows[i]), model, view);
    row += rows[i];
  }
}

void draw_machine(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const std::vector<Stack> stacks = stacks_for(canvas.columns());
  const int count = static_cast<int>(stacks.size());
  const int columns = (canvas.columns() - (count - 1) * kGapColumns) / count;
  for (int i = 0; i < count; ++i) {
    const int left = i * (columns + kGapColumns);
    const int width = i == count - 1 ? canvas.columns() - left : columns;
    draw_stack(canvas.part(left, 0, width, canvas.rows()), stacks[static_cast<std::size_t>(i)], model, view);
  }
}

// "isotach  db1  Linux 6.1.0  up 3 h 2 min            ✔ ok  03:29:23"
void draw_header(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const auto worst = worst_severity(model);
  std::string_view sign = canvas.unicode() ? "✔" : "+";
  Style style = Style::good;
  if (worst && *worst != FindingSeverity::info) {
    sign = severity_look(*worst, canvas.unicode()).sign;
    style = severity_look(*worst, canvas.unicode()).style;
  }
  std::string time = format_wall_time_local(model.time.wall_ns);
  // Today's date is known to whoever sits here; that of a recording is not.
  if (!model.replay && time.size() > 11) time.erase(0, 11);
  const std::string verdict = verdict_text(model, true);
  int end = canvas.columns();
  if (canvas.columns() >= 44) {
    canvas.text_right(end, 0, time, Style::dim);
    end -= static_cast<int>(time.size()) + 2;
  }
  const int verdict_from = end - static_cast<int>(verdict.size()) - 2;
  canvas.dot(std::max(0, verdict_from), 0, sign, style);
  canvas.text(std::max(2, verdict_from + 2), 0, verdict, style);
  int left_end = verdict_from - 1;
  if (view.paused && left_end > 16) {
    canvas.text_right(left_end, 0, "PAUSED", Style::warning);
    left_end -= 8;
  }
  if (left_end <= 0) return;
  Canvas left = canvas.part(0, 0, left_end, 1);
  if (left.columns() < 7) return;
  int at = left.text(0, 0, "isotach", Style::title) + 2;
  const auto add = [&](const std::string& text, Style text_style) {
    if (text.empty()) return;
    const int width = static_cast<int>(std::min<std::size_t>(display_width(printable(text)), 1000));
    if (at + std::min(width, 8) > left.columns()) return;
    at = left.text(at, 0, text, text_style) + 2;
  };
  add(model.host, Style::bold);
  if (!model.source.empty()) add(model.source, Style::plain);
  if (!model.kernel_release.empty()) add("Linux " + model.kernel_release, Style::dim);
  if (model.uptime_s) {
    const std::string uptime = "up " + format_duration_ns(*model.uptime_s * 1e9);
    if (at + static_cast<int>(uptime.size()) <= left.columns()) add(uptime, Style::dim);
  }
}

std::string interval_text(double interval_s) {
  return format_duration_ns(interval_s * 1e9);
}

struct KeyHint {
  std::string key, meaning;
};

void draw_footer(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  std::string cost;
  if (!model.replay) {
    cost = fmt::format("isotach {} of a CPU, {} missed", percent_text(model.own_cpu_share), model.missed);
    if (canvas.columns() < 100) cost = fmt::format("self {}", percent_text(model.own_cpu_share));
    if (canvas.columns() < 100 && model.missed > 0) cost += fmt::format(", {} missed", model.missed);
  }
  int end = canvas.columns();
  if (canvas.columns() >= 60 && !cost.empty()) {
    canvas.text_right(end, 0, cost, model.missed > 0 ? Style::warning : Style::dim);
    end -= static_cast<int>(cost.size()) + 2;
  }
  if (!view.notice.empty()) {
    canvas.text(0, 0, view.notice, Style::bold, end);
    return;
  }
  std::vector<KeyHint> hints = {{"q", "quit"}, {"?", "help"}};
  if (view.page != OverviewPage::machine) {
    hints = {{"q", "quit"}, {"esc", "back"}};
  } else if (model.replay) {
    hints.insert(
        hints.end(),
        {{"space", "pause"}, {"arrows", "seek"}, {"+/-", "speed"}, {"f", "findings"}, {"1", "CPUs"}});
  } else {
    hints.insert(hints.end(), {{"space", "pause"},
                               {"+/-", interval_text(view.interval_s)},
                               {"f", "findings"},
                               {"1", "CPUs"},
                               {"tab", "interface"},
                               {"m", "mark"}});
  }
  int at = 0;
  for (const KeyHint& hint : hints) {
    const int width = static_cast<int>(hint.key.size() + 1 + hint.meaning.size());
    if (at + width > end) break;
    at = canvas.text(at, 0, hint.key, Style::bold) + 1;
    at = canvas.text(at, 0, hint.meaning, Style::dim) + 2;
  }
}

std::string clock_text(std::int64_t wall_ns) {
  const std::string time = format_wall_time_local(wall_ns);
  return time.size() > 11 ? time.substr(11) : time;
}

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

}  // namespace

Grid render_overview(const OverviewModel& model, const OverviewView& view, int columns, int rows) {
  Grid grid(columns, rows);
  Canvas canvas(grid, {0, 0, grid.columns(), grid.rows()}, view.unicode);
  if (grid.columns() == 0 || grid.rows() == 0) return grid;
  draw_header(canvas.part(0, 0, grid.columns(), 1), model, view);
  int end = grid.rows();
  if (end >= kFooterFromRows) {
    --end;
    draw_footer(canvas.part(0, end, grid.columns(), 1), model, view);
    if (model.replay) {
      --end;
      draw_position(canvas.part(0, end, grid.columns(), 1), model, view);
    }
  }
  if (view.page == OverviewPage::help) {
    draw_help_page(canvas.part(0, 1, grid.columns(), end - 1), model.replay.has_value());
    return grid;
  }
  if (view.page == OverviewPage::findings) {
    draw_findings_page(canvas.part(0, 1, grid.columns(), end - 1), model);
    return grid;
  }
  // As many rows at every moment, so that nothing moves when a finding comes or goes.
  const int findings = grid.rows() < 16 ? 0 : std::clamp(grid.rows() / 8, 2, 10);
  draw_findings(canvas.part(0, end - findings, grid.columns(), findings), model);
  end -= findings;
  draw_machine(canvas.part(0, 1, grid.columns(), end - 1), model, view);
  return grid;
}

}  // namespace isotach::view
