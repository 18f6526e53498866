#include "command/vm_printer.h"
#include "memory/vm/record_text.h"
#include "memory/vm/row_text.h"

namespace isotach::command {
namespace {

using memory::VmMode;

class TablePrinter final : public VmPrinter {
 public:
  TablePrinter(Context& context, const memory::TextOptions& options)
      : context_(context), is_row_(options.mode == VmMode::row), row_(options), records_(options) {}

  void begin(const Instant& time) override {
    say_what_is_left_out();
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
    say_what_is_shortened();
    write();
  }

  void end(bool, const Error*) override {}

  void terminal_resized() override {
    const TerminalSize size = terminal_size(context_.out.fd());
    row_.resize(static_cast<std::size_t>(size.columns), static_cast<std::size_t>(size.rows));
    records_.resize(static_cast<std::size_t>(size.columns), static_cast<std::size_t>(size.rows));
    say_what_is_left_out();
  }

 private:
  void write() {
    context_.out.write(text_);
    context_.out.flush();
  }

  // Both are said once, before the lines they are about.
  void say_what_is_left_out() {
    const std::string left_out = is_row_ ? row_.layout().left_out() : records_.left_out();
    if (said_left_out_ || left_out.empty()) return;
    said_left_out_ = true;
    context_.note("this terminal is narrow: left out " + left_out);
  }

  void say_what_is_shortened() {
    if (said_shortened_ || !(is_row_ ? row_.has_shortened() : records_.has_shortened())) return;
    said_shortened_ = true;
    context_.note("this terminal is narrow: large numbers are shortened (K, M, G)");
  }

  Context& context_;
  bool is_row_;
  memory::RowText row_;
  memory::RecordText records_;
  std::string text_;
  bool said_left_out_ = false;
  bool said_shortened_ = false;
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
