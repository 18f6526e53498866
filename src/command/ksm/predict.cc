// isotach ksm predict: what page merging would save on this machine, without switching it on.
#include "command/ksm/predict.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/ksm/commands.h"
#include "kernel/process.h"

namespace isotach::command {
namespace {

constexpr std::size_t kCrossedProcesses = 8;
constexpr std::uint64_t kComparedSharing[] = {2, 16, 64, 256, 1024, 4096};
constexpr std::uint64_t kKernelSleepMilliseconds = 20;
constexpr double kTargetNs = 60e9;  // that merging shall take with the recommended settings

std::int64_t cpu_ns() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::int64_t>(time.tv_sec) * kNanosecondsPerSecond + time.tv_usec * std::int64_t{1000};
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

Value own_peak_kib() {
  kernel::ProcessReading reading;
  kernel::ProcessReader reader(kernel::SystemRoot{}, static_cast<unsigned>(::getpid()));
  if (!reader.read(reading)) return Missing::not_supported;
  return reading[kernel::ProcessField::peak_resident_kib];
}

// A line on a terminal that tells how far it is, from the first second on.
class Progress {
 public:
  Progress(Context& context, std::uint64_t expected_pages, std::string_view what)
      : context_(context),
        shown_(::isatty(context.err.fd()) == 1),
        expected_(expected_pages),
        what_(what),
        next_ns_(context.clock.now().monotonic_ns + kNanosecondsPerSecond) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (!drawn_) return;
    context_.err.write("\r\x1b[K");
    context_.err.flush();
  }

  // False when it is time to stop.
  [[nodiscard]] bool update(std::uint64_t done_pages) {
    if (context_.waiter.interrupted()) return false;
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (!shown_ || now_ns < next_ns_) return true;
    next_ns_ = now_ns + kNanosecondsPerSecond / 5;
    const auto page = static_cast<double>(kernel::page_size_bytes());
    const double done = static_cast<double>(done_pages) * page;
    const double all = static_cast<double>(std::max(expected_, done_pages)) * page;
    context_.err.write(fmt::format("\r{}: {} of {}\x1b[K", what_, format_bytes(done), format_bytes(all)));
    context_.err.flush();
    drawn_ = true;
    return true;
  }

 private:
  Context& context_;
  bool shown_;
  std::uint64_t expected_;
  std::string_view what_;
  std::int64_t next_ns_;
  bool drawn_ = false;
};

// False when it was interrupted.
bool wait_for(Context& context, std::int64_t duration_ns) {
  const std::int64_t deadline_ns = context.clock.now().monotonic_ns + duration_ns;
  for (;;) {
    const Wake wake = context.waiter.wait_until(deadline_ns);
    if (wake == Wake::deadline) return true;
    if (wake == Wake::interrupted) return false;
  }
}

// False when it was cut short.
bool look(Context& context, const PredictOptions& options, memory::MergeScan& scan) {
  const std::uint64_t expected = scan.expected_pages();
  {
    Progress progress(context, expected, "reading");
    if (!scan.read([&](std::uint64_t done) { return progress.update(done); })) return false;
  }
  if (!options.settle_ns) return true;
  if (!wait_for(context, *options.settle_ns)) return false;
  Progress progress(context, expected, "looking again");
  return scan.look_again([&](std::uint64_t done) { return progress.update(done); });
}

void say_what_is_missing(Context& context, const PredictOutcome& outcome) {
  const memory::Prediction& prediction = outcome.prediction;
  if (prediction.processes.not_permitted > 0) context.note(left_out_note(prediction.processes.not_permitted));
  if (!prediction.frames_visible)
    context.note(
        "frames are hidden from this user: what fork() shares is recognised by equal addresses and contents");
  if (outcome.cut_short) context.warn("cut short: this is what was read until then");
}

int run_predict(Context& context, const Arguments& arguments) {
  const PredictKernel kernel = read_predict_kernel();
  const auto options = predict_options_of(arguments, kernel);
  if (!options) return context.report(options.error());
  const kernel::SystemRoot root;
  const auto selection = select_processes(root, arguments);
  if (!selection) return context.report(selection.error());

  PredictOutcome outcome;
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const std::int64_t start_cpu_ns = cpu_ns();
  memory::MergeScan scan(root, options->scan);
  for (const unsigned pid : selection->pids) {
    if (context.waiter.interrupted()) break;
    scan.add(pid);
  }
  outcome.cut_short = !look(context, *options, scan);
  scan.finish();
  outcome.scan_wall_ns = context.clock.now().monotonic_ns - start_ns - options->settle_ns.value_or(0);
  outcome.scan_cpu_ns = cpu_ns() - start_cpu_ns;

  std::vector<std::uint64_t> compared(std::begin(kComparedSharing), std::end(kComparedSharing));
  compared.push_back(options->what_if.max_page_sharing);
  std::sort(compared.begin(), compared.end());
  compared.erase(std::unique(compared.begin(), compared.end()), compared.end());
  outcome.prediction =
      memory::make_prediction(scan, options->scan, options->what_if, compared, kCrossedProcesses);
  outcome.peak_memory_kib = own_peak_kib();
  const memory::Prediction& prediction = outcome.prediction;
  if (prediction.processes.scanned == 0 && !outcome.cut_short) {
    if (prediction.processes.not_permitted > 0) return context.report(unreadable_error(*selection));
    if (!selection->all)
      return context.report(failure(ErrorKind::failed,
                                    "the chosen processes have no memory that could be merged, or have ended")
                                .value());
  }
  const memory::MergeCost cost = memory::merge_cost_here();
  outcome.time = memory::predict_merge_time(prediction.places, options->settings, cost);
  // Without a sleep ksmd takes a whole processor for ever: nothing to recommend.
  const std::uint64_t asked_sleep = options->settings.sleep_milliseconds;
  outcome.recommended = memory::recommend_settings(
      prediction.places, asked_sleep == 0 ? kKernelSleepMilliseconds : asked_sleep, kTargetNs, cost);
  outcome.recommended_time = memory::predict_merge_time(prediction.places, outcome.recommended, cost);

  switch (options->format) {
    case Format::csv:
      if (!prediction.result)
        return context.report(failure(ErrorKind::usage, "a part of the pages tells nothing of one process",
                                      "use --json, or leave out --sample and --memory-limit")
                                  .value());
      context.out.write(predict_csv(outcome));
      break;
    case Format::table:
      context.out.write(predict_text(outcome, *options, kernel, terminal_size(context.out.fd()).columns));
      break;
    default:
      context.out.write(predict_json(outcome, *options, kernel));
      break;
  }
  context.out.flush();
  say_what_is_missing(context, outcome);
  return outcome.cut_short ? kExitCutShort : kExitOk;
}

}  // namespace

CommandSpec ksm_predict_command() {
  CommandSpec spec;
  spec.name = "ksm predict";
  spec.area = "memory";
  spec.summary = "what page merging would save here, without switching it on";
  spec.usages = {"isotach ksm predict [OPTIONS]"};
  spec.description =
      "Reads the memory that Kernel Samepage Merging could merge, compares the contents of all pages, and "
      "computes what the kernel would make of them: the pages that would be shared, what becomes free, what "
      "ksmd's own records cost, and how long merging takes. Nothing is changed. It says so plainly when "
      "merging would cost more memory than it frees.\n\n"
      "Memory in swap, absent memory and memory of files is left alone, as ksmd leaves it. What fork() "
      "shares, or KSM has merged already, counts once. A page that is read counts as used by the kernel.\n\n"
      "What is freed is counted in memory. The kernel's own pages_sharing and general_profit count places "
      "in processes, which is more where fork() shares.\n\n"
      "All pages are read (about half a second for each GiB), unless a sample is asked for: then the "
      "result is an interval that holds the truth in at least 95 of 100 samples. It is wide for memory whose "
      "copies "
      "come in pairs, since few pairs are in a sample with both pages.\n\n"
      "Only counts are told, never contents. Even counts say something about the memory of other users, so "
      "that reading it needs the right to (root, or CAP_SYS_PTRACE); one's own processes need none.";
  spec.options = predict_options();
  spec.examples = {
      {"isotach ksm predict", "the whole machine, as far as this user may read it"},
      {"isotach ksm predict --settle 2s", "without pages that change within two seconds"},
      {"isotach ksm predict --cgroup machine.slice --max-page-sharing 1024", "virtual machines only"},
      {"isotach ksm predict --pid 1234,1240", "what two programs have in common"},
      {"isotach ksm predict --sample 1/16 --json", "quickly, as an interval"},
  };
  spec.run = run_predict;
  return spec;
}

}  // namespace isotach::command
