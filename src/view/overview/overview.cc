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

using Stack = std::vector<const Section*>;
using Targets = std::vector<ClickTarget>*;  // null where nobody asks

std::vector<Stack> stacks_for(OverviewPage page, int columns) {
  if (page == OverviewPage::memory) {
    if (columns >= kThreeColumnsFrom)
      return {{&kMemorySection}, {&kPagingSection, &kSwapSection}, {&kPressureSection, &kKsmSection}};
    if (columns >= kTwoColumnsFrom)
      return {{&kMemorySection}, {&kPagingSection, &kSwapSection, &kPressureSection, &kKsmSection}};
    return {{&kMemorySection, &kSwapSection, &kPagingSection, &kPressureSection, &kKsmSection}};
  }
  if (page == OverviewPage::network) {
    if (columns >= kThreeColumnsFrom) return {{&kNetworkSection}, {&kProtocolSection}};
    return {{&kNetworkSection, &kProtocolSection}};
  }
  if (columns >= kThreeColumnsFrom)
    return {{&kCpuSection, &kPressureSection},
            {&kMemorySection, &kSwapSection, &kKsmSection},
            {&kNetworkSection, &kDiskSection}};
  if (columns >= kTwoColumnsFrom)
    return {{&kCpuSection, &kMemorySection, &kSwapSection, &kKsmSection},
            {&kPressureSection, &kNetworkSection, &kDiskSection}};
  return {{&kCpuSection, &kMemorySection, &kSwapSection, &kPressureSection, &kNetworkSection, &kDiskSection,
           &kKsmSection}};
}

void draw_stack(Canvas canvas, const Stack& stack, const OverviewModel& model, const OverviewView& view,
                Targets targets) {
  std::vector<SectionRows> wanted;
  for (const Section* section : stack) wanted.push_back(section->rows(model, view, canvas.columns()));
  const std::vector<int> rows = share_rows(wanted, canvas.rows());
  int row = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] > 0) stack[i]->draw(canvas.part(0, row, canvas.columns(), rows[i]), model, view);
    if (rows[i] > 0 && targets != nullptr && stack[i]->key != 0)
      targets->push_back({canvas.place(0, row, canvas.columns(), rows[i]), stack[i]->key});
    row += rows[i];
  }
}

void draw_stacks(Canvas canvas, const OverviewModel& model, const OverviewView& view, Targets targets) {
  const std::vector<Stack> stacks = stacks_for(view.page, canvas.columns());
  const int count = static_cast<int>(stacks.size());
  const int columns = (canvas.columns() - (count - 1) * kGapColumns) / count;
  for (int i = 0; i < count; ++i) {
    const int left = i * (columns + kGapColumns);
    const int width = i == count - 1 ? canvas.columns() - left : columns;
    draw_stack(canvas.part(left, 0, width, canvas.rows()), stacks[static_cast<std::size_t>(i)], model, view,
               targets);
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

// Rows between the header and the footer.
int body_rows(const OverviewModel& model, int rows) {
  const int footer = rows < kFooterFromRows ? 0 : model.replay ? 2 : 1;
  return std::max(0, rows - 1 - footer);
}

void draw_body(Canvas canvas, const OverviewModel& model, const OverviewView& view, int screen_rows,
               Targets targets) {
  switch (view.page) {
    case OverviewPage::help:
      return draw_help_page(canvas, model.replay.has_value());
    case OverviewPage::findings:
      return draw_findings_page(canvas, model, view.scroll);
    case OverviewPage::connections:
      return draw_connections_page(canvas, model, view);
    case OverviewPage::memory:
    case OverviewPage::network:
      return draw_stacks(canvas, model, view, targets);
    case OverviewPage::machine:
      break;
  }
  // As many rows at every moment, so that nothing moves when a finding comes or goes.
  const int findings = screen_rows < 16 ? 0 : std::clamp(screen_rows / 8, 2, 10);
  const int rows = canvas.rows() - findings;
  draw_findings(canvas.part(0, rows, canvas.columns(), findings), model);
  if (targets != nullptr) targets->push_back({canvas.place(0, rows, canvas.columns(), findings), U'5'});
  draw_stacks(canvas.part(0, 0, canvas.columns(), rows), model, view, targets);
}

Grid draw(const OverviewModel& model, const OverviewView& view, int columns, int rows, Targets targets) {
  Grid grid(columns, rows);
  if (grid.columns() == 0 || grid.rows() == 0) return grid;
  const Canvas canvas(grid, {0, 0, grid.columns(), grid.rows()}, view.unicode);
  const auto line = [&](int row) { return canvas.part(0, row, grid.columns(), 1); };
  draw_header(line(0), model, view);
  const int body = body_rows(model, grid.rows());
  draw_body(canvas.part(0, 1, grid.columns(), body), model, view, grid.rows(), targets);
  if (grid.rows() < kFooterFromRows) return grid;
  if (model.replay) draw_position(line(grid.rows() - 2), model, view);
  draw_footer(line(grid.rows() - 1), model, view, targets);
  return grid;
}

}  // namespace

Grid render_overview(const OverviewModel& model, const OverviewView& view, int columns, int rows) {
  return draw(model, view, columns, rows, nullptr);
}

std::vector<ClickTarget> overview_targets(const OverviewModel& model, const OverviewView& view, int columns,
                                          int rows) {
  std::vector<ClickTarget> targets;
  draw(model, view, columns, rows, &targets);
  return targets;
}

std::size_t scrolled(int scroll, std::size_t count, int rows) {
  const int most = std::max(0, static_cast<int>(std::min<std::size_t>(count, 1'000'000)) - std::max(rows, 0));
  return static_cast<std::size_t>(std::clamp(scroll, 0, most));
}

int overview_scroll_limit(const OverviewModel& model, const OverviewView& view, int columns, int rows) {
  const int body = body_rows(model, rows);
  std::size_t count = 0;
  int shown = body - 1;  // below the head
  if (view.page == OverviewPage::connections) {
    count = model.connections.size();
    shown = (body - 2) / connection_rows(columns);  // also below the names of the columns
  } else if (view.page == OverviewPage::findings) {
    Grid none(std::max(columns, 0), 0);
    count = static_cast<std::size_t>(
        findings_page_rows(Canvas(none, {0, 0, none.columns(), 0}, view.unicode), model));
  }
  return static_cast<int>(scrolled(1'000'000, count, shown));
}

}  // namespace isotach::view
