// What was recorded of a program under instrumentation, as plain data: the code that ran, and each access to
// memory with the bytes that were read, or that were there before and after.
//
// docs/formats/inspect.md describes the stream that it comes in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::instrument {

// What the recording was asked for, as bits of TraceHead::kinds.
inline constexpr std::uint32_t kRecordsInstructions = 1, kRecordsReads = 2, kRecordsWrites = 4;

struct TraceHead {
  std::uint32_t version = 0;
  std::uint32_t pid = 0;
  std::uint32_t kinds = 0;
  std::uint32_t sample_period = 1;  // one in so many instructions was recorded, in bursts
  std::int64_t start_wall_ns = 0;
  std::vector<std::string> command;
};

struct TraceImage {
  std::uint64_t low = 0, high = 0;  // [low, high)
  std::uint64_t load_offset = 0;
  std::string name;
};

struct TraceRoutine {
  std::uint32_t image = 0;
  std::uint64_t address = 0, size = 0;
  std::string section;
  std::string name;
};

struct TraceOperand {
  bool read = false, written = false;
  std::uint16_t size = 0;
};

struct TraceInstruction {
  std::uint32_t image = 0, routine = 0;  // 0: in none
  std::uint64_t address = 0;
  std::uint8_t size = 0;
  std::vector<TraceOperand> operands;  // of memory, in order
  std::string section;
  std::string text;  // disassembly
};

// A mapping of the program that is no image: "[stack]", "[heap]", a file, "" for anonymous memory.
struct TraceRegion {
  std::uint64_t low = 0, high = 0;
  std::string name;
};

struct TraceThread {
  std::uint32_t os_id = 0;
  std::int64_t start_ns = 0, end_ns = 0;
};

struct TraceEnd {
  bool seen = false;  // false: the program was killed, or the recording was cut short
  std::int32_t exit_code = 0;
  std::uint64_t instructions = 0;  // executed in all that was chosen, recorded or not
  std::uint64_t not_recorded = 0;  // accesses that sampling or limits left out
  std::uint64_t not_readable = 0;  // accesses whose memory could not be read
};

// Everything that was described so far. Numbers are those of the recording; element 0 stands for "none".
struct TraceProgram {
  TraceHead head;
  std::vector<TraceImage> images{1};
  std::vector<TraceRoutine> routines{1};
  std::vector<TraceInstruction> instructions{1};
  std::vector<TraceRegion> regions;
  std::vector<TraceThread> threads;
  TraceEnd end;

  // The last part of an image's path; "" for 0.
  [[nodiscard]] std::string_view image_name(std::uint32_t image) const;
  // As tools show it: the routine, else its section, else "?".
  [[nodiscard]] std::string_view routine_name(const TraceInstruction& instruction) const;
};

struct TraceAccess {
  std::uint32_t thread = 0;
  std::uint32_t instruction = 0;
  std::uint8_t operand = 0;
  bool written = false;
  bool readable = true;  // false: `before` and `value` are missing
  std::uint16_t size = 0;
  std::uint64_t address = 0;
  std::string_view before;   // of a write; valid during the call
  std::string_view value;    // what was read, or what is there after the write
  std::int64_t time_ns = 0;  // since the start
};

// Who listens to a recording.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  // `count` instructions one behind the other, of which `first` is the first.
  virtual void executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first,
                        std::uint32_t count, std::int64_t time_ns) = 0;
  virtual void access(const TraceProgram& program, const TraceAccess& access) = 0;
};

}  // namespace isotach::instrument
