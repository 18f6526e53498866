#include "kernel/socket_detail.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace isotach::kernel {
namespace {

// Fields behind those that Debian's linux/tcp.h names, at the place that the kernel gave them for ever.
constexpr std::size_t kReceiveWindowOffset = 232;
constexpr std::size_t kTimeoutsOffset = 240;
constexpr std::size_t kFirstFields = 104;  // what the oldest kernels tell
constexpr std::size_t kNameLimit = 16;

template <class Number>
Number number_at(std::string_view bytes, std::size_t offset) {
  Number number{};
  if (bytes.size() >= offset + sizeof number) std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

void take_info(std::string_view bytes, SocketDetail& detail) {
  tcp_info info{};
  std::memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof info));
  detail.state = info.tcpi_state;
  detail.ca_state = info.tcpi_ca_state;
  detail.backoff = info.tcpi_backoff;
  detail.window_scaling = (info.tcpi_options & TCPI_OPT_WSCALE) != 0;
  detail.app_limited = info.tcpi_delivery_rate_app_limited != 0;
  detail.mss = info.tcpi_snd_mss;
  detail.unacked_segments = info.tcpi_unacked;
  detail.lost_segments = info.tcpi_lost;
  detail.retrans_segments = info.tcpi_retrans;
  detail.rtt_us = info.tcpi_rtt;
  detail.min_rtt_us = info.tcpi_min_rtt == ~std::uint32_t{0} ? 0 : info.tcpi_min_rtt;
  detail.cwnd_segments = info.tcpi_snd_cwnd;
  detail.ssthresh_segments = info.tcpi_snd_ssthresh;
  detail.send_window_bytes = info.tcpi_snd_wnd;
  detail.path_mtu = info.tcpi_pmtu;
  detail.notsent_bytes = info.tcpi_notsent_bytes;
  detail.last_data_sent_ms = info.tcpi_last_data_sent;
  detail.bytes_acked = info.tcpi_bytes_acked;
  detail.bytes_received = info.tcpi_bytes_received;
  detail.bytes_sent = info.tcpi_bytes_sent;
  detail.bytes_retrans = info.tcpi_bytes_retrans;
  detail.data_segments_in = info.tcpi_data_segs_in;
  detail.data_segments_out = info.tcpi_data_segs_out;
  detail.total_retrans = info.tcpi_total_retrans;
  detail.delivered_segments = info.tcpi_delivered;
  detail.delivered_ce_segments = info.tcpi_delivered_ce;
  detail.dsack_dups = info.tcpi_dsack_dups;
  detail.reord_seen = info.tcpi_reord_seen;
  detail.out_of_order_in = info.tcpi_rcv_ooopack;
  detail.pacing_rate = info.tcpi_pacing_rate;
  detail.max_pacing_rate = info.tcpi_max_pacing_rate;
  detail.delivery_rate = info.tcpi_delivery_rate;
  detail.busy_us = info.tcpi_busy_time;
  detail.window_limited_us = info.tcpi_rwnd_limited;
  detail.buffer_limited_us = info.tcpi_sndbuf_limited;
  detail.receive_window_bytes = number_at<std::uint32_t>(bytes, kReceiveWindowOffset);
  detail.timeouts = number_at<std::uint16_t>(bytes, kTimeoutsOffset);
}

void take_memory(std::string_view bytes, SocketDetail& detail) {
  std::uint32_t numbers[SK_MEMINFO_WMEM_QUEUED + 1] = {};
  if (bytes.size() < sizeof numbers) return;
  std::memcpy(numbers, bytes.data(), sizeof numbers);
  detail.receive_memory = numbers[SK_MEMINFO_RMEM_ALLOC];
  detail.receive_buffer = numbers[SK_MEMINFO_RCVBUF];
  detail.send_memory = numbers[SK_MEMINFO_WMEM_QUEUED];
  detail.send_buffer = numbers[SK_MEMINFO_SNDBUF];
}

void fill_identity(const SocketEntry& which, int family, inet_diag_req_v2& request) {
  request.sdiag_family = static_cast<std::uint8_t>(family);
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_ext =
      1U << (INET_DIAG_INFO - 1) | 1U << (INET_DIAG_SKMEMINFO - 1) | 1U << (INET_DIAG_CONG - 1);
  request.idiag_states = 0xffff'ffff;
  request.id.idiag_sport = htons(which.local_port);
  request.id.idiag_dport = htons(which.remote_port);
  request.id.idiag_if = which.interface;
  request.id.idiag_cookie[0] = static_cast<std::uint32_t>(which.cookie);
  request.id.idiag_cookie[1] = static_cast<std::uint32_t>(which.cookie >> 32);
  std::memcpy(request.id.idiag_src, which.local.data(), which.local.size());
  std::memcpy(request.id.idiag_dst, which.remote.data(), which.remote.size());
}

}  // namespace

std::optional<SocketDetail> parse_socket_detail(std::string_view payload) {
  inet_diag_msg message{};
  if (payload.size() < sizeof message) return std::nullopt;
  std::memcpy(&message, payload.data(), sizeof message);
  SocketDetail detail;
  detail.receive_queue = message.idiag_rqueue;
  detail.send_queue = message.idiag_wqueue;
  detail.inode = message.idiag_inode;
  bool has_info = false;
  payload.remove_prefix(sizeof message);
  while (payload.size() >= sizeof(nlattr)) {
    nlattr attribute{};
    std::memcpy(&attribute, payload.data(), sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > payload.size()) break;
    const std::string_view value = payload.substr(sizeof attribute, attribute.nla_len - sizeof attribute);
    const int type = attribute.nla_type & NLA_TYPE_MASK;
    if (type == INET_DIAG_INFO && value.size() >= kFirstFields) {
      take_info(value, detail);
      has_info = true;
    }
    if (type == INET_DIAG_SKMEMINFO) take_memory(value, detail);
    if (type == INET_DIAG_CONG)
      detail.congestion_control = printable(value.substr(0, std::min(value.find('\0'), kNameLimit)));
    payload.remove_prefix(std::min<std::size_t>(payload.size(), NLA_ALIGN(attribute.nla_len)));
  }
  if (!has_info) return std::nullopt;
  return detail;
}

Result<std::vector<std::optional<SocketDetail>>> read_socket_details(
    NetlinkSocket& socket, const std::vector<const SocketEntry*>& which) {
  std::vector<std::optional<SocketDetail>> details(which.size());
  const char* doing = "ask for connections";
  for (std::size_t first = 0; first < which.size(); first += NetlinkBatch::kMost) {
    NetlinkBatch batch(SOCK_DIAG_BY_FAMILY);
    for (std::size_t i = first; i < std::min(which.size(), first + NetlinkBatch::kMost); ++i) {
      // An IPv4 connection of a socket for IPv6 is found under its IPv4 addresses too.
      inet_diag_req_v2 request{};
      fill_identity(*which[i], which[i]->ip_version == 4 ? AF_INET : AF_INET6, request);
      batch.add(&request, sizeof request);
    }
    int refusal = 0;
    const auto asked =
        socket.ask_together(batch, doing, [&](std::size_t place, std::string_view payload, int refused) {
          if (refused == 0) details[first + place] = parse_socket_detail(payload);
          if (refused != ENOENT && refused != ESTALE && refused != 0) refusal = refused;
        });
    if (!asked) return tl::make_unexpected(asked.error());
    if (refusal != 0) return system_failure(refusal, doing);
  }
  return details;
}

Result<std::optional<SocketDetail>> read_socket_detail(NetlinkSocket& socket, const SocketEntry& which) {
  auto details = read_socket_details(socket, {&which});
  if (!details) return tl::make_unexpected(std::move(details.error()));
  return std::move(details->front());
}

}  // namespace isotach::kernel
