#include "command/lab/runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/fd.h"
#include "command/kit.h"
#include "kernel/child.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kLimitNs = 120'000'000'000;
constexpr std::int64_t kAwaitLimitNs = 30'000'000'000;
constexpr int kPatienceMs = 60'000;
constexpr int kStepMs = 20;
constexpr std::int64_t kLookAgainNs = 20'000'000;
constexpr std::size_t kLongestOutput = std::size_t{64} << 10;

std::string shortened(std::string text) {
  if (text.size() <= kLongestOutput) return text;
  const std::size_t half = kLongestOutput / 2;
  return text.substr(0, half) + "\n[...]\n" + text.substr(text.size() - half);
}

}  // namespace

// A shell program whose output goes into a file of the report, where it can also be read while it runs.
class LabRunner::Shell {
 public:
  [[nodiscard]] static Result<Shell> start(const std::string& text, const std::string& path,
                                           const SignalWaiter& waiter) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.is_open()) return system_failure(errno, "create " + path);
    const std::string program =
        fmt::format("exec </dev/null 2>&1\nset -o pipefail\ntrap 'exit 143' TERM\n{}\n", text);
    // setsid(1) makes it the leader of a process group: all that it starts can be stopped with it.
    auto child = kernel::ChildProcess::start({"/usr/bin/setsid", "/bin/bash", "-c", program}, waiter,
                                             {.output = file.get()});
    if (!child) return tl::make_unexpected(std::move(child.error()));
    return Shell(std::move(*child), path);
  }

  // Until it ends, its output matches `pattern` (where there is one), the limit passes or we are interrupted.
  enum class Reached { end, match, limit, interruption };
  [[nodiscard]] Reached wait_for(const std::string& pattern, SignalWaiter& waiter, Clock& clock) {
    const std::int64_t limit_ns = clock.now().monotonic_ns + (pattern.empty() ? kLimitNs : kAwaitLimitNs);
    for (;;) {
      if (!pattern.empty() && has_match(output(), pattern)) return Reached::match;
      if (child_.has_ended()) return Reached::end;
      if (waiter.interrupted()) return Reached::interruption;
      const std::int64_t now_ns = clock.now().monotonic_ns;
      if (now_ns >= limit_ns) return Reached::limit;
      // The end of a child wakes us; new output of a file does not.
      static_cast<void>(waiter.wait_until(pattern.empty() ? limit_ns : now_ns + kLookAgainNs));
    }
  }

  // With all that it has started and that did not leave its process group. The shell waits for the command
  // that it runs (its trap has it so), and that may have changes of the machine to take back.
  void stop() {
    ::kill(-child_.pid(), SIGTERM);
    for (int wait = 0; wait < kPatienceMs && !child_.has_ended(); wait += kStepMs)
      ::poll(nullptr, 0, kStepMs);
    child_.stop(0);
  }
  [[nodiscard]] int wait() {
    const pid_t group = child_.pid();
    const kernel::ChildEnd end = child_.wait();
    ::kill(-group, SIGKILL);
    return end.by_signal ? 128 + end.number : end.number;
  }
  [[nodiscard]] std::string output() const { return read_file(path_).value_or(std::string()); }

 private:
  Shell(kernel::ChildProcess child, std::string path) : child_(std::move(child)), path_(std::move(path)) {}

  kernel::ChildProcess child_;
  std::string path_;
};

void set_surroundings(const LabSurroundings& surroundings) {
  const char* before = std::getenv("PATH");
  if (const std::string folder = program_folder(); !folder.empty())
    ::setenv("PATH", (folder + ":" + (before != nullptr ? before : "/usr/sbin:/usr/bin")).c_str(), 1);
  if (!surroundings.kit.empty()) ::setenv("PIN_ROOT", surroundings.kit.c_str(), 1);
  // What is compared with a pattern has no colours and is in no language but ours.
  ::setenv("NO_COLOR", "1", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("COLUMNS", "110", 1);
}

LabRunner::LabRunner(const LabSurroundings& surroundings, SignalWaiter& waiter, Clock& clock)
    : surroundings_(surroundings), waiter_(waiter), clock_(clock) {}

LabRunner::~LabRunner() {
  for (const auto& shell : background_) {
    shell->stop();
    static_cast<void>(shell->wait());
  }
}

std::string LabRunner::file(std::string_view what) const {
  return fmt::format("{}/{:02}{}.txt", surroundings_.folder, number_, what);
}

// Runs a program to its end; returns what went wrong, or nothing.
std::string LabRunner::run_whole(const std::string& text, const std::string& path, int& exit_code) {
  auto shell = Shell::start(text, path, waiter_);
  if (!shell) return shell.error().message();
  const auto reached = shell->wait_for({}, waiter_, clock_);
  if (reached != Shell::Reached::end) shell->stop();
  exit_code = shell->wait();
  if (reached == Shell::Reached::limit) return "it had not ended after two minutes and was stopped";
  if (reached == Shell::Reached::interruption) return "it was interrupted";
  return {};
}

// The setting of a step and its program in the background; returns what went wrong, or nothing.
std::string LabRunner::prepare(const LabStep& step, std::string& output) {
  if (!step.setup.empty()) {
    int exit_code = 0;
    std::string problem = run_whole("set -e\n" + step.setup, file("-setup"), exit_code);
    if (problem.empty() && exit_code != 0) problem = fmt::format("exit code {}", exit_code);
    if (!problem.empty()) {
      output = read_file(file("-setup")).value_or(std::string());
      return "the setting could not be made: " + problem;
    }
  }
  if (step.background.empty()) return {};
  auto shell = Shell::start(step.background, file("-background"), waiter_);
  if (!shell) return shell.error().message();
  background_.push_back(std::make_unique<Shell>(std::move(*shell)));
  if (step.await.empty()) return {};
  if (background_.back()->wait_for(step.await, waiter_, clock_) == Shell::Reached::match) return {};
  output = background_.back()->output();
  return fmt::format("the program in the background never printed '{}'", step.await);
}

void LabRunner::clean_up(const std::string& text) {
  if (text.empty()) return;
  number_ = 0;
  if (auto shell = Shell::start(text, file("-cleanup"), waiter_)) static_cast<void>(shell->wait());
}

StepResult LabRunner::run(const LabStep& step) {
  ++number_;
  StepResult result;
  const std::int64_t start_ns = clock_.now().monotonic_ns;
  std::string problem = prepare(step, result.output);
  int exit_code = 0;
  if (problem.empty()) {
    problem = run_whole(step.run, file(""), exit_code);
    result.output = read_file(file("")).value_or(std::string());
  }
  if (problem.empty()) {
    result.misses = misses_of(step, exit_code, result.output);
    for (const LabPicture& picture : step.pictures)
      if (::access((surroundings_.folder + '/' + picture.file).c_str(), R_OK) != 0)
        result.misses.push_back(fmt::format("there is no picture {}", picture.file));
  } else {
    result.misses = {std::move(problem)};
  }
  result.output = shortened(std::move(result.output));
  result.duration_ns = clock_.now().monotonic_ns - start_ns;
  return result;
}

}  // namespace isotach::command
