// A recording as lines for people and for grep: one for each instruction that ran, and for each access.
#pragma once

#include <string>

#include "base/result.h"
#include "instrument/trace.h"
#include "instrument/trace_file.h"

namespace isotach::command {

// "libc.so.6:.text:memcpy 0x00007f..  mov qword ptr [rdi], rax"
[[nodiscard]] std::string instruction_place(const instrument::TraceProgram& program,
                                            const instrument::TraceInstruction& instruction);

class TraceLines final : public instrument::TraceSink {
 public:
  explicit TraceLines(instrument::TraceWriter& writer) : writer_(writer) {}

  void executed(const instrument::TraceProgram& program, std::uint32_t thread, std::uint32_t first,
                std::uint32_t count, std::int64_t time_ns) override;
  void access(const instrument::TraceProgram& program, const instrument::TraceAccess& access) override;
  [[nodiscard]] Result<void> flush();
  // Writing has failed; flush() says why.
  [[nodiscard]] bool failed() const { return !result_.has_value(); }

 private:
  // What stands in front of every line of an instruction, made once.
  [[nodiscard]] const std::string& place(const instrument::TraceProgram& program, std::uint32_t instruction);
  void end_line();

  instrument::TraceWriter& writer_;
  std::vector<std::string> places_;
  std::string buffer_;
  Result<void> result_;
};

}  // namespace isotach::command
