#include <fmt/format.h>

#include "command/vm_printer.h"
#include "memory/vm/record_text.h"
#include "memory/vm/row_text.h"

namespace isotach::command {
namespace {

using memory::Layout;
using memory::VmMode;

class TablePrinter final : public VmPrinter {
 public:
  TablePrinter(Context& context, const memory::TextOptions& options)
      : context_(context), is_row_(options.mode == VmMode::row), row_(options), records_(options) {}

  void begin(const Instant& time) override {
    text_.clear();
    if (is_row_) {
      row_.begin(time.wall_ns, text_);
    } else {
      records_.begin(time.wall_ns, text_);
    }
    write();
  }

  void sample(const VmSample& sample) override {
    text_.clear();
    if (is_row_) {
      row_.append(sample.row, sample.time.wall_ns, text_);
    } else {
      records_.append(sample.records, sample.time.wall_ns, text_);
    }
    say_what_is_missing();
    write();
  }

  void end(bool, const Error*) override {}

  void terminal_resized() override {
    const TerminalSize size = terminal_size(context_.out.fd());
    row_.resize(static_cast<std::size_t>(size.columns), static_cast<std::size_t>(size.rows));
    records_.resize(static_cast<std::size_t>(size.columns), static_cast<std::size_t>(size.rows));
  }

 private:
  void write() {
    context_.out.write(text_);
    context_.out.flush();
  }

  // Once: on a narrow terminal columns are left out and numbers shortened.
  void say_what_is_missing() {
    if (said_) return;
    const std::string left_out = is_row_ ? row_.layout().left_out() : records_.left_out();
    const bool shortened = is_row_ ? row_.has_shortened() : records_.has_shortened();
    if (left_out.empty() && !shortened) return;
    said_ = true;
    std::string note = "this terminal is narrow: ";
    if (!left_out.empty()) note += "left out " + left_out;
    if (shortened) note += std::string(left_out.empty() ? "" : "; ") + "large numbers shortened (K, M, G)";
    context_.note(note);
  }

  Context& context_;
  bool is_row_;
  memory::RowText row_;
  memory::RecordText records_;
  std::string text_;
  bool said_ = false;
};

}  // namespace

std::unique_ptr<VmPrinter> make_table_printer(Context& context, const VmOptions& options) {
  memory::TextOptions text = options.text;
  if (context.out_is_terminal) {
    const TerminalSize size = terminal_size(context.out.fd());
    text.terminal_columns = static_cast<std::size_t>(size.columns);
    text.terminal_rows = static_cast<std::size_t>(size.rows);
  }
  return std::make_unique<TablePrinter>(context, text);
}

}  // namespace isotach::command
