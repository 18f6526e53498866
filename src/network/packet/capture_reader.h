// Reads capture files, frame after frame: pcap of either byte order with micro- or nanoseconds (and the
// variant of A. Kuznetzov), pcapng with any number of sections and interfaces, and snoop.
//
// Reads into buffers that are used again: memory does not grow with the file, and no frame costs an
// allocation. Mapping the file would cost more, a fault or an entry of the page table for each page of it. A
// file that is cut short or damaged gives the frames up to there, and then says so. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "network/packet/byte_source.h"
#include "network/packet/bytes.h"
#include "network/packet/frame.h"

namespace isotach::network {

class CaptureReader {
 public:
  // `path` may be "-" for standard input; gzip and zstd are unpacked. An error when nothing can be read
  // or the first bytes belong to no capture format.
  // `wait` as for open_byte_source().
  [[nodiscard]] static Result<std::unique_ptr<CaptureReader>> open(const std::string& path,
                                                                   WaitForMore wait = {});
  [[nodiscard]] static Result<std::unique_ptr<CaptureReader>> over(std::unique_ptr<ByteSource> source);

  // Keeps the bytes of the frame that next() gave last, and of all since a call that returned another
  // pointer, where they are, until the last copy is gone. Frames live no longer than the next call of next()
  // without it.
  [[nodiscard]] const std::shared_ptr<const void>& hold() {
    lent_ = true;
    return hold_;
  }
  // What hold() points to.
  [[nodiscard]] const void* held() const { return hold_.get(); }

  // Cuts frames to the length that the head of a pcap file promises, as libpcap does.
  void cut_to_snap_length() {
    cut_ = true;
    is_usual_ = false;
  }

  // False at the end, whether the file ends well or not.
  [[nodiscard]] bool next(Frame& frame) {
    // The common case without a call: the whole record is in the buffer.
    if (is_usual_ && next_usual(frame)) return true;
    // Another, so that the caller's may stay in registers.
    Frame slow;
    const bool is_there = next_slow(slow);
    frame = slow;
    return is_there;
  }

  // Why the file ended before its end, as a sentence without final stop: "it ends in the middle of
  // frame 12". Empty when it ended well.
  [[nodiscard]] const std::string& damage() const { return damage_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  // Bytes of the file read so far, packed as they are, and in all; 0 where nobody can know, as on a pipe.
  [[nodiscard]] std::uint64_t position() const;
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] const char* format_name() const;

 private:
  // Frames beyond this are damage: the largest packet, of BIG TCP, has 512 KiB.
  static constexpr std::uint32_t kLargestFrame = std::uint32_t{4} << 20;
  static constexpr std::uint32_t kUsualRecordHead = 16;
  static constexpr std::int64_t kSecondNs = 1'000'000'000;

  enum class Format { pcap, pcapng, snoop };
  struct Interface {
    std::uint32_t link_type = 0;
    std::uint32_t snap_length = 0;
    std::int64_t offset_s = 0;    // added to every time
    std::uint8_t resolution = 6;  // a time is in 10^-resolution s, or 2^-resolution s
    bool binary_resolution = false;
  };

  explicit CaptureReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  [[nodiscard]] static Result<std::unique_ptr<CaptureReader>> start(std::unique_ptr<CaptureReader> reader);
  [[nodiscard]] Result<void> begin();
  // The next record of a usual file, if all of it stands in the buffer and nothing about it is odd.
  [[nodiscard]] bool next_usual(Frame& frame) {
    const std::uint8_t* const head = begin_;
    if (left() < kUsualRecordHead) return false;
    const std::uint32_t fraction = little32(head + 4);
    const std::uint32_t captured = little32(head + 8);
    // What is larger than any frame does not fit into the buffer either.
    if (left() - kUsualRecordHead < captured || fraction >= fractions_) return false;
    frame.time_ns = little32(head) * kSecondNs + std::int64_t{fraction} * fraction_ns_;
    frame.data = head + kUsualRecordHead;
    frame.captured = captured;
    frame.wire_length = std::max(little32(head + 12), captured);
    frame.link_type = link_type_;
    begin_ = frame.data + captured;
    ++frames_;
    return true;
  }
  void count_fractions_in(std::uint32_t ns) {
    fraction_ns_ = ns;
    fractions_ = static_cast<std::uint32_t>(kSecondNs / ns);
  }
  [[nodiscard]] bool next_buffered_pcap(Frame& frame);
  [[nodiscard]] bool next_slow(Frame& frame);
  [[nodiscard]] bool next_pcap(Frame& frame);
  [[nodiscard]] bool next_pcapng(Frame& frame);
  [[nodiscard]] bool next_snoop(Frame& frame);

  // Makes `size` bytes stand at data(); false at the end of the file.
  [[nodiscard]] bool have(std::size_t size) { return left() >= size || refill(size); }
  [[nodiscard]] bool refill(std::size_t size);
  [[nodiscard]] std::shared_ptr<std::uint8_t[]> take_buffer(std::size_t size);
  [[nodiscard]] const std::uint8_t* data() const { return begin_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - begin_); }
  bool stop(std::string why);       // remembers the damage; false
  bool stop_cut(const char* what);  // the file ends within `what`; false
  [[nodiscard]] std::uint16_t number16(const std::uint8_t* bytes) const;
  [[nodiscard]] std::uint32_t number32(const std::uint8_t* bytes) const;

  [[nodiscard]] Result<void> begin_pcap(std::uint32_t magic);
  [[nodiscard]] bool begin_section();
  [[nodiscard]] bool add_interface(const std::uint8_t* body, std::size_t size);
  enum class Block { frame, other, damaged };
  [[nodiscard]] Block take_packet_block(std::uint32_t type, const std::uint8_t* body, std::size_t size,
                                        Frame& frame);
  [[nodiscard]] static std::int64_t time_of(const Interface& interface, std::uint64_t ticks);

  std::unique_ptr<ByteSource> source_;
  // Buffers of the usual size, those that are lent among them, and the one that is in use.
  std::vector<std::shared_ptr<std::uint8_t[]>> buffers_;
  std::shared_ptr<const void> hold_;
  std::uint8_t* buffer_ = nullptr;
  std::size_t buffer_size_ = 0;
  // What is read and not yet given.
  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  bool lent_ = false;  // somebody may look into it still
  bool source_ended_ = false;
  std::string damage_;
  std::uint64_t frames_ = 0;

  Format format_ = Format::pcap;
  bool big_endian_ = false;
  std::uint32_t link_type_ = 0;    // of pcap and snoop
  std::uint32_t snap_length_ = 0;  // 0: none
  bool cut_ = false;
  std::uint32_t record_head_ = 16;       // bytes before each frame of a pcap file
  std::uint32_t fraction_ns_ = 1000;     // what the fraction of a second counts
  std::uint32_t fractions_ = 1'000'000;  // of a second
  bool is_usual_ =
      false;  // a pcap file as nearly all are: little-endian, with heads and lengths as they should be
  bool swapped_lengths_ = false;  // old files have the length on the wire first
  bool unsure_lengths_ = false;   // version 2.3 has them in either order: the smaller is what was captured
  std::vector<Interface> interfaces_;  // of the pcapng section at hand
  std::int64_t last_time_ns_ = 0;      // for blocks that carry no time
};

}  // namespace isotach::network
