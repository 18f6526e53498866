// What isotach connections costs on captures of known content, beside tcptrace and tshark where they are
// installed. CPU time of whole programs, user and kernel; the programs take turns, so that what disturbs
// the machine disturbs all; the medians are compared.
//
// usage: connections_bench [FOLDER [MILLIONS]]
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

bool is_installed(const std::string& program) {
  const std::string command = "command -v " + program + " > /dev/null";
  return std::system(command.c_str()) == 0;
}

Cost median(std::vector<Cost> costs) {
  std::sort(costs.begin(), costs.end(), [](const Cost& a, const Cost& b) { return a.cpu_s < b.cpu_s; });
  return costs[costs.size() / 2];
}

// Our CPU time, and how many times as much tcptrace takes; 0 where it is not installed.
double compare(const std::string& title, const std::string& capture, std::uint64_t packets,
               const char* isotach, bool with_tshark) {
  std::vector<Program> programs = {
      {"isotach", {isotach, "connections", "--threads", "1", "--csv"}},
      {"isotach, two threads", {isotach, "connections", "--threads", "2", "--csv"}},
      {"isotach, as tcptrace", {isotach, "connections", "--threads", "1", "--tcptrace-output"}}};
  if (is_installed("tcptrace")) programs.push_back({"tcptrace", {"tcptrace", "-n", "-l", "-r", "-W"}});
  if (with_tshark && is_installed("tshark"))
    programs.push_back({"tshark", {"tshark", "-q", "-n", "-z", "conv,tcp", "-r"}, 1});
  for (int round = 0; round < kRounds; ++round)
    for (Program& program : programs)
      if (round < program.rounds) program.costs.push_back(run(program, capture));
  std::printf("%s: %.1f million packets\n", title.c_str(), static_cast<double>(packets) / 1e6);
  const double ours = median(programs[0].costs).cpu_s;
  double times = 0;
  for (const Program& program : programs) {
    const Cost cost = median(program.costs);
    std::printf("  %-22s %8.2f s of CPU  %8.2f s  %7.2f million packets/s  %7.0f MiB", program.name.c_str(),
                cost.cpu_s, cost.wall_s, static_cast<double>(packets) / cost.cpu_s / 1e6, cost.resident_mib);
    if (program.name != "isotach") std::printf("  %6.1f times ours", cost.cpu_s / ours);
    std::printf("\n");
    if (program.name == "tcptrace") times = cost.cpu_s / ours;
  }
  std::printf("\n");
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  const char* given = std::getenv("ISOTACH");
  const char* isotach = given != nullptr ? given : ISOTACH_PROGRAM;
  const std::string folder = argc > 1 ? argv[1] : "/dev/shm";
  const double millions = argc > 2 ? std::atof(argv[2]) : 2;
  if (millions <= 0 || millions > 1000) give_up("MILLIONS must be a number above 0");
  const std::string name = folder + "/isotach-bench-" + std::to_string(::getpid()) + ".pcap";
  const auto bulk = static_cast<std::uint64_t>(millions * 1e6);
  isotach::bench::write_bulk_capture(name, bulk);
  const double bulk_times = compare("64 flows", name, bulk, isotach, true);
  const std::uint64_t packets = isotach::bench::write_short_capture(name, kShortConnections);
  const double short_times = compare("200,000 short connections", name, packets, isotach, false);
  ::unlink(name.c_str());
  const bool met = (bulk_times == 0 || bulk_times >= kLeastTimesBulk) &&
                   (short_times == 0 || short_times >= kLeastTimesShort);
  std::printf("limits, %.1f and %.1f times the speed of tcptrace: %s\n", kLeastTimesBulk, kLeastTimesShort,
              met ? "met" : "NOT met");
  return met ? 0 : 1;
}
