// What isotach connections costs on captures of known content, beside tcptrace and tshark where they are
// installed. CPU time of whole programs, user and kernel; the programs take turns, so that what disturbs
// the machine disturbs all; the medians are compared.
//
// usage: connections_bench [FOLDER [MILLIONS]] [--json FILE]
//
// FOLDER gets the captures (about 125 MB a million packets), which are removed at the end; the default is
// /dev/shm. MILLIONS of packets of the bulk capture: 2, unless given.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "connections_captures.h"
#include "figures.h"

namespace {

constexpr int kRounds = 3;
constexpr std::uint32_t kShortConnections = 200'000;
// What must hold on any machine: tcptrace is that much slower. Missing it fails the benchmark.
constexpr double kLeastTimesBulk = 1.5;
constexpr double kLeastTimesShort = 2.0;

struct Cost {
  double cpu_s = 0;
  double wall_s = 0;
  double resident_mib = 0;
};

struct Program {
  std::string name;
  std::vector<std::string> words;  // the capture follows
  int rounds = kRounds;
  std::vector<Cost> costs = {};
};

[[noreturn]] void give_up(const std::string& text) {
  std::fprintf(stderr, "connections_bench: %s\n", text.c_str());
  std::exit(1);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Cost run(const Program& program, const std::string& capture) {
  std::vector<std::string> words = program.words;
  words.push_back(capture);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) give_up("cannot start " + words[0]);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) give_up(words[0] + " failed");
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime), wall.count(),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

Cost median(std::vector<Cost> costs) {
  std::sort(costs.begin(), costs.end(), [](const Cost& a, const Cost& b) { return a.cpu_s < b.cpu_s; });
  return costs[costs.size() / 2];
}

// Our CPU time, and how many times as much tcptrace takes; 0 where it is not installed.
double compare(isotach::bench::Figures& figures, const std::string& title, const std::string& capture,
               std::uint64_t packets, const char* isotach, bool with_tshark) {
  std::vector<Program> programs = {
      {"isotach", {isotach, "connections", "--threads", "1", "--csv"}},
      {"isotach, two threads", {isotach, "connections", "--threads", "2", "--csv"}},
      {"isotach, as tcptrace", {isotach, "connections", "--threads", "1", "--tcptrace-output"}}};
  if (figures.peer("tcptrace")) programs.push_back({"tcptrace", {"tcptrace", "-n", "-l", "-r", "-W"}});
  if (with_tshark && figures.peer("tshark"))
    programs.push_back({"tshark", {"tshark", "-q", "-n", "-z", "conv,tcp", "-r"}, 1});
  for (int round = 0; round < kRounds; ++round)
    for (Program& program : programs)
      if (round < program.rounds) program.costs.push_back(run(program, capture));
  char packets_text[64];
  std::snprintf(packets_text, sizeof packets_text, ": %.1f million packets",
                static_cast<double>(packets) / 1e6);
  figures.table(title + packets_text, {{"", isotach::bench::Column::kText},
                                       {"s of CPU", 2},
                                       {"s", 2},
                                       {"million packets/s", 2},
                                       {"MiB", 0},
                                       {"times ours", 1}});
  const double ours = median(programs[0].costs).cpu_s;
  double times = 0;
  for (const Program& program : programs) {
    const Cost cost = median(program.costs);
    figures.row({program.name, cost.cpu_s, cost.wall_s, static_cast<double>(packets) / cost.cpu_s / 1e6,
                 cost.resident_mib, cost.cpu_s / ours});
    if (program.name == "tcptrace") times = cost.cpu_s / ours;
  }
  return times;
}

void judge(isotach::bench::Figures& figures, const std::string& title, double times, double least) {
  if (times == 0) return;
  char measured[64];
  std::snprintf(measured, sizeof measured, "%.1f times ours", times);
  char goal[64];
  std::snprintf(goal, sizeof goal, "at least %.1f", least);
  figures.goal({"CPU time of tcptrace, " + title, measured, goal, times >= least});
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  isotach::bench::Figures figures("Captures: isotach connections beside tcptrace and tshark", arguments);
  const char* given = std::getenv("ISOTACH");
  const char* isotach = given != nullptr ? given : ISOTACH_PROGRAM;
  const std::string folder = !arguments.empty() ? arguments[0] : "/dev/shm";
  const double millions = arguments.size() > 1 ? std::atof(arguments[1].c_str()) : 2;
  if (millions <= 0 || millions > 1000) give_up("MILLIONS must be a number above 0");
  const std::string name = folder + "/isotach-bench-" + std::to_string(::getpid()) + ".pcap";
  const auto bulk = static_cast<std::uint64_t>(millions * 1e6);
  isotach::bench::write_bulk_capture(name, bulk);
  const double bulk_times = compare(figures, "64 flows", name, bulk, isotach, true);
  const std::uint64_t packets = isotach::bench::write_short_capture(name, kShortConnections);
  const double short_times = compare(figures, "200,000 short connections", name, packets, isotach, false);
  ::unlink(name.c_str());
  judge(figures, "64 flows", bulk_times, kLeastTimesBulk);
  judge(figures, "200,000 short connections", short_times, kLeastTimesShort);
  return figures.finish() ? 0 : 1;
}
