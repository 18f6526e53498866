#include "forms.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace test {
namespace {

constexpr const char kTimeDependent[] = "its result depends on time, processor or chance";
constexpr const char kFarTransfer[] = "leaves the code segment or calls the kernel: has tests of its own";
constexpr const char kSegments[] = "changes segment registers or their bases: has tests of its own";
constexpr const char kTrapFlag[] = "may set the trap flag: has tests of its own";
constexpr const char kPorts[] =
    "is forbidden even for no iteration, which a call for each iteration does not see";
constexpr const char kWaits[] = "waits or starts a transaction";
constexpr const char kMachine[] = "talks to a hypervisor or an enclave";
constexpr const char kPointers[] = "stores the address of the last x87 instruction";

const std::map<ZydisMnemonic, const char*>& exclusions() {
  static const std::map<ZydisMnemonic, const char*> all = {
      {ZYDIS_MNEMONIC_INSB, kPorts},           {ZYDIS_MNEMONIC_INSW, kPorts},
      {ZYDIS_MNEMONIC_INSD, kPorts},           {ZYDIS_MNEMONIC_OUTSB, kPorts},
      {ZYDIS_MNEMONIC_OUTSW, kPorts},          {ZYDIS_MNEMONIC_OUTSD, kPorts},
      {ZYDIS_MNEMONIC_POPF, kTrapFlag},        {ZYDIS_MNEMONIC_POPFQ, kTrapFlag},
      {ZYDIS_MNEMONIC_RDTSC, kTimeDependent},  {ZYDIS_MNEMONIC_RDTSCP, kTimeDependent},
      {ZYDIS_MNEMONIC_RDRAND, kTimeDependent}, {ZYDIS_MNEMONIC_RDSEED, kTimeDependent},
      {ZYDIS_MNEMONIC_RDPID, kTimeDependent},  {ZYDIS_MNEMONIC_CPUID, kTimeDependent},
      {ZYDIS_MNEMONIC_RDPRU, kTimeDependent},  {ZYDIS_MNEMONIC_RDPMC, kTimeDependent},
      {ZYDIS_MNEMONIC_LSL, kTimeDependent},    {ZYDIS_MNEMONIC_SYSCALL, kFarTransfer},
      {ZYDIS_MNEMONIC_SYSENTER, kFarTransfer}, {ZYDIS_MNEMONIC_SYSRET, kFarTransfer},
      {ZYDIS_MNEMONIC_SYSEXIT, kFarTransfer},  {ZYDIS_MNEMONIC_INT, kFarTransfer},
      {ZYDIS_MNEMONIC_IRET, kFarTransfer},     {ZYDIS_MNEMONIC_IRETD, kFarTransfer},
      {ZYDIS_MNEMONIC_IRETQ, kFarTransfer},    {ZYDIS_MNEMONIC_RSM, kFarTransfer},
      {ZYDIS_MNEMONIC_UIRET, kFarTransfer},    {ZYDIS_MNEMONIC_LFS, kSegments},
      {ZYDIS_MNEMONIC_LGS, kSegments},         {ZYDIS_MNEMONIC_LSS, kSegments},
      {ZYDIS_MNEMONIC_WRFSBASE, kSegments},    {ZYDIS_MNEMONIC_WRGSBASE, kSegments},
      {ZYDIS_MNEMONIC_SWAPGS, kSegments},      {ZYDIS_MNEMONIC_WRPKRU, kSegments},
      {ZYDIS_MNEMONIC_MWAITX, kWaits},         {ZYDIS_MNEMONIC_MONITORX, kWaits},
      {ZYDIS_MNEMONIC_MWAIT, kWaits},          {ZYDIS_MNEMONIC_MONITOR, kWaits},
      {ZYDIS_MNEMONIC_TPAUSE, kWaits},         {ZYDIS_MNEMONIC_UMWAIT, kWaits},
      {ZYDIS_MNEMONIC_UMONITOR, kWaits},       {ZYDIS_MNEMONIC_XBEGIN, kWaits},
      {ZYDIS_MNEMONIC_XEND, kWaits},           {ZYDIS_MNEMONIC_XABORT, kWaits},
      {ZYDIS_MNEMONIC_VMCALL, kMachine},       {ZYDIS_MNEMONIC_VMMCALL, kMachine},
      {ZYDIS_MNEMONIC_VMFUNC, kMachine},       {ZYDIS_MNEMONIC_ENCLU, kMachine},
      {ZYDIS_MNEMONIC_ENCLV, kMachine},        {ZYDIS_MNEMONIC_ENCLS, kMachine},
      {ZYDIS_MNEMONIC_SKINIT, kMachine},       {ZYDIS_MNEMONIC_GETSEC, kMachine},
      {ZYDIS_MNEMONIC_FNSTENV, kPointers},     {ZYDIS_MNEMONIC_FNSAVE, kPointers},
  };
  return all;
}

const ZydisDecoder& decoder() {
  static const ZydisDecoder instance = [] {
    ZydisDecoder one;
    ZydisDecoderInit(&one, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return one;
  }();
  return instance;
}

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

bool decode(const uint8_t* bytes, size_t size, Decoded& decoded) {
  return ZYAN_SUCCESS(
      ZydisDecoderDecodeFull(&decoder(), bytes, size, &decoded.instruction, decoded.operands));
}

bool runnable(const Decoded& decoded) {
  const ZydisDecodedInstruction& instruction = decoded.instruction;
  if (exclusions().count(instruction.mnemonic) != 0) return false;
  if (instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) return false;
  // maskmovq, maskmovdqu, clzero and such with a segment: the same.
  if ((instruction.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS)) != 0 &&
      (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0 && instruction.raw.modrm.mod == 3) {
    if (instruction.mnemonic == ZYDIS_MNEMONIC_CLZERO) return false;
    for (int i = 0; i < instruction.operand_count; ++i) {
      if (decoded.operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY) return false;
    }
  }
  // A segment other than that of all data together with 32-bit addresses, in a string instruction, gather or
  // scatter: the engine does not translate it, and no compiler makes it.
  if ((instruction.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS)) != 0 &&
      instruction.address_width == 32) {
    for (int i = 0; i < instruction.operand_count; ++i) {
      const ZydisDecodedOperand& operand = decoded.operands[i];
      if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
          (operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB ||
           operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ||
           (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) == 0))
        return false;
    }
  }
  // AMD's processors cut rip to 16 bits then, Intel's do not.
  if (instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE &&
      (instruction.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE) != 0)
    return false;
  // mov and pop to segment registers.
  for (int i = 0; i < instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = decoded.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
        (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 &&
        ZydisRegisterGetClass(operand.reg.value) == ZYDIS_REGCLASS_SEGMENT)
      return false;
  }
  return true;
}

// The bytes of a form with given register fields; `rest` follows the ModRM byte.
struct Fields {
  uint8_t reg = 0, rm = 0, mod = 3;      // with their fourth bits
  uint8_t index_bit = 0, third = 0;      // X, and vvvv
  uint8_t high_reg = 0, high_third = 0;  // EVEX R' and V'
  uint8_t mask = 0;
  bool zeroing = false, broadcast = false;
  const uint8_t* extra = nullptr;  // other legacy prefixes
  size_t extra_size = 0;
  bool rex = false;  // also where it is not needed
};

size_t assemble(const Form& form, const Fields& f, uint8_t* out) {
  size_t n = 0;
  for (size_t i = 0; i < f.extra_size; ++i) out[n++] = f.extra[i];
  const auto not_bit = [](unsigned bit, int at) { return static_cast<uint8_t>((~bit & 1) << at); };
  const unsigned pp = form.prefix == 0x66 ? 1 : form.prefix == 0xf3 ? 2 : form.prefix == 0xf2 ? 3 : 0;
  const uint8_t w = form.wide ? 1 : 0;
  switch (form.encoding) {
    case Encoding::legacy: {
      if (form.prefix != 0) out[n++] = form.prefix;
      const auto rex =
          static_cast<uint8_t>(0x40 | w << 3 | (f.reg >> 3 & 1) << 2 | f.index_bit << 1 | (f.rm >> 3 & 1));
      if (rex != 0x40 || f.rex) out[n++] = rex;
      if (form.map >= 1) out[n++] = 0x0f;
      if (form.map == 2) out[n++] = 0x38;
      if (form.map == 3) out[n++] = 0x3a;
      break;
    }
    case Encoding::vex:
    case Encoding::xop:
      out[n++] = form.encoding == Encoding::vex ? 0xc4 : 0x8f;
      out[n++] = static_cast<uint8_t>(not_bit(f.reg >> 3, 7) | not_bit(f.index_bit, 6) |
                                      not_bit(f.rm >> 3, 5) | form.map);
      out[n++] =
          static_cast<uint8_t>(w << 7 | (~f.third & 15) << 3 | form.length << 2 | static_cast<uint8_t>(pp));
      break;
    case Encoding::evex:
      out[n++] = 0x62;
      out[n++] = static_cast<uint8_t>(not_bit(f.reg >> 3, 7) | not_bit(f.index_bit, 6) |
                                      not_bit(f.rm >> 3, 5) | not_bit(f.high_reg, 4) | form.map);
      out[n++] = static_cast<uint8_t>(w << 7 | (~f.third & 15) << 3 | 4 | static_cast<uint8_t>(pp));
      out[n++] = static_cast<uint8_t>((f.zeroing ? 0x80 : 0) | form.length << 5 | (f.broadcast ? 0x10 : 0) |
                                      not_bit(f.high_third, 3) | f.mask);
      break;
  }
  out[n++] = form.opcode;
  if (form.has_modrm) out[n++] = static_cast<uint8_t>(f.mod << 6 | (f.reg & 7) << 3 | (f.rm & 7));
  return n;
}

// What makes two encodings the same form.
using Key = std::vector<uint32_t>;
Key key_of(const Decoded& decoded) {
  const ZydisDecodedInstruction& i = decoded.instruction;
  Key key = {i.mnemonic,
             static_cast<uint32_t>(i.encoding),
             static_cast<uint32_t>(i.opcode_map),
             i.opcode,
             i.operand_width,
             i.avx.vector_length,
             static_cast<uint32_t>(i.avx.broadcast.mode)};
  for (int n = 0; n < i.operand_count; ++n) {
    const ZydisDecodedOperand& operand = decoded.operands[n];
    key.push_back(operand.type);
    key.push_back(operand.size);
    key.push_back(operand.encoding);
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) key.push_back(ZydisRegisterGetClass(operand.reg.value));
  }
  return key;
}

// Tries one point of the opcode space, and adds its form when it is new.
void probe(const Form& form, std::set<Key>& seen, std::vector<Form>& forms) {
  uint8_t bytes[32] = {};
  Fields fields;
  fields.reg = form.group >= 0 ? static_cast<uint8_t>(form.group) : 1;
  fields.rm = form.low >= 0 ? static_cast<uint8_t>(form.low) : form.memory ? 3 : 2;
  fields.mod = form.memory ? 0 : 3;
  fields.broadcast = form.broadcast;
  fields.third = 0;
  Decoded decoded;
  for (int attempt = 0; attempt < 4; ++attempt) {
    // Some want no third operand, some want a mask, some a SIB byte.
    Fields tried = fields;
    tried.third = attempt % 2 == 1 ? 5 : 0;
    tried.mask = form.encoding == Encoding::evex && attempt >= 2 ? 1 : 0;
    if (form.low < 0 && form.memory && attempt >= 2) tried.rm = 4;
    const size_t size = assemble(form, tried, bytes);
    bytes[size] = form.memory && attempt >= 2 ? 0x23 : 0;
    if (!decode(bytes, 15, decoded)) continue;
    if (!runnable(decoded)) return;
    if (form.has_modrm != ((decoded.instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0)) return;
    if (form.encoding == Encoding::legacy &&
        decoded.instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
      return;
    // Only what the encoder knows too.
    ZydisEncoderRequest request;
    if (!ZYAN_SUCCESS(ZydisEncoderDecodedInstructionToEncoderRequest(
            &decoded.instruction, decoded.operands, decoded.instruction.operand_count_visible, &request)))
      return;
    if (seen.insert(key_of(decoded)).second) forms.push_back(form);
    return;
  }
}

bool selects_by_group(const Form& form) {
  // Whether the reg field of the ModRM byte is part of the opcode: two of them differ in mnemonic, or one is
  // invalid.
  if (form.encoding == Encoding::evex && form.memory && (form.opcode == 0xc6 || form.opcode == 0xc7))
    return true;
  int mnemonics = -2;
  for (int group = 0; group < 8; ++group) {
    Form one = form;
    one.group = static_cast<int8_t>(group);
    uint8_t bytes[32] = {};
    Fields fields;
    fields.reg = static_cast<uint8_t>(group);
    fields.rm = 3;
    fields.mod = form.memory ? 0 : 3;
    assemble(one, fields, bytes);
    Decoded decoded;
    const int mnemonic = decode(bytes, 15, decoded) ? decoded.instruction.mnemonic : -1;
    if (mnemonics == -2) mnemonics = mnemonic;
    if (mnemonic != mnemonics) return true;
  }
  return false;
}

// Bytes that begin something else: prefixes, and escapes to other maps.
bool is_no_opcode(const Form& form) {
  if (form.encoding != Encoding::legacy) return false;
  const int opcode = form.opcode;
  if (form.map == 1) return opcode == 0x38 || opcode == 0x3a || opcode == 0x0f;
  if (form.map != 0) return false;
  return opcode == 0x0f || opcode == 0x26 || opcode == 0x2e || opcode == 0x36 || opcode == 0x3e ||
         (opcode & 0xf0) == 0x40 || opcode == 0x62 || (opcode >= 0x64 && opcode <= 0x67) || opcode == 0xc4 ||
         opcode == 0xc5 || opcode == 0xf0 || opcode == 0xf2 || opcode == 0xf3;
}

void probe_opcode(Form form, std::set<Key>& seen, std::vector<Form>& forms) {
  if (is_no_opcode(form)) return;
  form.has_modrm = false;
  if (form.encoding == Encoding::legacy || (form.map == 1 && form.opcode == 0x77)) probe(form, seen, forms);
  form.has_modrm = true;
  for (bool memory : {false, true}) {
    form.memory = memory;
    form.group = form.low = -1;
    if (!selects_by_group(form)) {
      probe(form, seen, forms);
      continue;
    }
    for (int group = 0; group < 8; ++group) {
      form.group = static_cast<int8_t>(group);
      form.low = -1;
      probe(form, seen, forms);
      if (memory || form.encoding != Encoding::legacy) continue;
      for (int low = 0; low < 8; ++low) {
        form.low = static_cast<int8_t>(low);
        probe(form, seen, forms);
      }
    }
  }
}

}  // namespace

std::vector<Form> find_forms() {
  std::vector<Form> forms;
  std::set<Key> seen;
  Form form;
  for (const int prefix : {0x00, 0x66, 0xf3, 0xf2}) {
    form.prefix = static_cast<uint8_t>(prefix);
    for (int opcode = 0; opcode < 256; ++opcode) {
      form.opcode = static_cast<uint8_t>(opcode);
      for (bool wide : {false, true}) {
        form.wide = wide;
        form.length = 0;
        form.broadcast = false;
        form.encoding = Encoding::legacy;
        for (uint8_t map = 0; map < 4; ++map) {
          form.map = map;
          probe_opcode(form, seen, forms);
        }
        for (uint8_t length = 0; length < 3; ++length) {
          form.length = length;
          if (length < 2) {
            form.encoding = Encoding::vex;
            for (uint8_t map = 1; map < 4; ++map) {
              form.map = map;
              probe_opcode(form, seen, forms);
            }
            form.encoding = Encoding::xop;
            for (uint8_t map = 8; map < 11; ++map) {
              form.map = map;
              probe_opcode(form, seen, forms);
            }
          }
          form.encoding = Encoding::evex;
          for (const int map : {1, 2, 3, 5, 6}) {
            form.map = static_cast<uint8_t>(map);
            for (bool broadcast : {false, true}) {
              form.broadcast = broadcast;
              probe_opcode(form, seen, forms);
            }
            form.broadcast = false;
          }
        }
      }
    }
  }
  return forms;
}

namespace {

// ModRM, SIB and displacement of a random memory operand.
void add_memory(const Form& form, Random& random, const Target& target, bool vector_index, Fields& fields,
                Sample& sample, uint8_t* tail, size_t& tail_size, bool& relative) {
  relative = false;
  const uint32_t kind = vector_index ? 3 : random.below(10);
  const auto put32 = [&](uint32_t value) {
    memcpy(tail + tail_size, &value, 4);
    tail_size += 4;
  };
  const auto near_middle = [&] { return target.window_size / 4 + random.below(target.window_size / 2); };
  if (form.low >= 0) return;
  if (kind == 0) {  // rip-relative; the displacement is set when the length is known
    fields.mod = 0;
    fields.rm = 5;
    relative = true;
    put32(0);
    return;
  }
  if (kind == 1) {  // absolute
    fields.mod = 0;
    fields.rm = 4;
    tail[tail_size++] = 0x25;
    put32(static_cast<uint32_t>(target.window + near_middle()));
    return;
  }
  const auto base = static_cast<uint8_t>(random.below(16));
  sample.base = static_cast<int8_t>(base);
  const uint32_t size = random.below(3);
  fields.mod = static_cast<uint8_t>(size);
  if (size == 0 && (base & 7) == 5) fields.mod = 1;
  if (kind >= 6 && (base & 7) != 4) {
    fields.rm = base;
  } else {
    const uint8_t index =
        vector_index ? static_cast<uint8_t>(random.below(16)) : static_cast<uint8_t>(random.below(16));
    fields.rm = static_cast<uint8_t>((base & 8) | 4);
    fields.index_bit = index >> 3;
    tail[tail_size++] = static_cast<uint8_t>(random.below(4) << 6 | (index & 7) << 3 | (base & 7));
    if (vector_index) {
      sample.vector_index = static_cast<int8_t>(index);
    } else if (index != 4) {
      sample.index = static_cast<int8_t>(index);
    }
  }
  if (fields.mod == 1) tail[tail_size++] = static_cast<uint8_t>(random.next());
  if (fields.mod == 2) put32(random.below(2048) - 1024);
}

bool has_vector_index(const Form& form) {
  // Gathers and scatters of all kinds: 0F38 90-93, A0-A3, and the prefetching ones.
  return (form.encoding == Encoding::vex || form.encoding == Encoding::evex) && form.map == 2 &&
         form.memory &&
         ((form.opcode >= 0x90 && form.opcode <= 0x93) || (form.opcode >= 0xa0 && form.opcode <= 0xa3) ||
          form.opcode == 0xc6 || form.opcode == 0xc7) &&
         form.prefix == 0x66;
}

}  // namespace

bool make_sample(const Form& form, Random& random, const Target& target, Sample& sample) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    sample = {};
    Fields fields;
    uint8_t extra[4];
    fields.extra = extra;
    fields.reg = form.group >= 0 ? static_cast<uint8_t>(form.group) : static_cast<uint8_t>(random.below(16));
    if (form.group >= 0 && random.one_in(4)) fields.reg |= 8;
    fields.rm = form.low >= 0 ? static_cast<uint8_t>(form.low) : static_cast<uint8_t>(random.below(16));
    fields.third = attempt % 4 == 3 ? 0 : static_cast<uint8_t>(random.below(16));
    if (attempt > 10) fields.third = attempt % 2 != 0 ? 0 : fields.third & 7;
    fields.broadcast = form.broadcast;
    fields.rex = random.one_in(8);
    if (form.encoding == Encoding::evex) {
      fields.high_reg = static_cast<uint8_t>(random.below(2));
      fields.high_third = fields.third == 0 ? 0 : static_cast<uint8_t>(random.below(2));
      fields.index_bit = form.memory ? 0 : static_cast<uint8_t>(random.below(2));
      fields.mask = static_cast<uint8_t>(random.below(8));
      fields.zeroing = random.one_in(4);
      if (attempt > 10 && attempt % 3 == 0) fields.zeroing = false;
      if (attempt > 20 && attempt % 2 == 0) fields.mask = 0;
    }
    if (form.encoding != Encoding::vex || random.one_in(2)) {
      if (random.one_in(16)) extra[fields.extra_size++] = random.one_in(2) ? 0x64 : 0x65;
      if (random.one_in(24)) extra[fields.extra_size++] = 0x67;
    }
    if (form.encoding == Encoding::legacy && attempt < 8) {
      if (random.one_in(20)) extra[fields.extra_size++] = 0xf0;
      if (form.prefix == 0 && random.one_in(20)) extra[fields.extra_size++] = random.one_in(2) ? 0xf2 : 0xf3;
      if (form.prefix != 0x66 && random.one_in(20)) extra[fields.extra_size++] = 0x66;
    }
    uint8_t tail[8];
    size_t tail_size = 0;
    bool relative = false;
    if (form.has_modrm && form.memory)
      add_memory(form, random, target, has_vector_index(form), fields, sample, tail, tail_size, relative);
    uint8_t bytes[40] = {};
    size_t size = assemble(form, fields, bytes);
    const size_t displacement_at = size;
    memcpy(bytes + size, tail, tail_size);
    size += tail_size;
    // Immediates of any kind.
    for (size_t i = size; i < sizeof bytes; ++i)
      bytes[i] =
          random.one_in(3) ? static_cast<uint8_t>(random.below(8)) : static_cast<uint8_t>(random.next());
    Decoded decoded;
    if (!decode(bytes, 15, decoded) || !runnable(decoded)) continue;
    const ZydisDecodedInstruction& instruction = decoded.instruction;
    size = instruction.length;
    if (relative) {
      const auto displacement = static_cast<uint32_t>(target.window + target.window_size / 2 +
                                                      random.below(1024) - (target.code + size));
      memcpy(bytes + displacement_at, &displacement, 4);
    }
    // Direct jumps go to the instruction behind; moves to and from absolute addresses into the window.
    if (instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE && instruction.raw.imm[0].is_relative)
      memset(bytes + instruction.raw.imm[0].offset, 0, instruction.raw.imm[0].size / 8);
    if (form.encoding == Encoding::legacy && form.map == 0 && form.opcode >= 0xa0 && form.opcode <= 0xa3) {
      const uint64_t address = target.window + target.window_size / 2 + random.below(1024);
      memcpy(bytes + instruction.raw.disp.offset, &address, instruction.raw.disp.size / 8);
    }
    memcpy(sample.bytes, bytes, size);
    sample.size = static_cast<uint8_t>(size);
    sample.branch = instruction.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE;
    sample.repeated = (instruction.attributes &
                       (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
    sample.string = instruction.meta.category == ZYDIS_CATEGORY_STRINGOP ||
                    instruction.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
    return true;
  }
  return false;
}

std::string disassemble(const Sample& sample, uint64_t address) {
  static ZydisFormatter formatter;
  static const bool ready = ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL));
  Decoded decoded;
  char text[256] = "?";
  if (ready && decode(sample.bytes, sample.size, decoded))
    ZydisFormatterFormatInstruction(&formatter, &decoded.instruction, decoded.operands,
                                    decoded.instruction.operand_count_visible, text, sizeof text, address,
                                    nullptr);
  return text;
}

uint16_t mnemonic_of(const Sample& sample) {
  Decoded decoded;
  return decode(sample.bytes, sample.size, decoded) ? static_cast<uint16_t>(decoded.instruction.mnemonic) : 0;
}

const char* name_of_mnemonic(uint16_t mnemonic) {
  return ZydisMnemonicGetString(static_cast<ZydisMnemonic>(mnemonic));
}

std::vector<std::pair<std::string, std::string>> excluded() {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [mnemonic, reason] : exclusions())
    result.emplace_back(ZydisMnemonicGetString(mnemonic), reason);
  return result;
}

std::vector<std::string> mnemonics_without_form(const std::vector<Form>& forms) {
  std::set<uint16_t> seen;
  Target target{0x30000000, 0x10000000, 65536};
  for (const Form& form : forms) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      Random random(seed);
      Sample sample;
      if (make_sample(form, random, target, sample)) seen.insert(mnemonic_of(sample));
    }
  }
  std::vector<std::string> missing;
  for (int mnemonic = 1; mnemonic <= ZYDIS_MNEMONIC_MAX_VALUE; ++mnemonic) {
    if (seen.count(static_cast<uint16_t>(mnemonic)) == 0 &&
        exclusions().count(static_cast<ZydisMnemonic>(mnemonic)) == 0)
      missing.emplace_back(ZydisMnemonicGetString(static_cast<ZydisMnemonic>(mnemonic)));
  }
  return missing;
}

}  // namespace test
