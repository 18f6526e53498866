#include "doctor/catalogue.h"

namespace isotach::doctor {
namespace {

constexpr FindingDescription kFindings[] = {
    {"memory-low", "memory", "enough memory is available",
     "Little memory is left that programs can still get without swapping. The kernel reclaims what it can, "
     "which "
     "costs time, and kills a program when it finds nothing.",
     "MemAvailable in /proc/meminfo: below 10 % of all memory while tasks stall for memory "
     "(/proc/pressure/memory), "
     "or below 5 %.",
     "See who uses it: isotach vm --pid PID for one program, ps aux --sort=-rss for all. Stop or move what "
     "is not "
     "needed, or add memory or swap."},
    {"memory-pressure", "memory", "tasks do not wait for memory",
     "Tasks lose time because memory has to be freed for them first. Work goes on, but slower.",
     "/proc/pressure/memory: some task stalled 10 % of the time or more, or all of them 10 %.",
     "See isotach vm 1 for swapping and reclaim, and which program grows. More memory, or less in it."},
    {"oom-kills", "memory", "no program was killed for memory",
     "The kernel has killed a program because there was no memory left: work was lost.",
     "oom_kill in /proc/vmstat grew while it was watched.",
     "journalctl -k | grep -i oom says which one. Limit the program that grows (systemd: MemoryMax=), or add "
     "memory."},
    {"oom-kills-since-boot", "memory", "", "The kernel has killed programs for lack of memory since boot.",
     "oom_kill in /proc/vmstat is not 0.", "journalctl -k | grep -i oom says which and when."},
    {"file-thrashing", "memory", "files in use stay in memory",
     "Programs and mapped files are thrown out of memory and read again from disk, again and again: "
     "thrashing "
     "without swap.",
     "Major faults in /proc/vmstat, 100 a second and more, while tasks stall for memory.",
     "Add memory, or swap so that memory that is never used can leave instead: isotach swap advise."},
    {"no-swap", "swap", "there is swap where it would help",
     "Memory is short and there is no swap: pages that are never used again cannot leave, files in use are "
     "thrown "
     "out instead.",
     "SwapTotal in /proc/meminfo is 0 while memory is low.",
     "isotach swap advise, then isotach swap create."},
    {"swap-full", "swap", "swap is not full",
     "Swap is nearly full. When it is, the kernel kills programs as soon as memory is short.",
     "SwapFree in /proc/meminfo: 80 % used while tasks wait for memory; critical from 95 %.",
     "isotach swap create adds an area. Find who grows: isotach vm --pid PID."},
    {"swap-thrashing", "swap", "nothing thrashes",
     "Pages are written to swap and read back soon after: the machine is busy with moving memory instead of "
     "work.",
     "Pages swapped in and out in /proc/vmstat, both 1 MiB/s and more, while tasks stall for memory.",
     "Run less at once or add memory. Swap on a faster device, or compressed (zram), softens it: isotach "
     "swap advise."},
    {"cpu-saturated", "cpu", "the CPUs have time left",
     "There is more work than the CPUs can do: every task gets a part of what it asks for.",
     "/proc/stat: 90 % busy, and at both readings two tasks or more running or ready for each CPU.",
     "See who runs: top. Lower a batch job: renice 19 PID. Spread the work, or add CPUs."},
    {"cpu-pressure", "cpu", "",
     "Tasks often wait for a CPU. With a limit of a container this happens while the machine is idle.",
     "/proc/pressure/cpu: some task waited 50 % of the time or more.",
     "See who runs: top. A CPU limit (cpu.max) shows up here too."},
    {"cpu-steal", "cpu", "the hypervisor takes no CPU time",
     "The hypervisor gives CPU time of this virtual machine to others.",
     "steal in /proc/stat: 5 % and more; critical from 20 %.",
     "Ask the host's operator, or move to a host or instance type with dedicated CPUs."},
    {"cpu-iowait", "cpu", "CPUs do not idle for disks",
     "CPUs are idle because the tasks that could run wait for disks.", "iowait in /proc/stat: 20 % and more.",
     "See which disk: isotach vm -d 1. Faster storage or fewer synchronous writes help."},
    {"io-pressure", "disk", "tasks do not wait for disks",
     "Tasks wait for disks; where all of them do, nothing gets done in that time.",
     "/proc/pressure/io: some task stalled 40 % of the time, or all of them 20 %; critical when all do 50 %.",
     "See which disk: isotach vm -d 1. Who writes: cat /proc/PID/io."},
    {"disk-slow", "disk", "disks answer in time",
     "A disk is busy all the time and keeps its requests waiting.",
     "/proc/diskstats: 90 % busy and 50 ms or more for a request on average.",
     "A failing disk says so: smartctl -a /dev/NAME. Otherwise less load, or a faster disk."},
    {"writeback-backlog", "disk", "written data reaches the disks",
     "Written data piles up in memory faster than disks take it. Writers will be made to wait all at once.",
     "Dirty in /proc/meminfo: 15 % of the available memory and 256 MiB; or 512 MiB being written while tasks "
     "stall.",
     "Slow the writers down or use a faster disk. Smaller steps: sysctl -w vm.dirty_background_ratio=5."},
    {"ksm-loss", "ksm", "page merging gains memory",
     "Merging equal pages (KSM) costs more memory for its bookkeeping than it saves.",
     "/sys/kernel/mm/ksm/general_profit is below 0.",
     "isotach ksm top shows who offers memory for nothing. Undo the merging: isotach ksm set --keep run=2."},
    {"ksm-idle", "ksm", "", "Page merging is on, and set to look at no page at all.",
     "/sys/kernel/mm/ksm: run is 1 and pages_to_scan is 0.",
     "Set a rate: isotach ksm set --keep pages_to_scan=100. Or stop it: isotach ksm set --keep run=0."},
    {"ksm-runaway", "ksm", "page merging costs little CPU time",
     "The merging daemon is set to scan more than a CPU can: it keeps a core busy all the time.",
     "pages_to_scan and sleep_millisecs in /sys/kernel/mm/ksm ask for 500,000 pages a second and more.",
     "isotach ksm set --keep sleep_millisecs=20 pages_to_scan=100; isotach ksm predict says what is enough."},
};

}  // namespace

std::span<const FindingDescription> machine_findings() {
  return kFindings;
}

}  // namespace isotach::doctor
