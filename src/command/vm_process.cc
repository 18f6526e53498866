#include "command/vm_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <limits>
#include <optional>
#include <set>

#include "base/text.h"
#include "base/ticker.h"
#include "command/process_selection.h"
#include "command/version.h"
#include "command/vm_process_report.h"
#include "kernel/child.h"
#include "memory/process/follower.h"
#include "memory/process/metrics.h"
#include "record/recorder.h"

namespace isotach::command {
namespace {

using kernel::Presence;
using kernel::ProcessReading;
using memory::Children;
using memory::EndedProcess;
using memory::ProcessFollower;
using record::EventKind;

struct ProcessOptions {
  std::vector<unsigned> pids;
  std::vector<std::string> command;
  Children children = Children::none;
  std::int64_t proportional_interval_ns = ProcessFollower::kShortestProportionalIntervalNs;
  std::int64_t interval_ns = kNanosecondsPerSecond;
  std::optional<std::uint64_t> count;
  std::string proc_root;
  std::optional<std::string> output_path;
  std::optional<std::string> record_path;
  ProcessReportOptions report;
};

// Modes of vm that show the machine make no sense for a process.
Result<void> check_other_options(const Arguments& arguments) {
  for (const char* option : {"--active", "--pressure", "--stats", "--disk", "--disk-sum", "--partition",
                             "--slabs", "--forks", "--free", "--save-tree", "--human", "--si", "--unit"})
    if (arguments.has(option))
      return failure(ErrorKind::usage,
                     fmt::format("{} shows the machine and does not go with rows of processes", option));
  return {};
}

Result<void> read_timing(const Arguments& arguments, ProcessOptions& options) {
  const std::vector<std::string>& words = arguments.positionals();
  // As vmstat without a delay: one row. A command is followed to its end.
  if (words.empty() && options.command.empty()) options.count = 1;
  if (!words.empty()) {
    const auto interval_ns = parse_interval_ns(words[0], "delay");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
  }
  if (words.size() > 1) {
    const auto count = parse_count(words[1], "count");
    if (!count) return tl::make_unexpected(count.error());
    options.count = *count;
  }
  if (const auto text = arguments.value("--pss-interval")) {
    const auto interval_ns = parse_interval_ns(*text, "PSS interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    if (*interval_ns < ProcessFollower::kShortestProportionalIntervalNs)
      return failure(
          ErrorKind::usage, "'" + printable(*text) + "' is too short for --pss-interval",
          "the shortest is 0.5: for PSS the kernel walks the page tables and holds the process up");
    options.proportional_interval_ns = *interval_ns;
  }
  return {};
}

Result<ProcessOptions> options_of(const Context& context, const Arguments& arguments) {
  ProcessOptions options;
  if (auto checked = check_other_options(arguments); !checked) return tl::make_unexpected(checked.error());
  options.command = arguments.command();
  auto pids = pids_of(arguments);
  if (!pids) return tl::make_unexpected(pids.error());
  options.pids = std::move(*pids);
  if (!options.pids.empty() && !options.command.empty())
    return failure(ErrorKind::usage, "--pid and -- COMMAND do not go together",
                   "start one isotach for each, or give --pid for both");
  if (auto read = read_timing(arguments, options); !read) return tl::make_unexpected(read.error());

  const std::string children =
      arguments.value("--children").value_or(options.command.empty() ? "none" : "sum");
  options.children = children == "sum" ? Children::sum : children == "rows" ? Children::rows : Children::none;
  auto proc_root = proc_root_of(arguments);
  if (!proc_root) return tl::make_unexpected(proc_root.error());
  options.proc_root = std::move(*proc_root);
  if (!options.proc_root.empty() && !options.command.empty())
    return failure(ErrorKind::usage, "--proc-root reads a saved tree; no command can be started there");
  options.output_path = arguments.value("--output");
  options.record_path = arguments.value("--record");

  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.report.format = *format;
  options.report.interval_ns = options.interval_ns;
  options.report.wall_time = arguments.has("--timestamp");
  options.report.skip_first = arguments.has("--no-first");
  options.report.page_size_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (context.out_is_terminal && !options.output_path) {
    const TerminalSize size = terminal_size(context.out.fd());
    options.report.columns = size.columns;
    if (!arguments.has("--one-header")) options.report.screen_rows = size.rows;
  }
  return options;
}

std::string process_name(const ProcessReading& reading) {
  return fmt::format("{} ({})", printable(reading.command), reading.pid);
}

// One run, from the first sample to the summary.
class ProcessRun {
 public:
  ProcessRun(Context& context, const Arguments& arguments, ProcessOptions options)
      : context_(context),
        arguments_(arguments),
        options_(std::move(options)),
        follower_(options_.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options_.proc_root),
                  context.clock, options_.children, options_.proportional_interval_ns),
        series_(table_) {}

  int run() {
    if (auto prepared = prepare(); !prepared) return context_.report(prepared.error());
    report_.emplace(out(), context_.err, options_.report);
    const auto measured = measure();
    outcome_.interrupted = context_.waiter.interrupted();
    if (child_) end_command();
    outcome_.command = options_.command;
    context_.err.flush();
    report_->finish(outcome_);
    out().flush();
    const int code = finish_recording();
    if (!measured) return context_.report(measured.error());
    if (file_out_ && file_out_->error()) return context_.report(*file_out_->error());
    if (code != kExitOk) return code;
    // A command was to be followed to its end.
    return outcome_.interrupted && !options_.command.empty() ? kExitCutShort : kExitOk;
  }

 private:
  // Everything that can be refused is refused before the command starts.
  Result<void> prepare() {
    for (const unsigned pid : options_.pids)
      if (auto added = follower_.add(pid); !added) return added;
    if (!options_.command.empty()) {
      if (const auto found = kernel::find_program(options_.command.front()); !found)
        return tl::make_unexpected(found.error());
    }
    if (options_.output_path) {
      file_ = Fd(::open(options_.output_path->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
      if (!file_.is_open()) return system_failure(errno, "create " + printable(*options_.output_path));
      file_out_.emplace(file_.get());
    }
    if (auto created = create_recorder(); !created) return created;
    if (options_.command.empty()) return {};

    // Rows for programs stay alone on their output, so that they can be read there.
    const bool rows_alone = options_.report.format != Format::table && !options_.output_path;
    context_.out.flush();
    auto child = kernel::ChildProcess::start(options_.command, context_.waiter,
                                             {.output = rows_alone ? STDERR_FILENO : -1});
    if (!child) {
      recorder_.reset();
      if (options_.record_path) ::unlink(options_.record_path->c_str());
      return tl::make_unexpected(child.error());
    }
    child_.emplace(std::move(*child));
    return follower_.add(static_cast<unsigned>(child_->pid()));
  }

  Result<void> create_recorder() {
    if (!options_.record_path) return {};
    utsname system{};
    ::uname(&system);
    record::RecordingInfo info;
    info.command = "vm";
    info.arguments = recorded_words();
    info.program_version = kVersion;
    info.host = system.nodename;
    info.kernel = system.release;
    info.start = context_.clock.now();
    info.interval_ns = options_.interval_ns;
    auto recorder = record::Recorder::create(*options_.record_path, info, table_);
    if (!recorder) return tl::make_unexpected(recorder.error());
    recorder_ = std::move(*recorder);
    return {};
  }

  // The words that show the same rows again: a replay finds processes by --pid.
  [[nodiscard]] std::vector<std::string> recorded_words() const {
    std::vector<std::string> words;
    for (const unsigned pid : options_.pids) {
      words.push_back("--pid");
      words.push_back(std::to_string(pid));
    }
    if (arguments_.has("--timestamp")) words.push_back("--timestamp");
    if (arguments_.has("--one-header")) words.push_back("--one-header");
    if (arguments_.has("--no-first")) words.push_back("--no-first");
    words.push_back(fmt::format("{}ns", options_.interval_ns));
    if (!options_.command.empty()) {
      words.push_back("--");
      words.insert(words.end(), options_.command.begin(), options_.command.end());
    }
    return words;
  }

  Output& out() { return file_out_ ? *file_out_ : context_.out; }

  Result<void> measure() {
    Instant now = context_.clock.now();
    Ticker ticker(now.monotonic_ns, options_.interval_ns);
    std::uint64_t printed = 0;
    for (;;) {
      now = context_.clock.now();
      auto sampled = sample(now);
      if (!sampled) return tl::make_unexpected(sampled.error());
      if (*sampled) ++printed;
      if (follower_.named_running() == 0 || (options_.count && printed >= *options_.count)) break;
      ticker.advance(now.monotonic_ns);
      if (!wait_until(ticker.deadline_ns())) break;
    }
    outcome_.missed_samples = ticker.missed();
    // COUNT ends the rows, not the command.
    while (child_ && !child_->has_ended() && wait_until(std::numeric_limits<std::int64_t>::max())) {
    }
    return {};
  }

  // False when there is nothing more to measure.
  bool wait_until(std::int64_t deadline_ns) {
    const WaitTargets targets{-1, file_out_ ? -1 : context_.out.fd()};
    for (;;) {
      if (!out().is_open()) return false;
      switch (context_.waiter.wait_until(deadline_ns, targets)) {
        case Wake::deadline:
          return true;
        case Wake::interrupted:
        case Wake::output_closed:
          return false;
        case Wake::child_exited:
          if (child_ && child_->has_ended()) return true;  // its last counters
          break;
        case Wake::resized:
          if (options_.report.columns > 0) report_->set_columns(terminal_size(context_.out.fd()).columns);
          break;
        case Wake::input:
          break;
      }
    }
  }

  // False when no row was printed.
  Result<bool> sample(Instant now) {
    auto done = follower_.collect(readings_, ended_);
    if (!done) return tl::make_unexpected(done.error());
    bool printed = false;
    if (!readings_.empty()) {
      printed = report_->sample(now, readings_);
      out().flush();
      note_new(now);
      if (recorder_) {
        sample_.time = now;
        sample_.points.clear();
        series_.put(readings_, sample_);
        recorder_->append(sample_);
        if (recorder_->error()) return tl::make_unexpected(*recorder_->error());
      }
    }
    for (const EndedProcess& ended : ended_) note_end(ended, now);
    if (follower_.refused() > 0 && !warned_refused_) {
      warned_refused_ = true;
      context_.warn(fmt::format("only {} processes of a tree are followed; there are more",
                                memory::ProcessTree::kMemberLimit));
    }
    return printed;
  }

  void note_new(Instant now) {
    for (const ProcessReading& reading : readings_) {
      if (!seen_.insert(reading.pid).second) continue;
      add_event(now, EventKind::start, process_name(reading));
      const Value& proportional = reading[kernel::ProcessField::proportional_kib];
      if (proportional.is_missing() && proportional.reason() == Missing::not_permitted)
        context_.note(
            fmt::format("{}: pss, uss and heap are not permitted and shown as '-'; root, or CAP_SYS_PTRACE, "
                        "may read them",
                        process_name(reading)));
    }
  }

  void note_end(const EndedProcess& ended, Instant now) {
    seen_.erase(ended.last.pid);
    report_->ended(ended.last, now);
    add_event(now, EventKind::end, process_name(ended.last) + " ended");
    const bool is_command = child_ && static_cast<pid_t>(ended.last.pid) == child_->pid();
    if (is_command) return;  // the summary says how it ended
    const bool replaced = ended.how == Presence::replaced;
    context_.note(fmt::format("{} ended{}", process_name(ended.last),
                              replaced ? "; another process has its number now" : ""));
  }

  void add_event(Instant time, EventKind kind, std::string text) {
    if (recorder_) recorder_->append(record::Event{time, kind, std::move(text)});
  }

  void end_command() {
    if (!child_->has_ended()) {
      // The terminal sends SIGINT to the command as well as to us; other signals come to us alone.
      const int number = context_.waiter.signal_number();
      child_->stop(number == 0 ? SIGTERM : number == SIGINT ? 0 : number);
    }
    if (follower_.named_running() > 0) {
      const Instant now = context_.clock.now();
      if (follower_.collect(readings_, ended_))
        for (const EndedProcess& ended : ended_) note_end(ended, now);
    }
    outcome_.end = child_->wait();
  }

  int finish_recording() {
    if (!recorder_) return kExitOk;
    for (const ProcessWriter::Summary& summary : report_->summaries(outcome_)) {
      const auto& peak = summary.process->resident_peak();
      if (peak)
        add_event(peak->time, EventKind::peak, "peak rss " + format_bytes(static_cast<double>(peak->bytes)));
    }
    if (outcome_.end) add_event(context_.clock.now(), EventKind::mark, end_text(*outcome_.end));
    if (const std::uint64_t dropped = recorder_->dropped_samples(); dropped > 0)
      context_.warn(fmt::format("{} samples were not recorded: writing was too slow", dropped));
    if (auto finished = recorder_->finish(); !finished) return context_.report(finished.error());
    return kExitOk;
  }

  Context& context_;
  const Arguments& arguments_;
  ProcessOptions options_;
  ProcessFollower follower_;
  record::SeriesTable table_;
  memory::ProcessSeries series_;
  std::unique_ptr<record::Recorder> recorder_;
  Fd file_;
  std::optional<Output> file_out_;
  std::optional<kernel::ChildProcess> child_;
  std::optional<ProcessReport> report_;
  ProcessOutcome outcome_;
  record::Sample sample_;
  std::vector<ProcessReading> readings_;
  std::vector<EndedProcess> ended_;
  std::set<unsigned> seen_;
  bool warned_refused_ = false;
};

}  // namespace

std::vector<OptionSpec> vm_process_options() {
  constexpr const char* kGroup = "processes";
  return {
      {"--pid",
       0,
       "PID",
       "rows of this process instead of the machine; again, or with commas, for several",
       kGroup,
       {},
       {},
       true},
      {"--children",
       0,
       "HOW",
       "what to do with the processes that they start: nothing, rows of their own, or one sum; without it "
       "none "
       "for --pid and sum for -- COMMAND",
       kGroup,
       {"none", "rows", "sum"}},
      {"--pss-interval", 0, "TIME", "time between readings of PSS, at least and by default 0.5", kGroup},
      {"--output", 'o', "FILE", "write the rows to FILE instead of standard output", kGroup, {}, "file"},
  };
}

std::string vm_process_description() {
  return "With --pid PID, or -- COMMAND, the rows show processes instead of the machine: CPU time, threads, "
         "RSS, "
         "PSS, USS, swap, heap and page faults. COMMAND is started, with the same standard input, output and "
         "error, and followed until it ends; its exit code is reported, and isotach's own is 0 if it could "
         "measure. COUNT ends the rows, not COMMAND. What COMMAND prints comes between the rows of the "
         "table, unless --output FILE takes the "
         "rows "
         "elsewhere; with --json, --json-stream and --csv it goes to standard error.\n\n"
         "The processes that COMMAND starts are summed into its row, as time(1) counts them; --children rows "
         "shows each, --children none only COMMAND. In a sum of RSS shared pages count once for each "
         "process; the "
         "sum of PSS is what they take together. A process that leaves its parent (a daemon) is no longer "
         "followed.\n\n"
         "PSS and USS are read at most twice a second, and less often where that would take more than a "
         "twentieth of the time, because the kernel walks the page tables for them; between two readings the "
         "last value stands. Ctrl-C ends COMMAND too, as does a reader of the rows that goes away.";
}

bool is_process_column(const std::string& word) {
  if (word == "all") return true;
  for (std::size_t i = 0; i < memory::kProcessColumnCount; ++i) {
    const memory::ProcessColumnInfo& info = memory::process_column(static_cast<memory::ProcessColumn>(i));
    if (word == info.head || word == info.key) return true;
  }
  return false;
}

int explain_process_column(Context& context, const std::string& word) {
  if (!is_process_column(word))
    return context.report({ErrorKind::usage, 0, "there is no column '" + printable(word) + "'",
                           "isotach vm --pid 1 --explain all lists those of processes"});
  for (std::size_t i = 0; i < memory::kProcessColumnCount; ++i) {
    const memory::ProcessColumnInfo& info = memory::process_column(static_cast<memory::ProcessColumn>(i));
    if (word != "all" && word != info.head && word != info.key) continue;
    context.out.write(fmt::format("{}  ({})\n    {}\n", info.head, info.key, info.help));
  }
  return kExitOk;
}

bool wants_vm_process(const Arguments& arguments) {
  return arguments.has("--pid") || !arguments.command().empty() || arguments.has("--children") ||
         arguments.has("--pss-interval") || arguments.has("--output");
}

int run_vm_process(Context& context, const Arguments& arguments) {
  if (const auto word = arguments.value("--explain")) return explain_process_column(context, *word);
  auto options = options_of(context, arguments);
  if (!options) return context.report(options.error());
  if (options->pids.empty() && options->command.empty())
    return context.report({ErrorKind::usage, 0,
                           "--children, --pss-interval and --output belong to rows of processes",
                           "give --pid PID, or -- COMMAND"});
  return ProcessRun(context, arguments, std::move(*options)).run();
}

int replay_vm_process(Context& context, const Arguments& arguments, ReplaySource& source) {
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  memory::ProcessSeries series(source.recording().table());
  ProcessReportOptions options;
  options.format = *format;
  options.interval_ns = source.recording().info().interval_ns;
  options.wall_time = arguments.has("--timestamp");
  options.skip_first = arguments.has("--no-first");
  if (context.out_is_terminal) {
    const TerminalSize size = terminal_size(context.out.fd());
    options.columns = size.columns;
    if (!arguments.has("--one-header")) options.screen_rows = size.rows;
  }
  std::optional<ProcessReport> report;
  record::Sample sample;
  std::vector<ProcessReading> readings;
  for (;;) {
    const auto more = source.next(sample);
    if (!more) return context.report(more.error());
    if (!*more || !context.out.is_open()) break;
    series.take(sample, readings);
    if (!report) {
      options.page_size_bytes = series.page_size_bytes();
      report.emplace(context.out, context.err, options);
    }
    report->sample(sample.time, readings);
    context.out.flush();
  }
  ProcessOutcome outcome;
  outcome.interrupted = context.waiter.interrupted();
  if (report) report->finish(outcome);
  return kExitOk;
}

}  // namespace isotach::command
