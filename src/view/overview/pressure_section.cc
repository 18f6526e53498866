#include <fmt/format.h>

#include <array>

#include "view/overview/sections.h"

namespace isotach::view {
namespace {

struct Line {
  const char* resource;
  const char* extent;
  const PressureArea::Line* line;
  double warning, bad;  // as the doctor's thresholds
};

std::vector<Line> lines_of(const OverviewModel& model, int rows) {
  const Line cpu = {"cpu", "some", &model.cpu_pressure.some, 0.5, 0.8};
  const Line memory = {"memory", "some", &model.memory_pressure.some, 0.1, 0.3};
  const Line memory_full = {"memory", "full", &model.memory_pressure.full, 0.05, 0.1};
  const Line io = {"io", "some", &model.io_pressure.some, 0.4, 0.8};
  const Line io_full = {"io", "full", &model.io_pressure.full, 0.2, 0.5};
  if (rows >= 5) return {cpu, memory, memory_full, io, io_full};
  return {cpu, memory, io};
}

bool is_known(const OverviewModel& model) {
  const auto known = [](const PressureArea& area) { return area.some.now || area.some.average_10s; };
  return known(model.cpu_pressure) || known(model.memory_pressure) || known(model.io_pressure);
}

SectionRows rows(const OverviewModel& model, const OverviewView&, int) {
  return is_known(model) ? SectionRows{1, 6, 6, 70} : SectionRows{1, 1, 1, 30};
}

void draw_essence(Canvas& canvas, const OverviewModel& model) {
  canvas.text(0, 0, "PSI", Style::title);
  const auto worth = [](const PressureArea& area) {
    return area.some.now ? area.some.now : area.some.average_10s;
  };
  const std::array<std::pair<const char*, Number>, 3> all = {std::pair("cpu", worth(model.cpu_pressure)),
                                                             std::pair("mem", worth(model.memory_pressure)),
                                                             std::pair("io", worth(model.io_pressure))};
  std::string text;
  const std::pair<const char*, Number>* worst = &all[0];
  for (const auto& one : all) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", one.first, percent_text(one.second));
    if (one.second.value_or(0) > worst->second.value_or(0)) worst = &one;
  }
  if (kLabelColumns + 1 + static_cast<int>(text.size()) > canvas.columns())
    text = fmt::format("{} {}", worst->first, percent_text(worst->second));
  canvas.text(kLabelColumns + 1, 0, text);
}

void draw(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  if (!is_known(model)) {
    if (canvas.columns() >= 36) return canvas.rule("PRESSURE", "not told by this kernel", Style::dim);
    canvas.text(0, 0, "PSI", Style::title);
    canvas.text(kLabelColumns + 1, 0, "-", Style::dim);
    return;
  }
  if (canvas.rows() < 4) return draw_essence(canvas, model);
  canvas.rule("PRESSURE", canvas.columns() >= 36 ? "   now     10 s" : "now", Style::dim);
  const bool average = canvas.columns() >= 36;
  int row = 1;
  for (const Line& line : lines_of(model, canvas.rows() - 1)) {
    canvas.text(0, row, line.resource);
    canvas.text(7, row, line.extent, Style::dim);
    const int numbers = average ? 15 : 7;
    const Style style = share_style(line.line->now, line.warning, line.bad, Style::series_4);
    canvas.bar(12, row, canvas.columns() - 12 - numbers - 1, line.line->now, style);
    canvas.text_right(canvas.columns() - (average ? 9 : 0), row, percent_text(line.line->now));
    if (average) canvas.text_right(canvas.columns(), row, percent_text(line.line->average_10s), Style::dim);
    ++row;
  }
}

}  // namespace

const Section kPressureSection = {rows, draw};

}  // namespace isotach::view
