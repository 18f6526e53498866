#include "network/packet/capture_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "network/packet/bytes.h"

namespace isotach::network {
namespace {

// Large enough that reading costs little, small enough to stay in the second-level cache.
constexpr std::size_t kBufferSize = std::size_t{256} << 10;
// That are kept to be used again.
constexpr std::size_t kMostBuffers = 32;
// Blocks beyond this are damage.
constexpr std::uint32_t kLargestBlock = std::uint32_t{16} << 20;
constexpr std::size_t kMostInterfaces = 65536;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kMicrosecondsPerSecond = 1'000'000;
__extension__ using Wide = unsigned __int128;

constexpr std::uint32_t kPcapMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kPcapNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kPcapKuznetzov = 0xa1b2cd34;
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;

constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kOldPacketBlock = 2;
constexpr std::uint32_t kSimplePacketBlock = 3;
constexpr std::uint32_t kEnhancedPacketBlock = 6;

constexpr std::size_t kPcapHead = 24;
constexpr std::size_t kSnoopHead = 16;
constexpr std::size_t kSnoopRecordHead = 24;

std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

// Times beyond the year 2116 are damage; they become that moment. So the difference of any two, one of them
// before 1970, is a number of nanoseconds too.
constexpr std::int64_t kLastSecond = 4'611'686'017;

std::int64_t nanoseconds(std::uint64_t seconds, std::uint64_t fraction_ns) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(seconds, kLastSecond)) * kSecondNs +
         static_cast<std::int64_t>(std::min<std::uint64_t>(fraction_ns, kSecondNs));
}

// What snoop calls its link layers (RFC 1761), as numbers of pcap.
std::uint32_t snoop_link(std::uint32_t type) {
  constexpr std::uint32_t kSnoopEthernet = 4;
  return type == kSnoopEthernet ? static_cast<std::uint32_t>(kLinkEthernet) : ~std::uint32_t{0};
}

}  // namespace

Result<std::unique_ptr<CaptureReader>> CaptureReader::open(const std::string& path, WaitForMore wait) {
  auto source = open_byte_source(path, std::move(wait));
  if (!source) return tl::make_unexpected(std::move(source.error()));
  return over(std::move(*source));
}

Result<std::unique_ptr<CaptureReader>> CaptureReader::over(std::unique_ptr<ByteSource> source) {
  return start(std::unique_ptr<CaptureReader>(new CaptureReader(std::move(source))));
}

Result<std::unique_ptr<CaptureReader>> CaptureReader::start(std::unique_ptr<CaptureReader> reader) {
  if (auto begun = reader->begin(); !begun) return tl::make_unexpected(std::move(begun.error()));
  return reader;
}

std::uint64_t CaptureReader::position() const {
  return source_->position();
}

std::uint64_t CaptureReader::size() const {
  return source_->size();
}

const char* CaptureReader::format_name() const {
  switch (format_) {
    case Format::pcap:
      return "pcap";
    case Format::pcapng:
      return "pcapng";
    case Format::snoop:
      break;
  }
  return "snoop";
}

std::uint16_t CaptureReader::number16(const std::uint8_t* bytes) const {
  return big_endian_ ? big16(bytes) : little16(bytes);
}

std::uint32_t CaptureReader::number32(const std::uint8_t* bytes) const {
  return big_endian_ ? big32(bytes) : little32(bytes);
}

// One that nobody looks into any more, if there is one.
std::shared_ptr<std::uint8_t[]> CaptureReader::take_buffer(std::size_t size) {
  if (size > kBufferSize) return std::shared_ptr<std::uint8_t[]>(new std::uint8_t[size]);
  for (const auto& buffer : buffers_)
    if (buffer.use_count() == 1) return buffer;
  std::shared_ptr<std::uint8_t[]> fresh(new std::uint8_t[kBufferSize]);
  if (buffers_.size() < kMostBuffers) buffers_.push_back(fresh);
  return fresh;
}

bool CaptureReader::refill(std::size_t size) {
  const std::size_t rest = left();
  if (buffer_ == nullptr || lent_ || buffer_size_ < size) {
    // What is lent stays where it is.
    const std::size_t wanted = std::max(size, kBufferSize);
    std::shared_ptr<std::uint8_t[]> fresh = take_buffer(wanted);
    if (rest > 0) std::memcpy(fresh.get(), begin_, rest);
    buffer_ = fresh.get();
    buffer_size_ = wanted;
    hold_ = std::move(fresh);
    lent_ = false;
  } else if (rest > 0) {
    std::memmove(buffer_, begin_, rest);
  }
  begin_ = buffer_;
  std::size_t filled = rest;
  while (filled < size && !source_ended_) {
    const auto got = source_->read(buffer_ + filled, buffer_size_ - filled);
    if (!got) {
      if (damage_.empty()) damage_ = got.error().message();
      source_ended_ = true;
    } else {
      source_ended_ = *got == 0;
      filled += *got;
    }
  }
  end_ = begin_ + filled;
  return filled >= size;
}

bool CaptureReader::stop(std::string why) {
  if (damage_.empty()) damage_ = std::move(why);
  source_ended_ = true;
  begin_ = end_;
  return false;
}

bool CaptureReader::stop_cut(const char* what) {
  return stop("it ends in the middle of " + std::string(what) + ' ' + std::to_string(frames_ + 1));
}

Result<void> CaptureReader::begin() {
  if (!have(4)) {
    if (!damage_.empty()) return failure(ErrorKind::failed, damage_);
    return failure(ErrorKind::failed, left() == 0 ? "it is empty" : "it is too short for a capture");
  }
  const std::uint32_t magic = little32(data());
  if (magic == kSectionHeader) {
    format_ = Format::pcapng;
    if (!have(12) || !begin_section())
      return failure(ErrorKind::failed, "its pcapng section header is damaged");
    return {};
  }
  if (have(kSnoopHead) && std::memcmp(data(), "snoop\0\0\0", 8) == 0) {
    format_ = Format::snoop;
    big_endian_ = true;
    link_type_ = snoop_link(big32(data() + 12));
    begin_ += kSnoopHead;
    return {};
  }
  return begin_pcap(magic);
}

Result<void> CaptureReader::begin_pcap(std::uint32_t magic) {
  const auto known = [](std::uint32_t number) {
    return number == kPcapMicroseconds || number == kPcapNanoseconds || number == kPcapKuznetzov;
  };
  big_endian_ = !known(magic);
  if (big_endian_) magic = __builtin_bswap32(magic);
  if (!known(magic))
    return failure(ErrorKind::failed,
                   "it is no capture: its first bytes belong to no pcap, pcapng or snoop file",
                   "record one with: tcpdump -w FILE, or dumpcap -w FILE");
  if (!have(kPcapHead)) return failure(ErrorKind::failed, "it ends within the head of a pcap file");
  count_fractions_in(magic == kPcapNanoseconds ? 1 : 1000);
  record_head_ = magic == kPcapKuznetzov ? 24 : 16;
  const std::uint32_t major = number16(data() + 4);
  const std::uint32_t minor = number16(data() + 6);
  constexpr std::uint32_t kDigitalUnix = 543;
  swapped_lengths_ = major == kDigitalUnix || (major == 2 && minor < 3);
  unsure_lengths_ = major == 2 && minor == 3;
  snap_length_ = number32(data() + 16);
  // The upper bits say how long the frame check sequence is.
  link_type_ = number32(data() + 20) & 0x03ff'ffff;
  is_usual_ =
      !big_endian_ && record_head_ == kUsualRecordHead && !swapped_lengths_ && !unsure_lengths_ && !cut_;
  begin_ += kPcapHead;
  return {};
}

bool CaptureReader::next_buffered_pcap(Frame& frame) {
  if (left() < record_head_) return false;
  const std::uint8_t* head = data();
  std::uint32_t captured = number32(head + 8);
  std::uint32_t wire_length = number32(head + 12);
  if (swapped_lengths_ || (unsure_lengths_ && captured > wire_length)) std::swap(captured, wire_length);
  if (captured > kLargestFrame || left() - record_head_ < captured) return false;
  const std::uint32_t fraction = number32(head + 4);
  // Some programs write nanoseconds where microseconds belong; the first one that cannot be microseconds
  // tells.
  if (fraction >= kMicrosecondsPerSecond) count_fractions_in(1);
  frame.time_ns = nanoseconds(number32(head), std::uint64_t{fraction} * fraction_ns_);
  frame.data = head + record_head_;
  frame.captured = captured;
  frame.wire_length = std::max(wire_length, captured);
  frame.link_type = link_type_;
  if (cut_ && snap_length_ > 0 && captured > snap_length_) frame.captured = snap_length_;
  begin_ += record_head_ + captured;
  ++frames_;
  return true;
}

bool CaptureReader::next_slow(Frame& frame) {
  switch (format_) {
    case Format::pcap:
      return next_pcap(frame);
    case Format::pcapng:
      return next_pcapng(frame);
    case Format::snoop:
      break;
  }
  return next_snoop(frame);
}

bool CaptureReader::next_pcap(Frame& frame) {
  if (!have(record_head_)) return left() == 0 ? false : stop_cut("the head of frame");
  std::uint32_t captured = number32(data() + 8);
  const std::uint32_t wire_length = number32(data() + 12);
  if (swapped_lengths_ || (unsure_lengths_ && captured > wire_length)) captured = wire_length;
  if (captured > kLargestFrame)
    return stop("frame " + std::to_string(frames_ + 1) + " claims to have " + std::to_string(captured) +
                " bytes: the file is damaged");
  if (!have(record_head_ + captured)) return stop_cut("frame");
  return next_buffered_pcap(frame);
}

bool CaptureReader::next_snoop(Frame& frame) {
  if (!have(kSnoopRecordHead)) return left() == 0 ? false : stop_cut("the head of frame");
  const std::uint8_t* head = data();
  const std::uint32_t wire_length = big32(head);
  const std::uint32_t captured = big32(head + 4);
  const std::uint32_t record = big32(head + 8);
  if (captured > kLargestFrame || record < kSnoopRecordHead || record - kSnoopRecordHead < captured ||
      record > kLargestBlock)
    return stop("frame " + std::to_string(frames_ + 1) + " has impossible lengths: the file is damaged");
  // Padding behind the last frame may be absent.
  if (!have(record) && left() < kSnoopRecordHead + captured) return stop_cut("frame");
  head = data();
  frame.time_ns = nanoseconds(big32(head + 16), std::uint64_t{big32(head + 20)} * 1000);
  frame.data = head + kSnoopRecordHead;
  frame.captured = captured;
  frame.wire_length = std::max(wire_length, captured);
  frame.link_type = link_type_;
  begin_ += std::min<std::size_t>(record, left());
  ++frames_;
  return true;
}

// A section may have another byte order than the one before; its interfaces are its own.
bool CaptureReader::begin_section() {
  const std::uint32_t magic = little32(data() + 8);
  if (magic != kByteOrderMagic && magic != __builtin_bswap32(kByteOrderMagic)) return false;
  big_endian_ = magic != kByteOrderMagic;
  interfaces_.clear();
  return true;
}

bool CaptureReader::add_interface(const std::uint8_t* body, std::size_t size) {
  constexpr std::uint16_t kResolutionOption = 9;
  constexpr std::uint16_t kOffsetOption = 14;
  if (size < 8 || interfaces_.size() >= kMostInterfaces) return false;
  Interface interface;
  interface.link_type = number16(body);
  interface.snap_length = number32(body + 4);
  for (std::size_t at = 8; at + 4 <= size;) {
    const std::uint16_t code = number16(body + at);
    const std::size_t length = number16(body + at + 2);
    at += 4;
    if (code == 0 || length > size - at) break;
    if (code == kResolutionOption && length >= 1) {
      interface.binary_resolution = (body[at] & 0x80) != 0;
      interface.resolution = body[at] & 0x7f;
    }
    if (code == kOffsetOption && length >= 8) {
      std::uint64_t seconds;
      std::memcpy(&seconds, body + at, sizeof seconds);
      if (big_endian_) seconds = __builtin_bswap64(seconds);
      interface.offset_s = static_cast<std::int64_t>(seconds);
    }
    at += padded(length);
  }
  interfaces_.push_back(interface);
  return true;
}

std::int64_t CaptureReader::time_of(const Interface& interface, std::uint64_t ticks) {
  std::uint64_t seconds = 0;
  std::uint64_t fraction_ns = 0;
  if (interface.binary_resolution) {
    const unsigned bits = interface.resolution;
    if (bits < 64) {
      seconds = ticks >> bits;
      const std::uint64_t fraction = ticks - (seconds << bits);
      fraction_ns = static_cast<std::uint64_t>((static_cast<Wide>(fraction) * kSecondNs) >> bits);
    }
  } else if (interface.resolution <= 19) {
    std::uint64_t per_second = 1;
    for (unsigned i = 0; i < interface.resolution; ++i) per_second *= 10;
    seconds = ticks / per_second;
    fraction_ns = static_cast<std::uint64_t>(static_cast<Wide>(ticks % per_second) * kSecondNs / per_second);
  }
  std::int64_t moved = 0;
  if (seconds > static_cast<std::uint64_t>(kLastSecond) ||
      __builtin_add_overflow(static_cast<std::int64_t>(seconds), interface.offset_s, &moved))
    moved = kLastSecond;
  moved = std::clamp(moved, -kLastSecond, kLastSecond);
  return moved * kSecondNs + static_cast<std::int64_t>(fraction_ns);
}

CaptureReader::Block CaptureReader::take_packet_block(std::uint32_t type, const std::uint8_t* body,
                                                      std::size_t size, Frame& frame) {
  const bool simple = type == kSimplePacketBlock;
  const std::size_t head = simple ? 4 : 20;
  if (size < head) return Block::damaged;
  const std::size_t index = simple ? 0 : type == kOldPacketBlock ? number16(body) : number32(body);
  if (index >= interfaces_.size()) return Block::damaged;
  const Interface& interface = interfaces_[index];
  if (simple) {
    frame.wire_length = number32(body);
    std::uint32_t captured = frame.wire_length;
    if (interface.snap_length > 0) captured = std::min(captured, interface.snap_length);
    frame.captured = static_cast<std::uint32_t>(std::min<std::size_t>(captured, size - head));
    frame.time_ns = last_time_ns_;
  } else {
    const std::uint64_t ticks = (std::uint64_t{number32(body + 4)} << 32) | number32(body + 8);
    frame.time_ns = time_of(interface, ticks);
    frame.captured = number32(body + 12);
    frame.wire_length = number32(body + 16);
    if (frame.captured > size - head) return Block::damaged;
    last_time_ns_ = frame.time_ns;
  }
  frame.wire_length = std::max(frame.wire_length, frame.captured);
  frame.data = body + head;
  frame.link_type = interface.link_type;
  ++frames_;
  return Block::frame;
}

bool CaptureReader::next_pcapng(Frame& frame) {
  constexpr std::size_t kAround = 12;  // type and length before, length behind
  while (have(8)) {
    const std::uint32_t raw_type = little32(data());
    if (raw_type == kSectionHeader && (!have(kAround) || !begin_section()))
      return left() < kAround
                 ? stop_cut("the section before frame")
                 : stop("the section header before frame " + std::to_string(frames_ + 1) + " is damaged");
    const std::uint32_t type = number32(data());
    const std::uint32_t length = number32(data() + 4);
    if (length < kAround || length > kLargestBlock || length % 4 != 0)
      return stop("the block before frame " + std::to_string(frames_ + 1) + " claims to have " +
                  std::to_string(length) + " bytes: the file is damaged");
    if (!have(length)) return stop_cut("the block of frame");
    const std::uint8_t* body = data() + 8;
    const std::size_t size = length - kAround;
    begin_ += length;
    Block block = Block::other;
    if (type == kInterfaceBlock && raw_type != kSectionHeader) {
      if (!add_interface(body, size)) block = Block::damaged;
    } else if (type == kEnhancedPacketBlock || type == kSimplePacketBlock || type == kOldPacketBlock) {
      block = take_packet_block(type, body, size, frame);
    }
    if (block == Block::frame) return true;
    if (block == Block::damaged)
      return stop("the block of frame " + std::to_string(frames_ + 1) + " is damaged");
  }
  return left() == 0 ? false : stop_cut("the block of frame");
}

}  // namespace isotach::network
