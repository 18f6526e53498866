// The stream of records that isotach inspect reads (docs/formats/inspect.md), and each thread's part of it.
//
// Thread rules: a ThreadStream belongs to its thread; Output may be used by all.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "pin.H"

namespace inspect {

enum FrameKind : uint16_t {
  kImages = 1,
  kRoutines = 3,
  kInstructions = 4,
  kEvents = 5,
  kThreadStart = 6,
  kThreadEnd = 7,
  kEnd = 8,
  kRegions = 9
};
enum EventKind : uint8_t { kExecuted = 1, kRead = 2, kWritten = 3 };

// Since the recording began.
int64_t now_ns();

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put_text(std::string& bytes, const std::string& text);

class Output {
 public:
  // False: it cannot be created; errno says why.
  bool open(const std::string& path);
  void head(uint32_t kinds, uint32_t sample_period, const std::vector<std::string>& command);
  // One description; it comes before every event that is written later.
  void describe(FrameKind kind, const std::string& record);
  // A frame that is written at once, after all descriptions.
  void frame(FrameKind kind, uint32_t thread, uint32_t count, const std::string& payload);
  // Whole frames as they are, after all descriptions.
  void events(const char* bytes, size_t size);
  // Nothing is written any more: the reader has gone, or this is the child of a fork.
  void give_up() { fd_ = -1; }
  bool is_open() const { return fd_ >= 0; }
  void init() { PIN_InitLock(&lock_); }

 private:
  void write_descriptions();
  void write(const char* bytes, size_t size);
  static std::string framed(FrameKind kind, uint32_t thread, uint32_t count, const std::string& payload);

  PIN_LOCK lock_;
  int fd_ = -1;
  std::string descriptions_;
};

// Events of one thread, in a buffer that is written when it is full.
class ThreadStream {
 public:
  ThreadStream(Output& output, uint32_t thread) : output_(output), thread_(thread), buffer_(kBytes) {}

  // Room for one event of `size` bytes behind its head; the caller fills all of it.
  char* event(EventKind kind, uint8_t flags, uint16_t size, uint32_t instruction, size_t more) {
    if (used_ + kFrameHead + kEventHead + more > kBytes) flush();
    if (frame_ == kNone) begin();
    char* const at = buffer_.data() + used_;
    at[0] = static_cast<char>(kind);
    at[1] = static_cast<char>(flags);
    std::memcpy(at + 2, &size, 2);
    std::memcpy(at + 4, &instruction, 4);
    used_ += kEventHead + more;
    ++count_;
    return at + kEventHead;
  }
  // The last event, of which `at` is what event() gave: its `bytes` behind the address are missing.
  void make_unreadable(char* at, size_t bytes) {
    at[1 - static_cast<ptrdiff_t>(kEventHead)] |= 1;
    used_ -= bytes;
  }
  // What follows happens later: a system call may take its time.
  void pause() {
    if (frame_ != kNone) end();
  }
  void flush();
  void forget() {
    used_ = count_ = 0;
    frame_ = kNone;
  }

  // Of the write that is being executed, for each of its memory operands.
  static constexpr size_t kMostOperands = 16, kMostBytes = 4096;
  struct Before {
    uint64_t address = 0;
    uint32_t size = 0;
    bool readable = false;
    char bytes[kMostBytes];
  };
  Before before[kMostOperands];
  uint64_t instructions = 0;  // executed
  uint64_t not_recorded = 0, not_readable = 0;
  bool in_burst = true;

  // Pages that were readable when this was last looked at, by the lowest bits of their number.
  static constexpr size_t kKnownPages = 64;
  uint64_t known_pages[kKnownPages] = {};
  uint64_t known_epoch = 0;

 private:
  static constexpr size_t kBytes = 1 << 16;
  static constexpr size_t kEventHead = 8, kFrameHead = 32;
  static constexpr size_t kNone = ~size_t{0};

  void begin();
  void end();

  Output& output_;
  uint32_t thread_;
  std::vector<char> buffer_;
  size_t used_ = 0;
  size_t frame_ = kNone;  // where the open frame's head is
  uint32_t count_ = 0;
};

}  // namespace inspect
