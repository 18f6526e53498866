#include "command/experiment/observer.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "base/ticker.h"
#include "command/experiment/inherited.h"
#include "command/plot_vmstat_input.h"
#include "memory/experiment/scripts.h"
#include "memory/process/follower.h"

namespace isotach::command {
namespace {

using kernel::ProcessField;
using kernel::ProcessReading;
using memory::MemorySample;

// What a program may say in all; a chatty one is not listened to for ever.
constexpr std::size_t kMarkLimit = 4096;
constexpr std::size_t kFactsLimit = 256;

std::optional<double> scaled(const Value& value, double unit) {
  if (value.is_missing()) return std::nullopt;
  return value.as_real() * unit;
}

MemorySample sample_of(const ProcessReading& reading, const Instant& now, double page_bytes) {
  constexpr double kKiB = 1024;
  MemorySample sample;
  sample.time_ns = now.monotonic_ns;
  sample.resident_bytes = scaled(reading[ProcessField::resident_pages], page_bytes);
  sample.anonymous_bytes = scaled(reading[ProcessField::anonymous_kib], kKiB);
  sample.swap_bytes = scaled(reading[ProcessField::swap_kib], kKiB);
  sample.heap_bytes = scaled(reading[ProcessField::heap_bytes], 1);
  sample.proportional_bytes = scaled(reading[ProcessField::proportional_kib], kKiB);
  sample.lazy_free_bytes = scaled(reading[ProcessField::lazy_free_kib], kKiB);
  const auto own = scaled(reading[ProcessField::minor_faults], 1);
  const auto children = scaled(reading[ProcessField::children_minor_faults], 1);
  if (own) sample.minor_faults = *own + children.value_or(0);
  sample.cpu_wait_ns = scaled(reading[ProcessField::cpu_wait_ns], 1);
  return sample;
}

class Observer {
 public:
  Observer(Context& context, const ObserveOptions& options)
      : context_(context),
        options_(options),
        follower_({}, context.clock, memory::Children::sum,
                  memory::ProcessFollower::kShortestProportionalIntervalNs) {
    observed_.run.page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    observed_.run.asked_python = options.python_hook;
  }

  Result<Observed> run() {
    if (auto started = start(); !started) return tl::make_unexpected(started.error());
    auto sampled = sample_to_end();
    end();
    if (!sampled) return tl::make_unexpected(sampled.error());
    return std::move(observed_);
  }

 private:
  Result<void> start() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return system_failure(errno, "make a pipe");
    input_ = Fd(ends[0]);
    // The program's end is inherited. It does not block either: a program must not wait for us.
    const Fd write_end(ends[1]);
    ::fcntl(write_end.get(), F_SETFD, 0);
    ScopedEnvironment environment;
    environment.set("ISOTACH_EXPERIMENT_FD", std::to_string(write_end.get()));
    Fd hook;
    if (options_.python_hook) {
      auto made = make_memory_file("isotach-hook", zip_of("sitecustomize.py", memory::python_hook()));
      if (!made) return tl::make_unexpected(made.error());
      hook = std::move(*made);
      const std::string path = inherited_path(hook);
      const char* before = std::getenv("PYTHONPATH");
      environment.set("ISOTACH_PYTHON_HOOK", path);
      environment.set("PYTHONPATH", before != nullptr && before[0] != '\0' ? path + ':' + before : path);
    }
    observed_.start = context_.clock.now();
    auto child = kernel::ChildProcess::start(options_.words, context_.waiter, {.output = options_.output_fd});
    if (!child) return tl::make_unexpected(child.error());
    child_.emplace(std::move(*child));
    // One that has ended already cannot be followed; its end is seen all the same.
    static_cast<void>(follower_.add(static_cast<unsigned>(child_->pid())));
    return {};
  }

  Result<void> sample_to_end() {
    Ticker ticker(context_.clock.now().monotonic_ns, options_.interval_ns);
    for (;;) {
      const Instant now = context_.clock.now();
      if (auto done = sample(now); !done) return done;
      if (child_->has_ended()) break;
      ticker.advance(now.monotonic_ns);
      if (!wait_until(ticker.deadline_ns())) break;
    }
    observed_.missed_samples = ticker.missed();
    return {};
  }

  // False when the user wants to leave. The end of the program ends the wait early.
  bool wait_until(std::int64_t deadline_ns) {
    for (;;) {
      switch (context_.waiter.wait_until(deadline_ns, {input_.is_open() ? input_.get() : -1, -1})) {
        case Wake::deadline:
          return true;
        case Wake::interrupted:
          observed_.interrupted = true;
          return false;
        case Wake::child_exited:
          if (child_->has_ended()) return true;
          break;
        case Wake::input:
          listen();
          break;
        case Wake::output_closed:
        case Wake::resized:
          break;
      }
    }
  }

  void listen() {
    std::array<char, 4096> piece;
    for (;;) {
      const ssize_t got = ::read(input_.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return;
      if (got == 0) {
        // Nobody has the other end any more; a closed pipe is readable for ever.
        input_.reset();
        return;
      }
      lines_.feed({piece.data(), static_cast<std::size_t>(got)}, [&](std::string_view line) { take(line); });
    }
  }

  void take(std::string_view line) {
    const memory::ProgramLine parsed = memory::parse_program_line(line);
    if (parsed.mark && observed_.run.marks.size() < kMarkLimit) {
      observed_.run.marks.push_back(*parsed.mark);
      if (options_.recorder != nullptr)
        options_.recorder->append(
            record::Event{context_.clock.now(), record::EventKind::mark, printable(parsed.mark->text)});
    }
    if (parsed.facts && observed_.run.facts.size() < kFactsLimit)
      observed_.run.facts.push_back(*parsed.facts);
  }

  Result<void> sample(const Instant& now) {
    if (auto done = follower_.collect(readings_, ended_); !done) return done;
    if (readings_.empty()) return {};
    if (readings_.front().command != name_) {
      name_ = readings_.front().command;
      observed_.run.program_ns = now.monotonic_ns;
    }
    const MemorySample sample = sample_of(readings_.front(), now, observed_.run.page_bytes);
    // One that is ending has no memory any more: that is no measurement of what it used.
    if (sample.resident_bytes && *sample.resident_bytes > 0) observed_.run.samples.push_back(sample);
    if (options_.recorder != nullptr) {
      recorded_.time = now;
      recorded_.points.clear();
      options_.series->put(readings_, recorded_);
      options_.recorder->append(recorded_);
    }
    if (options_.on_sample) options_.on_sample(sample, now.monotonic_ns - observed_.start.monotonic_ns);
    return {};
  }

  void end() {
    if (!child_->has_ended()) {
      // The terminal sends SIGINT to the program as well as to us; other signals come to us alone.
      const int number = context_.waiter.signal_number();
      child_->stop(number == 0 ? SIGTERM : number == SIGINT ? 0 : number);
    }
    if (input_.is_open()) listen();
    lines_.finish([&](std::string_view line) { take(line); });
    observed_.end = child_->wait();
    if (observed_.end->peak_resident_kib)
      observed_.run.peak_bytes = static_cast<double>(*observed_.end->peak_resident_kib) * 1024;
  }

  Context& context_;
  const ObserveOptions& options_;
  memory::ProcessFollower follower_;
  std::optional<kernel::ChildProcess> child_;
  Fd input_;
  LineSplitter lines_;
  Observed observed_;
  std::vector<ProcessReading> readings_;
  std::vector<memory::EndedProcess> ended_;
  record::Sample recorded_;
  std::string name_;  // of the program, as it was last seen
};

}  // namespace

Result<Observed> observe(Context& context, const ObserveOptions& options) {
  return Observer(context, options).run();
}

}  // namespace isotach::command
