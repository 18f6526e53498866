// What translation must know of one instruction, and nothing more: its length, where its parts lie, where
// control goes, and which status flags it reads and writes. Most code is translated once and never looked at
// by a tool, so this must cost tens of cycles; all else (operands, text) comes from instruction.h on demand.
//
// Source of encodings: Intel SDM volume 2, appendix A; AMD64 APM volume 3. Thread rules: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isotach::dbi {

enum class Flow : uint8_t {
  next,           // goes on behind itself
  jump,           // jmp rel
  jump_if,        // jcc rel
  jump_if_count,  // jcxz, jecxz, jrcxz, loop, loope, loopne: rel8 only
  call,           // call rel
  jump_indirect,  // jmp r/m64
  call_indirect,  // call r/m64
  return_near,    // ret, ret imm16
  system_call,    // syscall
  emulate,        // the engine must act: rdfsbase, wrfsbase, rdgsbase, wrgsbase, xbegin, int 0x80, sysenter,
                  // far jumps, calls and returns, iret
  trap,     // int3, int1, int n, ud0, ud1, ud2, hlt and others that end in a signal: run as they are, end the
            // block
  invalid,  // not decodable: runs into SIGILL, or SIGSEGV where the bytes cannot be read
};

enum class Segment : uint8_t { none, fs, gs };

// The status flags, as in RFLAGS. kDirectionFlag only where an instruction reads or writes it.
inline constexpr uint32_t kCarry = 1, kParity = 4, kAdjust = 0x10, kZero = 0x40, kSign = 0x80,
                          kDirection = 0x400, kOverflow = 0x800;
inline constexpr uint32_t kStatusFlags = kCarry | kParity | kAdjust | kZero | kSign | kOverflow;

struct Scan {
  uint64_t target = 0;         // where a direct jump or call goes
  uint32_t flags_read = 0;     // flags of which the value may matter
  uint32_t flags_written = 0;  // flags that always hold a new (or undefined) value afterwards. A shift by cl,
                               // which may write none, counts as reading nothing and writing nothing
  uint16_t immediate16 = 0;    // ret imm16
  uint8_t length = 0;
  uint8_t prefix_length = 0;  // legacy prefixes and REX; a VEX, EVEX or XOP prefix is not counted
  uint8_t map = 0;            // 0 one byte, 1 0F, 2 0F38, 3 0F3A; for VEX, EVEX and XOP their own numbers
  uint8_t opcode = 0;         // the opcode byte itself
  uint8_t rex = 0;            // 0 when there is none
  uint8_t modrm_offset = 0;   // 0: has no ModRM byte
  uint8_t displacement_offset = 0;  // 0: none
  uint8_t displacement_size = 0;
  uint8_t immediate_offset = 0;  // 0: none
  uint8_t immediate_size = 0;
  Flow flow = Flow::invalid;
  Segment segment =
      Segment::none;  // of its memory operand: 64 or 65 prefix and it has a memory operand that they apply to
  bool rip_relative = false;
  bool address32 = false;      // 67 prefix
  bool vector_prefix = false;  // VEX, EVEX or XOP
  bool uses_x87 = false;       // x87 or MMX registers
  bool is_rep_string = false;  // a string instruction with F2 or F3
};

// The register through which an instruction without a ModRM byte reads memory of its segment: rsi of lods,
// movs, cmps and outs, rbx of xlat; -1 where it is none of these.
inline int segment_string_register(const Scan& scan) {
  if (scan.map != 0 || scan.modrm_offset != 0 || scan.vector_prefix) return -1;
  switch (scan.opcode) {
    case 0x6e:
    case 0x6f:
    case 0xa4:
    case 0xa5:
    case 0xa6:
    case 0xa7:
    case 0xac:
    case 0xad:
      return 6;
    case 0xd7:
      return 3;
    default:
      return -1;
  }
}

// So many bytes that can be read are enough to look at an instruction in place.
inline constexpr size_t kScanBytes = 32;

// Looks at the instruction at `bytes`, of which `size` bytes (at least one) can be read, as if it stood at
// `address`. Pass all that can be read: with less than kScanBytes it works on a copy. Near branches with a 66
// prefix are taken as Intel's processors do. An instruction that is cut short by the end is invalid, with
// length = size.
Scan scan_instruction(const uint8_t* bytes, size_t size, uint64_t address);

// The length of most instructions that can be copied, in a third of the time: those that go on behind
// themselves, use neither fs nor gs nor x87 registers nor a rip-relative operand, and do not change the
// direction flag. 0 for all others, and for some of these. kScanBytes can be read.
unsigned plain_length(const uint8_t* bytes);

}  // namespace isotach::dbi
