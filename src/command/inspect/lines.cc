#include "command/inspect/lines.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"

namespace isotach::command {
namespace {

using instrument::TraceAccess;
using instrument::TraceInstruction;
using instrument::TraceProgram;

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

void add_bytes(std::string& line, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    line += kDigits[static_cast<unsigned char>(byte) >> 4];
    line += kDigits[static_cast<unsigned char>(byte) & 15];
  }
}

}  // namespace

std::string instruction_place(const TraceProgram& program, const TraceInstruction& instruction) {
  const std::string_view image = program.image_name(instruction.image);
  return fmt::format("{}:{}:{} {:#018x}  {}", image.empty() ? "?" : printable(image),
                     instruction.section.empty() ? "?" : printable(instruction.section),
                     printable(program.routine_name(instruction)), instruction.address,
                     printable(instruction.text));
}

const std::string& TraceLines::place(const TraceProgram& program, std::uint32_t instruction) {
  if (places_.size() < program.instructions.size()) places_.resize(program.instructions.size());
  std::string& text = places_[instruction];
  if (text.empty()) text = instruction_place(program, program.instructions[instruction]);
  return text;
}

void TraceLines::end_line() {
  buffer_ += '\n';
  if (buffer_.size() < kBufferBytes) return;
  if (result_) result_ = writer_.write(buffer_);
  buffer_.clear();
}

void TraceLines::executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first,
                          std::uint32_t count, std::int64_t) {
  for (std::uint32_t i = first; i < first + count; ++i) {
    fmt::format_to(std::back_inserter(buffer_), "i {} {}", thread, place(program, i));
    end_line();
  }
}

void TraceLines::access(const TraceProgram& program, const TraceAccess& access) {
  fmt::format_to(std::back_inserter(buffer_), "{} {} {}  [{:#x}] {} = ", access.written ? 'w' : 'r',
                 access.thread, place(program, access.instruction), access.address, access.size);
  if (!access.readable) {
    buffer_ += "not readable";
  } else {
    if (access.written) {
      add_bytes(buffer_, access.before);
      buffer_ += " -> ";
    }
    add_bytes(buffer_, access.value);
  }
  end_line();
}

Result<void> TraceLines::flush() {
  if (result_ && !buffer_.empty()) result_ = writer_.write(buffer_);
  buffer_.clear();
  return result_;
}

}  // namespace isotach::command
