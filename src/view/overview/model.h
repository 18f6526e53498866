// What the overview shows, as plain numbers in base units. Filled by the command from live readings
// or from a recording; drawn by render(), written by report_text(), report_json() and report_csv().
// A number that is not there is nothing, never 0. Names come from outside and may hold anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace isotach::view {

using Number = std::optional<double>;
// Values of the past, oldest first, one a sample; nothing where one is missing.
using Past = std::vector<Number>;

struct CpuShares {
  unsigned number = 0;                       // of the CPU; unused for the sum over all
  Number busy, user, system, iowait, steal;  // 0..1 of the time; busy is without iowait
};

struct CpuArea {
  CpuShares all;
  std::vector<CpuShares> each;
  Number load_1_minute, load_5_minutes, load_15_minutes;
  Number running, blocked;
  Number context_switches_per_second, interrupts_per_second;
  Past busy_past;
};

struct MemoryArea {
  Number total_bytes, used_bytes, available_bytes, free_bytes, buffers_bytes, cache_bytes;
  Number shared_bytes, dirty_bytes, writeback_bytes;
  Past used_share_past;
  Number anonymous_bytes, slab_bytes, page_tables_bytes, committed_bytes, commit_limit_bytes;
};

struct SwapArea {
  Number total_bytes, used_bytes, in_bytes_per_second, out_bytes_per_second;
  struct Device {
    std::string name;
    Number size_bytes, used_bytes, priority;
  };
  std::vector<Device> devices;
  Past in_past, out_past;
};

// Pages that move between programs, caches and disks.
struct PagingArea {
  Number faults_per_second, major_faults_per_second;
  Number reclaimed_kernel_per_second, reclaimed_programs_per_second;  // pages
  Number in_bytes_per_second, out_bytes_per_second;                   // read from and written to disks
  Number kills_per_second;
  Past faults_past;
};

// What the kernel counts about TCP and UDP, of all connections.
struct ProtocolArea {
  Number segments_per_second, retransmits_per_second, timeouts_per_second, failed_per_second;
  Number listen_drops_per_second, receive_drops_per_second;
  Number datagrams_per_second, datagram_drops_per_second, cpu_drops_per_second;
  Past segments_past;
};

struct KsmArea {
  Number run;  // 0 stopped, 1 running, 2 being undone
  Number shared_bytes, saved_bytes, unshared_bytes, profit_bytes;
  Number pages_to_scan, sleep_s, scanned_per_second, full_scans;
};

struct PressureArea {
  // Shares of time 0..1: over the last interval, and as the kernel averages over 10 s.
  struct Line {
    Number now, average_10s;
  };
  Line some, full;
  Past some_past;
};

struct InterfaceArea {
  std::string name;
  Number receive_bits_per_second, transmit_bits_per_second;
  Number receive_packets_per_second, transmit_packets_per_second;
  Number errors_per_second, drops_per_second;  // both directions
  Number errors, drops;                        // since boot
  std::optional<bool> up;                      // nothing where the kernel does not know
  std::optional<bool> full_duplex;
  Number speed_bits_per_second;  // nothing where unknown or without meaning
  Number link_share;             // the busier direction's rate of the speed
  Past receive_past, transmit_past;
};

struct DiskArea {
  std::string name;
  Number read_bytes_per_second, write_bytes_per_second, requests_per_second;
  Number busy, latency_s;
  Past transfer_past;  // read and written, bytes/s
};

enum class FindingSeverity : std::uint8_t { info, warning, critical };
[[nodiscard]] std::string_view severity_word(FindingSeverity severity);  // "critical"

struct FindingText {
  FindingSeverity severity = FindingSeverity::info;
  std::string id, subject, title, evidence, remedy;
};

// A TCP connection, and what holds it up.
struct ConnectionText {
  std::string local, remote;                              // "10.0.0.1:443"
  std::string process;                                    // "curl/123"; empty where it is not known
  bool sends = true;                                      // most of what it moves
  Number bits_per_second, rtt_s, retransmitted_segments;  // of the last seconds
  std::string cause, cause_name;  // "receive_window", "the receiver's buffer"; empty: not judged yet
  bool network = false;           // that is the network's fault
  Number cause_share;             // 0..1 of the time
  std::string evidence;           // a sentence
  std::string finding;            // its id; empty where nothing is wrong
  FindingSeverity severity = FindingSeverity::info;
};

// What the control group of this process may use; nothing where there is no limit.
struct GroupLimits {
  Number memory_bytes, cpus;
};

// Where a replay stands.
struct ReplayPosition {
  Instant first, last;
  double speed = 1;
  bool at_end = false;
};

struct OverviewModel {
  std::string host, kernel_release;
  std::string source;  // a saved tree or a recording; empty for this machine now
  Instant time;
  Number uptime_s;
  double interval_s = 0;  // over which the rates were really taken; 0 with one reading only

  GroupLimits limits;
  CpuArea cpu;
  MemoryArea memory;
  SwapArea swap;
  PagingArea paging;
  ProtocolArea protocols;
  KsmArea ksm;
  PressureArea cpu_pressure, memory_pressure, io_pressure;
  std::vector<InterfaceArea> interfaces;
  std::vector<DiskArea> disks;
  std::vector<FindingText> findings;     // the gravest first
  std::vector<std::string> not_checked;  // what no rule could look at
  // The busiest of this host, the fastest first, and how many there are; none in a replay.
  std::vector<ConnectionText> connections;
  std::size_t connection_count = 0;

  std::uint64_t samples = 0, missed = 0;  // missed: deadlines that passed before the sample was taken
  Number own_cpu_share;                   // of one CPU, used by this program
  std::optional<ReplayPosition> replay;
};

// The gravest severity among the findings; nothing when there are none.
[[nodiscard]] std::optional<FindingSeverity> worst_severity(const OverviewModel& model);

}  // namespace isotach::view
