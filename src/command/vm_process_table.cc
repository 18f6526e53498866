// Rows of processes for people.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "command/vm_process_report.h"

namespace isotach::command {
namespace {

using memory::ProcessCell;
using memory::ProcessColumn;
using memory::ProcessRow;

// A field of a line: a column of the row, or one of the three that name it.
struct Field {
  enum class Kind { time, pid, column, command };
  Kind kind = Kind::column;
  ProcessColumn column = ProcessColumn::cpu;
  int width = 0;
  int drop_order = 0;  // in a narrow terminal the largest goes first; 0 stays
};

constexpr Field kFields[] = {
    {Field::Kind::time, {}, 9, 4},
    {Field::Kind::pid, {}, 8, 7},
    {Field::Kind::column, ProcessColumn::cpu, 7, 1},
    {Field::Kind::column, ProcessColumn::threads, 5, 9},
    {Field::Kind::column, ProcessColumn::resident, 9, 0},
    {Field::Kind::column, ProcessColumn::proportional, 9, 2},
    {Field::Kind::column, ProcessColumn::private_memory, 9, 10},
    {Field::Kind::column, ProcessColumn::swap, 9, 5},
    {Field::Kind::column, ProcessColumn::heap, 9, 6},
    {Field::Kind::column, ProcessColumn::minor_fault_rate, 9, 3},
    {Field::Kind::column, ProcessColumn::major_fault_rate, 9, 8},
    {Field::Kind::command, {}, 2 + 5, 7},
};
constexpr std::size_t kCommandWidth = 15;

std::string cell_text(const ProcessCell& cell, Unit unit) {
  if (cell.is_missing()) return "-";
  const double number = cell.value.as_real();
  if (unit == Unit::ratio) return fmt::format("{:.1f}", number * 100);
  // The head says that it is per second.
  return format_quantity(number, unit == Unit::per_second ? Unit::count : unit);
}

// Digits after the point that tell one sample from the next.
int time_digits(std::int64_t interval_ns) {
  if (interval_ns % 1'000'000'000 == 0) return 0;
  if (interval_ns % 100'000'000 == 0) return 1;
  return interval_ns % 10'000'000 == 0 ? 2 : 3;
}

std::string seconds_text(std::int64_t duration_ns, int digits) {
  return fmt::format("{:.{}f}", static_cast<double>(duration_ns) / 1e9, digits);
}

class ProcessTable final : public ProcessWriter {
 public:
  ProcessTable(Output& out, const ProcessReportOptions& options) : out_(out), options_(options) {
    set_columns(options.columns);
  }

  void set_columns(int columns) override {
    options_.columns = columns;
    fields_.assign(std::begin(kFields), std::end(kFields));
    if (options_.wall_time) fields_.front().width = 20;
    int drop = 10;
    while (columns > 0 && width() > columns && drop > 0) {
      std::erase_if(fields_, [&](const Field& field) { return field.drop_order == drop; });
      --drop;
    }
    lines_since_head_ = -1;
  }

  void rows(const Moment& moment, const std::vector<ProcessRow>& rows) override {
    for (const ProcessRow& row : rows) {
      const bool screen_full = options_.screen_rows > 2 && lines_since_head_ >= options_.screen_rows - 2;
      if (lines_since_head_ < 0 || screen_full) {
        out_.write(line(nullptr, moment));
        lines_since_head_ = 0;
      }
      out_.write(line(&row, moment));
      ++lines_since_head_;
    }
  }

  void finish(const std::vector<Summary>&, const ProcessOutcome&) override {}

 private:
  [[nodiscard]] int width() const {
    int sum = 0;
    for (const Field& field : fields_) sum += field.width;
    return sum;
  }

  [[nodiscard]] std::string text_of(const Field& field, const ProcessRow* row, const Moment& moment) const {
    switch (field.kind) {
      case Field::Kind::time:
        if (row == nullptr) return options_.wall_time ? "time" : "seconds";
        if (options_.wall_time) return format_wall_time_local(moment.time.wall_ns);
        return seconds_text(moment.since_start_ns, time_digits(options_.interval_ns));
      case Field::Kind::pid:
        return row == nullptr ? "pid" : fmt::to_string(row->pid);
      case Field::Kind::command:
        return row == nullptr ? "command" : printable(row->command);
      case Field::Kind::column:
        break;
    }
    const memory::ProcessColumnInfo& info = memory::process_column(field.column);
    if (row != nullptr) return cell_text((*row)[field.column], info.unit);
    return std::string(info.head) + (info.unit == Unit::ratio ? "%" : "");
  }

  // The head for no row.
  [[nodiscard]] std::string line(const ProcessRow* row, const Moment& moment) const {
    std::string text;
    for (const Field& field : fields_) {
      std::string cell = text_of(field, row, moment);
      if (field.kind == Field::Kind::command) {
        const int left =
            options_.columns > 0 ? options_.columns - static_cast<int>(display_width(text)) - 2 : 0;
        const std::size_t limit = left > 0 ? static_cast<std::size_t>(left) : kCommandWidth;
        text += "  " + fit_columns(cell, std::min(limit, kCommandWidth));
        continue;
      }
      const auto wanted = static_cast<std::size_t>(field.width);
      const std::size_t used = display_width(cell);
      // A cell that is too wide keeps one blank before it.
      text.append(used < wanted ? wanted - used : (text.empty() ? 0 : 1), ' ');
      text += cell;
    }
    return text + '\n';
  }

  Output& out_;
  ProcessReportOptions options_;
  std::vector<Field> fields_;
  int lines_since_head_ = -1;
};

}  // namespace

std::unique_ptr<ProcessWriter> make_process_table(Output& out, const ProcessReportOptions& options) {
  return std::make_unique<ProcessTable>(out, options);
}

}  // namespace isotach::command
