#include "machine/metrics.h"

#include <unistd.h>

#include <array>
#include <string>

#include "base/check.h"
#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/ksm.h"
#include "kernel/meminfo.h"
#include "kernel/network_counters.h"
#include "kernel/vm_counters.h"

namespace isotach::machine {
namespace {

using record::MetricDescriptor;
using record::MetricKind;
using record::RateDisplay;
using Metrics = std::vector<MetricDescriptor>;

constexpr double kKiB = 1024;
constexpr double kSectorBytes = 512;
constexpr double kMillisecond = 1e-3;
constexpr double kMicrosecond = 1e-6;
constexpr double kPercent = 0.01;

MetricDescriptor gauge(std::string name, Unit unit, std::string title, std::string help, double scale = 1) {
  return {std::move(name), unit, MetricKind::gauge, std::move(help), std::move(title), scale};
}

MetricDescriptor counter(std::string name, Unit unit, std::string title, std::string help, double scale = 1,
                         RateDisplay display = RateDisplay::per_second) {
  return {std::move(name), unit, MetricKind::counter, std::move(help), std::move(title), scale, display};
}

Metrics memory() {
  const auto bytes = [](std::string name, std::string title, std::string help) {
    return gauge(std::move(name), Unit::bytes, std::move(title), std::move(help), kKiB);
  };
  return {
      bytes("memory_total_bytes", "total", "Memory the kernel manages"),
      bytes("memory_free_bytes", "free", "Memory that nothing uses"),
      bytes("memory_available_bytes", "available",
            "Memory that programs can still get without swapping, as the kernel estimates"),
      bytes("memory_buffers_bytes", "buffers", "Cached blocks of raw disks and file system metadata"),
      bytes("memory_cached_bytes", "cached", "Cached file content, shared memory and tmpfs included"),
      bytes("swap_cached_bytes", "swap cached", "Memory that is in swap and in RAM at the same time"),
      bytes("memory_active_bytes", "active", "Memory used recently, reclaimed last"),
      bytes("memory_inactive_bytes", "inactive", "Memory not used recently, reclaimed first"),
      bytes("memory_active_anonymous_bytes", "active anonymous", "Active memory of programs"),
      bytes("memory_inactive_anonymous_bytes", "inactive anonymous", "Inactive memory of programs"),
      bytes("memory_active_file_bytes", "active file", "Active cached file content"),
      bytes("memory_inactive_file_bytes", "inactive file", "Inactive cached file content"),
      bytes("memory_unevictable_bytes", "unevictable", "Memory that cannot be reclaimed"),
      bytes("memory_locked_bytes", "locked", "Memory locked by mlock"),
      bytes("swap_total_bytes", "swap total", "Size of all swap areas"),
      bytes("swap_free_bytes", "swap free", "Swap space that nothing uses"),
      bytes("zswap_pool_bytes", "zswap pool", "Memory that zswap's compressed pages take"),
      bytes("zswap_stored_bytes", "zswap stored", "Size before compression of what zswap holds"),
      bytes("memory_dirty_bytes", "dirty", "Cached file content waiting to be written to disk"),
      bytes("memory_writeback_bytes", "writeback", "Cached file content being written to disk"),
      bytes("memory_anonymous_bytes", "anonymous", "Memory of programs that no file stands behind"),
      bytes("memory_mapped_bytes", "mapped", "Cached file content mapped into programs"),
      bytes("memory_shared_bytes", "shared", "Shared memory and tmpfs"),
      bytes("memory_kernel_reclaimable_bytes", "kernel reclaimable", "Kernel memory that can be reclaimed"),
      bytes("memory_slab_bytes", "slab", "Kernel data structures"),
      bytes("memory_slab_reclaimable_bytes", "slab reclaimable", "Kernel caches that can be reclaimed"),
      bytes("memory_slab_unreclaimable_bytes", "slab unreclaimable",
            "Kernel data structures that cannot be reclaimed"),
      bytes("memory_kernel_stack_bytes", "kernel stacks", "Stacks of all threads inside the kernel"),
      bytes("memory_page_tables_bytes", "page tables", "Tables that map programs' addresses to memory"),
      bytes("memory_commit_limit_bytes", "commit limit", "Memory that may be promised in strict accounting"),
      bytes("memory_committed_bytes", "committed", "Memory promised to programs"),
      bytes("memory_high_total_bytes", "high total", "High memory of 32-bit kernels"),
      bytes("memory_high_free_bytes", "high free", "Free high memory of 32-bit kernels"),
      bytes("memory_low_total_bytes", "low total", "Low memory of 32-bit kernels"),
      bytes("memory_low_free_bytes", "low free", "Free low memory of 32-bit kernels"),
      bytes("memory_huge_anonymous_bytes", "transparent huge",
            "Memory of programs in transparent huge pages"),
      bytes("memory_hugetlb_bytes", "hugetlb", "Memory reserved for huge pages"),
      bytes("memory_used_bytes", "used", "Memory in use: total less available, as free(1) counts"),
      bytes("memory_cache_bytes", "cache", "Cached file content and reclaimable slab, as vmstat(8) counts"),
      bytes("swap_used_bytes", "swap used", "Swap space in use, what is swap cached included"),
  };
}

Metrics cpu_times(const std::string& prefix) {
  const double tick_s = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto time = [&](const char* name, const char* title, const char* help) {
    return counter(prefix + name + "_seconds", Unit::seconds, title, help, tick_s,
                   RateDisplay::share_of_time);
  };
  return {
      time("user", "user", "Time in programs, guests included; 100 % is one CPU"),
      time("nice", "nice", "Time in programs of lowered priority"),
      time("system", "system", "Time in the kernel"),
      time("idle", "idle", "Time with nothing to do"),
      time("iowait", "iowait", "Time idle while a task waited for a disk"),
      time("irq", "irq", "Time in interrupts"),
      time("softirq", "softirq", "Time in soft interrupts, such as network receive"),
      time("steal", "steal", "Time taken by the hypervisor for others"),
      time("guest", "guest", "Time in virtual machines, part of user"),
      time("guest_nice", "guest nice", "Time in virtual machines of lowered priority, part of nice"),
  };
}

Metrics scheduler() {
  return {
      counter("interrupts", Unit::count, "interrupts", "Interrupts served"),
      counter("context_switches", Unit::count, "context switches", "Switches from one task to another"),
      gauge("boot_time_seconds", Unit::seconds, "boot time", "When the machine started, since 1970 UTC"),
      counter("forks", Unit::count, "forks", "Processes and threads created"),
      gauge("processes_running", Unit::count, "running", "Tasks running or waiting for a CPU"),
      gauge("processes_blocked", Unit::count, "blocked", "Tasks waiting for a disk"),
  };
}

Metrics vm_counters() {
  const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const auto pages = [&](const char* name, const char* title, const char* help) {
    return counter(name, Unit::count, title, help);
  };
  return {
      counter("paging_in_bytes", Unit::bytes, "paged in", "Read from disks, swap included", kKiB),
      counter("paging_out_bytes", Unit::bytes, "paged out", "Written to disks, swap included", kKiB),
      counter("swap_in_bytes", Unit::bytes, "swapped in", "Memory read back from swap", page_bytes),
      counter("swap_out_bytes", Unit::bytes, "swapped out", "Memory written to swap", page_bytes),
      pages("pages_allocated_dma", "allocated dma", "Pages allocated in zone DMA"),
      pages("pages_allocated_dma32", "allocated dma32", "Pages allocated in zone DMA32"),
      pages("pages_allocated_normal", "allocated normal", "Pages allocated in zone Normal"),
      pages("pages_allocated_high", "allocated high", "Pages allocated in zone HighMem"),
      pages("pages_allocated_movable", "allocated movable", "Pages allocated in zone Movable"),
      pages("pages_allocated_device", "allocated device", "Pages allocated in zone Device"),
      pages("pages_freed", "freed", "Pages freed"),
      pages("pages_activated", "activated", "Pages moved to the active list"),
      pages("pages_deactivated", "deactivated", "Pages moved to the inactive list"),
      pages("pages_lazy_freed", "lazily freed", "Pages freed after MADV_FREE"),
      pages("page_faults", "page faults", "Page faults of all kinds"),
      pages("page_faults_major", "major faults", "Page faults that had to read from a disk"),
      pages("pages_refilled", "refilled", "Pages moved from active to inactive to be reclaimed"),
      pages("pages_stolen_kswapd", "reclaimed by kswapd", "Pages reclaimed in the background"),
      pages("pages_stolen_direct", "reclaimed directly", "Pages reclaimed by a task that had to wait"),
      pages("pages_scanned_kswapd", "scanned by kswapd", "Pages looked at by background reclaim"),
      pages("pages_scanned_direct", "scanned directly", "Pages looked at by direct reclaim"),
      pages("oom_kills", "oom kills", "Processes killed because memory ran out"),
      pages("ksm_copied_on_write", "merged pages broken", "Merged pages copied because they were written to"),
      pages("zswap_in_pages", "zswap in", "Pages read back from zswap"),
      pages("zswap_out_pages", "zswap out", "Pages stored in zswap"),
  };
}

Metrics uptime() {
  return {
      gauge("uptime_seconds", Unit::seconds, "uptime", "Time since the machine started"),
      gauge("load_average_1m", Unit::count, "load 1 min", "Tasks running or blocked, average of 1 minute"),
      gauge("load_average_5m", Unit::count, "load 5 min", "Tasks running or blocked, average of 5 minutes"),
      gauge("load_average_15m", Unit::count, "load 15 min",
            "Tasks running or blocked, average of 15 minutes"),
  };
}

Metrics pressure() {
  Metrics metrics;
  for (const std::string resource : {"cpu", "memory", "io"}) {
    for (const std::string extent : {"some", "full"}) {
      const std::string prefix = "pressure_" + resource + '_' + extent;
      const std::string title = resource + ' ' + extent;
      const std::string who = extent == "some" ? "some task" : "all tasks";
      for (const std::string span_s : {"10", "60", "300"})
        metrics.push_back(
            gauge(prefix + "_average_" + span_s + "s_ratio", Unit::ratio, title + " avg" + span_s,
                  "Share of the last " + span_s + " s that " + who + " waited for " + resource, kPercent));
      metrics.push_back(counter(prefix + "_seconds", Unit::seconds, title + " stalled",
                                "Time that " + who + " waited for " + resource, kMicrosecond,
                                RateDisplay::share_of_time));
    }
  }
  return metrics;
}

Metrics swap_device() {
  return {
      gauge("swap_device_size_bytes", Unit::bytes, "size", "Size of the swap area", kKiB),
      gauge("swap_device_used_bytes", Unit::bytes, "used", "Swap area in use", kKiB),
      gauge("swap_device_priority", Unit::count, "priority", "Areas of higher priority fill first"),
  };
}

Metrics ksm() {
  return {
      gauge("ksm_run", Unit::count, "run", "1 while the merging daemon works"),
      gauge("ksm_pages_to_scan", Unit::count, "pages to scan", "Pages scanned before each sleep"),
      gauge("ksm_sleep_seconds", Unit::seconds, "sleep", "Sleep between scans", kMillisecond),
      gauge("ksm_max_page_sharing", Unit::count, "max page sharing", "How often one page may be shared"),
      gauge("ksm_pages_shared", Unit::count, "shared", "Merged pages in memory"),
      gauge("ksm_pages_sharing", Unit::count, "sharing", "Further uses of merged pages: pages saved"),
      gauge("ksm_pages_unshared", Unit::count, "unshared", "Pages checked again and again that are unique"),
      gauge("ksm_pages_volatile", Unit::count, "volatile", "Pages that change too fast to be merged"),
      counter("ksm_pages_skipped", Unit::count, "skipped", "Pages that smart scan left out"),
      counter("ksm_pages_scanned", Unit::count, "scanned", "Pages looked at"),
      counter("ksm_full_scans", Unit::count, "full scans", "Passes over all candidate memory"),
      gauge("ksm_zero_pages", Unit::count, "zero pages", "Empty pages replaced by the shared zero page"),
      gauge("ksm_general_profit_bytes", Unit::bytes, "profit",
            "Memory saved less what the bookkeeping takes"),
  };
}

Metrics interface() {
  const auto bytes = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::bytes, title, help, 1, RateDisplay::bits_per_second);
  };
  const auto packets = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::count, title, help);
  };
  return {
      bytes("network_receive_bytes", "received", "Bytes received"),
      packets("network_receive_packets", "packets received", "Packets received"),
      packets("network_receive_errors", "receive errors", "Packets received damaged"),
      packets("network_receive_drops", "receive drops", "Packets received and dropped"),
      packets("network_receive_fifo_errors", "receive overruns", "Packets lost because a ring was full"),
      packets("network_receive_frame_errors", "frame errors", "Packets with framing or length errors"),
      packets("network_receive_compressed_packets", "compressed received", "Compressed packets received"),
      packets("network_receive_multicast_packets", "multicast received", "Multicast packets received"),
      bytes("network_transmit_bytes", "sent", "Bytes sent"),
      packets("network_transmit_packets", "packets sent", "Packets sent"),
      packets("network_transmit_errors", "transmit errors", "Packets that could not be sent"),
      packets("network_transmit_drops", "transmit drops", "Packets dropped before they were sent"),
      packets("network_transmit_fifo_errors", "transmit overruns", "Packets lost in the transmit ring"),
      packets("network_collisions", "collisions", "Collisions on half-duplex links"),
      packets("network_carrier_errors", "carrier errors", "Packets lost because the link was gone"),
      packets("network_transmit_compressed_packets", "compressed sent", "Compressed packets sent"),
  };
}

Metrics disk() {
  const auto bytes = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::bytes, title, help, kSectorBytes);
  };
  const auto requests = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::count, title, help);
  };
  const auto time = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::seconds, title, help, kMillisecond, RateDisplay::share_of_time);
  };
  return {
      requests("disk_reads", "reads", "Reads completed"),
      requests("disk_reads_merged", "reads merged", "Reads merged into a neighbour"),
      bytes("disk_read_bytes", "read", "Bytes read"),
      time("disk_read_seconds", "read time", "Time spent in reads, summed over requests"),
      requests("disk_writes", "writes", "Writes completed"),
      requests("disk_writes_merged", "writes merged", "Writes merged into a neighbour"),
      bytes("disk_write_bytes", "written", "Bytes written"),
      time("disk_write_seconds", "write time", "Time spent in writes, summed over requests"),
      gauge("disk_requests_in_flight", Unit::count, "in flight", "Requests the disk is working on"),
      time("disk_busy_seconds", "busy", "Time with at least one request in flight"),
      time("disk_weighted_seconds", "queue", "Time in requests: its rate is the mean queue length"),
      requests("disk_discards", "discards", "Discards completed"),
      requests("disk_discards_merged", "discards merged", "Discards merged into a neighbour"),
      bytes("disk_discard_bytes", "discarded", "Bytes discarded"),
      time("disk_discard_seconds", "discard time", "Time spent in discards"),
      requests("disk_flushes", "flushes", "Flushes completed"),
      time("disk_flush_seconds", "flush time", "Time spent in flushes"),
  };
}

Metrics link() {
  constexpr double kMegabit = 1e6;
  return {
      gauge("network_link_up", Unit::count, "link up", "1 while the link can carry traffic"),
      gauge("network_link_enabled", Unit::count, "enabled",
            "1 while an administrator has set the interface up"),
      gauge("network_link_physical", Unit::count, "physical", "1 when a device stands behind the interface"),
      gauge("network_link_speed_bits_per_second", Unit::bits_per_second, "speed",
            "Speed the link has negotiated, where the driver knows it", kMegabit),
      gauge("network_link_full_duplex", Unit::count, "full duplex", "1 when both ends can send at once"),
  };
}

Metrics network() {
  const auto count = [](const char* name, const char* title, const char* help) {
    return counter(name, Unit::count, title, help);
  };
  const auto memory = [](const char* name, const char* title, const char* help) {
    return gauge(name, Unit::bytes, title, help, static_cast<double>(::sysconf(_SC_PAGESIZE)));
  };
  return {
      count("tcp_segments_sent", "TCP segments sent", "TCP segments sent, without those sent again"),
      count("tcp_retransmits", "TCP sent again", "TCP segments sent again"),
      count("tcp_timeouts", "TCP timeouts", "Retransmission timeouts of TCP"),
      count("tcp_attempts_failed", "TCP attempts failed", "Connections that could not be opened"),
      count("tcp_listen_overflows", "listen overflows",
            "Connections dropped because a listen queue was full"),
      count("tcp_listen_drops", "listen drops", "Connections dropped by a listening socket, for any reason"),
      count("tcp_syn_cookies_sent", "SYN cookies", "SYN cookies sent because a listen queue was full"),
      count("tcp_backlog_drops", "backlog drops", "Packets dropped because a socket's backlog was full"),
      count("tcp_receive_pruned", "receive pruned", "Times a receive buffer was full, and cleared out"),
      count("tcp_receive_collapsed", "receive collapsed", "Packets copied together to save buffer memory"),
      count("tcp_receive_queue_drops", "receive queue drops",
            "Packets dropped because a receive queue was full"),
      count("tcp_memory_pressures", "TCP memory pressures", "Times TCP began to save memory"),
      count("tcp_aborts_on_memory", "TCP aborts on memory", "Connections cut because TCP had no memory left"),
      count("udp_received", "UDP received", "Datagrams received"),
      count("udp_receive_buffer_errors", "UDP receive drops",
            "Datagrams dropped because a receive buffer was full"),
      count("udp_send_buffer_errors", "UDP send drops", "Datagrams not sent for lack of memory"),
      count("softnet_processed", "packets processed",
            "Packets that the CPUs took from their backlog or driver"),
      count("softnet_dropped", "backlog drops of CPUs", "Packets dropped because a CPU's backlog was full"),
      count("softnet_squeezed", "squeezed", "Times packets were left for later because the budget was spent"),
      memory("tcp_memory_bytes", "TCP memory", "Memory of the buffers of TCP sockets"),
      memory("tcp_memory_pressure_bytes", "TCP memory pressure at", "Where TCP begins to save memory"),
      gauge("conntrack_entries", Unit::count, "tracked connections", "Connections in the conntrack table"),
      gauge("conntrack_limit", Unit::count, "tracked at most", "Room in the conntrack table"),
  };
}

std::array<Metrics, kFamilyCount> describe_all() {
  std::array<Metrics, kFamilyCount> families = {memory(),
                                                cpu_times("cpu_"),
                                                cpu_times("cpu_each_"),
                                                scheduler(),
                                                vm_counters(),
                                                uptime(),
                                                pressure(),
                                                swap_device(),
                                                ksm(),
                                                interface(),
                                                disk(),
                                                link(),
                                                network()};
  const auto size = [&](Family family) { return families[static_cast<std::size_t>(family)].size(); };
  CHECK(size(Family::memory) == kernel::kMemoryFieldCount + 3);
  CHECK(size(Family::cpu) == kernel::kCpuFieldCount);
  CHECK(size(Family::vm_counters) == kernel::kVmCounterCount);
  CHECK(size(Family::ksm) == kernel::kKsmFieldCount);
  CHECK(size(Family::interface) == kernel::kInterfaceCounterCount);
  CHECK(size(Family::disk) == kernel::kDiskCounterCount);
  CHECK(size(Family::network) == kernel::kNetworkFieldCount);
  return families;
}

}  // namespace

std::string_view family_label(Family family) {
  switch (family) {
    case Family::each_cpu:
      return "cpu";
    case Family::swap_device:
    case Family::disk:
      return "device";
    case Family::interface:
    case Family::link:
      return "interface";
    default:
      return {};
  }
}

// A family that is added without a title does not compile: every case is named.
std::string_view family_title(Family family) {
  switch (family) {
    case Family::memory:
      return "Memory";
    case Family::cpu:
      return "CPU time, all CPUs together";
    case Family::each_cpu:
      return "CPU time of each CPU";
    case Family::scheduler:
      return "Scheduler";
    case Family::vm_counters:
      return "Paging and swapping";
    case Family::uptime:
      return "Uptime and load";
    case Family::pressure:
      return "Pressure";
    case Family::swap_device:
      return "Swap areas";
    case Family::ksm:
      return "Merging of equal pages (KSM)";
    case Family::interface:
      return "Network interfaces: traffic";
    case Family::disk:
      return "Disks";
    case Family::link:
      return "Network interfaces: links";
    case Family::network:
      return "Network protocols";
  }
  return "Other";
}

const std::vector<MetricDescriptor>& family_metrics(Family family) {
  static const std::array<Metrics, kFamilyCount> families = describe_all();
  return families[static_cast<std::size_t>(family)];
}

std::vector<MetricDescriptor> machine_metrics() {
  Metrics all;
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    const Metrics& family = family_metrics(static_cast<Family>(i));
    all.insert(all.end(), family.begin(), family.end());
  }
  return all;
}

}  // namespace isotach::machine
