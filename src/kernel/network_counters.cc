#include "kernel/network_counters.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

struct ProtocolField {
  std::string_view protocol, name;
  NetworkField field;
};

constexpr ProtocolField kProtocolFields[] = {
    {"Tcp:", "OutSegs", NetworkField::tcp_segments_out},
    {"Tcp:", "RetransSegs", NetworkField::tcp_retransmits},
    {"Tcp:", "AttemptFails", NetworkField::tcp_attempts_failed},
    {"Udp:", "InDatagrams", NetworkField::udp_received},
    {"Udp:", "RcvbufErrors", NetworkField::udp_receive_buffer_errors},
    {"Udp:", "SndbufErrors", NetworkField::udp_send_buffer_errors},
    {"TcpExt:", "TCPTimeouts", NetworkField::tcp_timeouts},
    {"TcpExt:", "ListenOverflows", NetworkField::listen_overflows},
    {"TcpExt:", "ListenDrops", NetworkField::listen_drops},
    {"TcpExt:", "SyncookiesSent", NetworkField::syn_cookies_sent},
    {"TcpExt:", "TCPBacklogDrop", NetworkField::backlog_drops},
    {"TcpExt:", "PruneCalled", NetworkField::receive_pruned},
    {"TcpExt:", "TCPRcvCollapsed", NetworkField::receive_collapsed},
    {"TcpExt:", "TCPRcvQDrop", NetworkField::receive_queue_drops},
    {"TcpExt:", "TCPMemoryPressures", NetworkField::memory_pressures},
    {"TcpExt:", "TCPAbortOnMemory", NetworkField::aborts_on_memory},
};

void take_pair(std::string_view names, std::string_view numbers, NetworkReading& reading) {
  const std::string_view protocol = take_word(names);
  if (take_word(numbers) != protocol) return;
  for (;;) {
    const std::string_view name = take_word(names);
    const std::string_view number = take_word(numbers);
    if (name.empty() || number.empty()) return;
    for (const ProtocolField& one : kProtocolFields) {
      if (one.protocol != protocol || one.name != name) continue;
      const auto value = parse_unsigned(number);
      reading[one.field] = value ? Value::of(*value) : Value(Missing::malformed);
    }
  }
}

std::optional<std::uint64_t> take_hexadecimal(std::string_view& line) {
  const std::string_view word = take_word(line);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, 16);
  if (word.empty() || error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

Value number_of(KeptFile& file) {
  const auto text = file.read();
  if (!text) return missing_reason(text.error());
  const auto number = parse_unsigned(trim(*text));
  return number ? Value::of(*number) : Value(Missing::malformed);
}

}  // namespace

void parse_protocol_counters(std::string_view text, NetworkReading& reading) {
  for (;;) {
    const auto names = take_line(text);
    if (!names) return;
    const auto numbers = take_line(text);
    if (!numbers) return;
    take_pair(*names, *numbers, reading);
  }
}

void parse_softnet(std::string_view text, NetworkReading& reading) {
  std::array<std::uint64_t, 3> sums{};
  bool any = false;
  while (auto line = take_line(text)) {
    std::array<std::uint64_t, 3> numbers{};
    bool whole = true;
    for (std::uint64_t& number : numbers) {
      const auto taken = take_hexadecimal(*line);
      whole = whole && taken.has_value();
      number = taken.value_or(0);
    }
    if (!whole) continue;
    any = true;
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += numbers[i];
  }
  const auto value = [&](std::size_t index) {
    return any ? Value::of(sums[index]) : Value(Missing::malformed);
  };
  reading[NetworkField::softnet_processed] = value(0);
  reading[NetworkField::softnet_dropped] = value(1);
  reading[NetworkField::softnet_squeezed] = value(2);
}

void parse_sockstat(std::string_view text, NetworkReading& reading) {
  while (auto line = take_line(text)) {
    if (take_word(*line) != "TCP:") continue;
    for (;;) {
      const std::string_view name = take_word(*line);
      const std::string_view number = take_word(*line);
      if (name.empty() || number.empty()) return;
      if (name != "mem") continue;
      const auto pages = parse_unsigned(number);
      reading[NetworkField::tcp_memory_pages] = pages ? Value::of(*pages) : Value(Missing::malformed);
      return;
    }
  }
}

NetworkReader::NetworkReader(const SystemRoot& root)
    : snmp_(root, "proc/net/snmp"),
      netstat_(root, "proc/net/netstat"),
      softnet_(root, "proc/net/softnet_stat"),
      sockstat_(root, "proc/net/sockstat"),
      tcp_mem_(root, "proc/sys/net/ipv4/tcp_mem"),
      conntrack_entries_(root, "proc/sys/net/netfilter/nf_conntrack_count"),
      conntrack_limit_(root, "proc/sys/net/netfilter/nf_conntrack_max") {}

void NetworkReader::read(NetworkReading& reading) {
  reading.values.fill(Missing::not_supported);
  for (KeptFile* file : {&snmp_, &netstat_})
    if (const auto text = file->read()) parse_protocol_counters(*text, reading);
  if (const auto text = softnet_.read()) parse_softnet(*text, reading);
  if (const auto text = sockstat_.read()) parse_sockstat(*text, reading);
  if (const auto text = tcp_mem_.read()) {
    std::string_view numbers = *text;
    static_cast<void>(take_unsigned(numbers));
    if (const auto pressure = take_unsigned(numbers))
      reading[NetworkField::tcp_memory_pressure_pages] = Value::of(*pressure);
  }
  reading[NetworkField::conntrack_entries] = number_of(conntrack_entries_);
  reading[NetworkField::conntrack_limit] = number_of(conntrack_limit_);
}

}  // namespace isotach::kernel
