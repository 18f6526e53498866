// Writes the few forms of machine code that translation needs. Each function appends one instruction.
//
// Registers are machine numbers (context.h). Nothing checks for room: callers reserve the worst case.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "engine/dispatch/context.h"

namespace isotach::dbi {

class Assembler {
 public:
  explicit Assembler(uint8_t* at) : p_(at) {}

  uint8_t* at() const { return p_; }
  uint64_t address() const { return reinterpret_cast<uint64_t>(p_); }

  void byte(uint8_t value) { *p_++ = value; }
  void bytes(std::initializer_list<uint8_t> values) {
    for (uint8_t value : values) *p_++ = value;
  }
  void copy(const uint8_t* from, size_t size) {
    std::memcpy(p_, from, size);
    p_ += size;
  }
  // An instruction: at most 15 bytes, of which it copies 16 at once where those are on one page.
  void copy_instruction(const uint8_t* from, size_t size) {
    if ((reinterpret_cast<uint64_t>(from) & 4095) <= 4096 - 16) {
      std::memcpy(p_, from, 16);
      p_ += size;
    } else {
      copy(from, size);
    }
  }
  // Any number of bytes, behind which 16 more can be read and written.
  void copy_ahead(const uint8_t* from, size_t size) {
    for (size_t done = 0; done < size; done += 16) std::memcpy(p_ + done, from + done, 16);
    p_ += size;
  }
  void int32(int32_t value) {
    std::memcpy(p_, &value, 4);
    p_ += 4;
  }
  void int64(uint64_t value) {
    std::memcpy(p_, &value, 8);
    p_ += 8;
  }

  // mov gs:[offset], reg and back: 64 bits.
  void store_gs(uint8_t reg, int32_t offset) { gs_form(0x89, reg, offset); }
  void load_gs(uint8_t reg, int32_t offset) { gs_form(0x8b, reg, offset); }
  // mov dword ptr gs:[offset], value
  void store_gs_imm32(int32_t offset, uint32_t value) {
    bytes({0x65, 0xc7, 0x04, 0x25});
    int32(offset);
    int32(static_cast<int32_t>(value));
  }
  // mov qword ptr gs:[offset], sign-extended value
  void store_gs_simm64(int32_t offset, int32_t value) {
    bytes({0x65, 0x48, 0xc7, 0x04, 0x25});
    int32(offset);
    int32(value);
  }
  // add qword ptr gs:[offset], value: changes the flags
  void add_gs_imm(int32_t offset, int32_t value) {
    bytes({0x65, 0x48, 0x81, 0x04, 0x25});
    int32(offset);
    int32(value);
  }

  void mov_reg_imm64(uint8_t reg, uint64_t value) {
    if (value <= 0xffffffff) {
      if (reg >= 8) byte(0x41);
      byte(static_cast<uint8_t>(0xb8 | (reg & 7)));
      int32(static_cast<int32_t>(value));
    } else if (static_cast<int64_t>(value) == static_cast<int32_t>(value)) {
      bytes({rex_w(0, reg), 0xc7, static_cast<uint8_t>(0xc0 | (reg & 7))});
      int32(static_cast<int32_t>(value));
    } else {
      bytes({rex_w(0, reg), static_cast<uint8_t>(0xb8 | (reg & 7))});
      int64(value);
    }
  }
  void mov_reg_reg(uint8_t to, uint8_t from) {
    bytes({rex_w(from, to), 0x89, static_cast<uint8_t>(0xc0 | ((from & 7) << 3) | (to & 7))});
  }
  // mov to, from: 32 bits, the upper half of `to` becomes 0
  void mov_reg_reg32(uint8_t to, uint8_t from) {
    bytes({static_cast<uint8_t>(0x40 | (from >> 3 << 2) | (to >> 3)), 0x89,
           static_cast<uint8_t>(0xc0 | ((from & 7) << 3) | (to & 7))});
  }
  // mov reg, [base + displacement] and back, 64 bits
  void load(uint8_t reg, uint8_t base, int32_t displacement) { memory_form(0x8b, reg, base, displacement); }
  void store(uint8_t reg, uint8_t base, int32_t displacement) { memory_form(0x89, reg, base, displacement); }
  // lea reg, [base + displacement]
  void lea(uint8_t reg, uint8_t base, int32_t displacement) { memory_form(0x8d, reg, base, displacement); }
  // lea reg, [base + index * 2^scale]
  void lea_index(uint8_t reg, uint8_t base, uint8_t index, uint8_t scale) {
    const auto rex = static_cast<uint8_t>(0x48 | (reg >> 3 << 2) | (index >> 3 << 1) | (base >> 3));
    bytes({rex, 0x8d, static_cast<uint8_t>(0x44 | ((reg & 7) << 3)),
           static_cast<uint8_t>((scale << 6) | ((index & 7) << 3) | (base & 7)), 0});
  }

  // mov [base + displacement], reg: its low `size` bytes, 1, 2, 4 or 8
  void store_low(unsigned size, uint8_t reg, uint8_t base, int32_t displacement) {
    if (size == 2) byte(0x66);
    const auto rex = static_cast<uint8_t>(0x40 | (size == 8 ? 8 : 0) | (reg >> 3 << 2) | (base >> 3));
    bytes({rex, static_cast<uint8_t>(size == 1 ? 0x88 : 0x89)});
    memory_operand(reg, base, displacement);
  }
  // mov [base + displacement], value: of `size` bytes, 8 of them sign-extended
  void store_constant(unsigned size, uint8_t base, int32_t displacement, int32_t value) {
    if (size == 2) byte(0x66);
    const auto rex = static_cast<uint8_t>(0x40 | (size == 8 ? 8 : 0) | (base >> 3));
    if (rex != 0x40) byte(rex);
    byte(size == 1 ? 0xc6 : 0xc7);
    memory_operand(0, base, displacement);
    for (unsigned i = 0; i < (size < 4 ? size : 4); ++i) byte(static_cast<uint8_t>(value >> (8 * i)));
  }
  // lea reg, [rip + x]: `address` is within reach
  void lea_near(uint8_t reg, uint64_t address) {
    bytes({static_cast<uint8_t>(0x48 | (reg >> 3 << 2)), 0x8d, static_cast<uint8_t>(0x05 | (reg & 7) << 3)});
    relative32(address);
  }

  // jmp rel32, or jcc rel32, of which the displacement lies within one cache line, so that it may be patched
  // while others run it. Returns where the displacement is.
  uint8_t* jump_patchable(uint64_t target) {
    pad_displacement(1);
    byte(0xe9);
    relative32(target);
    return p_ - 4;
  }
  uint8_t* jump_if_patchable(uint8_t condition, uint64_t target) {
    pad_displacement(2);
    bytes({0x0f, static_cast<uint8_t>(0x80 | condition)});
    relative32(target);
    return p_ - 4;
  }
  void jump(uint64_t target) {
    byte(0xe9);
    relative32(target);
  }
  // jmp [rip + x] and its target: to anywhere. The target is aligned, for programs that let alignment be
  // checked.
  void jump_far(uint64_t target) {
    const auto padding = static_cast<uint8_t>((8 - (address() + 6) % 8) % 8);
    bytes({0xff, 0x25, padding, 0, 0, 0});
    for (unsigned i = 0; i < padding; ++i) byte(0xcc);
    int64(target);
  }
  void relative32(uint64_t target) { int32(static_cast<int32_t>(target - (address() + 4))); }

  // A jump forward with a 32 bit displacement that was written as 0 and ends at `behind` goes to here.
  void land(uint8_t* behind) {
    const auto distance = static_cast<int32_t>(p_ - behind);
    std::memcpy(behind - 4, &distance, 4);
  }

  // Moves on to a multiple of `alignment` with int3.
  void align(uint64_t alignment) {
    while (address() % alignment != 0) byte(0xcc);
  }

 private:
  static uint8_t rex_w(uint8_t reg, uint8_t rm) {
    return static_cast<uint8_t>(0x48 | (reg >> 3 << 2) | (rm >> 3));
  }
  void gs_form(uint8_t opcode, uint8_t reg, int32_t offset) {
    bytes({0x65, rex_w(reg, 0), opcode, static_cast<uint8_t>(0x04 | ((reg & 7) << 3)), 0x25});
    int32(offset);
  }
  void memory_form(uint8_t opcode, uint8_t reg, uint8_t base, int32_t displacement) {
    bytes({rex_w(reg, base), opcode});
    memory_operand(reg, base, displacement);
  }
  // ModRM and what follows it.
  void memory_operand(uint8_t reg, uint8_t base, int32_t displacement) {
    const bool needs_sib = (base & 7) == rsp;
    if (displacement == 0 && (base & 7) != rbp) {
      byte(static_cast<uint8_t>((reg & 7) << 3 | (base & 7)));
      if (needs_sib) byte(0x24);
      return;
    }
    const bool short_form = displacement == static_cast<int8_t>(displacement);
    byte(static_cast<uint8_t>((short_form ? 0x40 : 0x80) | ((reg & 7) << 3) | (base & 7)));
    if (needs_sib) byte(0x24);
    if (short_form) {
      byte(static_cast<uint8_t>(displacement));
    } else {
      int32(displacement);
    }
  }
  void pad_displacement(unsigned opcode_size) {
    const uint64_t first = address() + opcode_size;
    const uint64_t in_line = first % 64;
    if (in_line > 60) {
      for (uint64_t i = in_line; i < 64; ++i) byte(0x90);
    }
  }

  uint8_t* p_;
};

// Where ThreadContext keeps a general register of the program.
inline constexpr int32_t register_offset(unsigned number) {
  return static_cast<int32_t>(CONTEXT_REGISTERS + 8 * number);
}
inline constexpr int32_t slot_offset(unsigned slot) {
  return static_cast<int32_t>(CONTEXT_SLOTS + 8 * slot);
}
// Where a register is kept that is borrowed over several instructions; 16: the flags.
inline constexpr int32_t borrowed_offset(unsigned number) {
  return static_cast<int32_t>(CONTEXT_BORROWED + 8 * number);
}

}  // namespace isotach::dbi
