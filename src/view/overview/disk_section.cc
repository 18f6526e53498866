#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kRateColumns = 11;  // "12.3 MiB/s"
constexpr int kBusyColumns = 5;   // "100 %"
constexpr int kMostNameColumns = 8;
constexpr double kBusyWarning = 0.9;

int width_of(std::string_view text) {
  return static_cast<int>(std::min<std::size_t>(display_width(printable(text)), 1000));
}

Number sum(Number a, Number b) {
  if (!a && !b) return std::nullopt;
  return a.value_or(0) + b.value_or(0);
}

SectionRows rows(const OverviewModel& model, const OverviewView&, int) {
  const int count = static_cast<int>(std::min<std::size_t>(model.disks.size(), 64));
  return count == 0 ? SectionRows{1, 1, 1, 30} : SectionRows{1, 1 + std::min(count, 2), 1 + count, 50};
}

void draw_none(Canvas& canvas) {
  if (canvas.columns() >= 30) return canvas.rule("DISKS", "none", Style::dim);
  canvas.text(0, 0, "DISK", Style::title);
  canvas.text(kLabelColumns + 1, 0, "-", Style::dim);
}

void draw_essence(Canvas& canvas, const OverviewModel& model) {
  Number read;
  Number written;
  for (const DiskArea& disk : model.disks) {
    read = sum(read, disk.read_bytes_per_second);
    written = sum(written, disk.write_bytes_per_second);
  }
  const std::string both = fmt::format("read {}  written {}", quantity_text(read, Unit::bytes_per_second),
                                       quantity_text(written, Unit::bytes_per_second));
  const bool fits = kLabelColumns + 1 + static_cast<int>(both.size()) <= canvas.columns();
  canvas.text(0, 0, "DISK", Style::title);
  canvas.text(kLabelColumns + 1, 0, fits ? both : quantity_text(sum(read, written), Unit::bytes_per_second));
}

// Requests and their latency stand before the rates where there is room.
void draw_disk(Canvas row, const DiskArea& disk, bool with_busy) {
  int end = row.columns();
  const int rates_from = end - (with_busy ? kBusyColumns + 1 : 0) - 2 * kRateColumns - 1;
  row.text(0, 0, disk.name, Style::plain, std::max(4, rates_from - 1));
  if (with_busy) {
    row.text_right(end, 0, percent_text(disk.busy), share_style(disk.busy, kBusyWarning, 2, Style::dim));
    end -= kBusyColumns + 1;
  }
  const auto rate = [](Number value) { return quantity_text(value, Unit::bytes_per_second); };
  row.text_right(end, 0, rate(disk.write_bytes_per_second), Style::plain, 5);
  row.text_right(end - kRateColumns - 1, 0, rate(disk.read_bytes_per_second), Style::plain, 5);
  const std::string more =
      fmt::format("{} requests/s  {}", quantity_text(disk.requests_per_second, Unit::count),
                  quantity_text(disk.latency_s, Unit::seconds));
  row.text_right(rates_from - 1, 0, more, Style::dim, width_of(disk.name) + 2);
}

void draw(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  if (model.disks.empty()) return draw_none(canvas);
  if (canvas.rows() == 1) return draw_essence(canvas, model);
  int name_columns = 4;
  for (const DiskArea& disk : model.disks) name_columns = std::max(name_columns, width_of(disk.name));
  name_columns = std::min(name_columns, kMostNameColumns);
  const bool with_busy = canvas.columns() >= name_columns + 2 * kRateColumns + kBusyColumns + 3;
  std::string head = fmt::format("{:>{}} {:>{}}", "read", kRateColumns, "written", kRateColumns);
  if (with_busy) head += fmt::format(" {:>{}}", "busy", kBusyColumns);
  canvas.rule("DISKS", head, Style::dim);
  const auto count = static_cast<int>(model.disks.size());
  const int rows = canvas.rows() - 1;
  for (int i = 0; i < std::min(count, rows); ++i) {
    if (i == rows - 1 && count > rows) {
      canvas.text(0, 1 + i, fmt::format("and {} more", count - rows + 1), Style::dim);
      return;
    }
    draw_disk(canvas.part(0, 1 + i, canvas.columns(), 1), model.disks[static_cast<std::size_t>(i)],
              with_busy);
  }
}

}  // namespace

const Section kDiskSection = {rows, draw};

}  // namespace isotach::view
