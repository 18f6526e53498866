// isotach ksm run: a program that knows nothing of KSM, with all its memory offered to it.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/change.h"
#include "command/ksm/commands.h"
#include "command/vm_process_report.h"
#include "kernel/child.h"
#include "kernel/ksm.h"
#include "kernel/ksm_daemon.h"
#include "kernel/ksm_process.h"
#include "memory/ksm/choice.h"
#include "memory/process/follower.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using kernel::KsmField;

constexpr std::int64_t kIntervalNs = 200'000'000;
constexpr std::size_t kShownProcesses = 20;
constexpr std::size_t kProcessLimit = 4096;
constexpr int kSignalBase = 128;  // as shells tell the end by a signal

struct RunOptions {
  std::vector<std::string> command;
  std::vector<std::string> words;
  bool start = false;
  bool unmerge = false;
  std::int64_t interval_ns = kIntervalNs;
};

// The most that was seen of a process.
struct RunProcess {
  unsigned pid = 0;
  std::string command;
  std::uint64_t merged_pages = 0;
  std::uint64_t zero_pages = 0;
  std::int64_t profit_bytes = 0;  // when the most was merged
  std::uint64_t resident_pages = 0;
  std::optional<double> proportional_bytes;  // the last that was read
};

struct RunResult {
  std::map<unsigned, RunProcess> processes;
  std::uint64_t most_merged_pages = 0;                      // of all of them at once
  std::int64_t profit_bytes = 0;                            // of all, then
  double machine_saved_before = 0, machine_saved_most = 0;  // pages
  std::optional<double> ksmd_cpu_ns;
  std::int64_t ran_ns = 0;
  bool ksmd_running = false;
  kernel::ChildEnd end;
  bool interrupted = false;
};

double machine_saved(kernel::KsmReader& reader) {
  kernel::KsmReading ksm;
  reader.read(ksm);
  return ksm[KsmField::pages_sharing].as_real() + ksm[KsmField::zero_pages].as_real();
}

class Run {
 public:
  Run(Context& context, const RunOptions& options)
      : context_(context),
        options_(options),
        ksm_(root_),
        follower_(root_, context.clock, memory::Children::rows,
                  memory::ProcessFollower::kShortestProportionalIntervalNs) {}

  Result<RunResult> run() {
    RunResult result;
    result.machine_saved_before = result.machine_saved_most = machine_saved(ksm_);
    const auto daemon = kernel::find_ksm_daemon(root_);
    const bool rows_alone = context_.json_errors;
    context_.out.flush();
    const Instant begin = context_.clock.now();
    auto child = kernel::ChildProcess::start(options_.command, context_.waiter,
                                             {.output = rows_alone ? STDERR_FILENO : -1},
                                             kernel::ChildMemory::offered);
    if (!child) return tl::make_unexpected(std::move(child.error()));
    // A program that has ended already cannot be followed.
    static_cast<void>(follower_.add(static_cast<unsigned>(child->pid())));
    Ticker ticker(begin.monotonic_ns, options_.interval_ns);
    while (!child->has_ended() && !context_.waiter.interrupted()) {
      if (auto taken = sample(result); !taken) return tl::make_unexpected(std::move(taken.error()));
      ticker.advance(context_.clock.now().monotonic_ns);
      while (!child->has_ended() && !context_.waiter.interrupted() &&
             context_.clock.now().monotonic_ns < ticker.deadline_ns())
        static_cast<void>(context_.waiter.wait_until(ticker.deadline_ns()));
    }
    result.interrupted = context_.waiter.interrupted();
    if (result.interrupted) child->stop(context_.waiter.signal_number());
    result.end = child->wait();
    result.ran_ns = context_.clock.now().monotonic_ns - begin.monotonic_ns;
    if (daemon && !daemon->cpu_ns.is_missing()) {
      const Value now_ns = kernel::ksm_daemon_cpu_ns(root_, daemon->pid);
      if (!now_ns.is_missing()) result.ksmd_cpu_ns = now_ns.as_real() - daemon->cpu_ns.as_real();
    }
    return result;
  }

 private:
  Result<void> sample(RunResult& result) {
    if (auto done = follower_.collect(readings_, ended_); !done) return done;
    std::uint64_t merged = 0;
    std::int64_t profit = 0;
    for (const kernel::ProcessReading& reading : readings_) {
      const kernel::KsmProcessReading ksm = kernel::read_ksm_process(root_, reading.pid);
      merged += ksm.merging_pages.as_unsigned() + ksm.zero_pages.as_unsigned();
      profit += ksm.profit_bytes.as_signed();
      note(reading, ksm, result);
    }
    if (merged >= result.most_merged_pages) {
      result.most_merged_pages = merged;
      result.profit_bytes = profit;
    }
    result.machine_saved_most = std::max(result.machine_saved_most, machine_saved(ksm_));
    return {};
  }

  static void note(const kernel::ProcessReading& reading, const kernel::KsmProcessReading& ksm,
                   RunResult& result) {
    if (result.processes.size() >= kProcessLimit && !result.processes.contains(reading.pid)) return;
    RunProcess& process = result.processes[reading.pid];
    process.pid = reading.pid;
    process.command = reading.command;
    process.resident_pages =
        std::max(process.resident_pages, reading[kernel::ProcessField::resident_pages].as_unsigned());
    const Value& proportional = reading[kernel::ProcessField::proportional_kib];
    if (!proportional.is_missing()) process.proportional_bytes = proportional.as_real() * 1024;
    const std::uint64_t merged = ksm.merging_pages.as_unsigned();
    const std::uint64_t zero = ksm.zero_pages.as_unsigned();
    if (merged + zero < process.merged_pages + process.zero_pages) return;
    process.merged_pages = merged;
    process.zero_pages = zero;
    process.profit_bytes = ksm.profit_bytes.as_signed();
  }

  Context& context_;
  const RunOptions& options_;
  kernel::SystemRoot root_;
  kernel::KsmReader ksm_;
  memory::ProcessFollower follower_;
  std::vector<kernel::ProcessReading> readings_;
  std::vector<memory::EndedProcess> ended_;
};

std::string bytes(double value) {
  return value < 0 ? '-' + format_bytes(-value) : format_bytes(value);
}

std::vector<RunProcess> largest_first(const RunResult& result) {
  std::vector<RunProcess> processes;
  for (const auto& [pid, process] : result.processes) processes.push_back(process);
  std::sort(processes.begin(), processes.end(), [](const RunProcess& a, const RunProcess& b) {
    if (a.merged_pages + a.zero_pages != b.merged_pages + b.zero_pages)
      return a.merged_pages + a.zero_pages > b.merged_pages + b.zero_pages;
    return a.pid < b.pid;
  });
  return processes;
}

void print_text(Context& context, const RunOptions& options, const RunResult& result) {
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  Output& out = context.err;
  out.write(fmt::format("{} ended: {}, after {}\n", printable(options.command.front()), end_text(result.end),
                        format_duration_ns(static_cast<double>(result.ran_ns))));
  if (result.most_merged_pages == 0) {
    out.write(
        result.ksmd_running
            ? "nothing of it was merged: its pages differ, or ksmd had not scanned them twice yet\n"
            : "nothing of it was merged: ksmd is stopped; isotach ksm run --start starts it meanwhile\n");
  } else {
    out.write(fmt::format("merged at the most: {}, profit {} by the kernel's account for each process\n",
                          bytes(static_cast<double>(result.most_merged_pages) * page),
                          bytes(static_cast<double>(result.profit_bytes))));
    out.write(fmt::format("saved on the whole machine: {} before, {} at the most\n",
                          bytes(result.machine_saved_before * page),
                          bytes(result.machine_saved_most * page)));
  }
  if (result.ksmd_cpu_ns && result.ran_ns > 0)
    out.write(fmt::format("ksmd used {} of CPU meanwhile, {:.1f} % of one processor\n",
                          format_duration_ns(*result.ksmd_cpu_ns),
                          *result.ksmd_cpu_ns * 100 / static_cast<double>(result.ran_ns)));
  view::Table table({{"pid"},
                     {"merged", view::Align::quantity},
                     {"zero pages", view::Align::right, 2},
                     {"profit", view::Align::quantity},
                     {"most rss", view::Align::quantity, 1},
                     {"last pss", view::Align::quantity, 1},
                     {"command", view::Align::left, 0, 8}});
  std::vector<RunProcess> processes = largest_first(result);
  if (processes.size() > kShownProcesses) processes.resize(kShownProcesses);
  for (const RunProcess& process : processes)
    table.row({fmt::to_string(process.pid), bytes(static_cast<double>(process.merged_pages) * page),
               fmt::to_string(process.zero_pages), bytes(static_cast<double>(process.profit_bytes)),
               bytes(static_cast<double>(process.resident_pages) * page),
               process.proportional_bytes ? bytes(*process.proportional_bytes) : "-", process.command});
  if (table.row_count() > 0) out.write(table.text(terminal_size(out.fd()).columns));
  out.flush();
}

void print_json(Context& context, const RunOptions& options, const RunResult& result) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.ksm.run.v1");
  json.key("command").begin_array();
  for (const std::string& word : options.command) json.string(word);
  json.end_array();
  json.key("exit_code");
  result.end.by_signal ? json.null() : json.integer(result.end.number);
  json.key("signal");
  result.end.by_signal ? json.integer(result.end.number) : json.null();
  json.key("interrupted").boolean(result.interrupted);
  json.key("seconds").real(static_cast<double>(result.ran_ns) / 1e9);
  json.key("ksmd_running").boolean(result.ksmd_running);
  json.key("ksmd_cpu_seconds");
  result.ksmd_cpu_ns ? json.real(*result.ksmd_cpu_ns / 1e9) : json.null();
  json.key("most_merged_pages").unsigned_integer(result.most_merged_pages);
  json.key("profit_bytes").integer(result.profit_bytes);
  json.key("machine_saved_pages_before").real(result.machine_saved_before);
  json.key("machine_saved_pages_most").real(result.machine_saved_most);
  json.key("processes").begin_array();
  for (const RunProcess& process : largest_first(result)) {
    json.begin_object();
    json.key("pid").unsigned_integer(process.pid);
    json.key("command").string(process.command);
    json.key("merged_pages").unsigned_integer(process.merged_pages);
    json.key("zero_pages").unsigned_integer(process.zero_pages);
    json.key("profit_bytes").integer(process.profit_bytes);
    json.key("resident_pages_most").unsigned_integer(process.resident_pages);
    json.key("proportional_bytes_last").real(process.proportional_bytes);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  context.out.write(json.text() + '\n');
}

Result<RunOptions> run_options_of(const Arguments& arguments) {
  RunOptions options;
  options.command = arguments.command();
  options.words = arguments.positionals();
  options.start = arguments.has("--start");
  options.unmerge = arguments.has("--unmerge");
  if (options.command.empty())
    return failure(ErrorKind::usage, "no command was given", "as in: isotach ksm run -- python3 program.py");
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
  }
  return options;
}

// What --start and the settings given ask for; nothing when the settings are to stay.
Result<kernel::KsmValues> wanted_settings(const RunOptions& options, const kernel::KsmValues& now) {
  kernel::KsmValues wanted;
  if (!options.words.empty()) {
    auto chosen = memory::read_ksm_choice(options.words, now, memory::KsmForce::no);
    if (!chosen) return chosen;
    wanted = std::move(*chosen);
  }
  if (!options.start) return wanted;
  const kernel::KsmValues usual = {{"run", "1"}, {"pages_to_scan", "1000"}};
  const std::string* advisor = kernel::ksm_value(now, "advisor_mode");
  for (const auto& [name, value] : usual) {
    const bool advised = advisor != nullptr && *advisor != "none" && name == "pages_to_scan";
    if (kernel::ksm_value(wanted, name) == nullptr && !advised) wanted.emplace_back(name, value);
  }
  return wanted;
}

int run_run(Context& context, const Arguments& arguments) {
  const auto options = run_options_of(arguments);
  if (!options) return context.report(options.error());
  if (const auto found = kernel::find_program(options->command.front()); !found)
    return context.report(found.error());
  if (!kernel::can_offer_memory())
    return context.report({ErrorKind::not_supported, 0,
                           "this kernel cannot offer all memory of a program to KSM",
                           "Linux 6.4 and later can, built with CONFIG_KSM=y (PR_SET_MEMORY_MERGE)"});
  const auto now = kernel::read_ksm_settings(kKsmFolder);
  if (!now) return context.report(now.error());
  const auto wanted = wanted_settings(*options, *now);
  if (!wanted) return context.report(wanted.error());

  std::unique_ptr<kernel::Transaction> transaction;
  if (!wanted->empty()) {
    auto begun = kernel::Transaction::begin({context.command_name, "ksm", false});
    if (!begun) return context.report(begun.error());
    transaction = std::move(*begun);
    std::vector<KsmWrite> writes;
    const auto unmerge = options->unmerge ? kernel::KsmUnmerge::where_needed : kernel::KsmUnmerge::never;
    if (auto done = change_ksm(*transaction, *wanted, unmerge, options->words, writes); !done)
      return context.report(done.error());
  }
  const auto in_force = kernel::read_ksm_settings(kKsmFolder);
  const std::string* running = in_force ? kernel::ksm_value(*in_force, "run") : nullptr;
  const bool ksmd_running = running != nullptr && *running == "1";
  if (!ksmd_running)
    context.note("ksmd is stopped: nothing will be merged; --start starts it while the command runs (root)");
  context.err.flush();

  auto result = Run(context, *options).run();
  if (transaction)
    if (auto back = transaction->put_back(); !back) context.warn(back.error().message());
  if (!result) return context.report(result.error());
  result->ksmd_running = ksmd_running;
  if (context.json_errors)
    print_json(context, *options, *result);
  else
    print_text(context, *options, *result);
  return result->end.by_signal ? kSignalBase + result->end.number : result->end.number;
}

}  // namespace

CommandSpec ksm_run_command() {
  CommandSpec spec;
  spec.name = "ksm run";
  spec.area = "memory";
  spec.summary = "run a program with all its memory offered to KSM, and see its gain";
  spec.usages = {"isotach ksm run [OPTIONS] [NAME=VALUE...] -- COMMAND [ARGUMENT...]"};
  spec.description =
      "Starts COMMAND so that ksmd may merge all its memory and that of its children, though it knows "
      "nothing "
      "of KSM (prctl(PR_SET_MEMORY_MERGE), which survives exec; no right is needed for it). Follows them, "
      "and "
      "says in the end what was merged, what each gained, and what ksmd's work cost. The exit code is that "
      "of "
      "COMMAND, or 128 and the signal's number.\n\n"
      "Whether anything is merged is up to ksmd: --start starts it, with 1000 pages a batch, for as long as "
      "COMMAND runs; settings that are given are changed meanwhile too. That needs root.\n\n"
      "With --json what COMMAND prints goes to standard error.";
  spec.positionals = {{"NAME=VALUE", "settings of KSM meanwhile, as in isotach ksm set", "", true}};
  spec.options = {
      {"--start", 0, "", "start ksmd while the command runs", "changes"},
      {"--unmerge", 0, "", "take apart what is merged, where a setting can be changed only then", "changes"},
      interval_option()};
  for (OptionSpec& option : format_options())
    if (option.name == "--json") spec.options.push_back(std::move(option));
  spec.examples = {
      {"isotach ksm run --start -- python3 program.py", "is there anything to merge in it?"},
      {"isotach ksm run -- qemu-system-x86_64 ...", "a virtual machine, with ksmd as it is set"}};
  spec.takes_command = true;
  spec.run = run_run;
  return spec;
}

}  // namespace isotach::command
