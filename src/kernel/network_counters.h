// What the protocols of this network namespace count: /proc/net/{snmp,netstat,sockstat,softnet_stat}, the
// limits beside them, and the table of connection tracking (kernel: Documentation/networking/
// {snmp_counter,ip-sysctl,nf_conntrack-sysctl}.rst, net/core/net-procfs.c).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/value.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {

// In the units of the kernel. Counters since boot, or since the namespace is there; softnet is of the whole
// machine. tcp_memory is pages of socket buffers, its pressure level where the kernel begins to save.
enum class NetworkField : std::size_t {
  tcp_segments_out,
  tcp_retransmits,
  tcp_timeouts,
  tcp_attempts_failed,
  listen_overflows,
  listen_drops,
  syn_cookies_sent,
  backlog_drops,
  receive_pruned,
  receive_collapsed,
  receive_queue_drops,
  memory_pressures,
  aborts_on_memory,
  udp_received,
  udp_receive_buffer_errors,
  udp_send_buffer_errors,
  softnet_processed,
  softnet_dropped,
  softnet_squeezed,
  tcp_memory_pages,
  tcp_memory_pressure_pages,
  conntrack_entries,
  conntrack_limit,
};
inline constexpr std::size_t kNetworkFieldCount = static_cast<std::size_t>(NetworkField::conntrack_limit) + 1;

struct NetworkReading {
  std::array<Value, kNetworkFieldCount> values;
  [[nodiscard]] const Value& operator[](NetworkField field) const {
    return values[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] Value& operator[](NetworkField field) { return values[static_cast<std::size_t>(field)]; }
};

class NetworkReader {
 public:
  explicit NetworkReader(const SystemRoot& root);
  // Files this kernel lacks are missing; never fails.
  void read(NetworkReading& reading);

 private:
  KeptFile snmp_, netstat_, softnet_, sockstat_, tcp_mem_, conntrack_entries_, conntrack_limit_;
};

// Parsers, for tests and fuzzing. Pairs of lines, "Tcp: NAME..." and "Tcp: NUMBER...", in which the fields
// that we want are looked for by name; what is not there keeps its value.
void parse_protocol_counters(std::string_view text, NetworkReading& reading);
// A line a CPU, of hexadecimal numbers: processed, dropped, squeezed. They wrap at 32 bits.
void parse_softnet(std::string_view text, NetworkReading& reading);
void parse_sockstat(std::string_view text, NetworkReading& reading);

}  // namespace isotach::kernel
