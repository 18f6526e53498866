// The bytes of instructions as translation looks at them: a program's code may hold anything.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "engine/decode/scan.h"

namespace {

using namespace isotach::dbi;

constexpr std::size_t kLongestInstruction = 15;
constexpr std::uint64_t kAddress = 0x7f0000001000, kOther = 0x555500002000;

void check_parts(const Scan& scan) {
  CHECK(scan.prefix_length < scan.length);
  CHECK(scan.modrm_offset < scan.length);
  CHECK(scan.displacement_offset + scan.displacement_size <= scan.length);
  CHECK(scan.immediate_offset + scan.immediate_size <= scan.length);
  CHECK((scan.displacement_offset == 0) == (scan.displacement_size == 0));
  CHECK(!scan.rip_relative || scan.displacement_size == 4);
}

// Copied to the end of a buffer of the right size, so that any byte read behind it is seen.
void look(const std::uint8_t* data, std::size_t size) {
  const Scan scan = scan_instruction(data, size, kAddress);
  CHECK(scan.length > 0 && scan.length <= std::min(size, kLongestInstruction));
  if (scan.flow == Flow::invalid) return;
  check_parts(scan);

  // What follows it does not matter, nor where it stands, but for the target.
  std::uint8_t alone[kScanBytes];
  std::memset(alone, 0xff, sizeof alone);
  std::memcpy(alone, data, scan.length);
  const Scan again = scan_instruction(alone, sizeof alone, kOther);
  CHECK(again.length == scan.length && again.flow == scan.flow && again.opcode == scan.opcode);
  CHECK(again.flags_read == scan.flags_read && again.flags_written == scan.flags_written);
  if (scan.target != 0) CHECK(again.target - kOther == scan.target - kAddress);

  if (const unsigned length = plain_length(alone)) {
    CHECK(length == scan.length && scan.flow == Flow::next);
    CHECK(scan.segment == Segment::none && !scan.rip_relative && !scan.uses_x87);
  }
  // Cut short, it is none.
  for (std::size_t part = 1; part < scan.length; ++part) {
    const Scan cut = scan_instruction(data, part, kAddress);
    CHECK(cut.flow == Flow::invalid && cut.length == part);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // As code: one after the other, what is none a byte at a time.
  for (std::size_t at = 0; at < std::min<std::size_t>(size, 4096);) {
    look(data + at, size - at);
    const Scan scan = scan_instruction(data + at, size - at, kAddress);
    at += scan.flow == Flow::invalid ? 1 : scan.length;
  }
  return 0;
}
