// What one sample of `isotach vm` costs, beside the installed vmstat, in one run.
//
// In the process: the loop of a vm row (read, compute, format, write to /dev/null), without the wait.
// Whole programs: both run with their waits cut out (no_wait.c), once for many samples and once for
// few; the difference is what the samples cost, start and end left out. The programs take turns, so
// that what disturbs the machine disturbs both; the medians are compared.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/output.h"
#include "figures.h"
#include "memory/vm/reading.h"
#include "memory/vm/row_text.h"
#include "memory/vm/vm_row.h"

namespace {

using namespace isotach;

constexpr int kRounds = 9;
constexpr int kFewSamples = 10;
constexpr int kManySamples = 1010;
constexpr double kLimitUs = 60;

double cpu_us(const rusage& usage) {
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double process_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// A reading that failed ends the benchmark: its cost would be that of something else.
[[noreturn]] void give_up(const std::string& text) {
  std::fprintf(stderr, "vm_bench: %s\n", text.c_str());
  std::exit(1);
}

// CPU time of one sample in this process.
double measure_loop() {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) give_up("cannot open /dev/null");
  Output out(null);
  SystemClock clock;
  memory::VmReader reader(kernel::SystemRoot(), memory::VmMode::row, false, false);
  memory::RowText row_text{memory::TextOptions{}};
  memory::TickDebt debt;
  memory::VmReading readings[2];
  Instant times[2] = {clock.now(), {}};
  std::string text;
  if (auto done = reader.read(readings[0]); !done) give_up(done.error().message());
  double start_us = 0;
  for (int i = 1; i <= kManySamples; ++i) {
    if (i == kFewSamples) start_us = process_cpu_us();
    const int now = i % 2;
    times[now] = clock.now();
    if (auto done = reader.read(readings[now]); !done) give_up(done.error().message());
    const std::int64_t elapsed_ns = times[now].monotonic_ns - times[1 - now].monotonic_ns;
    const memory::VmRow row =
        memory::row_between(readings[1 - now].machine, readings[now].machine, elapsed_ns, debt);
    text.clear();
    row_text.append(row, times[now].wall_ns, text);
    out.write(text);
    out.flush();
  }
  const double used_us = process_cpu_us() - start_us;
  ::close(null);
  return used_us / (kManySamples - kFewSamples);
}

struct Program {
  std::string name;
  std::vector<std::string> words;  // the count of samples follows
  std::vector<double> sample_us;
};

// CPU time of a run of the whole program.
double run_us(const Program& program, int samples) {
  std::vector<std::string> words = program.words;
  words.push_back(std::to_string(samples));
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDOUT_FILENO);
    ::setenv("LD_PRELOAD", ISOTACH_NO_WAIT_LIBRARY, 1);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) give_up("cannot start " + words[0]);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) give_up(words[0] + " failed");
  return cpu_us(usage);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  bench::Figures figures("One sample of isotach vm beside vmstat", arguments);
  figures.peer("vmstat");
  const char* isotach = std::getenv("ISOTACH");
  Program ours{"isotach vm", {isotach != nullptr ? isotach : ISOTACH_PROGRAM, "vm", "0.01"}, {}};
  Program theirs{"vmstat", {"vmstat", "1"}, {}};
  std::vector<double> loop_us;
  for (int round = 0; round < kRounds; ++round) {
    loop_us.push_back(measure_loop());
    for (Program* program : {&ours, &theirs}) {
      const double few_us = run_us(*program, kFewSamples);
      const double many_us = run_us(*program, kManySamples);
      program->sample_us.push_back((many_us - few_us) / (kManySamples - kFewSamples));
    }
  }
  const double loop = median(loop_us);
  const double our_sample = median(ours.sample_us);
  const double their_sample = median(theirs.sample_us);
  figures.table("CPU time of one sample, median of " + std::to_string(kRounds) + " rounds of " +
                    std::to_string(kManySamples - kFewSamples) + " samples",
                {{"", bench::Column::kText}, {"us", 1}, {"times ours", 2}});
  figures.row({"vm row in the process", loop, loop / our_sample});
  figures.row({"isotach vm, whole program", our_sample, 1.0});
  figures.row({"vmstat, whole program", their_sample, their_sample / our_sample});
  char measured[64];
  std::snprintf(measured, sizeof measured, "%.1f us", loop);
  char limit[64];
  std::snprintf(limit, sizeof limit, "at most %.0f us", kLimitUs);
  figures.goal({"a row in the process", measured, limit, loop <= kLimitUs});
  return figures.finish() ? 0 : 1;
}
