// What isotach connections costs on captures of known content, beside tcptrace and tshark where they are
// installed. CPU time of whole programs, user and kernel; the programs take turns, so that what disturbs
// the machine disturbs all; the medians are compared.
//
// usage: connections_bench [FOLDER [MILLIONS]] [--json FILE]
//
// FOLDER gets the captures (about 125 MB a million packets), which are removed at the end; the default is
// /tmp. They are in the memory of the kernel when they are read, by all programs. MILLIONS of packets of the
// bulk capture: 2, unless given.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "connections_captures.h"
#include "figures.h"

namespace {

constexpr int kRounds = 3;
constexpr std::uint32_t kShortConnections = 200'000;
// The goals of the project.
constexpr double kLeastMillionsPerSecond = 10;
constexpr double kLeastTimesBulk = 5;    // tcptrace's CPU time is that much longer
constexpr double kLeastTimesShort = 30;  // the same, of short connections
constexpr double kLeastTimesTshark = 150;
constexpr double kLeastByTwoThreads = 1.7;  // so much faster on the clock

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
using Costs = std::map<std::string, Cost>;  // medians by program

// Whole statistics of each connection by all programs, and the short list that each prints when nothing is
// asked.
Costs compare(isotach::bench::Figures& figures, const std::string& title, const std::string& capture,
              std::uint64_t packets, const char* isotach, bool with_tshark) {
  std::vector<Program> programs = {
      {"isotach", {isotach, "connections", "--threads", "1", "--csv"}},
      {"isotach, two threads", {isotach, "connections", "--threads", "2", "--csv"}},
      {"isotach, as tcptrace", {isotach, "connections", "--threads", "1", "--tcptrace-output"}},
      {"isotach, its list", {isotach, "connections", "--threads", "1"}}};
  if (figures.peer("tcptrace")) {
    programs.push_back({"tcptrace", {"tcptrace", "-n", "-l", "-r", "-W"}});
    programs.push_back({"tcptrace, its list", {"tcptrace", "-n"}});
  }
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
  Costs costs;
  for (const Program& program : programs) {
    const Cost cost = median(program.costs);
    figures.row({program.name, cost.cpu_s, cost.wall_s, static_cast<double>(packets) / cost.cpu_s / 1e6,
                 cost.resident_mib, cost.cpu_s / ours});
    costs[program.name] = cost;
  }
  return costs;
}

void judge(isotach::bench::Figures& figures, const std::string& what, double measured, const char* unit,
           double least) {
  char measured_text[64], goal[64];
  std::snprintf(measured_text, sizeof measured_text, "%.1f %s", measured, unit);
  std::snprintf(goal, sizeof goal, "at least %g", least);
  figures.goal({what, measured_text, goal, measured >= least});
}

// CPU time of a peer, where it is installed, as a multiple of ours.
void judge_peer(isotach::bench::Figures& figures, const std::string& title, const Costs& costs,
                const std::string& peer, double least) {
  const auto found = costs.find(peer);
  if (found == costs.end()) return;
  judge(figures, "CPU time of " + peer + ", " + title, found->second.cpu_s / costs.at("isotach").cpu_s,
        "times ours", least);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  isotach::bench::Figures figures("Captures: isotach connections beside tcptrace and tshark", arguments);
  const char* given = std::getenv("ISOTACH");
  const char* isotach = given != nullptr ? given : ISOTACH_PROGRAM;
  const std::string folder = !arguments.empty() ? arguments[0] : "/tmp";
  const double millions = arguments.size() > 1 ? std::atof(arguments[1].c_str()) : 2;
  if (millions <= 0 || millions > 1000) give_up("MILLIONS must be a number above 0");
  const std::string name = folder + "/isotach-bench-" + std::to_string(::getpid()) + ".pcap";
  const auto bulk = static_cast<std::uint64_t>(millions * 1e6);
  isotach::bench::write_bulk_capture(name, bulk);
  const Costs bulk_costs = compare(figures, "64 flows", name, bulk, isotach, true);
  const std::uint64_t packets = isotach::bench::write_short_capture(name, kShortConnections);
  const Costs short_costs = compare(figures, "200,000 short connections", name, packets, isotach, false);
  ::unlink(name.c_str());
  const Cost& ours = bulk_costs.at("isotach");
  judge(figures, "64 flows, one thread", static_cast<double>(bulk) / ours.cpu_s / 1e6, "million packets/s",
        kLeastMillionsPerSecond);
  judge(figures, "64 flows, two threads", ours.wall_s / bulk_costs.at("isotach, two threads").wall_s,
        "times as fast on the clock", kLeastByTwoThreads);
  judge_peer(figures, "64 flows", bulk_costs, "tcptrace", kLeastTimesBulk);
  judge_peer(figures, "64 flows", bulk_costs, "tshark", kLeastTimesTshark);
  judge_peer(figures, "200,000 short connections", short_costs, "tcptrace", kLeastTimesShort);
  return figures.finish() ? 0 : 1;
}
