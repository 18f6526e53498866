#include "kernel/socket_list.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>

#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// enum tcp_ca_state of linux/tcp.h.
constexpr std::uint8_t kRecovery = 3;
constexpr std::uint8_t kLoss = 4;

// False for an address that is no IPv4 address in the clothes of IPv6.
bool unmap(std::array<std::uint8_t, 16>& address) {
  if (std::memcmp(address.data(), kMappedPrefix, sizeof kMappedPrefix) != 0) return false;
  std::memmove(address.data(), address.data() + 12, 4);
  std::memset(address.data() + 4, 0, 12);
  return true;
}

SocketTcp tcp_facts(std::string_view payload) {
  // An older kernel tells less; what is missing stays 0.
  tcp_info info{};
  std::memcpy(&info, payload.data(), std::min(payload.size(), sizeof info));
  SocketTcp facts;
  facts.rtt_us = info.tcpi_rtt;
  facts.retransmits = info.tcpi_total_retrans;
  facts.bytes_in = info.tcpi_bytes_received;
  facts.bytes_out = info.tcpi_bytes_acked;
  facts.segments_in = info.tcpi_segs_in;
  facts.segments_out = info.tcpi_segs_out;
  facts.least_rtt_us = info.tcpi_min_rtt == ~std::uint32_t{0} ? 0 : info.tcpi_min_rtt;
  facts.mss = info.tcpi_snd_mss;
  facts.window_segments = info.tcpi_snd_cwnd;
  facts.threshold_segments = info.tcpi_snd_ssthresh;
  facts.in_flight_segments = info.tcpi_unacked;
  facts.peer_window = info.tcpi_snd_wnd;
  facts.delivery_rate = info.tcpi_delivery_rate;
  facts.in_loss = info.tcpi_ca_state == kRecovery || info.tcpi_ca_state == kLoss;
  facts.busy_us = info.tcpi_busy_time;
  facts.window_limited_us = info.tcpi_rwnd_limited;
  facts.buffer_limited_us = info.tcpi_sndbuf_limited;
  return facts;
}

void take_memory(std::string_view payload, SocketEntry& entry) {
  std::uint32_t numbers[SK_MEMINFO_WMEM_QUEUED + 1] = {};
  if (payload.size() < sizeof numbers) return;
  std::memcpy(numbers, payload.data(), sizeof numbers);
  entry.send_buffer = numbers[SK_MEMINFO_SNDBUF];
  entry.send_buffer_used = numbers[SK_MEMINFO_WMEM_QUEUED];
}

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, FolderCloser>;

}  // namespace

const char* tcp_state_name(std::uint8_t state) {
  static constexpr const char* kNames[] = {
      "unknown", "established", "syn-sent", "syn-received", "fin-wait-1", "fin-wait-2",  "time-wait",
      "closed",  "close-wait",  "last-ack", "listening",    "closing",    "syn-received"};
  return state < std::size(kNames) ? kNames[state] : kNames[0];
}

void unmap_addresses(SocketEntry& entry) {
  if (entry.ip_version != 6) return;
  std::array<std::uint8_t, 16> local = entry.local;
  std::array<std::uint8_t, 16> remote = entry.remote;
  if (!unmap(local) || !unmap(remote)) return;
  entry.local = local;
  entry.remote = remote;
  entry.ip_version = 4;
}

std::optional<SocketEntry> parse_socket_entry(std::string_view payload, std::uint8_t protocol) {
  inet_diag_msg message{};
  if (payload.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, payload.data(), sizeof message);
  if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) return std::nullopt;
  SocketEntry entry;
  entry.protocol = protocol;
  entry.ip_version = message.idiag_family == AF_INET ? 4 : 6;
  const std::size_t size = entry.ip_version == 4 ? 4 : 16;
  std::memcpy(entry.local.data(), message.id.idiag_src, size);
  std::memcpy(entry.remote.data(), message.id.idiag_dst, size);
  unmap_addresses(entry);
  entry.local_port = ntohs(message.id.idiag_sport);
  entry.remote_port = ntohs(message.id.idiag_dport);
  entry.interface = message.id.idiag_if;
  entry.state = message.idiag_state;
  entry.inode = message.idiag_inode;
  entry.user = message.idiag_uid;
  entry.cookie = std::uint64_t{message.id.idiag_cookie[1]} << 32 | message.id.idiag_cookie[0];
  entry.receive_queue = message.idiag_rqueue;
  entry.send_queue = message.idiag_wqueue;
  if (protocol != IPPROTO_TCP) return entry;
  // Without a list of the attributes: this runs for each of many sockets, many times a second.
  payload.remove_prefix(sizeof message);
  while (payload.size() >= sizeof(nlattr)) {
    nlattr attribute{};
    std::memcpy(&attribute, payload.data(), sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > payload.size()) break;
    constexpr std::size_t kFirstFields = 104;  // what the oldest kernels tell
    const std::string_view value = payload.substr(sizeof attribute, attribute.nla_len - sizeof attribute);
    if ((attribute.nla_type & NLA_TYPE_MASK) == INET_DIAG_INFO && value.size() >= kFirstFields)
      entry.tcp = tcp_facts(value);
    if ((attribute.nla_type & NLA_TYPE_MASK) == INET_DIAG_SKMEMINFO) take_memory(value, entry);
    payload.remove_prefix(std::min<std::size_t>(payload.size(), NLA_ALIGN(attribute.nla_len)));
  }
  return entry;
}

Result<void> visit_sockets(NetlinkSocket& socket, const SocketQuery& query,
                           const std::function<void(const SocketEntry&)>& visit) {
  std::uint8_t extensions = 0;
  if (query.protocol == IPPROTO_TCP) {
    extensions = 1U << (INET_DIAG_INFO - 1);
    if (query.memory) extensions |= 1U << (INET_DIAG_SKMEMINFO - 1);
  }
  bool told = false;
  const auto take = [&](std::string_view payload) {
    told = true;
    if (const auto entry = parse_socket_entry(payload, query.protocol)) visit(*entry);
  };
  // The older request tells both families in one walk through the kernel's table, which is large.
  if (query.protocol == IPPROTO_TCP) {
    inet_diag_req request{};
    request.idiag_family = AF_INET;
    request.idiag_states = query.states;
    request.idiag_ext = extensions;
    NetlinkMessage message(TCPDIAG_GETSOCK, NetlinkMessage::Kind::dump);
    message.put_header(&request, sizeof request);
    const auto asked = socket.ask(message, "list the sockets", take);
    if (asked || told) return asked;
  }
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = query.protocol;
    request.idiag_states = query.states;
    request.idiag_ext = extensions;
    NetlinkMessage message(SOCK_DIAG_BY_FAMILY, NetlinkMessage::Kind::dump);
    message.put_header(&request, sizeof request);
    if (auto asked = socket.ask(message, "list the sockets", take); !asked) return asked;
  }
  return {};
}

Result<void> list_sockets(NetlinkSocket& socket, std::uint8_t protocol, std::vector<SocketEntry>& sockets) {
  return visit_sockets(socket, {.protocol = protocol}, [&](const SocketEntry& entry) {
    if (sockets.size() < kSocketListLimit) sockets.push_back(entry);
  });
}

std::unordered_map<std::uint32_t, std::uint32_t> find_socket_holders(const SystemRoot& root) {
  std::unordered_map<std::uint32_t, std::uint32_t> holders;
  const std::string proc = root.path("proc");
  const Folder processes(::opendir(proc.c_str()));
  if (processes == nullptr) return holders;
  while (const dirent* process = ::readdir(processes.get())) {
    const auto pid = parse_unsigned(process->d_name);
    if (!pid) continue;
    const std::string path = proc + "/" + process->d_name + "/fd";
    const Folder descriptors(::opendir(path.c_str()));
    if (descriptors == nullptr) continue;
    while (const dirent* descriptor = ::readdir(descriptors.get())) {
      char target[64];
      const ssize_t size =
          ::readlinkat(::dirfd(descriptors.get()), descriptor->d_name, target, sizeof target);
      const std::string_view text(target, size > 0 ? static_cast<std::size_t>(size) : 0);
      if (text.size() < 10 || text.substr(0, 8) != "socket:[" || text.back() != ']') continue;
      const auto inode = parse_unsigned(text.substr(8, text.size() - 9));
      if (!inode || holders.size() >= kSocketListLimit) continue;
      const auto number = static_cast<std::uint32_t>(*pid);
      const auto [found, added] = holders.emplace(static_cast<std::uint32_t>(*inode), number);
      if (!added) found->second = std::min(found->second, number);
    }
  }
  return holders;
}

}  // namespace isotach::kernel
