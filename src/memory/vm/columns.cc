#include "memory/vm/columns.h"

#include <array>

namespace isotach::memory {
namespace {

constexpr VmColumn kRow[] = {
    {"r", "processes_running", Form::count, "procs_running in /proc/stat",
     "Tasks running or waiting for a CPU at this moment, less one for isotach itself, which runs while it "
     "reads."},
    {"b", "processes_blocked", Form::count, "procs_blocked in /proc/stat",
     "Tasks that cannot run because they wait for a disk (state D) at this moment."},
    {"swpd", "swap_used_bytes", Form::kib, "SwapTotal - SwapFree in /proc/meminfo",
     "Swap space in use. It contains what is in swap and in memory at once (SwapCached), so it can grow "
     "while no "
     "memory becomes free."},
    {"free", "memory_free_bytes", Form::kib, "MemFree in /proc/meminfo",
     "Memory that nothing uses. A small value is normal: unused memory serves as cache. Memory that programs "
     "can "
     "still get is \"available\" (--free)."},
    {"buff", "memory_buffers_bytes", Form::kib, "Buffers in /proc/meminfo",
     "Cached blocks of raw disks and file system metadata."},
    {"cache", "memory_cache_bytes", Form::kib, "Cached + SReclaimable in /proc/meminfo",
     "Cached file content and reclaimable kernel caches. Shared memory and tmpfs are in it, and those cannot "
     "be "
     "dropped."},
    {"inact", "memory_inactive_bytes", Form::kib, "Inactive in /proc/meminfo",
     "Memory not used recently: the first to be reclaimed. Shown by --active."},
    {"active", "memory_active_bytes", Form::kib, "Active in /proc/meminfo",
     "Memory used recently: the last to be reclaimed. Shown by --active."},
    {"si", "swap_in_bytes_per_second", Form::kib_rate, "pswpin in /proc/vmstat, in pages",
     "Memory read back from swap, per second, in the unit of --unit. Steadily above 0 means that programs "
     "wait "
     "for memory."},
    {"so", "swap_out_bytes_per_second", Form::kib_rate, "pswpout in /proc/vmstat, in pages",
     "Memory written to swap, per second, in the unit of --unit. Swap on zram counts too."},
    {"bi", "paged_in_bytes_per_second", Form::block_rate, "pgpgin in /proc/vmstat, in KiB",
     "Read from block devices, swap included: always KiB per second, whatever --unit says."},
    {"bo", "paged_out_bytes_per_second", Form::block_rate, "pgpgout in /proc/vmstat, in KiB",
     "Written to block devices, swap included: always KiB per second, whatever --unit says."},
    {"in", "interrupts_per_second", Form::count_rate, "intr in /proc/stat",
     "Interrupts per second, the clock's included."},
    {"cs", "context_switches_per_second", Form::count_rate, "ctxt in /proc/stat",
     "Switches from one task to another, per second."},
    {"us", "cpu_user_ratio", Form::share, "user + nice - guest - guest_nice in /proc/stat",
     "Share of all CPUs' time spent in programs, virtual machines left out (they are gu). The shares are "
     "rounded "
     "one by one and may not add up to 100."},
    {"sy", "cpu_system_ratio", Form::share, "system + irq + softirq in /proc/stat",
     "Share of all CPUs' time spent in the kernel and in interrupts."},
    {"id", "cpu_idle_ratio", Form::share, "idle in /proc/stat",
     "Share of all CPUs' time with nothing to do. Where the kernel's idle time runs backwards for a moment, "
     "it "
     "counts as 0 and the difference is taken from the next sample."},
    {"wa", "cpu_iowait_ratio", Form::share, "iowait in /proc/stat",
     "Share of all CPUs' time idle while a task that ran there waited for a disk. The kernel can lose track "
     "of it: "
     "use it as a hint; pressure (--pressure) is exact."},
    {"st", "cpu_steal_ratio", Form::share, "steal in /proc/stat",
     "Share of all CPUs' time that the hypervisor gave to other machines."},
    {"gu", "cpu_guest_ratio", Form::share, "guest + guest_nice in /proc/stat",
     "Share of all CPUs' time spent running virtual machines."},
    {"cpu", "pressure_cpu_some_ratio", Form::pressure, "some total in /proc/pressure/cpu",
     "Share of time that at least one task waited for a CPU. Shown by --pressure."},
    {"mem", "pressure_memory_some_ratio", Form::pressure, "some total in /proc/pressure/memory",
     "Share of time that at least one task waited for memory: for reclaim, for swap or for a page that had "
     "been "
     "dropped. Shown by --pressure."},
    {"memf", "pressure_memory_full_ratio", Form::pressure, "full total in /proc/pressure/memory",
     "Share of time that all tasks that had work waited for memory at once. Shown by --pressure."},
    {"io", "pressure_io_some_ratio", Form::pressure, "some total in /proc/pressure/io",
     "Share of time that at least one task waited for a disk. Shown by --pressure."},
    {"iof", "pressure_io_full_ratio", Form::pressure, "full total in /proc/pressure/io",
     "Share of time that all tasks that had work waited for a disk at once. Shown by --pressure."},
};
static_assert(std::size(kRow) == kRowColumnCount);

constexpr VmColumn kStats[] = {
    {"total memory", "memory_total_bytes", Form::kib, "MemTotal in /proc/meminfo",
     "Memory the kernel manages."},
    {"used memory", "memory_used_bytes", Form::kib, "MemTotal - MemAvailable in /proc/meminfo",
     "Memory in use that cannot be had without swapping; MemTotal - MemFree where MemAvailable is missing or "
     "larger "
     "than the total."},
    {"active memory", "memory_active_bytes", Form::kib, "Active in /proc/meminfo", "Memory used recently."},
    {"inactive memory", "memory_inactive_bytes", Form::kib, "Inactive in /proc/meminfo",
     "Memory not used recently."},
    {"free memory", "memory_free_bytes", Form::kib, "MemFree in /proc/meminfo", "Memory that nothing uses."},
    {"buffer memory", "memory_buffers_bytes", Form::kib, "Buffers in /proc/meminfo",
     "Cached blocks of raw disks and file system metadata."},
    {"swap cache", "memory_cache_bytes", Form::kib, "Cached + SReclaimable in /proc/meminfo",
     "The page cache and reclaimable kernel caches. The label is vmstat's; it has nothing to do with swap."},
    {"total swap", "swap_total_bytes", Form::kib, "SwapTotal in /proc/meminfo", "Size of all swap areas."},
    {"used swap", "swap_used_bytes", Form::kib, "SwapTotal - SwapFree in /proc/meminfo",
     "Swap space in use."},
    {"free swap", "swap_free_bytes", Form::kib, "SwapFree in /proc/meminfo", "Swap space that nothing uses."},
    {"non-nice user cpu ticks", "cpu_user_seconds", Form::ticks, "user in /proc/stat",
     "Time in programs since boot, summed over CPUs, guests included. A tick is 1/100 s."},
    {"nice user cpu ticks", "cpu_nice_seconds", Form::ticks, "nice in /proc/stat",
     "Time in programs of lowered priority since boot."},
    {"system cpu ticks", "cpu_system_seconds", Form::ticks, "system in /proc/stat",
     "Time in the kernel since boot, interrupts left out."},
    {"idle cpu ticks", "cpu_idle_seconds", Form::ticks, "idle in /proc/stat",
     "Time with nothing to do since boot."},
    {"IO-wait cpu ticks", "cpu_iowait_seconds", Form::ticks, "iowait in /proc/stat",
     "Time idle while a task waited for a disk since boot."},
    {"IRQ cpu ticks", "cpu_irq_seconds", Form::ticks, "irq in /proc/stat", "Time in interrupts since boot."},
    {"softirq cpu ticks", "cpu_softirq_seconds", Form::ticks, "softirq in /proc/stat",
     "Time in soft interrupts since boot."},
    {"stolen cpu ticks", "cpu_steal_seconds", Form::ticks, "steal in /proc/stat",
     "Time that the hypervisor gave to other machines since boot."},
    {"non-nice guest cpu ticks", "cpu_guest_seconds", Form::ticks, "guest in /proc/stat",
     "Time in virtual machines since boot; it is part of user."},
    {"nice guest cpu ticks", "cpu_guest_nice_seconds", Form::ticks, "guest_nice in /proc/stat",
     "Time in virtual machines of lowered priority since boot; it is part of nice."},
    {"K paged in", "paged_in_bytes", Form::kib, "pgpgin in /proc/vmstat",
     "Read from block devices since boot: always KiB, whatever --unit says."},
    {"K paged out", "paged_out_bytes", Form::kib, "pgpgout in /proc/vmstat",
     "Written to block devices since boot: always KiB, whatever --unit says."},
    {"pages swapped in", "swapped_in_pages", Form::count, "pswpin in /proc/vmstat",
     "Pages read back from swap since boot."},
    {"pages swapped out", "swapped_out_pages", Form::count, "pswpout in /proc/vmstat",
     "Pages written to swap since boot."},
    {"pages alloc in dma", "pages_allocated_dma", Form::count, "pgalloc_dma in /proc/vmstat",
     "Pages allocated in zone DMA since boot; 0 where there is no such zone."},
    {"pages alloc in dma32", "pages_allocated_dma32", Form::count, "pgalloc_dma32 in /proc/vmstat",
     "Pages allocated in zone DMA32 since boot; 0 where there is no such zone."},
    {"pages alloc in high", "pages_allocated_high", Form::count, "pgalloc_high in /proc/vmstat",
     "Pages allocated in zone HighMem since boot; 0 where there is no such zone."},
    {"pages alloc in movable", "pages_allocated_movable", Form::count, "pgalloc_movable in /proc/vmstat",
     "Pages allocated in zone Movable since boot; 0 where there is no such zone."},
    {"pages alloc in normal", "pages_allocated_normal", Form::count, "pgalloc_normal in /proc/vmstat",
     "Pages allocated in zone Normal since boot; 0 where there is no such zone."},
    {"pages free", "pages_freed", Form::count, "pgfree in /proc/vmstat", "Pages freed since boot."},
    {"interrupts", "interrupts", Form::count, "intr in /proc/stat", "Interrupts since boot."},
    {"CPU context switches", "context_switches", Form::count, "ctxt in /proc/stat",
     "Switches from one task to another since boot."},
    {"boot time", "boot_time_unix_seconds", Form::unix_seconds, "btime in /proc/stat",
     "When the machine started, in seconds since 1970 UTC."},
    {"forks", "forks", Form::count, "processes in /proc/stat", "Processes and threads created since boot."},
};

// The disk modes share their names; sums are over whole disks.
constexpr VmColumn kDisks[] = {
    {"total", "reads", Form::count, "column 4 of /proc/diskstats", "Reads completed since boot."},
    {"merged", "reads_merged", Form::count, "column 5 of /proc/diskstats",
     "Reads merged into a neighbour since boot."},
    {"sectors", "read_bytes", Form::sectors, "column 6 of /proc/diskstats",
     "Read since boot, in sectors of 512 bytes whatever the disk's own sectors are."},
    {"ms", "read_seconds", Form::milliseconds, "column 7 of /proc/diskstats",
     "Time spent in reads since boot, summed over requests, in milliseconds."},
    {"total", "writes", Form::count, "column 8 of /proc/diskstats", "Writes completed since boot."},
    {"merged", "writes_merged", Form::count, "column 9 of /proc/diskstats",
     "Writes merged into a neighbour since boot."},
    {"sectors", "written_bytes", Form::sectors, "column 10 of /proc/diskstats",
     "Written since boot, in sectors of 512 bytes."},
    {"ms", "write_seconds", Form::milliseconds, "column 11 of /proc/diskstats",
     "Time spent in writes since boot, summed over requests, in milliseconds."},
    {"cur", "requests_in_flight", Form::count, "column 12 of /proc/diskstats",
     "Requests the disk is working on at this moment."},
    {"sec", "busy_seconds", Form::seconds_of_ms, "column 13 of /proc/diskstats",
     "Time with at least one request in flight since boot, in whole seconds."},
    {"weighted", "weighted_seconds", Form::milliseconds, "column 14 of /proc/diskstats",
     "Time in requests since boot, each counted while it was in flight. Shown by --disk-sum and JSON."},
};

constexpr VmColumn kDiskSum[] = {
    {"disks", "disks", Form::count, "/proc/diskstats and /sys/block",
     "Whole disks, loop devices, device mapper and zram included."},
    {"partitions", "partitions", Form::count, "/proc/diskstats and /sys/block", "Partitions of disks."},
    {"total reads", "reads", Form::count, "column 4 of /proc/diskstats",
     "Reads completed since boot, over whole disks."},
    {"merged reads", "reads_merged", Form::count, "column 5 of /proc/diskstats",
     "Reads merged into a neighbour."},
    {"read sectors", "read_bytes", Form::sectors, "column 6 of /proc/diskstats",
     "Read, in sectors of 512 bytes."},
    {"milli reading", "read_seconds", Form::milliseconds, "column 7 of /proc/diskstats",
     "Time spent in reads, summed over requests."},
    {"writes", "writes", Form::count, "column 8 of /proc/diskstats", "Writes completed."},
    {"merged writes", "writes_merged", Form::count, "column 9 of /proc/diskstats",
     "Writes merged into a neighbour."},
    {"written sectors", "written_bytes", Form::sectors, "column 10 of /proc/diskstats",
     "Written, in sectors of 512 bytes."},
    {"milli writing", "write_seconds", Form::milliseconds, "column 11 of /proc/diskstats",
     "Time spent in writes, summed over requests."},
    {"inprogress IO", "requests_in_flight", Form::count, "column 12 of /proc/diskstats",
     "Requests the disks are working on at this moment."},
    {"milli spent IO", "busy_seconds", Form::milliseconds, "column 13 of /proc/diskstats",
     "Time with requests in flight, summed over disks, in milliseconds."},
    {"milli weighted IO", "weighted_seconds", Form::milliseconds, "column 14 of /proc/diskstats",
     "Time in requests, each counted while it was in flight, in milliseconds."},
};

constexpr VmColumn kPartition[] = {
    {"reads", "reads", Form::count, "column 4 of /proc/diskstats", "Reads completed since boot."},
    {"read sectors", "read_bytes", Form::sectors, "column 6 of /proc/diskstats",
     "Read since boot, in sectors of 512 bytes."},
    {"writes", "writes", Form::count, "column 8 of /proc/diskstats", "Writes completed since boot."},
    {"requested writes", "written_bytes", Form::sectors, "column 10 of /proc/diskstats",
     "Written since boot, in sectors of 512 bytes. The title is vmstat's; it does not count requests."},
};

constexpr VmColumn kSlabs[] = {
    {"Num", "active_objects", Form::count, "active_objs in /proc/slabinfo", "Objects of this cache in use."},
    {"Total", "objects", Form::count, "num_objs in /proc/slabinfo", "Objects of this cache, used or not."},
    {"Size", "object_size_bytes", Form::bytes, "objsize in /proc/slabinfo", "Size of one object in bytes."},
    {"Pages", "objects_per_slab", Form::count, "objperslab in /proc/slabinfo",
     "Objects in one slab. The title is vmstat's; it does not count pages."},
    {"PagesPerSlab", "pages_per_slab", Form::count, "pagesperslab in /proc/slabinfo",
     "Pages that one slab takes. Shown in JSON and CSV."},
};

constexpr VmColumn kForks[] = {
    {"forks", "forks", Form::count, "processes in /proc/stat", "Processes and threads created since boot."},
};

constexpr VmColumn kFree[] = {
    {"total", "memory_total_bytes", Form::kib, "MemTotal in /proc/meminfo", "Memory the kernel manages."},
    {"used", "memory_used_bytes", Form::kib, "MemTotal - MemAvailable in /proc/meminfo",
     "Memory in use that cannot be had without swapping; MemTotal - MemFree where MemAvailable is missing or "
     "larger "
     "than the total."},
    {"free", "memory_free_bytes", Form::kib, "MemFree in /proc/meminfo", "Memory that nothing uses."},
    {"shared", "memory_shared_bytes", Form::kib, "Shmem in /proc/meminfo", "Shared memory and tmpfs."},
    {"buffers", "memory_buffers_bytes", Form::kib, "Buffers in /proc/meminfo",
     "Cached blocks of raw disks and file system metadata. Shown by --wide."},
    {"cache", "memory_cache_bytes", Form::kib, "Cached + SReclaimable in /proc/meminfo",
     "Cached file content and reclaimable kernel caches. Shown by --wide."},
    {"buff/cache", "memory_buffers_and_cache_bytes", Form::kib,
     "Buffers + Cached + SReclaimable in /proc/meminfo", "Buffers and cache together."},
    {"available", "memory_available_bytes", Form::kib, "MemAvailable in /proc/meminfo",
     "Memory that programs can still get without swapping, as the kernel estimates; MemFree where that is "
     "larger "
     "than the total."},
    {"swap total", "swap_total_bytes", Form::kib, "SwapTotal in /proc/meminfo", "Size of all swap areas."},
    {"swap used", "swap_used_bytes", Form::kib, "SwapTotal - SwapFree in /proc/meminfo",
     "Swap space in use."},
    {"swap free", "swap_free_bytes", Form::kib, "SwapFree in /proc/meminfo", "Swap space that nothing uses."},
};

struct ModeDescription {
  std::string_view name, option, record_label;
  std::span<const VmColumn> columns;
};

// In the order of VmMode.
constexpr std::array<ModeDescription, kVmModeCount> kModes = {{
    {"row", "", "", kRow},
    {"stats", "--stats", "", kStats},
    {"disks", "--disk", "disk", kDisks},
    {"disk_sum", "--disk-sum", "", kDiskSum},
    {"partition", "--partition", "partition", kPartition},
    {"slabs", "--slabs", "slab", kSlabs},
    {"forks", "--forks", "", kForks},
    {"free", "--free", "", kFree},
}};

const ModeDescription& description(VmMode mode) {
  return kModes[static_cast<std::size_t>(mode)];
}

}  // namespace

std::string_view vm_mode_name(VmMode mode) {
  return description(mode).name;
}
std::string_view vm_mode_option(VmMode mode) {
  return description(mode).option;
}
std::string_view vm_record_label(VmMode mode) {
  return description(mode).record_label;
}
std::span<const VmColumn> vm_columns(VmMode mode) {
  return description(mode).columns;
}

std::vector<ExplainedColumn> explained_columns(std::string_view word) {
  std::vector<ExplainedColumn> found;
  for (std::size_t i = 0; i < kVmModeCount; ++i) {
    const auto mode = static_cast<VmMode>(i);
    for (const VmColumn& column : vm_columns(mode)) {
      if (word == "all" || word == column.title || word == column.name || word == vm_mode_name(mode))
        found.push_back({mode, &column});
    }
  }
  return found;
}

}  // namespace isotach::memory
