#include "memory/vm/record_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isotach::memory {
namespace {

constexpr std::size_t kLabel = 1000;
constexpr std::size_t kTimestamp = 1001;
constexpr std::size_t kBlank = 1002;
constexpr std::size_t kListWidth = 13;

enum DiskGroup : std::size_t { kName, kReads, kWrites, kIo, kTime };
constexpr LayoutGroup kDiskGroups[] = {{"disk", true}, {"reads"}, {"writes"}, {"IO", true}, {"timestamp"}};

struct ShownCell {
  std::size_t cell;
  std::size_t group;
  std::size_t width, wide_width;
  std::uint8_t importance;
};

constexpr ShownCell kDiskCells[] = {
    {kLabel, kName, 5, 5, 100}, {0, kReads, 6, 9, 90},  {1, kReads, 6, 9, 50},  {2, kReads, 7, 11, 80},
    {3, kReads, 7, 11, 60},     {4, kWrites, 6, 9, 89}, {5, kWrites, 6, 9, 49}, {6, kWrites, 7, 11, 79},
    {7, kWrites, 7, 11, 59},    {8, kIo, 6, 7, 70},     {9, kIo, 6, 7, 69}};

// Cells of VmMode::free by their place in the table.
enum FreeCell : std::size_t {
  kFreeTotal,
  kFreeUsed,
  kFreeFree,
  kFreeShared,
  kFreeBuffers,
  kFreeCache,
  kFreeBuffersAndCache,
  kFreeAvailable,
  kFreeSwapTotal,
  kFreeSwapUsed,
  kFreeSwapFree,
};

}  // namespace

RecordText::RecordText(const TextOptions& options) : options_(options) {
  make_layout();
}

void RecordText::make_layout() {
  std::vector<LayoutColumn> columns;
  std::vector<LayoutGroup> groups;
  cells_.clear();
  const auto add = [&](std::size_t cell, LayoutColumn column) {
    cells_.push_back(cell);
    columns.push_back(column);
  };
  const auto title = [&](std::size_t cell) { return vm_columns(options_.mode)[cell].title; };
  switch (options_.mode) {
    case VmMode::disks:
      groups.assign(std::begin(kDiskGroups), std::end(kDiskGroups));
      for (const ShownCell& shown : kDiskCells)
        add(shown.cell,
            {shown.cell == kLabel ? "" : title(shown.cell), options_.wide ? shown.wide_width : shown.width,
             shown.group, 1, shown.cell == kLabel, shown.importance});
      if (options_.timestamp)
        add(kTimestamp, {"", timestamp_width(options_.milliseconds), kTime, 1, false, 75});
      break;
    case VmMode::partition:
      // The name stands in the head, over a blank column.
      add(kBlank, {options_.partition, 10, 0, 0, true, 10});
      add(0, {title(0), 10, 0, 1, false, 90});
      add(1, {title(1), 16, 0, 2, false, 80});
      add(2, {title(2), 10, 0, 2, false, 89});
      add(3, {title(3), 16, 0, 2, false, 79});
      break;
    case VmMode::slabs: {
      const bool narrow = options_.terminal_columns < 24;
      add(kLabel, {"Cache", narrow ? options_.terminal_columns : 24, 0, 0, true, 100});
      add(0, {title(0), 6, 0, 1, false, 90});
      add(1, {title(1), 6, 0, 1, false, 80});
      add(2, {title(2), 6, 0, 1, false, 85});
      add(3, {title(3), 6, 0, 1, false, 70});
      break;
    }
    case VmMode::free: {
      add(kLabel, {"", 9, 0, 0, true, 100});
      add(kFreeTotal, {title(kFreeTotal), 11, 0, 0, false, 80});
      add(kFreeUsed, {title(kFreeUsed), 11, 0, 1, false, 90});
      add(kFreeFree, {title(kFreeFree), 11, 0, 1, false, 85});
      add(kFreeShared, {title(kFreeShared), 11, 0, 1, false, 50});
      if (options_.wide) {
        add(kFreeBuffers, {title(kFreeBuffers), 11, 0, 1, false, 60});
        add(kFreeCache, {title(kFreeCache), 11, 0, 1, false, 70});
      } else {
        add(kFreeBuffersAndCache, {title(kFreeBuffersAndCache), 11, 0, 1, false, 70});
      }
      add(kFreeAvailable, {title(kFreeAvailable), 11, 0, 1, false, 95});
      break;
    }
    default:
      return;
  }
  layout_.emplace(std::move(columns), std::move(groups), options_.terminal_columns, false);
}

void RecordText::append_disk_head(std::int64_t wall_ns, std::string& out) const {
  layout_->append_groups(out);
  std::string titles;
  layout_->append_titles(titles);
  if (options_.timestamp && cells_[layout_->kept().back()] == kTimestamp) {
    const std::string zone = zone_text(wall_ns);
    const std::size_t room = std::min(zone.size(), timestamp_width(options_.milliseconds));
    titles.replace(titles.size() - 1 - room, room, zone, 0, room);
  }
  out += titles;
}

void RecordText::begin(std::int64_t wall_ns, std::string& out) {
  if (options_.mode == VmMode::partition) layout_->append_titles(out);
  if (!options_.one_header) return;
  if (options_.mode == VmMode::disks) append_disk_head(wall_ns, out);
  if (options_.mode == VmMode::slabs) layout_->append_titles(out);
}

void RecordText::append_cells(std::string_view label, const std::vector<Cell>& cells,
                              std::string_view timestamp, std::string& out) {
  const std::vector<std::size_t>& kept = layout_->kept();
  std::array<CellText, 16> texts;
  std::array<std::string_view, 16> views;
  const auto fill = [&](bool shortened) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const std::size_t cell = cells_[kept[i]];
      views[i] = {};
      if (cell == kLabel) views[i] = label;
      if (cell == kTimestamp) views[i] = timestamp;
      if (cell >= cells.size()) continue;
      const Form form = vm_columns(options_.mode)[cell].form;
      texts[i] = options_.human ? human_text(cells[cell], options_.si)
                 : shortened    ? short_cell_text(cells[cell], form, options_.unit, false,
                                                  layout_->column(kept[i]).width)
                                : cell_text(cells[cell], form, options_.unit, false);
      views[i] = texts[i].view();
    }
  };
  fill(false);
  const std::span<const std::string_view> line(views.data(), kept.size());
  if (layout_->line_length(line) > options_.terminal_columns) {
    fill(true);
    has_shortened_ = true;
  }
  std::string text;
  layout_->append_line(line, text);
  text.pop_back();
  out +=
      options_.terminal_columns == Layout::kUnlimited ? text : fit_columns(text, options_.terminal_columns);
  out += '\n';
}

void RecordText::append_table(const std::vector<VmRecord>& records, std::int64_t wall_ns, std::string& out) {
  const std::string timestamp =
      options_.timestamp ? timestamp_text(wall_ns, options_.milliseconds) : std::string();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!options_.one_header && i % options_.header_period() == 0) {
      if (options_.mode == VmMode::disks) append_disk_head(wall_ns, out);
      if (options_.mode == VmMode::slabs) layout_->append_titles(out);
    }
    std::string label = printable(records[i].label);
    if (options_.mode == VmMode::slabs) label.resize(std::min(label.size(), layout_->column(0).width));
    append_cells(label, records[i].cells, timestamp, out);
  }
}

// One line a number: its label is part of the line.
void RecordText::append_list(const VmRecord& record, std::string& out) {
  const std::span<const VmColumn> columns = vm_columns(options_.mode);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const VmColumn& column = columns[i];
    // "K paged in" says its unit itself and stays in KiB.
    const bool in_unit = column.form == Form::kib && !column.title.starts_with("K ");
    const CellText number =
        cell_text(record.cells[i], column.form, in_unit ? options_.unit : TableUnit{}, false);
    std::string line = fmt::format("{:>{}} ", number.view(), kListWidth);
    if (in_unit) line += fmt::format("{} ", options_.unit.letter);
    line += column.title;
    if (display_width(line) > options_.terminal_columns) {
      const std::size_t blanks = line.find_first_not_of(' ');
      line = fit_columns(std::string_view(line).substr(blanks), options_.terminal_columns);
    }
    out += line + '\n';
  }
}

void RecordText::append_free(const VmRecord& record, std::string& out) {
  if (!first_) out += '\n';
  layout_->append_titles(out);
  append_cells("Mem:", record.cells, {}, out);
  // Swap has only the first three columns; the rest of the line is left away.
  std::vector<Cell> swap(record.cells.begin() + kFreeSwapTotal, record.cells.end());
  std::string line;
  append_cells("Swap:", swap, {}, line);
  line.resize(line.find_last_not_of(" \n") + 1);
  out += line + '\n';
}

void RecordText::append(const std::vector<VmRecord>& records, std::int64_t wall_ns, std::string& out) {
  switch (options_.mode) {
    case VmMode::stats:
    case VmMode::disk_sum:
    case VmMode::forks:
      if (!records.empty()) append_list(records.front(), out);
      break;
    case VmMode::free:
      if (!records.empty()) append_free(records.front(), out);
      break;
    case VmMode::partition:
      for (const VmRecord& record : records) append_cells({}, record.cells, {}, out);
      break;
    default:
      append_table(records, wall_ns, out);
      break;
  }
  first_ = false;
}

void RecordText::resize(std::size_t columns, std::size_t rows) {
  options_.terminal_columns = columns;
  options_.terminal_rows = rows;
  make_layout();
}

}  // namespace isotach::memory
