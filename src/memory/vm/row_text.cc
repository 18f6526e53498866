#include "memory/vm/row_text.h"

#include <algorithm>

namespace isotach::memory {
namespace {

enum Group : std::size_t { kProcesses, kMemory, kSwap, kIo, kSystem, kCpu, kPressure, kTimestamp };

constexpr LayoutGroup kGroups[] = {{"procs"},        {"memory"}, {"swap"},       {"io"},
                                   {"system", true}, {"cpu"},    {"pressure %"}, {"timestamp"}};

struct ShownColumn {
  RowColumn column;
  std::size_t group;
  std::size_t width, wide_width;
  std::uint8_t importance;
};

// The most important: what is free, what the CPUs do, whether the machine swaps.
constexpr ShownColumn kShown[] = {
    {RowColumn::running, kProcesses, 2, 4, 50},
    {RowColumn::blocked, kProcesses, 2, 4, 40},
    {RowColumn::swap_used, kMemory, 6, 12, 60},
    {RowColumn::free, kMemory, 6, 12, 100},
    {RowColumn::buffers, kMemory, 6, 12, 55},
    {RowColumn::cache, kMemory, 6, 12, 80},
    {RowColumn::swap_in, kSwap, 4, 4, 75},
    {RowColumn::swap_out, kSwap, 4, 4, 74},
    {RowColumn::block_in, kIo, 5, 5, 45},
    {RowColumn::block_out, kIo, 5, 5, 44},
    {RowColumn::interrupts, kSystem, 4, 4, 30},
    {RowColumn::context_switches, kSystem, 4, 4, 29},
    {RowColumn::user, kCpu, 2, 3, 95},
    {RowColumn::system, kCpu, 2, 3, 94},
    {RowColumn::idle, kCpu, 2, 3, 93},
    {RowColumn::iowait, kCpu, 2, 3, 92},
    {RowColumn::steal, kCpu, 2, 3, 20},
    {RowColumn::guest, kCpu, 2, 3, 10},
    {RowColumn::pressure_cpu, kPressure, 5, 5, 68},
    {RowColumn::pressure_memory, kPressure, 5, 5, 70},
    {RowColumn::pressure_memory_full, kPressure, 5, 5, 65},
    {RowColumn::pressure_io, kPressure, 5, 5, 69},
    {RowColumn::pressure_io_full, kPressure, 5, 5, 64},
};
constexpr std::uint8_t kTimestampImportance = 78;

const VmColumn& described(RowColumn column) {
  return vm_columns(VmMode::row)[static_cast<std::size_t>(column)];
}

}  // namespace

RowText::RowText(const TextOptions& options)
    : options_(options), rows_since_start_(options.no_first ? 1 : 0) {
  make_layout();
}

void RowText::make_layout() {
  std::vector<LayoutColumn> columns;
  columns_.clear();
  for (const ShownColumn& shown : kShown) {
    if (shown.group == kPressure && !options_.pressure) continue;
    RowColumn column = shown.column;
    if (options_.active && column == RowColumn::buffers) column = RowColumn::inactive;
    if (options_.active && column == RowColumn::cache) column = RowColumn::active;
    columns_.push_back(column);
    columns.push_back({described(column).title, options_.wide ? shown.wide_width : shown.width, shown.group,
                       1, false, shown.importance});
  }
  if (options_.timestamp)
    columns.push_back(
        {"", timestamp_width(options_.milliseconds), kTimestamp, 1, false, kTimestampImportance});
  layout_.emplace(std::move(columns), std::vector<LayoutGroup>(std::begin(kGroups), std::end(kGroups)),
                  options_.terminal_columns, true);
}

void RowText::append_head(std::int64_t wall_ns, std::string& out) const {
  layout_->append_groups(out);
  const bool with_zone = options_.timestamp && layout_->kept().back() == columns_.size();
  if (!with_zone) return layout_->append_titles(out);
  // The zone's name stands where the timestamp's title would.
  const std::string zone = zone_text(wall_ns);
  std::string titles;
  layout_->append_titles(titles);
  titles.pop_back();
  const std::size_t room = std::min(zone.size(), timestamp_width(options_.milliseconds));
  titles.replace(titles.size() - room, room, zone, 0, room);
  out += titles + '\n';
}

void RowText::begin(std::int64_t wall_ns, std::string& out) {
  append_head(wall_ns, out);
}

void RowText::append(const VmRow& row, std::int64_t wall_ns, std::string& out) {
  const bool repeat =
      !options_.one_header && rows_since_start_ > 0 && rows_since_start_ % options_.header_period() == 0;
  if (repeat || head_due_) append_head(wall_ns, out);
  head_due_ = false;
  ++rows_since_start_;

  std::array<CellText, kRowColumnCount> texts;
  std::array<std::string_view, kRowColumnCount + 1> views;
  std::string timestamp;
  const std::vector<std::size_t>& kept = layout_->kept();
  const auto fill = [&](bool shortened) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] == columns_.size()) {
        if (timestamp.empty()) timestamp = timestamp_text(wall_ns, options_.milliseconds);
        views[i] = timestamp;
        continue;
      }
      const RowColumn column = columns_[kept[i]];
      const Form form = described(column).form;
      texts[i] = shortened ? short_cell_text(row[column], form, options_.unit, row.since_boot,
                                             layout_->column(kept[i]).width)
                           : cell_text(row[column], form, options_.unit, row.since_boot);
      views[i] = texts[i].view();
    }
  };
  fill(false);
  std::span<const std::string_view> line(views.data(), kept.size());
  if (layout_->line_length(line) > options_.terminal_columns) {
    fill(true);
    has_shortened_ = true;
  }
  layout_->append_line(line, out);
}

void RowText::resize(std::size_t columns, std::size_t rows) {
  const std::vector<std::size_t> kept = layout_->kept();
  options_.terminal_columns = columns;
  options_.terminal_rows = rows;
  make_layout();
  head_due_ = layout_->kept() != kept;
}

}  // namespace isotach::memory
