// Reads the stream of a recording piece by piece, as it comes from a pipe or a file. Nothing in it is
// believed: a damaged stream ends with an error that says where, and what came before it counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "instrument/trace.h"

namespace isotach::instrument {

class TraceParser {
 public:
  explicit TraceParser(TraceSink& sink) : sink_(sink) {}

  // The next bytes, in pieces of any size.
  [[nodiscard]] Result<void> feed(std::string_view bytes);
  // All has been fed. Fails when nothing was there or the last frame is incomplete.
  [[nodiscard]] Result<void> finish() const;

  [[nodiscard]] bool has_head() const { return has_head_; }
  [[nodiscard]] const TraceProgram& program() const { return program_; }
  [[nodiscard]] std::uint64_t bytes() const { return offset_; }  // understood so far

 private:
  class Cursor;
  struct Frame;

  [[nodiscard]] Result<std::size_t> take_head(std::string_view bytes);
  [[nodiscard]] Result<std::size_t> take_frame(std::string_view bytes);
  [[nodiscard]] bool read_frame(const Frame& frame, std::string_view payload);
  [[nodiscard]] bool read_events(const Frame& frame, std::string_view payload);
  [[nodiscard]] bool read_image(Cursor& cursor);
  [[nodiscard]] bool read_routine(Cursor& cursor);
  [[nodiscard]] bool read_instruction(Cursor& cursor);
  [[nodiscard]] bool read_region(Cursor& cursor);
  [[nodiscard]] bool read_thread(const Frame& frame, Cursor& cursor);
  [[nodiscard]] bool read_end(Cursor& cursor);
  [[nodiscard]] tl::unexpected<Error> damaged(std::string_view what) const;

  TraceSink& sink_;
  TraceProgram program_;
  std::string pending_;  // the start of a frame that is not whole yet
  std::uint64_t offset_ = 0;
  bool has_head_ = false;
};

}  // namespace isotach::instrument
