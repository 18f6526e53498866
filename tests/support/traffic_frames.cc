// Sends frames for the tests and benchmarks of isotach traffic, and says how many and how many bytes:
//
//     traffic_frames INTERFACE flood COUNT FLOWS [v6]   small UDP frames of so many flows, as fast as the
//     kernel can:
//                                                       it makes them itself (XDP live frames); the other end
//                                                       of a veth pair must have GRO on to take them
//     traffic_frames INTERFACE kinds COUNT              COUNT of each of all sorts of frames, also damaged
//     ones, by
//                                                       a packet socket
//
// The destination's address on the link is broadcast, unless the environment has FRAMES_TO=aa:bb:cc:dd:ee:ff.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "traffic_frames: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes big16(unsigned value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::array<std::uint8_t, 6> destination() {
  std::array<std::uint8_t, 6> address{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  if (const char* text = std::getenv("FRAMES_TO"))
    std::sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &address[0], &address[1], &address[2], &address[3],
                &address[4], &address[5]);
  return address;
}

Bytes ethernet(unsigned type) {
  const auto to = destination();
  return Bytes(to.begin(), to.end()) + Bytes{0x02, 0x11, 0x22, 0x33, 0x44, 0x55} + big16(type);
}

Bytes ipv4(unsigned protocol, const Bytes& payload, unsigned fragment = 0, unsigned service = 0) {
  Bytes head{0x45, static_cast<std::uint8_t>(service)};
  head = head + big16(static_cast<unsigned>(20 + payload.size())) + big16(7) + big16(fragment) +
         Bytes{64, static_cast<std::uint8_t>(protocol), 0, 0, 10, 99, 0, 1, 10, 99, 0, 2};
  unsigned sum = 0;
  for (std::size_t i = 0; i < head.size(); i += 2) sum += static_cast<unsigned>(head[i] << 8 | head[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  head[10] = static_cast<std::uint8_t>(~sum >> 8);
  head[11] = static_cast<std::uint8_t>(~sum);
  return head + payload;
}

Bytes ipv6(unsigned next, const Bytes& payload) {
  Bytes head{0x60, 0, 0, 0};
  head = head + big16(static_cast<unsigned>(payload.size())) + Bytes{static_cast<std::uint8_t>(next), 64};
  for (const std::uint8_t last : {std::uint8_t{1}, std::uint8_t{2}}) {
    Bytes address(16);
    address[0] = 0xfd;
    address[1] = 0x99;
    address[15] = last;
    head = head + address;
  }
  return head + payload;
}

Bytes udp(unsigned from, unsigned to, std::size_t size) {
  return big16(from) + big16(to) + big16(static_cast<unsigned>(8 + size)) + big16(0) + Bytes(size, 0x55);
}

Bytes tcp(unsigned from, unsigned to, std::uint8_t flags, std::size_t size) {
  return big16(from) + big16(to) + Bytes(8) + Bytes{0x50, flags, 1, 0, 0, 0, 0, 0} + Bytes(size, 0x55);
}

std::vector<Bytes> all_kinds() {
  const Bytes fragment_head = Bytes{17, 0} + big16(1) + Bytes{0, 0, 0, 9};
  std::vector<Bytes> frames{
      ethernet(0x0800) + ipv4(17, udp(1000, 9000, 18)),
      ethernet(0x0800) + ipv4(17, udp(1001, 9000, 1400), 0, 0xb8),
      ethernet(0x0800) + ipv4(6, tcp(1002, 80, 0x02, 0)),
      ethernet(0x0800) + ipv4(6, tcp(1003, 443, 0x18, 1200)),
      ethernet(0x0800) + ipv4(1, Bytes{8, 0, 0, 0, 0, 1, 0, 1} + Bytes(40)),
      ethernet(0x0800) + ipv4(47, Bytes{0, 0, 8, 0} + ipv4(17, udp(1, 2, 30))),  // GRE
      ethernet(0x0800) + ipv4(17, udp(1004, 9000, 1400), 0x2000),                // first fragment
      ethernet(0x0800) + ipv4(17, Bytes(600), 0x00b0),                           // last fragment
      ethernet(0x86dd) + ipv6(17, udp(1005, 9000, 100)),
      ethernet(0x86dd) + ipv6(6, tcp(1006, 443, 0x10, 0)),
      ethernet(0x86dd) + ipv6(58, Bytes{128, 0, 0, 0, 0, 1, 0, 1} + Bytes(20)),
      ethernet(0x86dd) + ipv6(0, Bytes{17, 0, 1, 4, 0, 0, 0, 0} + udp(1007, 9000, 50)),  // hop-by-hop options
      ethernet(0x86dd) + ipv6(44, fragment_head + udp(1008, 9000, 64)),                  // first fragment
      ethernet(0x86dd) +
          ipv6(44, Bytes{17, 0} + big16(0x48) + Bytes{0, 0, 0, 9} + Bytes(40)),  // last fragment
      ethernet(0x0806) + Bytes{0, 1, 8, 0, 6, 4, 0, 1} + Bytes(38),
      ethernet(0x8100) + big16(100) + big16(0x0800) + ipv4(17, udp(1009, 9000, 60)),
      ethernet(0x88a8) + big16(200) + big16(0x8100) + big16(300) + big16(0x0800) +
          ipv4(6, tcp(1010, 22, 0x10, 10)),
      ethernet(0x88cc) + Bytes(46),                         // LLDP
      ethernet(0x0026) + Bytes{0x42, 0x42, 3} + Bytes(43),  // 802.3 with LLC
  };
  // Damaged: heads that end early, lengths that are not true.
  Bytes frame = ethernet(0x0800) + ipv4(6, tcp(1011, 80, 0x10, 0));
  for (const std::size_t size : {15U, 20U, 33U, 34U, 36U, 47U})
    frames.emplace_back(frame.begin(), frame.begin() + size);
  frame[14] = 0x41;
  frames.push_back(frame);
  frame[14] = 0x75;
  frames.push_back(frame);
  frame = ethernet(0x0800) + ipv4(17, udp(1012, 9000, 10));
  frame[16] = 0xff;
  frames.push_back(frame);
  frame = ethernet(0x86dd) + ipv6(0, Bytes{60, 0xff, 0, 0, 0, 0, 0, 0});
  frames.push_back(frame);
  frames.emplace_back(frame.begin(), frame.begin() + 40);
  return frames;
}

void send_kinds(const char* interface, unsigned count) {
  const int socket = ::socket(AF_PACKET, SOCK_RAW, 0);
  if (socket < 0) fail("open a packet socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  address.sll_halen = 6;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    for (const Bytes& frame : all_kinds()) {
      address.sll_protocol = htons(static_cast<std::uint16_t>(frame[12] << 8 | frame[13]));
      if (::sendto(socket, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                   sizeof address) != static_cast<ssize_t>(frame.size()))
        fail("send a frame");
      ++frames;
      bytes += frame.size();
    }
  }
  std::printf("%llu %llu\n", static_cast<unsigned long long>(frames), static_cast<unsigned long long>(bytes));
}

long bpf(int command, union bpf_attr& request) {
  return syscall(SYS_bpf, command, &request, sizeof request);
}

bpf_insn step(int code, int to, int from, int offset, int value) {
  bpf_insn result{};
  result.code = static_cast<std::uint8_t>(code);
  result.dst_reg = static_cast<std::uint8_t>(to & 15);
  result.src_reg = static_cast<std::uint8_t>(from & 15);
  result.off = static_cast<std::int16_t>(offset);
  result.imm = value;
  return result;
}

// An XDP program that gives each frame the ports of the next flow and sends it.
int load_flood(std::uint32_t flows, int ports_at) {
  union bpf_attr request;
  std::memset(&request, 0, sizeof request);
  request.map_type = BPF_MAP_TYPE_ARRAY;
  request.key_size = 4;
  request.value_size = 8;
  request.max_entries = 1;
  const long map = bpf(BPF_MAP_CREATE, request);
  if (map < 0) fail("make a BPF map");
  const std::vector<bpf_insn> program{
      step(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
      step(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
      step(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, static_cast<int>(map)),
      step(0, 0, 0, 0, 0),
      step(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
      step(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
      step(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
      step(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 17, 0),  // -> drop
      step(BPF_LDX | BPF_MEM | BPF_DW, 7, 0, 0, 0),  // r7 = next flow
      step(BPF_ALU64 | BPF_MOV | BPF_X, 8, 7, 0, 0),
      step(BPF_ALU64 | BPF_ADD | BPF_K, 8, 0, 0, 1),
      step(BPF_JMP32 | BPF_JLT | BPF_K, 8, 0, 1, static_cast<int>(flows)),
      step(BPF_ALU64 | BPF_MOV | BPF_K, 8, 0, 0, 0),
      step(BPF_STX | BPF_MEM | BPF_DW, 0, 8, 0, 0),
      step(BPF_LDX | BPF_MEM | BPF_W, 2, 6, 0, 0),  // data
      step(BPF_LDX | BPF_MEM | BPF_W, 3, 6, 4, 0),  // data_end
      step(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
      step(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, ports_at + 4),
      step(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 6, 0),         // -> drop
      step(BPF_STX | BPF_MEM | BPF_H, 2, 7, ports_at, 0),  // source port
      step(BPF_ALU64 | BPF_RSH | BPF_K, 7, 0, 0, 16),
      step(BPF_ALU64 | BPF_ADD | BPF_K, 7, 0, 0, 0x2823),  // destination: 9000 and on, in network order
      step(BPF_STX | BPF_MEM | BPF_H, 2, 7, ports_at + 2, 0),
      step(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_TX),
      step(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      step(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP),
      step(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  std::vector<char> log(65536);
  std::memset(&request, 0, sizeof request);
  request.prog_type = BPF_PROG_TYPE_XDP;
  request.insns = reinterpret_cast<std::uint64_t>(program.data());
  request.insn_cnt = static_cast<std::uint32_t>(program.size());
  request.license = reinterpret_cast<std::uint64_t>("GPL");
  request.log_buf = reinterpret_cast<std::uint64_t>(log.data());
  request.log_size = static_cast<std::uint32_t>(log.size());
  request.log_level = 1;
  const long loaded = bpf(BPF_PROG_LOAD, request);
  if (loaded < 0) {
    std::fprintf(stderr, "%s\n", log.data());
    fail("load the program that floods");
  }
  return static_cast<int>(loaded);
}

void flood(const char* interface, std::uint32_t count, std::uint32_t flows, bool v6) {
  Bytes frame =
      v6 ? ethernet(0x86dd) + ipv6(17, udp(1, 9000, 18)) : ethernet(0x0800) + ipv4(17, udp(1, 9000, 18));
  const int program = load_flood(flows, v6 ? 54 : 34);
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = if_nametoindex(interface);
  std::uint32_t sent = 0;
  // One call is a million frames at most, so that it can be interrupted.
  while (sent < count) {
    const std::uint32_t now = std::min<std::uint32_t>(count - sent, 1'000'000);
    union bpf_attr request;
    std::memset(&request, 0, sizeof request);
    request.test.prog_fd = static_cast<std::uint32_t>(program);
    request.test.data_in = reinterpret_cast<std::uint64_t>(frame.data());
    request.test.data_size_in = static_cast<std::uint32_t>(frame.size());
    request.test.ctx_in = reinterpret_cast<std::uint64_t>(&context);
    request.test.ctx_size_in = sizeof context;
    request.test.repeat = now;
    request.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    request.test.batch_size = 64;
    if (bpf(BPF_PROG_TEST_RUN, request) < 0) fail("send frames out of the kernel");
    sent += now;
  }
  std::printf("%u %llu\n", sent, static_cast<unsigned long long>(sent) * frame.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto count = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
  if (std::string(argv[2]) == "kinds") {
    send_kinds(argv[1], count);
  } else {
    if (argc < 5) return 2;
    flood(argv[1], count, static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10)),
          argc > 5 && std::string(argv[5]) == "v6");
  }
  return 0;
}
