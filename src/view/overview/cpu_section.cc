#include <fmt/format.h>

#include <algorithm>

#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr double kBusyWarning = 0.85;
constexpr double kBusyBad = 0.97;
// " 17 ━━  34 %"
constexpr int kLeastCellColumns = 12;
constexpr int kMostCellColumns = 26;
constexpr int kMostHistoryRows = 40;
constexpr int kMostCellRows = 50;

Style busy_style(Number busy) {
  return share_style(busy, kBusyWarning, kBusyBad, Style::series_1);
}

int cells_a_row(int columns) {
  return std::max(1, columns / kLeastCellColumns);
}

int rows_of_cells(std::size_t cpus, int columns) {
  const auto a_row = static_cast<std::size_t>(cells_a_row(columns));
  return static_cast<int>(std::min<std::size_t>((cpus + a_row - 1) / a_row, 1000));
}

void draw_cells(Canvas canvas, const CpuArea& cpu) {
  const auto count = static_cast<int>(cpu.each.size());
  const int most_a_row = std::max(1, canvas.columns() / kLeastCellColumns);
  // As few columns of cells as the rows allow, so that the bars are long.
  int a_row = std::min(most_a_row, std::max(1, (count + canvas.rows() - 1) / canvas.rows()));
  a_row = std::max(a_row, std::min(most_a_row, canvas.columns() / kMostCellColumns));
  a_row = std::min(a_row, count);
  const int columns = canvas.columns() / a_row;
  for (int i = 0; i < count; ++i) {
    const CpuShares& one = cpu.each[static_cast<std::size_t>(i)];
    Canvas cell = canvas.part(i % a_row * columns, i / a_row, columns - (a_row > 1 ? 1 : 0), 1);
    cell.text_right(3, 0, fmt::format("{}", one.number), Style::dim);
    if (one.number > 999) cell.text(0, 0, fmt::format("{}", one.number), Style::dim);
    const int bar_from = one.number > 999 ? 5 : 4;
    cell.bar(bar_from, 0, cell.columns() - bar_from - 6, one.busy, busy_style(one.busy));
    cell.text_right(cell.columns(), 0, percent_text(one.busy));
  }
}

// One character a CPU; with more CPUs than characters, the busiest of neighbours.
void draw_strip(Canvas canvas, const CpuArea& cpu) {
  const auto room = static_cast<std::size_t>(canvas.columns()) * static_cast<std::size_t>(canvas.rows());
  if (room == 0) return;
  const std::size_t group = (cpu.each.size() + room - 1) / room;
  for (std::size_t i = 0; group > 0 && i * group < cpu.each.size(); ++i) {
    Number busiest;
    for (std::size_t k = i * group; k < std::min((i + 1) * group, cpu.each.size()); ++k)
      if (cpu.each[k].busy && (!busiest || *cpu.each[k].busy > *busiest)) busiest = cpu.each[k].busy;
    const auto columns = static_cast<std::size_t>(canvas.columns());
    const bool idle = !busiest || *busiest <= 0;
    canvas.dot(static_cast<int>(i % columns), static_cast<int>(i / columns),
               idle ? (canvas.unicode() ? "·" : ".") : canvas.level(busiest),
               idle ? Style::dim : busy_style(busiest));
  }
}

void draw_each(Canvas canvas, const CpuArea& cpu) {
  if (cpu.each.empty() || canvas.rows() == 0) return;
  if (rows_of_cells(cpu.each.size(), canvas.columns()) <= canvas.rows())
    draw_cells(canvas, cpu);
  else
    draw_strip(canvas, cpu);
}

int rows_of_strip(const CpuArea& cpu, int columns) {
  constexpr std::size_t kMost = 4;
  const auto a_row = static_cast<std::size_t>(std::max(1, columns));
  return static_cast<int>(std::min((cpu.each.size() + a_row - 1) / a_row, kMost));
}

// Rows for the single CPUs beside a history.
int rows_of_each(const CpuArea& cpu, int columns) {
  constexpr int kMostRowsOfCells = 3;
  if (cpu.each.size() < 2) return 0;
  const int cells = rows_of_cells(cpu.each.size(), columns);
  return cells <= kMostRowsOfCells ? cells : rows_of_strip(cpu, columns);
}

std::string shares_text(const CpuShares& all) {
  const auto number = [](Number share) {
    return share ? fmt::format("{:.0f}", *share * 100) : std::string("-");
  };
  return fmt::format("user {}  sys {}  iowait {}  steal {} %", number(all.user), number(all.system),
                     number(all.iowait), number(all.steal));
}

std::string head_text(const CpuArea& cpu) {
  std::string text;
  if (!cpu.each.empty()) text = fmt::format("{} CPU{}", cpu.each.size(), cpu.each.size() == 1 ? "" : "s");
  if (cpu.load_1_minute && cpu.load_5_minutes && cpu.load_15_minutes)
    text += fmt::format("{}load {:.2f} {:.2f} {:.2f}", text.empty() ? "" : "  ", *cpu.load_1_minute,
                        *cpu.load_5_minutes, *cpu.load_15_minutes);
  return text;
}

SectionRows rows(const OverviewModel& model, const OverviewView& view, int columns) {
  const int each = rows_of_each(model.cpu, columns);
  if (view.each_cpu) {
    // More CPUs than any terminal has rows for are shown as a strip.
    const int cells = rows_of_cells(model.cpu.each.size(), columns);
    const int wanted = 3 + (cells <= kMostCellRows ? cells : rows_of_strip(model.cpu, columns));
    return {1, wanted, wanted, 100};
  }
  return {1, 3 + each + 2, 3 + each + kMostHistoryRows, 100};
}

void draw(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const CpuArea& cpu = model.cpu;
  if (canvas.rows() == 1) return draw_share_line(canvas, "CPU", cpu.all.busy, busy_style(cpu.all.busy));
  canvas.rule("CPU", head_text(cpu), Style::dim);
  canvas.bar(0, 1, canvas.columns() - 7, cpu.all.busy, busy_style(cpu.all.busy));
  canvas.text_right(canvas.columns(), 1, percent_text(cpu.all.busy), Style::bold);
  const Style stolen = share_style(cpu.all.steal, 0.05, 0.2, Style::plain);
  canvas.text(0, 2, shares_text(cpu.all), stolen);
  const int left = canvas.rows() - 3;
  if (left <= 0) return;
  if (view.each_cpu) return draw_each(canvas.part(0, 3, canvas.columns(), left), cpu);
  const int each = std::min(rows_of_each(cpu, canvas.columns()), left);
  const int history = left - each;
  draw_each(canvas.part(0, 3, canvas.columns(), each), cpu);
  canvas.part(0, 3 + each, canvas.columns(), history).graph(cpu.busy_past, 1, Style::series_1, kBusyWarning);
}

}  // namespace

const Section kCpuSection = {rows, draw, U's'};

void draw_share_line(Canvas& canvas, std::string_view label, Number share, Style style) {
  canvas.text(0, 0, label, Style::title);
  canvas.text_right(kLabelColumns + 6, 0, percent_text(share), Style::bold, kLabelColumns - 1);
  canvas.bar(kLabelColumns + 7, 0, canvas.columns() - kLabelColumns - 7, share, style);
}

}  // namespace isotach::view
