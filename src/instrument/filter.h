// Chooses what of a recording is looked at: for one that was made of more than is wanted now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "instrument/trace.h"

namespace isotach::instrument {

struct AddressRange {
  std::uint64_t low = 0, high = 0;  // [low, high)
  [[nodiscard]] bool meets(std::uint64_t address, std::uint64_t size) const {
    return address < high && low < address + (size == 0 ? 1 : size);
  }
};

// "0x7f00-0x8000", "0x7f00+4096": hexadecimal with 0x, else decimal; sizes take Ki, M and so on.
[[nodiscard]] Result<AddressRange> parse_address_range(std::string_view text);

// Whether an image is meant by `wanted`: its path, its file name, or a file name without version
// ("libc.so" for "libc.so.6").
[[nodiscard]] bool is_image_named(std::string_view path, std::string_view wanted);

struct TraceChoice {
  std::vector<std::string> images = {}, routines = {};  // of the code; empty: all
  std::vector<AddressRange> addresses = {};             // of the data; empty: all
  bool instructions = true, reads = true, writes = true;
  std::optional<std::uint64_t> at_most = {};  // events that are passed on
};

class TraceFilter final : public TraceSink {
 public:
  TraceFilter(TraceChoice choice, TraceSink& next) : choice_(std::move(choice)), next_(next) {}

  void executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first, std::uint32_t count,
                std::int64_t time_ns) override;
  void access(const TraceProgram& program, const TraceAccess& access) override;

  [[nodiscard]] bool is_full() const { return choice_.at_most && passed_ >= *choice_.at_most; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  [[nodiscard]] bool wants_code(const TraceProgram& program, std::uint32_t instruction);

  TraceChoice choice_;
  TraceSink& next_;
  std::vector<std::uint8_t> wanted_;  // by instruction: 0 not known yet, 1 no, 2 yes
  std::uint64_t passed_ = 0, left_out_ = 0;
};

}  // namespace isotach::instrument
