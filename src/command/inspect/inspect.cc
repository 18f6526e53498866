// isotach inspect: every instruction and every access to memory of a program, with its values.
#include <fmt/format.h>
#include <signal.h>

#include <memory>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "command/inspect/commands.h"
#include "command/inspect/lines.h"
#include "command/inspect/options.h"
#include "command/inspect/program_run.h"
#include "command/inspect/summary_view.h"
#include "instrument/trace_parser.h"

namespace isotach::command {
namespace {

using instrument::TraceAccess;
using instrument::TraceFilter;
using instrument::TraceParser;
using instrument::TraceProgram;
using instrument::TraceReader;
using instrument::TraceSummary;
using instrument::TraceWriter;

// Both the summary and the lines hear of everything.
class Both final : public instrument::TraceSink {
 public:
  Both(TraceSummary& summary, TraceLines* lines) : summary_(summary), lines_(lines) {}
  void executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first, std::uint32_t count,
                std::int64_t time_ns) override {
    summary_.executed(program, thread, first, count, time_ns);
    if (lines_ != nullptr) lines_->executed(program, thread, first, count, time_ns);
  }
  void access(const TraceProgram& program, const TraceAccess& access) override {
    summary_.access(program, access);
    if (lines_ != nullptr) lines_->access(program, access);
  }

 private:
  TraceSummary& summary_;
  TraceLines* lines_;
};

class Inspection {
 public:
  Inspection(Context& context, InspectOptions options)
      : context_(context),
        options_(std::move(options)),
        filter_(left_to_choose(options_), *(sink_ = std::make_unique<Forward>())),
        parser_(filter_) {}

  int run() {
    if (auto prepared = prepare(); !prepared) return context_.report(prepared.error());
    const std::int64_t start_ns = context_.clock.now().monotonic_ns;
    const Result<int> code = options_.read_path.empty() ? run_program() : read_recording();
    if (writer_ && writer_->reader_gone()) return kExitOk;
    if (!code) return context_.report(code.error());
    if (options_.read_path.empty()) outcome_.wall_ns = context_.clock.now().monotonic_ns - start_ns;
    if (auto finished = finish_output(); !finished)
      return writer_->reader_gone() ? kExitOk : context_.report(finished.error());
    if (auto shown = show(); !shown) return context_.report(shown.error());
    return *code;
  }

 private:
  // Stands in front of what is made later.
  class Forward final : public instrument::TraceSink {
   public:
    void executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first, std::uint32_t count,
                  std::int64_t time_ns) override {
      to->executed(program, thread, first, count, time_ns);
    }
    void access(const TraceProgram& program, const TraceAccess& access) override {
      to->access(program, access);
    }
    instrument::TraceSink* to = nullptr;
  };

  // While a program runs, the tool has chosen already.
  static instrument::TraceChoice left_to_choose(const InspectOptions& options) {
    return options.read_path.empty() ? instrument::TraceChoice() : options.choice;
  }

  Result<void> prepare() {
    if (!options_.output_path.empty()) {
      const bool packed = options_.output_path.ends_with(".zst");
      auto writer = TraceWriter::create(options_.output_path, packed);
      if (!writer) return tl::make_unexpected(writer.error());
      writer_ = std::move(*writer);
      if (options_.output_path == "-" && !options_.lines && context_.out_is_terminal)
        return failure(ErrorKind::usage, "records are not for a terminal",
                       "add --text for lines, or name a file with -o");
      if (options_.lines) lines_.emplace(*writer_);
    }
    both_.emplace(summary_, lines_ ? &*lines_ : nullptr);
    sink_->to = &*both_;
    return {};
  }

  // False when there is no use in going on.
  bool take(std::string_view bytes) {
    outcome_.records_bytes += bytes.size();
    if (writer_ && !lines_) {
      if (auto written = writer_->write(bytes); !written) {
        write_error_ = written.error();
        return false;
      }
    }
    if (auto fed = parser_.feed(bytes); !fed) {
      outcome_.damage = fed.error().message();
      return false;
    }
    return !lines_ || !lines_->failed();
  }

  Result<int> run_program() {
    const bool output_for_machines = options_.json || options_.output_path == "-";
    const auto end = run_recorded(context_, options_, output_for_machines,
                                  [this](std::string_view bytes) { return take(bytes); });
    if (!end) return tl::make_unexpected(end.error());
    if (writer_ && writer_->reader_gone()) return kExitOk;
    if (write_error_) return tl::make_unexpected(*write_error_);
    if (!end->recorded) {
      if (end->interrupted) return kExitCutShort;
      return failure(ErrorKind::failed,
                     fmt::format("nothing was recorded: the engine ended with {} before the program began",
                                 end->end.by_signal ? "signal" : "exit code") +
                         ' ' + std::to_string(end->end.number),
                     "its message, if any, is above; isotach inspect needs ptrace(2) of its own child");
    }
    if (end->end.by_signal) outcome_.signal = end->end.number;
    outcome_.end_text = end->end.by_signal
                            ? fmt::format("by signal {} ({})", end->end.number, strsignal(end->end.number))
                            : fmt::format("with exit code {}", end->end.number);
    if (outcome_.damage.empty() && !end->interrupted) check_whole();
    if (end->interrupted) return kExitCutShort;
    return outcome_.damage.empty() ? kExitOk : kExitFailed;
  }

  void check_whole() {
    if (const auto finished = parser_.finish(); !finished)
      outcome_.damage = finished.error().message();
    else if (!parser_.program().end.seen)
      outcome_.damage = "the program was killed: its last accesses are missing";
  }

  Result<int> read_recording() {
    auto reader = TraceReader::open(options_.read_path);
    if (!reader) return tl::make_unexpected(reader.error());
    std::string piece;
    for (;;) {
      const auto more = (*reader)->next(piece);
      if (!more) {
        outcome_.damage = more.error().message();
        break;
      }
      if (!*more || !take(piece) || context_.waiter.interrupted()) break;
    }
    if (writer_ && writer_->reader_gone()) return kExitOk;
    if (write_error_) return tl::make_unexpected(*write_error_);
    // Without a head there is nothing to show.
    if (!parser_.has_head())
      return failure(ErrorKind::failed,
                     printable(options_.read_path) + ": " +
                         (outcome_.damage.empty() ? parser_.finish().error().message() : outcome_.damage));
    if (context_.waiter.interrupted()) return kExitCutShort;
    if (outcome_.damage.empty()) check_whole();
    if (!outcome_.damage.empty()) context_.warn(outcome_.damage);
    return outcome_.damage.empty() || parser_.finish() ? kExitOk : kExitFailed;
  }

  Result<void> finish_output() {
    if (lines_)
      if (auto flushed = lines_->flush(); !flushed) return flushed;
    if (writer_) return writer_->finish();
    return {};
  }

  Result<void> show() {
    const TraceProgram& program = parser_.program();
    if (!options_.report_path.empty()) {
      auto written =
          replace_file(options_.report_path, inspect_report(program, summary_, outcome_, options_));
      if (!written) return written;
    }
    if (!options_.svg_path.empty()) {
      auto written = replace_file(options_.svg_path, inspect_map_svg(program, summary_));
      if (!written) return written;
    }
    if (!options_.summary_wanted()) return {};
    context_.out.write(options_.json ? inspect_json(program, summary_, outcome_, options_)
                                     : inspect_text(program, summary_, outcome_, options_,
                                                    terminal_size(context_.out.fd()).columns));
    context_.out.flush();
    return {};
  }

  Context& context_;
  InspectOptions options_;
  InspectOutcome outcome_;
  TraceSummary summary_;
  std::unique_ptr<Forward> sink_;
  TraceFilter filter_;
  TraceParser parser_;
  std::unique_ptr<TraceWriter> writer_;
  std::optional<TraceLines> lines_;
  std::optional<Both> both_;
  std::optional<Error> write_error_;
};

int run_inspect(Context& context, const Arguments& arguments) {
  auto options = inspect_options_of(arguments);
  context.json_errors = arguments.has("--json");
  if (!options) return context.report(options.error());
  return Inspection(context, std::move(*options)).run();
}

}  // namespace

CommandSpec inspect_command() {
  CommandSpec spec;
  spec.name = "inspect";
  spec.area = "instrumentation";
  spec.summary = "every instruction, read and write of a program, with its values";
  spec.usages = {"isotach inspect [OPTIONS] -- COMMAND [ARGUMENTS]", "isotach inspect [OPTIONS] --read FILE"};
  spec.description =
      "Runs COMMAND under the instrumentation engine and records the instructions that it executes, each "
      "read "
      "of memory with its value, and each write with the memory before and after; then shows which routines "
      "ran most and moved most, which memory was used, page by page, and how much of it over time. Without "
      "--instructions, --reads and --writes all three are recorded.\n\n"
      "-i chooses programs and libraries by their file names, as often as it is given: without it the code "
      "of "
      "the dynamic linker and of every library counts too. --routine and --address choose further, --sample "
      "thins out, --start, --stop and --limit choose a stretch of time.\n\n"
      "-o FILE keeps the records, for --read: the same options then choose from what is there. --text writes "
      "lines instead: thread, image, section and routine, address and disassembly of each instruction, and "
      "for an access its address, size and bytes, in the order in which they lie in memory. A program's "
      "standard error is never written to; its output comes before the summary, and goes to standard error "
      "where standard output is for records or JSON.\n\n"
      "With --read, -o copies the whole recording: to pack it, or to unpack it.\n\n"
      "Only the program itself is recorded, not the programs that it starts. Where several threads run, each "
      "access is in the order of its own thread.";
  spec.options = inspect_options();
  spec.examples = {
      {"isotach inspect -i ls -- ls -l", "what ls itself does, without its libraries"},
      {"isotach inspect -i libc.so.6 --routine memcpy --writes --text -- ls",
       "a line for each write of memcpy"},
      {"isotach inspect -o sort.zst --report sort.html -- sort words", "records to keep, and a page of them"},
      {"isotach inspect --read sort.zst --text --address 0x7ffe00000000+8Mi", "lines of a part of them"},
  };
  spec.takes_command = true;
  spec.run = run_inspect;
  return spec;
}

}  // namespace isotach::command
