#include "command/vm_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace isotach::command {
namespace {

using memory::Form;
using memory::RowColumn;

constexpr RowColumn kMain[] = {RowColumn::free,      RowColumn::cache,    RowColumn::swap_used,
                               RowColumn::swap_in,   RowColumn::swap_out, RowColumn::block_in,
                               RowColumn::block_out, RowColumn::user,     RowColumn::system,
                               RowColumn::idle,      RowColumn::iowait};

Unit unit_of(Form form) {
  switch (form) {
    case Form::kib:
      return Unit::bytes;
    case Form::kib_rate:
    case Form::block_rate:
      return Unit::bytes_per_second;
    case Form::count_rate:
      return Unit::per_second;
    default:
      return Unit::ratio;
  }
}

}  // namespace

void VmSummary::add_sample(std::int64_t monotonic_ns, std::uint64_t missed_deadlines) {
  if (samples_ == 0) first_ns_ = monotonic_ns;
  last_ns_ = monotonic_ns;
  missed_ = missed_deadlines;
  ++samples_;
}

void VmSummary::add(const memory::VmRow& row, std::int64_t monotonic_ns, std::uint64_t missed_deadlines) {
  add_sample(monotonic_ns, missed_deadlines);
  for (const RowColumn column : kMain) {
    const Form form = memory::vm_columns(memory::VmMode::row)[static_cast<std::size_t>(column)].form;
    // Averages since boot say nothing about this run.
    if (row.since_boot && form != Form::kib) continue;
    const auto number = memory::base_number(row[column], form, 1);
    if (!number) continue;
    Range& range = ranges_[static_cast<std::size_t>(column)];
    range.min = range.count == 0 ? number->real : std::min(range.min, number->real);
    range.max = range.count == 0 ? number->real : std::max(range.max, number->real);
    range.sum += number->real;
    ++range.count;
  }
}

std::string VmSummary::text() const {
  const auto plural = [](std::uint64_t count, std::string_view word) {
    return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
  };
  std::string text = fmt::format("{} in {}, {}\n", plural(samples_, "sample"),
                                 format_duration_ns(static_cast<double>(last_ns_ - first_ns_)),
                                 plural(missed_, "missed deadline"));
  bool head = false;
  for (const RowColumn column : kMain) {
    const Range& range = ranges_[static_cast<std::size_t>(column)];
    if (range.count == 0) continue;
    if (!head) text += fmt::format("  {:<6}{:>14}{:>14}{:>14}\n", "", "min", "mean", "max");
    head = true;
    const memory::VmColumn& described =
        memory::vm_columns(memory::VmMode::row)[static_cast<std::size_t>(column)];
    const Unit unit = unit_of(described.form);
    text += fmt::format("  {:<6}{:>14}{:>14}{:>14}\n", described.title, format_quantity(range.min, unit),
                        format_quantity(range.sum / static_cast<double>(range.count), unit),
                        format_quantity(range.max, unit));
  }
  return text;
}

}  // namespace isotach::command
