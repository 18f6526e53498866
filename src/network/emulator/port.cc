#include "network/emulator/port.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace isotach::emulator {
namespace {

constexpr std::size_t kHead = sizeof(ethhdr);
// Of a frame in the ring: its descriptor, and the link's header.
constexpr std::size_t kRingHead = 128;
constexpr std::size_t kRingFrames = 8192;
constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
constexpr int kFramesATurn = 256;
constexpr std::size_t kFramesACall = 64;
constexpr std::size_t kArpBytes = 42;
// The first byte of a source address that carries a time; addresses of routers begin with 2.
constexpr std::uint8_t kStampMark = 6;

Failure cannot(const std::string& what, const std::string& interface) {
  return system_failure(errno, what + " of " + interface, "it needs CAP_NET_RAW: run it as root");
}

std::int64_t real_now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

template <class Value>
bool set_option(int fd, int option, const Value& value) {
  return ::setsockopt(fd, SOL_PACKET, option, &value, sizeof value) == 0;
}

Result<Fd> packet_socket(const std::string& interface) {
  Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return cannot("open a packet socket for the frames", interface);
  return fd;
}

Result<void> bind_packet(int fd, const std::string& interface, std::uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  address.sll_protocol = htons(protocol);
  if (address.sll_ifindex == 0) return cannot("find the number", interface);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return cannot("receive frames", interface);
  return {};
}

}  // namespace

Result<Port> Port::open(const Options& options) {
  auto in = packet_socket(options.interface);
  if (!in) return tl::make_unexpected(std::move(in.error()));
  auto out = packet_socket(options.interface);
  if (!out) return tl::make_unexpected(std::move(out.error()));
  const int on = 1;
  // What is sent has its place in the emulated queue: no queue of the interface may keep it.
  set_option(out->get(), PACKET_QDISC_BYPASS, on);
  constexpr int kSendBytes = 8 << 20;
  ::setsockopt(out->get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBytes, sizeof kSendBytes);
  if (auto bound = bind_packet(out->get(), options.interface, 0); !bound)
    return tl::make_unexpected(std::move(bound.error()));
  Port port(options, std::move(*in), std::move(*out));
  port.statistics_.host = options.host;
  if (auto mapped = port.map_ring(); !mapped) return tl::make_unexpected(std::move(mapped.error()));
  if (auto bound = bind_packet(port.in_.get(), options.interface, ETH_P_ALL); !bound)
    return tl::make_unexpected(std::move(bound.error()));
  if (auto begun = port.begin_capture(); !begun) return tl::make_unexpected(std::move(begun.error()));
  return port;
}

Result<Port> Port::open_on_tap(const Options& options, Fd tap) {
  Port port(options, std::move(tap), Fd());
  port.statistics_.host = options.host;
  if (auto begun = port.begin_capture(); !begun) return tl::make_unexpected(std::move(begun.error()));
  return port;
}

Result<void> Port::begin_capture() {
  if (options_.capture.empty()) return {};
  auto capture = CaptureFile::create(options_.capture);
  if (!capture) return tl::make_unexpected(std::move(capture.error()));
  capture_.emplace(std::move(*capture));
  return {};
}

void Port::end_capture() {
  if (capture_) capture_->flush();
}

PortStatistics Port::statistics() const {
  PortStatistics statistics = statistics_;
  if (capture_) statistics.capture_lost = capture_->lost();
  return statistics;
}

Port::Port(Port&& other) noexcept
    : options_(std::move(other.options_)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      capture_(std::move(other.capture_)),
      ring_(std::exchange(other.ring_, nullptr)),
      ring_bytes_(other.ring_bytes_),
      frame_bytes_(other.frame_bytes_),
      frames_(other.frames_),
      next_(other.next_),
      output_(std::move(other.output_)),
      statistics_(std::move(other.statistics_)) {}

Port::~Port() {
  if (ring_ != nullptr) ::munmap(ring_, ring_bytes_);
}

Result<void> Port::map_ring() {
  const int version = TPACKET_V2;
  const int on = 1;
  if (!set_option(in_.get(), PACKET_VERSION, version)) return cannot("make a ring", options_.interface);
  set_option(in_.get(), PACKET_IGNORE_OUTGOING, on);
  frame_bytes_ = std::bit_ceil(options_.most_bytes + kRingHead);
  tpacket_req request{};
  request.tp_frame_size = static_cast<unsigned>(frame_bytes_);
  request.tp_block_size = kBlockBytes;
  const std::size_t frames_a_block = kBlockBytes / frame_bytes_;
  request.tp_block_nr = static_cast<unsigned>(kRingFrames / frames_a_block);
  request.tp_frame_nr = static_cast<unsigned>(request.tp_block_nr * frames_a_block);
  if (!set_option(in_.get(), PACKET_RX_RING, request)) return cannot("make a ring", options_.interface);
  frames_ = request.tp_frame_nr;
  ring_bytes_ = std::size_t{request.tp_block_nr} * kBlockBytes;
  void* mapped = ::mmap(nullptr, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, in_.get(), 0);
  if (mapped == MAP_FAILED) return cannot("map the ring", options_.interface);
  ring_ = static_cast<std::uint8_t*>(mapped);
  return {};
}

// Every address but the host's own is behind the router.
void Port::answer_arp(const std::uint8_t* frame, std::size_t size) {
  if (size < kArpBytes || frame[21] != 1) return;
  if (std::memcmp(frame + 28, frame + 38, 4) == 0) return;  // the host asks whether its address is free
  std::array<std::uint8_t, kArpBytes> answer{};
  std::copy_n(frame + 6, 6, answer.begin());
  std::copy(kRouterMac.begin(), kRouterMac.end(), answer.begin() + 6);
  std::copy_n(frame + 12, 8, answer.begin() + 12);
  answer[21] = 2;
  std::copy(kRouterMac.begin(), kRouterMac.end(), answer.begin() + 22);
  std::copy_n(frame + 38, 4, answer.begin() + 28);
  std::copy_n(frame + 22, 10, answer.begin() + 32);
  const ssize_t told = out_.is_open() ? ::send(out_.get(), answer.data(), answer.size(), MSG_DONTWAIT)
                                      : ::write(in_.get(), answer.data(), answer.size());
  if (told < 0) ++statistics_.not_sent;
}

void Port::take(const std::uint8_t* frame, std::size_t size, std::int64_t real_ns, const TakePacket& each) {
  const int type = size >= kHead ? frame[12] << 8 | frame[13] : 0;
  if (type == ETH_P_ARP) answer_arp(frame, size);
  if (type != ETH_P_IP && type != ETH_P_IPV6) return;
  const std::size_t length = sound_size(frame + kHead, size - kHead);
  if (length == 0 || length > options_.most_bytes) return;
  ++statistics_.received;
  if (capture_) capture_->add(frame, kHead + length, real_now_ns());
  each(frame + kHead, length, real_ns);
}

bool Port::read(const TakePacket& each) {
  if (ring_ == nullptr) return read_tap(each);
  for (int i = 0; i < kFramesATurn; ++i) {
    auto* head = reinterpret_cast<tpacket2_hdr*>(ring_ + next_ * frame_bytes_);
    const std::uint32_t status = __atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE);
    if ((status & TP_STATUS_USER) == 0) return i > 0;
    if ((status & TP_STATUS_LOSING) != 0) {
      tpacket_stats lost{};
      socklen_t size = sizeof lost;
      if (::getsockopt(in_.get(), SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0)
        statistics_.ring_dropped += lost.tp_drops;
    }
    take(reinterpret_cast<const std::uint8_t*>(head) + head->tp_mac, head->tp_snaplen,
         std::int64_t{head->tp_sec} * 1'000'000'000 + head->tp_nsec, each);
    __atomic_store_n(&head->tp_status, std::uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
    next_ = (next_ + 1) % frames_;
  }
  return true;
}

bool Port::read_tap(const TakePacket& each) {
  std::array<std::uint8_t, kMostMtuBytes + kHead> frame;
  for (int i = 0; i < kFramesATurn; ++i) {
    const ssize_t size = ::read(in_.get(), frame.data(), frame.size());
    if (size <= 0) return i > 0;
    take(frame.data(), static_cast<std::size_t>(size), real_now_ns(), each);
  }
  return true;
}

void Port::add(Packet* packet, std::int64_t at_ns) {
  std::uint8_t* head = packet->bytes - kHead;
  std::copy(options_.host_mac.begin(), options_.host_mac.end(), head);
  std::copy(kRouterMac.begin(), kRouterMac.end(), head + 6);
  if (options_.exact_stamps) {
    head[6] = kStampMark;
    for (int i = 0; i < 5; ++i) head[7 + i] = static_cast<std::uint8_t>(at_ns >> (32 - 8 * i));
  }
  const int type = is_v4(*packet) ? ETH_P_IP : ETH_P_IPV6;
  head[12] = static_cast<std::uint8_t>(type >> 8);
  head[13] = static_cast<std::uint8_t>(type);
  output_.push_back(packet);
}

void Port::flush(const std::function<void(Packet*)>& give_back) {
  if (capture_)
    for (const Packet* packet : output_)
      capture_->add(packet->bytes - kHead, packet->size + kHead, real_now_ns());
  out_.is_open() ? flush_to_socket() : flush_to_tap();
  for (Packet* packet : output_) give_back(packet);
  output_.clear();
}

void Port::flush_to_tap() {
  for (const Packet* packet : output_) {
    const bool sent = ::write(in_.get(), packet->bytes - kHead, packet->size + kHead) > 0;
    ++(sent ? statistics_.sent : statistics_.not_sent);
  }
}

void Port::flush_to_socket() {
  std::array<mmsghdr, kFramesACall> messages{};
  std::array<iovec, kFramesACall> pieces{};
  for (std::size_t done = 0; done < output_.size();) {
    const std::size_t count = std::min(output_.size() - done, kFramesACall);
    for (std::size_t i = 0; i < count; ++i) {
      Packet* packet = output_[done + i];
      pieces[i] = {packet->bytes - kHead, packet->size + kHead};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(out_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      statistics_.sent += static_cast<std::uint64_t>(sent);
      done += static_cast<std::size_t>(sent);
    } else {
      ++statistics_.not_sent;
      ++done;
    }
  }
}

}  // namespace isotach::emulator
