#include "connections_captures.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace isotach::bench {
namespace {

constexpr std::uint32_t kSnap = 128;
constexpr std::uint32_t kSegment = 1448;
constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kSyn = 2;
constexpr std::uint8_t kPsh = 8;
constexpr std::uint8_t kAck = 16;

// One segment to be written.
struct Segment {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t ack = 0;
  std::uint8_t flags = kAck;
  std::uint32_t data = 0;
  std::uint16_t id = 0;
  std::uint32_t sack_left = 0;  // a block when they differ
  std::uint32_t sack_right = 0;
};

class Writer {
 public:
  explicit Writer(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
    if (file_ == nullptr) {
      std::fprintf(stderr, "connections_bench: cannot write %s\n", path.c_str());
      std::exit(1);
    }
    std::setvbuf(file_, nullptr, _IOFBF, 1 << 20);
    const std::uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, kSnap, 1};
    std::fwrite(head, sizeof head, 1, file_);
  }
  ~Writer() {
    // What the kernel still has to write would count for who reads first.
    const bool written = std::fflush(file_) == 0 && ::fsync(::fileno(file_)) == 0;
    if (std::fclose(file_) == 0 && written) return;
    std::fprintf(stderr, "connections_bench: the disk is full\n");
    std::exit(1);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(const Segment& segment) {
    std::uint8_t frame[16 + kSnap] = {};
    std::uint8_t* at = frame + 16;
    const bool sack = segment.sack_left != segment.sack_right;
    const std::uint32_t options = 12 + (sack ? 12u : 0u);
    const std::uint32_t head = 14 + 20 + 20 + options;
    const std::uint32_t wire = head + segment.data;
    const std::uint32_t captured = std::min(wire, kSnap);
    std::memcpy(at, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", 14);
    std::uint8_t* ip = at + 14;
    ip[0] = 0x45;
    put16(ip + 2, static_cast<std::uint16_t>(wire - 14));
    put16(ip + 4, segment.id);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, segment.source);
    put32(ip + 16, segment.destination);
    std::uint8_t* tcp = ip + 20;
    put16(tcp, segment.source_port);
    put16(tcp + 2, segment.destination_port);
    put32(tcp + 4, segment.sequence);
    put32(tcp + 8, segment.ack);
    tcp[12] = static_cast<std::uint8_t>((20 + options) / 4 << 4);
    tcp[13] = segment.flags;
    put16(tcp + 14, 0xffff);
    put_options(tcp + 20, segment, sack);
    now_us_ += 2;
    const auto seconds = static_cast<std::uint32_t>(now_us_ / 1'000'000);
    const auto fraction = static_cast<std::uint32_t>(now_us_ % 1'000'000);
    const std::uint32_t record[4] = {seconds, fraction, captured, wire};
    std::memcpy(frame, record, sizeof record);
    std::fwrite(frame, 16 + captured, 1, file_);
    ++packets_;
  }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }

 private:
  static void put16(std::uint8_t* at, std::uint16_t value) {
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
  }
  static void put32(std::uint8_t* at, std::uint32_t value) {
    put16(at, static_cast<std::uint16_t>(value >> 16));
    put16(at + 2, static_cast<std::uint16_t>(value));
  }
  void put_options(std::uint8_t* at, const Segment& segment, bool sack) const {
    if ((segment.flags & kSyn) != 0) {
      // MSS, SACK permitted, window scale: twelve bytes as well.
      const std::uint8_t syn[12] = {2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1};
      std::memcpy(at, syn, sizeof syn);
      return;
    }
    const std::uint8_t head[4] = {1, 1, 8, 10};
    std::memcpy(at, head, sizeof head);
    put32(at + 4, static_cast<std::uint32_t>(now_us_ / 1000));
    put32(at + 8, static_cast<std::uint32_t>(now_us_ / 1000));
    if (!sack) return;
    const std::uint8_t block[4] = {1, 1, 5, 10};
    std::memcpy(at + 12, block, sizeof block);
    put32(at + 16, segment.sack_left);
    put32(at + 20, segment.sack_right);
  }

  std::FILE* file_;
  std::uint64_t packets_ = 0;
  std::uint64_t now_us_ = 1'700'000'000ull * 1'000'000;
};

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545'f491'4f6c'dd1d;
  }
  bool one_in(std::uint32_t n) { return (next() >> 33) % n == 0; }

 private:
  std::uint64_t state_ = 0x1507'ac4b'0001;
};

struct Flow {
  std::uint32_t next = 0;      // sequence number to be sent
  std::uint32_t received = 0;  // all below has arrived
  std::uint32_t hole_end = 0;  // of the one hole; `received` where there is none
  std::uint32_t top = 0;       // highest byte that has arrived
  std::uint32_t duplicates = 0;
  std::uint16_t id = 1;
  std::uint16_t ack_id = 1;
};

class BulkFlows {
 public:
  BulkFlows(Writer& writer, std::uint64_t packets) : writer_(writer), packets_(packets), flows_(64) {}

  void run() {
    for (std::size_t i = 0; i < flows_.size(); ++i) open(i);
    while (writer_.packets() < packets_)
      for (std::size_t i = 0; i < flows_.size(); ++i) burst(i);
  }

 private:
  Segment from_sender(std::size_t index) const {
    Segment segment;
    segment.source = 0x0a00'0001;
    segment.destination = 0x0a00'0002;
    segment.source_port = static_cast<std::uint16_t>(40000 + index);
    segment.destination_port = 5201;
    segment.ack = 1;
    return segment;
  }
  Segment from_receiver(std::size_t index) const {
    Segment segment = from_sender(index);
    std::swap(segment.source, segment.destination);
    std::swap(segment.source_port, segment.destination_port);
    segment.sequence = 1;
    return segment;
  }
  void open(std::size_t index) {
    Flow& flow = flows_[index];
    const auto isn = static_cast<std::uint32_t>(random_.next());
    Segment syn = from_sender(index);
    syn.sequence = isn;
    syn.ack = 0;
    syn.flags = kSyn;
    writer_.write(syn);
    Segment answer = from_receiver(index);
    answer.sequence = 0;
    answer.ack = isn + 1;
    answer.flags = kSyn | kAck;
    writer_.write(answer);
    flow.next = flow.received = flow.hole_end = flow.top = isn + 1;
  }
  void send(std::size_t index, std::uint32_t sequence) {
    Segment data = from_sender(index);
    data.sequence = sequence;
    data.data = kSegment;
    data.id = flows_[index].id++;
    writer_.write(data);
  }
  void answer(std::size_t index) {
    Flow& flow = flows_[index];
    Segment ack = from_receiver(index);
    ack.ack = flow.received;
    ack.id = flow.ack_id++;
    if (flow.hole_end != flow.received) {
      ack.sack_left = flow.hole_end;
      ack.sack_right = flow.top;
    }
    writer_.write(ack);
  }
  // Eight segments; every second is acknowledged, and each while there is a hole.
  void burst(std::size_t index) {
    Flow& flow = flows_[index];
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t sequence = flow.next;
      send(index, sequence);
      flow.next += kSegment;
      const bool hole = flow.hole_end != flow.received;
      if (!hole && random_.one_in(333)) {
        flow.hole_end = flow.next;
        flow.top = flow.next;
        flow.duplicates = 0;
        continue;
      }
      flow.top = flow.next;
      if (!hole) {
        flow.received = flow.hole_end = flow.top;
        if (i % 2 == 1) answer(index);
        continue;
      }
      answer(index);
      if (++flow.duplicates < 5) continue;
      send(index, flow.received);
      flow.received = flow.hole_end = flow.top;
      answer(index);
    }
  }

  Writer& writer_;
  std::uint64_t packets_;
  std::vector<Flow> flows_;
  Random random_;
};

// The nth packet of a short connection.
constexpr int kShortPackets = 19;
Segment short_packet(std::uint32_t connection, int step) {
  Segment a;
  a.source = 0x0a01'0000 + connection / 50000;
  a.destination = 0x0a02'0001;
  a.source_port = static_cast<std::uint16_t>(10000 + connection % 50000);
  a.destination_port = 80;
  const std::uint32_t isn = connection * 2654435761u;
  const std::uint32_t peer_isn = isn ^ 0x5555'5555;
  a.sequence = isn + 1;
  a.ack = peer_isn + 1;
  a.id = static_cast<std::uint16_t>(connection * 19 + static_cast<std::uint32_t>(step) + 1);
  Segment b = a;
  std::swap(b.source, b.destination);
  std::swap(b.source_port, b.destination_port);
  b.sequence = peer_isn + 1;
  b.ack = isn + 1;
  const std::uint32_t request = 300;
  const auto asked = [&](Segment one, bool from_a) {
    (from_a ? one.sequence : one.ack) = isn + 1 + request;
    return one;
  };
  if (step == 0) return a.sequence = isn, a.ack = 0, a.flags = kSyn, a;
  if (step == 1) return b.sequence = peer_isn, b.flags = kSyn | kAck, b;
  if (step == 2) return a;
  if (step == 3) return a.data = request, a.flags = kAck | kPsh, a;
  if (step == 4) return asked(b, false);
  a = asked(a, true);
  b = asked(b, false);
  if (step <= 13) {  // three segments, one acknowledgement, three times
    const auto number = static_cast<std::uint32_t>(step - 5);
    const std::uint32_t round = number / 3;
    const std::uint32_t place = number % 3;
    if (place == 2) return a.ack = peer_isn + 1 + (round + 1) * 2 * kSegment, a;
    return b.sequence = peer_isn + 1 + (round * 2 + place) * kSegment, b.data = kSegment, b;
  }
  const std::uint32_t end = peer_isn + 1 + 6 * kSegment;
  a.ack = end;
  b.sequence = end;
  if (step == 14) return b.flags = kAck | kFin, b;
  a.ack = end + 1;
  if (step == 15) return a;
  if (step == 16) return a.flags = kAck | kFin, a;
  b.sequence = end + 1;
  b.ack += 1;
  if (step == 17) return b;
  a.sequence += 1;
  return a;
}

}  // namespace

void write_bulk_capture(const std::string& path, std::uint64_t packets) {
  Writer writer(path);
  BulkFlows(writer, packets).run();
}

std::uint64_t write_short_capture(const std::string& path, std::uint32_t connections) {
  Writer writer(path);
  constexpr std::uint32_t kTogether = 1000;
  for (std::uint32_t first = 0; first < connections; first += kTogether) {
    for (int step = 0; step < kShortPackets; ++step)
      for (std::uint32_t i = first; i < std::min(first + kTogether, connections); ++i)
        writer.write(short_packet(i, step));
  }
  return writer.packets();
}

}  // namespace isotach::bench
