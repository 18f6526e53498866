// What reading each of the kernel's files costs on this machine, parsing included.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "figures.h"
#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/ksm.h"
#include "kernel/meminfo.h"
#include "kernel/pressure.h"
#include "kernel/process.h"
#include "kernel/swap_devices.h"
#include "kernel/uptime.h"
#include "kernel/vm_counters.h"
#include "machine/reading.h"
#include "machine/series.h"

namespace {

using namespace isotach;

// For readers of the form reader.read(reading), whether or not they can fail.
template <class Reader, class Reading>
void read_again_and_again(benchmark::State& state, Reader reader, Reading reading) {
  for (auto _ : state) {
    static_cast<void>(reader.read(reading));
    benchmark::DoNotOptimize(reading);
  }
}

const kernel::SystemRoot kRoot;

void meminfo(benchmark::State& state) {
  read_again_and_again(state, kernel::MemoryReader(kRoot), kernel::MemoryReading());
}
void vmstat(benchmark::State& state) {
  read_again_and_again(state, kernel::VmCounterReader(kRoot), kernel::VmCounterReading());
}
void stat(benchmark::State& state) {
  read_again_and_again(state, kernel::CpuReader(kRoot, false), kernel::CpuReading());
}
void stat_each_cpu(benchmark::State& state) {
  read_again_and_again(state, kernel::CpuReader(kRoot, true), kernel::CpuReading());
}
void pressure(benchmark::State& state) {
  read_again_and_again(state, kernel::PressureReader(kRoot, "memory"), kernel::PressureReading());
}
void uptime(benchmark::State& state) {
  read_again_and_again(state, kernel::UptimeReader(kRoot), kernel::UptimeReading());
}
void swaps(benchmark::State& state) {
  read_again_and_again(state, kernel::SwapDeviceReader(kRoot), std::vector<kernel::SwapDevice>());
}
void ksm(benchmark::State& state) {
  read_again_and_again(state, kernel::KsmReader(kRoot), kernel::KsmReading());
}
void net_dev(benchmark::State& state) {
  read_again_and_again(state, kernel::InterfaceReader(kRoot), std::vector<kernel::InterfaceReading>());
}
void diskstats(benchmark::State& state) {
  read_again_and_again(state, kernel::DiskReader(kRoot), std::vector<kernel::DiskReading>());
}
void whole_machine(benchmark::State& state) {
  read_again_and_again(state, machine::MachineReader(kRoot, machine::Parts::all()),
                       machine::MachineReading());
}

void whole_machine_to_sample(benchmark::State& state) {
  record::SeriesTable table;
  machine::MachineProbe probe(kRoot, table, machine::Parts::all());
  record::Sample sample;
  for (auto _ : state) {
    sample.points.clear();
    probe.collect(sample);
  }
}

void process(benchmark::State& state) {
  read_again_and_again(state, kernel::ProcessReader(kRoot, static_cast<unsigned>(::getpid())),
                       kernel::ProcessReading());
}
void process_proportional(benchmark::State& state) {
  kernel::ProcessReader reader(kRoot, static_cast<unsigned>(::getpid()));
  kernel::ProcessReading reading;
  for (auto _ : state) reader.read_proportional(reading);
}
void process_list(benchmark::State& state) {
  kernel::ProcessLister lister(kRoot);
  std::vector<kernel::ProcessLister::Found> found;
  for (auto _ : state) static_cast<void>(lister.list_new(found));
}

BENCHMARK(meminfo)->Unit(benchmark::kMicrosecond);
BENCHMARK(vmstat)->Unit(benchmark::kMicrosecond);
BENCHMARK(stat)->Unit(benchmark::kMicrosecond);
BENCHMARK(stat_each_cpu)->Unit(benchmark::kMicrosecond);
BENCHMARK(pressure)->Unit(benchmark::kMicrosecond);
BENCHMARK(uptime)->Unit(benchmark::kMicrosecond);
BENCHMARK(swaps)->Unit(benchmark::kMicrosecond);
BENCHMARK(ksm)->Unit(benchmark::kMicrosecond);
BENCHMARK(net_dev)->Unit(benchmark::kMicrosecond);
BENCHMARK(diskstats)->Unit(benchmark::kMicrosecond);
BENCHMARK(whole_machine)->Unit(benchmark::kMicrosecond);
BENCHMARK(whole_machine_to_sample)->Unit(benchmark::kMicrosecond);
BENCHMARK(process)->Unit(benchmark::kMicrosecond);
BENCHMARK(process_proportional)->Unit(benchmark::kMicrosecond);
BENCHMARK(process_list)->Unit(benchmark::kMicrosecond);

// Into the table of figures, with what reading alone cannot tell: how often it was done.
class Reporter : public benchmark::BenchmarkReporter {
 public:
  explicit Reporter(bench::Figures& figures) : figures_(figures) {}

  bool ReportContext(const Context&) override {
    figures_.table("CPU time of reading and parsing, of as many readings as half a second takes",
                   {{"", bench::Column::kText}, {"us", 1}, {"readings", 0}});
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      figures_.row(
          {run.run_name.function_name, run.GetAdjustedCPUTime(), static_cast<double>(run.iterations)});
  }

 private:
  bench::Figures& figures_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  bench::Figures figures("What reading each of the kernel's files costs", arguments);
  if (!arguments.empty()) {
    std::fprintf(stderr, "readers_bench: there is no argument '%s'\n", arguments[0].c_str());
    return 2;
  }
  Reporter reporter(figures);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return figures.finish() ? 0 : 1;
}
