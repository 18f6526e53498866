#include "engine/decode/instruction.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <x86intrin.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/decode/full_instruction.h"

namespace isotach::dbi {
namespace {

FullInstruction decoded(std::vector<uint8_t> bytes, uint64_t address = 0x1000) {
  FullInstruction result;
  decode_fully(bytes.data(), bytes.size(), address, result);
  return result;
}

std::string text(std::vector<uint8_t> bytes) {
  return disassemble(bytes.data(), bytes.size(), 0x7f0012340000);
}

TEST(Instruction, PrintsAsToolsKnowIt) {
  EXPECT_EQ(text({0x48, 0x89, 0x45, 0xf8}), "mov qword ptr [rbp-0x8], rax");
  EXPECT_EQ(text({0xe8, 1, 0, 0, 0}), "call 0x7f0012340006");
  EXPECT_EQ(text({0x48, 0x8b, 0x05, 1, 2, 3, 0}), "mov rax, qword ptr [rip+0x30201]");
  EXPECT_EQ(text({0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}), "mov rax, qword ptr fs:[0x28]");
  EXPECT_EQ(text({0x8d, 0x04, 0x40}), "lea eax, ptr [rax+rax*2]");
  EXPECT_EQ(text({0xf3, 0xa4}), "rep movsb");
  EXPECT_EQ(text({0x06}), "(bad)");
}

TEST(Instruction, ListsMemoryOperandsInOrder) {
  const auto push = decoded({0xff, 0x74, 0x24, 0x08});  // push [rsp+8]
  ASSERT_EQ(push.memory_count, 2);
  EXPECT_TRUE(push.memory[0].read && !push.memory[0].written);
  EXPECT_EQ(push.memory[0].displacement, 8);
  EXPECT_TRUE(push.memory[1].written && push.memory[1].is_implicit);
  EXPECT_EQ(push.memory[1].displacement, -8);

  const auto pop = decoded({0x8f, 0x44, 0x24, 0x08});  // pop [rsp+8]: rsp has moved when it is computed
  ASSERT_EQ(pop.memory_count, 2);
  EXPECT_EQ(pop.memory[0].displacement, 16);
  EXPECT_EQ(pop.memory[1].displacement, 0);

  const auto move = decoded({0xf3, 0xa4});  // rep movsb
  ASSERT_EQ(move.memory_count, 2);
  EXPECT_TRUE(move.memory[0].written && move.memory[0].base == 7);
  EXPECT_TRUE(move.memory[1].read && move.memory[1].base == 6);

  const auto call = decoded({0xff, 0x10});  // call [rax]
  ASSERT_EQ(call.memory_count, 2);
  EXPECT_EQ(call.memory[1].displacement, -8);

  const auto leave = decoded({0xc9});
  ASSERT_EQ(leave.memory_count, 1);
  EXPECT_EQ(leave.memory[0].base, 5);

  const auto guard = decoded({0x64, 0x48, 0x2b, 0x04, 0x25, 0x28, 0, 0, 0});  // sub rax, fs:[0x28]
  ASSERT_EQ(guard.memory_count, 1);
  EXPECT_EQ(guard.memory[0].segment, Segment::fs);

  EXPECT_EQ(decoded({0x8d, 0x04, 0x40}).memory_count, 0) << "lea looks at nothing";
  EXPECT_EQ(decoded({0x0f, 0x1f, 0x40, 0}).memory_count, 0) << "nop looks at nothing";
  EXPECT_TRUE(decoded({0xd7}).memory[0].index_is_al);
  EXPECT_TRUE(decoded({0xc4, 0xe2, 0x71, 0x92, 0x04, 0x10}).memory[0].index_is_vector);
}

TEST(Instruction, KnowsItsRegisters) {
  const auto add = decoded({0x48, 0x01, 0xd8});  // add rax, rbx
  EXPECT_EQ(add.gpr_read, 0b1001u);
  EXPECT_EQ(add.gpr_written, 0b1u);
  const auto byte = decoded({0x88, 0xe0});  // mov al, ah
  EXPECT_EQ(byte.gpr_read, 1u);
  EXPECT_EQ(byte.gpr_written, 0u);
  const auto repeat = decoded({0xf3, 0xa4});
  EXPECT_EQ(repeat.gpr_read, 0b11000010u);
  EXPECT_EQ(repeat.gpr_written, 0u);
  EXPECT_EQ(decoded({0x0f, 0x58, 0xca}).vector_read, 0b110u);  // addps xmm1, xmm2
}

std::vector<uint8_t> code_of_c_library() {
  std::ifstream file("/lib/x86_64-linux-gnu/libc.so.6", std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)), {});
  Elf64_Ehdr header{};
  if (image.size() < sizeof header) return {};
  std::memcpy(&header, image.data(), sizeof header);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, image.data() + header.e_shoff + i * sizeof section, sizeof section);
    if (!(section.sh_flags & SHF_EXECINSTR) || section.sh_size < 100'000) continue;
    const auto* begin = reinterpret_cast<const uint8_t*>(image.data()) + section.sh_offset;
    return {begin, begin + section.sh_size};
  }
  return {};
}

bool clears_register(const FullInstruction& one) {
  return (one.instruction.mnemonic == ZYDIS_MNEMONIC_XOR) &&
         one.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         one.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         one.operands[0].reg.value == one.operands[1].reg.value;
}

// The quick answer equals the thorough one, but that xor of a register with itself reads nothing. Whether
// what is read is also written in whole does not matter to liveness.
TEST(Instruction, QuickRegisterUseIsRight) {
  const auto code = code_of_c_library();
  if (code.empty()) GTEST_SKIP() << "there is no /lib/x86_64-linux-gnu/libc.so.6";
  FullInstruction one;
  size_t wrong = 0, count = 0;
  uint64_t cycles = 0;
  for (size_t at = 0; at < code.size() && wrong < 30; ++count) {
    const Scan scan = scan_instruction(&code[at], code.size() - at, at);
    const uint64_t start = __rdtsc();
    const RegisterUse use = general_register_use(scan, &code[at]);
    cycles += __rdtsc() - start;
    decode_fully(&code[at], code.size() - at, at, one);
    if (one.is_valid && scan.flow != Flow::invalid && !clears_register(one) &&
        (use.read != one.gpr_read || (use.written & ~use.read) != (one.gpr_written & ~one.gpr_read) ||
         use.touched != one.gpr_touched)) {
      ADD_FAILURE() << disassemble(one, false) << std::hex << ": reads " << use.read << " is " << one.gpr_read
                    << ", writes " << use.written << " is " << one.gpr_written << ", touches " << use.touched
                    << " is " << one.gpr_touched;
      ++wrong;
    }
    at += scan.length;
  }
  std::printf("%zu instructions, %.0f cycles each\n", count,
              static_cast<double>(cycles) / static_cast<double>(count));
}

}  // namespace
}  // namespace isotach::dbi
