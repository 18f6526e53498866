#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/fd.h"
#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/ksm/demo.h"
#include "kernel/child.h"
#include "kernel/ksm.h"
#include "kernel/ksm_daemon.h"
#include "kernel/ksm_process.h"
#include "kernel/meminfo.h"
#include "kernel/process.h"

namespace isotach::command {
namespace {

using kernel::KsmField;
using kernel::MemoryField;
using memory::MergeSample;

constexpr std::int64_t kBaselineNs = 500'000'000;
constexpr std::int64_t kAfterNs = 1'000'000'000;
constexpr std::int64_t kLongestAfterNs = 4'000'000'000;  // until ksmd has let go of the program's pages
constexpr std::int64_t kSettledNs = 1'000'000'000;       // nothing was merged for so long: all is merged
constexpr std::int64_t kPssIntervalNs = 500'000'000;     // PSS makes the kernel walk the page tables
constexpr std::int64_t kLabHoldNs = 10'000'000'000;
constexpr double kPatience = 2;  // times the predicted time

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

// Reads one sample of the machine and of the program.
class Sampler {
 public:
  Sampler() : ksm_(root_), meminfo_(root_) {
    if (const auto daemon = kernel::find_ksm_daemon(root_)) daemon_ = daemon->pid;
  }
  void follow(pid_t pid) { program_.emplace(root_, static_cast<unsigned>(pid)); }
  void forget_program() { program_.reset(); }

  MergeSample take(std::int64_t now_ns, std::int64_t begin_ns) {
    MergeSample sample;
    sample.time_ns = now_ns - begin_ns;
    kernel::MemoryReading machine;
    if (meminfo_.read(machine)) {
      sample.free_bytes = static_cast<double>(machine.number(MemoryField::free)) * 1024;
      sample.anonymous_bytes = static_cast<double>(machine.number(MemoryField::anonymous)) * 1024;
    }
    kernel::KsmReading ksm;
    ksm_.read(ksm);
    sample.shared_pages = ksm[KsmField::pages_shared].as_real();
    sample.sharing_pages = ksm[KsmField::pages_sharing].as_real();
    sample.unsettled_pages =
        ksm[KsmField::pages_unshared].as_real() + ksm[KsmField::pages_volatile].as_real();
    sample.zero_pages = ksm[KsmField::zero_pages].as_real();
    sample.profit_bytes = ksm[KsmField::general_profit_bytes].as_real();
    if (daemon_) {
      const Value cpu_ns = kernel::ksm_daemon_cpu_ns(root_, *daemon_);
      if (!cpu_ns.is_missing()) sample.ksmd_cpu_ns = cpu_ns.as_real();
      const Value wait_ns = kernel::ksm_daemon_wait_ns(root_, *daemon_);
      if (!wait_ns.is_missing()) sample.ksmd_wait_ns = wait_ns.as_real();
    }
    if (program_) take_program(now_ns, sample);
    return sample;
  }

 private:
  void take_program(std::int64_t now_ns, MergeSample& sample) {
    const auto presence = program_->read(reading_);
    if (!presence || *presence != kernel::Presence::present || reading_.has_ended()) return;
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    const Value& pages = reading_[kernel::ProcessField::resident_pages];
    if (!pages.is_missing()) sample.resident_bytes = pages.as_real() * page;
    const kernel::KsmProcessReading merged = kernel::read_ksm_process(root_, program_->pid());
    if (!merged.merging_pages.is_missing())
      sample.merged_pages = merged.merging_pages.as_real() + merged.zero_pages.as_real();
    if (now_ns - last_pss_ns_ < kPssIntervalNs) return;
    last_pss_ns_ = now_ns;
    program_->read_proportional(reading_);
    const Value& kib = reading_[kernel::ProcessField::proportional_kib];
    if (!kib.is_missing()) sample.proportional_bytes = kib.as_real() * 1024;
  }

  kernel::SystemRoot root_;
  kernel::KsmReader ksm_;
  kernel::MemoryReader meminfo_;
  std::optional<unsigned> daemon_;
  std::optional<kernel::ProcessReader> program_;
  kernel::ProcessReading reading_;
  std::int64_t last_pss_ns_ = std::numeric_limits<std::int64_t>::min() / 2;
};

// Lines "filled 123456789" that the program writes into a pipe.
void read_words_of_program(int fd, std::int64_t begin_ns, DemoResult& result) {
  std::string text(4096, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_blanks(line);
    const auto time_ns = words.size() == 2 ? parse_unsigned(words[1]) : std::nullopt;
    if (!time_ns) continue;
    const std::int64_t since_ns = static_cast<std::int64_t>(*time_ns) - begin_ns;
    if (words[0] == "mapped") result.mapped_ns = since_ns;
    if (words[0] == "filled") result.filled_ns = since_ns;
    if (words[0] == "offered") result.offered_ns = since_ns;
    if (words[0] == "writing") result.writing_ns = since_ns;
    if (words[0] == "written") result.written_ns = since_ns;
    if (words[0] == "unmapping") result.unmapping_ns = since_ns;
  }
}

class Demo {
 public:
  Demo(Context& context, const DemoOptions& options, DemoResult& result)
      : context_(context), options_(options), result_(result) {}

  Result<void> run(const kernel::KsmValues& wanted) {
    auto transaction = kernel::Transaction::begin({context_.command_name, "ksm", false});
    if (!transaction) return tl::make_unexpected(std::move(transaction.error()));
    std::vector<std::string> command = {"run=1"};
    command.insert(command.end(), options_.words.begin(), options_.words.end());
    auto measured = change_ksm(**transaction, wanted, options_.unmerge, command, result_.writes);
    if (measured) {
      const auto settings = kernel::read_ksm_settings(kKsmFolder);
      if (settings) result_.settings = *settings;
      start_trace(**transaction);
      measured = measure();
      finish_trace();
    }
    auto back = (*transaction)->put_back();
    return measured ? std::move(back) : std::move(measured);
  }

 private:
  void start_trace(kernel::Transaction& transaction) {
    if (!options_.trace) {
      result_.trace.why_not = "not asked for";
      return;
    }
    auto tracefs = kernel::Tracefs::open();
    if (!tracefs) {
      result_.trace.why_not = tracefs.error().message();
      return;
    }
    if (!tracefs->has("events/ksm/ksm_merge_with_ksm_page")) {
      result_.trace.why_not = "this kernel has no tracepoints for KSM";
      return;
    }
    const std::string name = fmt::format("isotach-ksm-{}", ::getpid());
    auto made =
        transaction.change("make the instance " + name + " of tracefs", {kernel::undo_trace_instance(name)},
                           [&] { return tracefs->make_instance(name); });
    if (!made) {
      result_.trace.why_not = made.error().message();
      return;
    }
    auto trace = kernel::KsmTrace::start(std::move(*tracefs), name);
    if (!trace) {
      result_.trace.why_not = trace.error().message();
      return;
    }
    trace_.emplace(std::move(*trace));
  }

  void finish_trace() {
    if (!trace_) return;
    trace_->stop();
    const kernel::KsmTraceLog& log = trace_->log();
    const std::int64_t begin_ns = result_.begin.monotonic_ns;
    if (log.first_merge_ns()) result_.trace.first_ns = *log.first_merge_ns() - begin_ns;
    if (log.last_merge_ns()) result_.trace.last_ns = *log.last_merge_ns() - begin_ns;
    result_.trace.merged = log.merged();
    result_.trace.failed = log.failed();
    result_.trace.lost = log.lost();
    for (const std::int64_t time_ns : log.scans_ended_ns())
      result_.trace.scans_ended_ns.push_back(time_ns - begin_ns);
    trace_.reset();
  }

  Result<void> measure() {
    result_.begin = context_.clock.now();
    const double cpu_before = own_cpu_seconds();
    ticker_.emplace(result_.begin.monotonic_ns, options_.interval_ns);
    sample_until(result_.begin.monotonic_ns + kBaselineNs, [] { return false; });
    if (!context_.waiter.interrupted())
      if (auto done = run_program(); !done) return done;
    const std::int64_t ended_ns = context_.clock.now().monotonic_ns;
    sample_until(ended_ns + kLongestAfterNs, [&] {
      const MergeSample& now = result_.samples.back();
      const bool let_go = now.shared_pages <= result_.samples.front().shared_pages;
      return let_go && now.time_ns + result_.begin.monotonic_ns >= ended_ns + kAfterNs;
    });
    const double spent_s =
        static_cast<double>(context_.clock.now().monotonic_ns - result_.begin.monotonic_ns) / 1e9;
    result_.own_cpu_share = spent_s > 0 ? (own_cpu_seconds() - cpu_before) / spent_s : 0;
    result_.missed_samples = ticker_->missed();
    result_.interrupted = context_.waiter.interrupted();
    return {};
  }

  // How long the program is to hold its pages at the most.
  [[nodiscard]] std::int64_t longest_hold_ns() const {
    if (options_.hold_ns) return *options_.hold_ns;
    const auto patient_ns =
        static_cast<std::int64_t>(std::min(result_.predicted.settled_ns * kPatience, 1e15));
    return std::max(kLabHoldNs, result_.predicted.finite ? patient_ns : kLabHoldNs);
  }

  Result<void> run_program() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    std::vector<std::string> words = {"/proc/self/exe", "internal-hold-pages",
                                      "--pages",        std::to_string(options_.pages),
                                      "--hold",         fmt::format("{}ms", longest_hold_ns() / 1'000'000)};
    if (options_.write) words.emplace_back("--write");
    auto child = kernel::ChildProcess::start(words, context_.waiter, {.output = writing.get()});
    if (!child) return tl::make_unexpected(std::move(child.error()));
    writing.reset();
    sampler_.follow(child->pid());
    sample_until(std::numeric_limits<std::int64_t>::max(), [&] {
      if (child->has_ended()) return true;
      if (!asked_to_end_ && !options_.hold_ns && is_settled()) {
        asked_to_end_ = true;
        ::kill(child->pid(), SIGTERM);
      }
      return false;
    });
    if (context_.waiter.interrupted()) child->stop(SIGTERM);
    const kernel::ChildEnd end = child->wait();
    sampler_.forget_program();
    read_words_of_program(reading.get(), result_.begin.monotonic_ns, result_);
    if (end.by_signal || end.number != 0)
      return failure(ErrorKind::failed,
                     end.by_signal ? fmt::format("the program was killed by signal {}", end.number)
                                   : fmt::format("the program ended with {}", end.number),
                     "the kernel may have had too little memory: try fewer --pages");
    return {};
  }

  // Everything is merged, and has been for a while.
  bool is_settled() {
    const MergeSample& now = result_.samples.back();
    const double merged = now.merged_pages.value_or(now.shared_pages + now.sharing_pages);
    if (merged > most_merged_) {
      most_merged_ = merged;
      most_merged_ns_ = now.time_ns;
    }
    return most_merged_ >= static_cast<double>(options_.pages) && now.time_ns - most_merged_ns_ >= kSettledNs;
  }

  // Takes samples until `deadline_ns`, until `enough` or until the user has seen enough.
  template <class Enough>
  void sample_until(std::int64_t deadline_ns, const Enough& enough) {
    while (!context_.waiter.interrupted()) {
      const Instant now = context_.clock.now();
      result_.samples.push_back(sampler_.take(now.monotonic_ns, result_.begin.monotonic_ns));
      if (trace_) trace_->collect();
      if (enough() || now.monotonic_ns >= deadline_ns) return;
      ticker_->advance(now.monotonic_ns);
      while (!context_.waiter.interrupted() && context_.clock.now().monotonic_ns < ticker_->deadline_ns())
        static_cast<void>(context_.waiter.wait_until(ticker_->deadline_ns()));
    }
  }

  Context& context_;
  const DemoOptions& options_;
  DemoResult& result_;
  Sampler sampler_;
  std::optional<Ticker> ticker_;
  std::optional<kernel::KsmTrace> trace_;
  bool asked_to_end_ = false;
  double most_merged_ = 0;
  std::int64_t most_merged_ns_ = 0;
};

std::uint64_t setting(const kernel::KsmValues& values, const char* name) {
  const std::string* value = kernel::ksm_value(values, name);
  return value != nullptr ? parse_unsigned(*value).value_or(0) : 0;
}

}  // namespace

Result<DemoResult> measure_demo(Context& context, const DemoOptions& options,
                                const kernel::KsmValues& wanted) {
  DemoResult result;
  result.pages = options.pages;
  result.page_size_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  result.interval_ns = options.interval_ns;
  kernel::KsmValues planned = wanted;
  if (const auto now = kernel::read_ksm_settings(kKsmFolder))
    for (const auto& entry : *now)
      if (kernel::ksm_value(planned, entry.first) == nullptr) planned.push_back(entry);
  result.predicted = memory::predict_merge_time(
      options.pages, {setting(planned, "pages_to_scan"), setting(planned, "sleep_millisecs")},
      memory::merge_cost_here());
  if (!result.predicted.finite)
    context.warn("with these settings ksmd never looks at a page: nothing will be merged");
  else
    context.note(fmt::format("{} pages ({}): merging should take {}", options.pages,
                             format_bytes(static_cast<double>(options.pages * result.page_size_bytes)),
                             format_duration_ns(result.predicted.settled_ns)));
  if (result.predicted.finite && options.hold_ns &&
      static_cast<double>(*options.hold_ns) < result.predicted.settled_ns)
    context.warn(fmt::format("the pages are held for {} only: not all will be merged",
                             format_duration_ns(static_cast<double>(*options.hold_ns))));
  context.err.flush();
  if (auto done = Demo(context, options, result).run(wanted); !done)
    return tl::make_unexpected(std::move(done.error()));

  result.course = memory::find_course(result.samples);
  result.moments = memory::moments_of(result.samples, result.course);
  // Where the program ended before all was merged, for those that were.
  const auto merged = static_cast<std::uint64_t>(result.course.merged_pages);
  result.identities =
      memory::check_identities(result.samples, result.course, std::min(merged, result.pages),
                               setting(result.settings, "max_page_sharing"), result.page_size_bytes);
  if (result.trace.first_ns && result.trace.last_ns)
    result.agreement = memory::compare_with_trace(result.samples, result.course, result.interval_ns,
                                                  *result.trace.first_ns, *result.trace.last_ns);
  return result;
}

}  // namespace isotach::command
