#include "instrument/trace_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace isotach::instrument {
namespace {

constexpr std::string_view kMagic = "isoinsp\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint16_t kFrameMagic = 0x4946;  // "FI"
constexpr std::size_t kFrameHeadBytes = 32;
constexpr std::size_t kMostFrameBytes = std::size_t{1} << 24;
constexpr std::size_t kMostHeadBytes = std::size_t{1} << 20;
constexpr std::size_t kHeadBytes = 36;
constexpr std::size_t kMostThreads = 1 << 20;
constexpr std::size_t kMostRegions = 1 << 20;
// Numbers are dense; one that jumps is no number of the next thing.
constexpr std::uint32_t kMostNumbers = 1u << 26;

enum FrameKind : std::uint16_t {
  kImages = 1,
  kRoutines = 3,
  kInstructions = 4,
  kEvents = 5,
  kThreadStart = 6,
  kThreadEnd = 7,
  kEnd = 8,
  kRegions = 9,
};

enum EventKind : std::uint8_t { kExecuted = 1, kRead = 2, kWritten = 3, kRun = 4 };
constexpr std::uint8_t kNotReadable = 1;

template <class T>
T load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

std::string_view TraceProgram::image_name(std::uint32_t image) const {
  if (image >= images.size()) return {};
  const std::string_view name = images[image].name;
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

std::string_view TraceProgram::routine_name(const TraceInstruction& instruction) const {
  if (instruction.routine > 0 && instruction.routine < routines.size())
    return routines[instruction.routine].name;
  return instruction.section.empty() ? std::string_view("?") : std::string_view(instruction.section);
}

struct TraceParser::Frame {
  std::uint16_t kind = 0;
  std::uint32_t size = 0, thread = 0, count = 0;
  std::int64_t from_ns = 0, to_ns = 0;
};

// Takes numbers and texts off the front of a payload; after a failure everything is 0.
class TraceParser::Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T take() {
    if (bytes_.size() < sizeof(T)) {
      good_ = false;
      bytes_ = {};
      return T{};
    }
    const T value = load<T>(bytes_.data());
    bytes_.remove_prefix(sizeof(T));
    return value;
  }
  std::string text() {
    const std::size_t size = take<std::uint16_t>();
    if (size > bytes_.size()) good_ = false;
    if (!good_) return {};
    std::string result(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return result;
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

tl::unexpected<Error> TraceParser::damaged(std::string_view what) const {
  return failure(ErrorKind::failed, fmt::format("the recording is damaged at byte {}: {}", offset_, what));
}

Result<void> TraceParser::feed(std::string_view bytes) {
  // Whole frames are read where they are; only the rest of a piece is kept.
  std::string joined;
  if (!pending_.empty()) {
    pending_.append(bytes);
    joined = std::move(pending_);
    pending_.clear();
    bytes = joined;
  }
  while (!bytes.empty()) {
    const auto taken = has_head_ ? take_frame(bytes) : take_head(bytes);
    if (!taken) return tl::make_unexpected(taken.error());
    if (*taken == 0) break;
    offset_ += *taken;
    bytes.remove_prefix(*taken);
  }
  pending_.assign(bytes);
  return {};
}

Result<void> TraceParser::finish() const {
  if (!has_head_)
    return failure(ErrorKind::failed, offset_ == 0 && pending_.empty() ? "the recording is empty"
                                                                       : "the recording ends in its head");
  if (!pending_.empty())
    return failure(
        ErrorKind::failed,
        fmt::format("the recording was cut short: its last {} bytes are no whole frame", pending_.size()));
  return {};
}

// 0: more bytes are needed.
Result<std::size_t> TraceParser::take_head(std::string_view bytes) {
  const std::size_t known = std::min(bytes.size(), kMagic.size());
  if (bytes.substr(0, known) != kMagic.substr(0, known))
    return failure(ErrorKind::failed, "this is no recording of isotach inspect");
  if (bytes.size() < kHeadBytes) return std::size_t{0};
  Cursor cursor(bytes.substr(kMagic.size()));
  TraceHead& head = program_.head;
  head.version = cursor.take<std::uint32_t>();
  if (head.version != kVersion)
    return failure(
        ErrorKind::failed,
        fmt::format("the recording has version {}; this program reads version {}", head.version, kVersion),
        "read it with the version of isotach that wrote it");
  head.pid = cursor.take<std::uint32_t>();
  head.kinds = cursor.take<std::uint32_t>();
  head.sample_period = std::max<std::uint32_t>(1, cursor.take<std::uint32_t>());
  head.start_wall_ns = cursor.take<std::int64_t>();
  const std::size_t command_bytes = cursor.take<std::uint32_t>();
  if (command_bytes > kMostHeadBytes) return damaged("its command is too long");
  if (bytes.size() - kHeadBytes < command_bytes) return std::size_t{0};
  std::string_view words = bytes.substr(kHeadBytes, command_bytes);
  while (!words.empty()) {
    const std::size_t end = words.find('\0');
    head.command.emplace_back(words.substr(0, end));
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  has_head_ = true;
  return kHeadBytes + command_bytes;
}

Result<std::size_t> TraceParser::take_frame(std::string_view bytes) {
  if (bytes.size() < kFrameHeadBytes) return std::size_t{0};
  if (load<std::uint16_t>(bytes.data()) != kFrameMagic) return damaged("no frame begins there");
  Frame frame;
  frame.kind = load<std::uint16_t>(bytes.data() + 2);
  frame.size = load<std::uint32_t>(bytes.data() + 4);
  frame.thread = load<std::uint32_t>(bytes.data() + 8);
  frame.count = load<std::uint32_t>(bytes.data() + 12);
  frame.from_ns = load<std::int64_t>(bytes.data() + 16);
  frame.to_ns = load<std::int64_t>(bytes.data() + 24);
  constexpr std::int64_t kLongestNs = std::int64_t{1} << 60;
  if (frame.size > kMostFrameBytes || frame.from_ns < 0 || frame.to_ns < frame.from_ns ||
      frame.to_ns > kLongestNs || frame.thread >= kMostThreads)
    return damaged("a frame's head makes no sense");
  if (bytes.size() - kFrameHeadBytes < frame.size) return std::size_t{0};
  if (!read_frame(frame, bytes.substr(kFrameHeadBytes, frame.size)))
    return damaged(fmt::format("the content of a frame of kind {} makes no sense", frame.kind));
  return kFrameHeadBytes + frame.size;
}

bool TraceParser::read_frame(const Frame& frame, std::string_view payload) {
  if (frame.kind == kEvents) return read_events(frame, payload);
  Cursor cursor(payload);
  for (std::uint32_t i = 0; i < frame.count; ++i) {
    bool good = true;
    switch (frame.kind) {
      case kImages:
        good = read_image(cursor);
        break;
      case kRoutines:
        good = read_routine(cursor);
        break;
      case kInstructions:
        good = read_instruction(cursor);
        break;
      case kRegions:
        good = read_region(cursor);
        break;
      case kThreadStart:
      case kThreadEnd:
        good = read_thread(frame, cursor);
        break;
      case kEnd:
        good = read_end(cursor);
        break;
      default:
        return true;  // of a later version: skipped whole
    }
    if (!good || !cursor.good()) return false;
  }
  return cursor.at_end();
}

namespace {

// The place of number `number`, which must be known or the next one.
template <class T>
T* place_of(std::vector<T>& all, std::uint32_t number) {
  if (number == 0 || number > all.size() || number >= kMostNumbers) return nullptr;
  if (number == all.size()) all.emplace_back();
  return &all[number];
}

}  // namespace

bool TraceParser::read_image(Cursor& cursor) {
  TraceImage* const image = place_of(program_.images, cursor.take<std::uint32_t>());
  if (image == nullptr) return false;
  image->low = cursor.take<std::uint64_t>();
  image->high = cursor.take<std::uint64_t>();
  image->load_offset = cursor.take<std::uint64_t>();
  image->name = cursor.text();
  return image->low <= image->high;
}

bool TraceParser::read_routine(Cursor& cursor) {
  TraceRoutine* const routine = place_of(program_.routines, cursor.take<std::uint32_t>());
  if (routine == nullptr) return false;
  routine->image = cursor.take<std::uint32_t>();
  routine->address = cursor.take<std::uint64_t>();
  routine->size = cursor.take<std::uint64_t>();
  routine->section = cursor.text();
  routine->name = cursor.text();
  return routine->image < program_.images.size();
}

bool TraceParser::read_instruction(Cursor& cursor) {
  TraceInstruction* const instruction = place_of(program_.instructions, cursor.take<std::uint32_t>());
  if (instruction == nullptr) return false;
  instruction->image = cursor.take<std::uint32_t>();
  instruction->routine = cursor.take<std::uint32_t>();
  instruction->address = cursor.take<std::uint64_t>();
  instruction->size = cursor.take<std::uint8_t>();
  instruction->operands.resize(cursor.take<std::uint8_t>());
  for (TraceOperand& operand : instruction->operands) {
    const std::uint8_t flags = cursor.take<std::uint8_t>();
    operand = {(flags & 1) != 0, (flags & 2) != 0, cursor.take<std::uint16_t>()};
  }
  instruction->section = cursor.text();
  instruction->text = cursor.text();
  return instruction->image < program_.images.size() && instruction->routine < program_.routines.size();
}

bool TraceParser::read_region(Cursor& cursor) {
  TraceRegion region;
  region.low = cursor.take<std::uint64_t>();
  region.high = cursor.take<std::uint64_t>();
  region.name = cursor.text();
  if (region.low > region.high || program_.regions.size() >= kMostRegions) return false;
  program_.regions.push_back(std::move(region));
  return true;
}

bool TraceParser::read_thread(const Frame& frame, Cursor& cursor) {
  const auto os_id = cursor.take<std::uint32_t>();
  if (frame.thread >= program_.threads.size()) program_.threads.resize(frame.thread + 1);
  TraceThread& thread = program_.threads[frame.thread];
  if (frame.kind == kThreadStart)
    thread = {os_id, frame.from_ns, 0};
  else
    thread.end_ns = frame.from_ns;
  return true;
}

bool TraceParser::read_end(Cursor& cursor) {
  TraceEnd& end = program_.end;
  end.seen = true;
  end.exit_code = cursor.take<std::int32_t>();
  end.instructions = cursor.take<std::uint64_t>();
  end.not_recorded = cursor.take<std::uint64_t>();
  end.not_readable = cursor.take<std::uint64_t>();
  return true;
}

bool TraceParser::read_events(const Frame& frame, std::string_view payload) {
  constexpr std::size_t kExecutedBytes = 8, kAccessBytes = 16;
  const char* at = payload.data();
  const char* const end = at + payload.size();
  const std::size_t known = program_.instructions.size();
  // Times between the frame's two are by the number of its events: a clock at each would cost too much.
  const double step =
      frame.count == 0 ? 0
                       : static_cast<double>(frame.to_ns - frame.from_ns) / static_cast<double>(frame.count);
  for (std::uint32_t i = 0; i < frame.count; ++i) {
    if (static_cast<std::size_t>(end - at) < kExecutedBytes) return false;
    const auto kind = static_cast<std::uint8_t>(at[0]);
    const std::int64_t time_ns = frame.from_ns + static_cast<std::int64_t>(step * i);
    const auto size = load<std::uint16_t>(at + 2);
    const auto instruction = load<std::uint32_t>(at + 4);
    if (instruction == 0 || instruction >= known) return false;
    if (kind == kExecuted || kind == kRun) {
      const std::uint32_t count = kind == kExecuted ? 1 : size;
      if (count == 0 || count > known - instruction) return false;
      sink_.executed(program_, frame.thread, instruction, count, time_ns);
      at += kExecutedBytes;
      continue;
    }
    if (kind != kRead && kind != kWritten) return false;
    const bool readable = (static_cast<std::uint8_t>(at[1]) & kNotReadable) == 0;
    const std::size_t bytes = !readable ? 0 : (kind == kWritten ? 2 : 1) * std::size_t{size};
    if (static_cast<std::size_t>(end - at) < kAccessBytes + bytes) return false;
    TraceAccess access;
    access.thread = frame.thread;
    access.instruction = instruction;
    access.operand = static_cast<std::uint8_t>(at[1]) >> 1;
    access.written = kind == kWritten;
    access.readable = readable;
    access.size = size;
    access.address = load<std::uint64_t>(at + kExecutedBytes);
    access.time_ns = time_ns;
    const char* const data = at + kAccessBytes;
    if (readable) {
      if (access.written) access.before = {data, size};
      access.value = {data + (access.written ? size : 0), size};
    }
    sink_.access(program_, access);
    at += kAccessBytes + bytes;
  }
  return at == end;
}

}  // namespace isotach::instrument
