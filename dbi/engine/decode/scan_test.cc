// Compares the scanner with Zydis: over the code of this machine's C library, over random byte strings, and
// at the end of what can be read.
//
// ISOTACH_SCAN_ROUNDS=N tries so many random strings, ISOTACH_SCAN_FILES=A:B:... other files' code.
#include "engine/decode/scan.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <x86intrin.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace isotach::dbi {
namespace {

constexpr uint64_t kAddress = 0x7f0012345678;

struct Truth {
  ZydisDecoder decoder;
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  Truth() { ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64); }
  bool decode(const uint8_t* bytes, size_t size) {
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &instruction, operands));
  }
};

bool is_trap(const ZydisDecodedInstruction& instruction) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_INT1:
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_LGDT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_IN:
    case ZYDIS_MNEMONIC_OUT:
    case ZYDIS_MNEMONIC_INSB:
    case ZYDIS_MNEMONIC_INSW:
    case ZYDIS_MNEMONIC_INSD:
    case ZYDIS_MNEMONIC_OUTSB:
    case ZYDIS_MNEMONIC_OUTSW:
    case ZYDIS_MNEMONIC_OUTSD:
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_GETSEC:
    case ZYDIS_MNEMONIC_RSM:
    case ZYDIS_MNEMONIC_RDPMC:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_SYSRET:
      return true;
    default:
      return (instruction.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0;
  }
}

bool writes_segment_base(const Truth& truth) {
  for (unsigned i = 0; i < truth.instruction.operand_count; ++i) {
    const auto& operand = truth.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
        (operand.reg.value == ZYDIS_REGISTER_FS || operand.reg.value == ZYDIS_REGISTER_GS)) {
      return true;
    }
  }
  return false;
}

Flow true_flow(const Truth& truth) {
  const auto& instruction = truth.instruction;
  const bool relative =
      truth.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && truth.operands[0].imm.is_relative;
  const bool is_far = instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_JMP:
      return is_far ? Flow::emulate : relative ? Flow::jump : Flow::jump_indirect;
    case ZYDIS_MNEMONIC_CALL:
      return is_far ? Flow::emulate : relative ? Flow::call : Flow::call_indirect;
    case ZYDIS_MNEMONIC_RET:
      return is_far ? Flow::emulate : Flow::return_near;
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_RDFSBASE:
    case ZYDIS_MNEMONIC_RDGSBASE:
    case ZYDIS_MNEMONIC_WRFSBASE:
    case ZYDIS_MNEMONIC_WRGSBASE:
    case ZYDIS_MNEMONIC_XBEGIN:
      return Flow::emulate;
    case ZYDIS_MNEMONIC_SYSCALL:
      return Flow::system_call;
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
    case ZYDIS_MNEMONIC_JRCXZ:
      return Flow::jump_if_count;
    default:
      break;
  }
  if (instruction.mnemonic == ZYDIS_MNEMONIC_INT && truth.operands[0].imm.value.u == 0x80)
    return Flow::emulate;
  if (instruction.meta.category == ZYDIS_CATEGORY_COND_BR && instruction.mnemonic != ZYDIS_MNEMONIC_XEND)
    return Flow::jump_if;
  if (writes_segment_base(truth) && instruction.mnemonic != ZYDIS_MNEMONIC_SWAPGS) return Flow::emulate;
  return is_trap(instruction) ? Flow::trap : Flow::next;
}

uint32_t both(const ZydisDecodedInstruction& instruction) {
  const auto& flags = *instruction.cpu_flags;
  return flags.modified | flags.set_0 | flags.set_1 | flags.undefined;
}

unsigned number_of(ZydisOpcodeMap map) {
  switch (map) {
    case ZYDIS_OPCODE_MAP_DEFAULT:
      return 0;
    case ZYDIS_OPCODE_MAP_0F:
      return 1;
    case ZYDIS_OPCODE_MAP_0F38:
      return 2;
    case ZYDIS_OPCODE_MAP_0F3A:
      return 3;
    case ZYDIS_OPCODE_MAP_MAP5:
      return 5;
    case ZYDIS_OPCODE_MAP_MAP6:
      return 6;
    case ZYDIS_OPCODE_MAP_XOP8:
      return 8;
    case ZYDIS_OPCODE_MAP_XOP9:
      return 9;
    case ZYDIS_OPCODE_MAP_XOPA:
      return 10;
    default:
      return 99;
  }
}

// Where the scanner and Zydis differ about one instruction, or nothing.
std::string difference(Truth& truth, const uint8_t* bytes, size_t size) {
  const Scan scan = scan_instruction(bytes, size, kAddress);
  if (scan.length == 0 || scan.length > size || scan.length > 15) return "impossible length";
  if (!truth.decode(bytes, size)) return {};
  const auto& instruction = truth.instruction;
  // Knights Corner's own encodings, which no other processor knows.
  if (instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX ||
      instruction.mnemonic == ZYDIS_MNEMONIC_JKZD || instruction.mnemonic == ZYDIS_MNEMONIC_JKNZD) {
    return {};
  }
  std::ostringstream out;
  const auto same = [&out](const char* what, uint64_t ours, uint64_t theirs) {
    if (ours != theirs) out << ' ' << what << ": " << ours << " is " << theirs;
  };
  same("length", scan.length, instruction.length);
  // Of 0F 01 with a register some are privileged and some not known; they may all end a block.
  const bool is_system = scan.map == 1 && scan.opcode == 1 && bytes[scan.modrm_offset] >= 0xc0;
  if (!is_system || scan.flow != Flow::trap) {
    same("flow", static_cast<uint64_t>(scan.flow), static_cast<uint64_t>(true_flow(truth)));
  }
  if (scan.length != instruction.length) return out.str();

  const auto& raw = instruction.raw;
  const bool is_3dnow = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW;
  same("displacement offset", scan.displacement_offset, raw.disp.size ? raw.disp.offset : 0);
  same("displacement size", scan.displacement_size * 8u, raw.disp.size);
  if (!is_3dnow) {
    same("immediate offset", scan.immediate_offset, raw.imm[0].size ? raw.imm[0].offset : 0);
    same("immediate size", scan.immediate_size * 8u, raw.imm[0].size + raw.imm[1].size);
    same("opcode", scan.opcode, instruction.opcode);
    same("map", scan.map, number_of(instruction.opcode_map));
  }
  same("modrm", scan.modrm_offset, instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM ? raw.modrm.offset : 0);
  same("address32", scan.address32, (instruction.attributes & ZYDIS_ATTRIB_HAS_ADDRESSSIZE) != 0);
  same("vector", scan.vector_prefix, instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && !is_3dnow);
  const bool is_padlock = scan.map == 1 && (scan.opcode == 0xa6 || scan.opcode == 0xa7);
  if (!is_padlock)
    same("rep", scan.is_rep_string,
         (instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) !=
             0);

  bool rip = false, fpu = false;
  Segment segment = Segment::none;
  for (unsigned i = 0; i < instruction.operand_count; ++i) {
    const auto& operand = truth.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      rip |= operand.mem.base == ZYDIS_REGISTER_RIP || operand.mem.base == ZYDIS_REGISTER_EIP;
      if (operand.mem.type != ZYDIS_MEMOP_TYPE_AGEN) {
        if (operand.mem.segment == ZYDIS_REGISTER_FS) segment = Segment::fs;
        if (operand.mem.segment == ZYDIS_REGISTER_GS) segment = Segment::gs;
      }
    }
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const auto kind = ZydisRegisterGetClass(operand.reg.value);
      fpu |= kind == ZYDIS_REGCLASS_X87 || kind == ZYDIS_REGCLASS_MMX ||
             operand.reg.value == ZYDIS_REGISTER_X87STATUS || operand.reg.value == ZYDIS_REGISTER_X87CONTROL;
    }
  }
  same("rip", scan.rip_relative, rip);
  // Zydis does not know that clzero and monitorx obey a segment prefix.
  if (!is_system) same("segment", static_cast<uint64_t>(scan.segment), static_cast<uint64_t>(segment));
  if (fpu && !scan.uses_x87) out << " misses x87";
  if (scan.uses_x87 && !fpu && instruction.fpu_flags->tested == 0 && instruction.fpu_flags->modified == 0 &&
      instruction.meta.isa_ext != ZYDIS_ISA_EXT_X87 && instruction.meta.isa_ext != ZYDIS_ISA_EXT_MMX &&
      instruction.meta.category != ZYDIS_CATEGORY_XSAVE &&
      instruction.meta.category != ZYDIS_CATEGORY_XSAVEOPT &&
      instruction.meta.category != ZYDIS_CATEGORY_SSE && instruction.mnemonic != ZYDIS_MNEMONIC_FEMMS &&
      instruction.mnemonic != ZYDIS_MNEMONIC_CVTPI2PS && instruction.mnemonic != ZYDIS_MNEMONIC_CVTPI2PD) {
    out << " claims x87";
  }

  constexpr uint32_t kKnown = kStatusFlags | kDirection;
  const uint32_t missed = instruction.cpu_flags->tested & kKnown & ~scan.flags_read;
  const uint32_t claimed = scan.flags_written & ~both(instruction);
  if (missed) out << " misses a read of flags " << std::hex << missed << std::dec;
  if (claimed) out << " claims to write flags " << std::hex << claimed << std::dec;

  if (scan.flow == Flow::jump || scan.flow == Flow::jump_if || scan.flow == Flow::jump_if_count ||
      scan.flow == Flow::call) {
    ZyanU64 target = 0;
    ZydisCalcAbsoluteAddress(&instruction, &truth.operands[0], kAddress, &target);
    same("target", scan.target, target);
  }
  return out.str();
}

std::string hexadecimal(const uint8_t* bytes, size_t size) {
  std::string text;
  char pair[4];
  for (size_t i = 0; i < size; ++i) {
    std::snprintf(pair, sizeof pair, "%02x ", bytes[i]);
    text += pair;
  }
  return text;
}

struct Report {
  std::string first;
  size_t count = 0;
  void add(Truth& truth, const std::string& text, const uint8_t* bytes) {
    if (++count > 60) return;
    const auto size = truth.instruction.length;
    first += hexadecimal(bytes, size) + ZydisMnemonicGetString(truth.instruction.mnemonic) + text + "\n";
  }
};

// The executable sections of an ELF file.
std::vector<std::vector<uint8_t>> code_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::vector<uint8_t>> sections;
  Elf64_Ehdr header;
  if (image.size() < sizeof header) return sections;
  std::memcpy(&header, image.data(), sizeof header);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const size_t at = header.e_shoff + i * sizeof section;
    if (at + sizeof section > image.size()) break;
    std::memcpy(&section, image.data() + at, sizeof section);
    if (!(section.sh_flags & SHF_EXECINSTR) || section.sh_type == SHT_NOBITS) continue;
    if (section.sh_offset + section.sh_size > image.size()) continue;
    const auto* begin = reinterpret_cast<const uint8_t*>(image.data()) + section.sh_offset;
    sections.emplace_back(begin, begin + section.sh_size);
  }
  return sections;
}

void check_file(const std::string& path) {
  Truth truth;
  Report report;
  size_t checked = 0;
  for (const auto& code : code_of(path)) {
    for (size_t at = 0; at < code.size();) {
      const std::string text = difference(truth, &code[at], code.size() - at);
      if (!text.empty()) report.add(truth, text, &code[at]);
      ++checked;
      at += scan_instruction(&code[at], code.size() - at, kAddress).length;
    }
  }
  std::printf("%s: %zu instructions\n", path.c_str(), checked);
  EXPECT_EQ(report.count, 0u) << report.first;
}

TEST(Scan, AgreesWithZydisOverTheCLibrary) {
  const auto sections = code_of("/lib/x86_64-linux-gnu/libc.so.6");
  if (sections.empty()) GTEST_SKIP() << "there is no /lib/x86_64-linux-gnu/libc.so.6";
  check_file("/lib/x86_64-linux-gnu/libc.so.6");
}

TEST(Scan, AgreesWithZydisOverNamedFiles) {
  const char* names = std::getenv("ISOTACH_SCAN_FILES");
  if (!names) return;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ':');) check_file(name);
}

// Random bytes alone seldom get behind the first opcode map.
void make_string(std::mt19937_64& random, uint8_t (&bytes)[40]) {
  for (unsigned i = 0; i < sizeof bytes; i += 8) {
    const uint64_t word = random();
    std::memcpy(bytes + i, &word, 8);
  }
  static constexpr uint8_t kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65, 0x2e, 0x3e, 0xf0, 0x48, 0x41};
  uint64_t dice = random();
  unsigned at = 0;
  const auto roll = [&dice](unsigned sides) {
    const unsigned result = static_cast<unsigned>(dice % sides);
    dice /= sides;
    return result;
  };
  for (unsigned i = roll(4); i > 0; --i) bytes[at++] = kPrefixes[roll(sizeof kPrefixes)];
  if (roll(3) == 0) bytes[at++] = static_cast<uint8_t>(0x40 + roll(16));
  switch (roll(10)) {
    case 0:
    case 1:
      bytes[at++] = 0x0f;
      break;
    case 2:
      bytes[at++] = 0x0f, bytes[at++] = 0x38;
      break;
    case 3:
      bytes[at++] = 0x0f, bytes[at++] = 0x3a;
      break;
    case 4:
      at = 0, bytes[at++] = 0xc5;
      break;
    case 5:
      at = roll(2), bytes[0] = 0x64, bytes[at++] = 0xc4, bytes[at] = bytes[at] & 0xe3;
      break;
    case 6:
      at = roll(2), bytes[0] = 0x65, bytes[at++] = 0x62, bytes[at] = bytes[at] & 0xf7, bytes[at + 1] |= 4;
      break;
    case 7:
      at = 0, bytes[at++] = 0x8f;
      break;
    default:
      break;
  }
}

TEST(Scan, AgreesWithZydisOverRandomStrings) {
  const char* wanted = std::getenv("ISOTACH_SCAN_ROUNDS");
  const uint64_t rounds = wanted ? std::strtoull(wanted, nullptr, 10) : 2'000'000;
  const char* seed = std::getenv("ISOTACH_SCAN_SEED");
  std::mt19937_64 random(seed ? std::strtoull(seed, nullptr, 10) : 20240521);
  Truth truth;
  Report report;
  uint8_t bytes[40];
  for (uint64_t i = 0; i < rounds && report.count < 200; ++i) {
    make_string(random, bytes);
    const std::string text = difference(truth, bytes, sizeof bytes);
    if (!text.empty()) report.add(truth, text, bytes);
  }
  EXPECT_EQ(report.count, 0u) << report.first;
}

// What is wrong about plain_length(), or nothing.
std::string plain_difference(const uint8_t* bytes) {
  const unsigned length = plain_length(bytes);
  if (length == 0) return "";
  const Scan scan = scan_instruction(bytes, kScanBytes, kAddress);
  const bool one_byte = scan.map == 0 && !scan.vector_prefix;
  const bool moves_direction = one_byte && (scan.opcode == 0xfd || scan.opcode == 0x9d);
  if (scan.length != length) return "another length";
  if (scan.flow != Flow::next) return "does not go on behind itself";
  if (scan.segment != Segment::none || scan.rip_relative || scan.uses_x87) return "needs more than a copy";
  return moves_direction ? "may set the direction flag" : "";
}

TEST(Scan, PlainLengthsAreThoseOfTheScan) {
  std::mt19937_64 random(99);
  uint8_t bytes[40];
  size_t plain = 0, wrong = 0;
  for (unsigned i = 0; i < 3'000'000 && wrong < 20; ++i) {
    make_string(random, bytes);
    const std::string text = plain_difference(bytes);
    plain += plain_length(bytes) != 0;
    wrong += !text.empty();
    EXPECT_EQ(text, "") << hexadecimal(bytes, 15);
  }
  EXPECT_GT(plain, 100'000u);
  // Of compiled code it knows most.
  for (const auto& code : code_of("/lib/x86_64-linux-gnu/libc.so.6")) {
    size_t all = 0, known = 0;
    for (size_t at = 0; at + kScanBytes <= code.size(); ++all) {
      EXPECT_EQ(plain_difference(&code[at]), "") << hexadecimal(&code[at], 15);
      known += plain_length(&code[at]) != 0;
      at += scan_instruction(&code[at], code.size() - at, kAddress).length;
    }
    if (all > 100'000) {
      EXPECT_GT(known * 2, all);
    }
  }
}

TEST(Scan, SaysThatAnInstructionIsCutShort) {
  std::mt19937_64 random(7);
  uint8_t bytes[40];
  for (unsigned i = 0; i < 100'000; ++i) {
    make_string(random, bytes);
    const Scan whole = scan_instruction(bytes, sizeof bytes, kAddress);
    // A copy of the right size, so that a sanitizer sees any byte read behind it.
    const size_t size = 1 + random() % whole.length;
    const std::vector<uint8_t> part(bytes, bytes + size);
    const Scan scan = scan_instruction(part.data(), size, kAddress);
    if (size == whole.length) {
      EXPECT_EQ(scan.length, whole.length);
      EXPECT_EQ(scan.flow, whole.flow);
    } else {
      EXPECT_EQ(scan.flow, Flow::invalid) << hexadecimal(bytes, size);
      EXPECT_EQ(scan.length, size);
    }
  }
}

TEST(Scan, TellsWhatZydisDoesNot) {
  const auto scan = [](std::vector<uint8_t> bytes) {
    return scan_instruction(bytes.data(), bytes.size(), 0x1000);
  };
  EXPECT_EQ(scan({0xc2, 0x34, 0x12}).immediate16, 0x1234);
  EXPECT_EQ(scan({0xeb, 0xfe}).target, 0x1000u);
  EXPECT_EQ(scan({0xc1, 0xe0, 0x00}).flags_written, 0u) << "shl eax, 0 writes none";
  EXPECT_EQ(scan({0xc1, 0xe0, 0x20}).flags_written, 0u) << "shl eax, 32 writes none";
  EXPECT_EQ(scan({0x48, 0xc1, 0xe0, 0x20}).flags_written, kStatusFlags);
  EXPECT_EQ(scan({0xd3, 0xe0}).flags_written, 0u) << "shl eax, cl may write none";
  EXPECT_EQ(scan({0xf3, 0xa6}).flags_written, 0u) << "repe cmpsb with rcx = 0 writes none";
  EXPECT_EQ(scan({0xd2, 0xd0}).flags_read, kCarry) << "rcl reads the carry";
  // A REX prefix counts only right before the opcode.
  EXPECT_EQ(scan({0x48, 0x66, 0x05, 1, 2}).length, 5u);
  EXPECT_EQ(scan(std::vector<uint8_t>(20, 0x66)).flow, Flow::invalid);
  EXPECT_EQ(scan(std::vector<uint8_t>(20, 0x66)).length, 15u);
}

// Prints what a scan costs; no assertion, since the machine may be busy.
TEST(Scan, Cost) {
  for (const auto& code : code_of("/lib/x86_64-linux-gnu/libc.so.6")) {
    if (code.size() < 100'000) continue;
    uint64_t best = ~0ull, count = 0, sum = 0;
    for (int round = 0; round < 5; ++round) {
      count = 0;
      const uint64_t start = __rdtsc();
      for (size_t at = 0; at < code.size(); ++count) {
        const Scan scan = scan_instruction(&code[at], code.size() - at, kAddress + at);
        sum += scan.flags_read;
        at += scan.length;
      }
      best = std::min<uint64_t>(best, __rdtsc() - start);
    }
    std::printf("%zu instructions, %.1f cycles each (%d)\n", static_cast<size_t>(count),
                static_cast<double>(best) / static_cast<double>(count), static_cast<int>(sum & 1));
  }
}

}  // namespace
}  // namespace isotach::dbi
