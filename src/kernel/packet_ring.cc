#include "kernel/packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/privileges.h"

namespace isotach::kernel {
namespace {

// struct virtio_net_hdr of linux/virtio_net.h, which C++ does not take: it has a member named class.
struct Segmentation {
  std::uint8_t flags, type;  // type 0: no GSO packet
  std::uint16_t head_length, segment, checksum_start, checksum_offset;
};
static_assert(sizeof(Segmentation) == 10);

Result<void> set_option(int socket, int name, const void* value, std::size_t size, const char* doing) {
  if (::setsockopt(socket, SOL_PACKET, name, value, static_cast<socklen_t>(size)) == 0) return {};
  return system_failure(errno, doing, root_or_grant());
}

Result<void> attach_filter(int socket, std::span<const sock_filter> filter) {
  const sock_filter everything = {BPF_RET | BPF_K, 0, 0, PacketRing::kSnapLength};
  if (filter.empty()) filter = std::span(&everything, 1);
  sock_fprog program{};
  program.len = static_cast<unsigned short>(filter.size());
  program.filter = const_cast<sock_filter*>(filter.data());
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return {};
  return system_failure(errno, "give the filter to the kernel");
}

}  // namespace

Result<PacketRing> PacketRing::open(const PacketRingOptions& options) {
  Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return system_failure(errno, "open a packet socket", root_or_grant());
  const int version = TPACKET_V3;
  if (auto ok = set_option(socket.get(), PACKET_VERSION, &version, sizeof version, "ask for TPACKET_V3"); !ok)
    return tl::make_unexpected(ok.error());
  // Tells which frames are GSO packets.
  const int yes = 1;
  if (auto ok = set_option(socket.get(), PACKET_VNET_HDR, &yes, sizeof yes, "ask for segmentation"); !ok)
    return tl::make_unexpected(ok.error());
  tpacket_req3 request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = static_cast<unsigned>(std::max<std::size_t>(4, options.bytes / kBlockBytes));
  request.tp_frame_size = 2048;
  request.tp_frame_nr = request.tp_block_size / request.tp_frame_size * request.tp_block_nr;
  request.tp_retire_blk_tov = kRetireMs;
  if (auto ok = set_option(socket.get(), PACKET_RX_RING, &request, sizeof request, "make a packet ring"); !ok)
    return tl::make_unexpected(ok.error());
  if (auto ok = attach_filter(socket.get(), options.filter); !ok) return tl::make_unexpected(ok.error());
  const std::size_t size = std::size_t{request.tp_block_size} * request.tp_block_nr;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, socket.get(), 0);
  if (memory == MAP_FAILED) return system_failure(errno, "map a packet ring");
  PacketRing ring(std::move(socket), static_cast<std::uint8_t*>(memory), request.tp_block_nr);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(options.interface);
  if (::bind(ring.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_failure(errno, "listen on interface " + std::to_string(options.interface));
  if (options.fanout) {
    const int group = *options.fanout | PACKET_FANOUT_HASH << 16;
    if (auto ok = set_option(ring.descriptor(), PACKET_FANOUT, &group, sizeof group, "share a packet ring");
        !ok)
      return tl::make_unexpected(ok.error());
  }
  return ring;
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : socket_(std::move(other.socket_)),
      blocks_(std::exchange(other.blocks_, nullptr)),
      count_(other.count_),
      next_(other.next_) {}

PacketRing::~PacketRing() {
  if (blocks_ != nullptr) ::munmap(blocks_, kBlockBytes * count_);
}

bool PacketRing::read(const std::function<void(const RingFrame&)>& each) {
  bool any = false;
  for (std::size_t turn = 0; turn < count_; ++turn) {
    std::uint8_t* start = blocks_ + next_ * kBlockBytes;
    auto* block = reinterpret_cast<tpacket_block_desc*>(start);
    if ((__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) break;
    any = true;
    std::size_t at = block->hdr.bh1.offset_to_first_pkt;
    for (std::uint32_t i = 0; i < block->hdr.bh1.num_pkts; ++i) {
      const auto* head = reinterpret_cast<const tpacket3_hdr*>(start + at);
      const auto* address =
          reinterpret_cast<const sockaddr_ll*>(start + at + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
      RingFrame frame;
      frame.data = start + at + head->tp_mac;
      frame.captured = head->tp_snaplen;
      frame.length = head->tp_len;
      if ((head->tp_status & TP_STATUS_VLAN_VALID) != 0) frame.tag = static_cast<int>(head->hv1.tp_vlan_tci);
      frame.ether_type = ntohs(address->sll_protocol);
      frame.outgoing = address->sll_pkttype == PACKET_OUTGOING;
      Segmentation segmentation{};
      std::memcpy(&segmentation, frame.data - sizeof segmentation, sizeof segmentation);
      if (segmentation.type != 0) frame.segment = segmentation.segment;
      each(frame);
      at += head->tp_next_offset;
    }
    __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    next_ = (next_ + 1) % count_;
  }
  return any;
}

std::uint64_t PacketRing::take_drops() {
  tpacket_stats_v3 statistics{};
  socklen_t size = sizeof statistics;
  if (::getsockopt(descriptor(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return 0;
  return statistics.tp_drops;
}

}  // namespace isotach::kernel
