#include "engine/decode/instruction.h"

#include <deque>

#include "engine/decode/full_instruction.h"

namespace isotach::dbi {
namespace {

constexpr uint16_t kStack = 1u << 4;

bool pushes(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFD:
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_CALL:
    case ZYDIS_MNEMONIC_ENTER:
      return true;
    default:
      return false;
  }
}

// Whether an operand that Zydis calls memory is accessed at all, in the sense of instruction.h.
bool is_access(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) return false;
  if (operand.mem.type != ZYDIS_MEMOP_TYPE_MEM && operand.mem.type != ZYDIS_MEMOP_TYPE_VSIB) return false;
  if (instruction.mnemonic == ZYDIS_MNEMONIC_NOP) return false;
  return (operand.actions & (ZYDIS_OPERAND_ACTION_MASK_READ | ZYDIS_OPERAND_ACTION_MASK_WRITE)) != 0;
}

MemoryOperand memory_operand(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand& operand,
                             uint8_t place) {
  MemoryOperand memory;
  const auto& mem = operand.mem;
  memory.operand = place;
  memory.displacement = mem.disp.has_displacement ? mem.disp.value : 0;
  memory.size = operand.size / 8;
  memory.base = general_register_number(mem.base);
  memory.scale = mem.scale ? mem.scale : 1;
  if (mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
    memory.index_is_vector = true;
    memory.index = vector_register_number(mem.index);
  } else {
    memory.index = general_register_number(mem.index);
    memory.index_is_al = instruction.mnemonic == ZYDIS_MNEMONIC_XLAT;
  }
  if (mem.segment == ZYDIS_REGISTER_FS) memory.segment = Segment::fs;
  if (mem.segment == ZYDIS_REGISTER_GS) memory.segment = Segment::gs;
  memory.read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  memory.written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  memory.conditional =
      (operand.actions & (ZYDIS_OPERAND_ACTION_CONDREAD | ZYDIS_OPERAND_ACTION_CONDWRITE)) != 0;
  memory.is_implicit = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  memory.address32 = instruction.address_width == 32 && !memory.is_implicit;
  if (memory.is_implicit && instruction.address_width == 32 &&
      instruction.meta.category == ZYDIS_CATEGORY_STRINGOP) {
    memory.address32 = true;
  }
  // The stack moves down before a push writes, and up before the destination of pop is computed.
  const bool on_stack = memory.base == 4 && memory.index == kNoRegister;
  if (memory.is_implicit && on_stack && pushes(instruction.mnemonic)) {
    memory.displacement = -static_cast<int64_t>(memory.size);
  }
  if (!memory.is_implicit && memory.base == 4 && instruction.mnemonic == ZYDIS_MNEMONIC_POP) {
    memory.displacement += memory.size;
  }
  return memory;
}

void add_register(FullInstruction& out, ZydisRegister reg, bool read, bool written, bool certainly) {
  const int8_t vector = vector_register_number(reg);
  if (vector >= 0) {
    if (read) out.vector_read |= 1u << vector;
    if (written) out.vector_written |= 1u << vector;
    return;
  }
  const int8_t number = general_register_number(reg);
  if (number < 0 || number == kInstructionPointer) return;
  const uint32_t bit = 1u << number;
  const auto width = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg);
  out.gpr_touched |= bit;
  // A write of 8 or 16 bits keeps the others, so the value before matters.
  if (read || (written && (!certainly || width < 32))) out.gpr_read |= bit;
  if (written && certainly && width >= 32) out.gpr_written |= bit;
}

void find_registers(FullInstruction& out) {
  for (unsigned i = 0; i < out.instruction.operand_count; ++i) {
    const auto& operand = out.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const auto actions = operand.actions;
      add_register(out, operand.reg.value, (actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0,
                   (actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0,
                   (actions & ZYDIS_OPERAND_ACTION_WRITE) != 0);
    } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      add_register(out, operand.mem.base, true, false, false);
      add_register(out, operand.mem.index, true, false, false);
    }
  }
  // The count of a repeated string instruction may be 0.
  constexpr auto kRepeats = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
  if (out.instruction.attributes & kRepeats) {
    out.gpr_read |= out.gpr_touched | 2;
    out.gpr_written = 0;
    out.gpr_touched |= 2;
  }
}

}  // namespace

int8_t general_register_number(ZydisRegister reg) {
  switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_GPR64:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_RAX);
    case ZYDIS_REGCLASS_GPR32:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_EAX);
    case ZYDIS_REGCLASS_GPR16:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_AX);
    case ZYDIS_REGCLASS_GPR8: {
      const int order = reg - ZYDIS_REGISTER_AL;  // al cl dl bl, ah ch dh bh, spl bpl sil dil, r8b...
      if (order < 4) return static_cast<int8_t>(order);
      return static_cast<int8_t>(order - 4);
    }
    case ZYDIS_REGCLASS_IP:
      return kInstructionPointer;
    default:
      return kNoRegister;
  }
}

int8_t vector_register_number(ZydisRegister reg) {
  switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_XMM:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_XMM0);
    case ZYDIS_REGCLASS_YMM:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_YMM0);
    case ZYDIS_REGCLASS_ZMM:
      return static_cast<int8_t>(reg - ZYDIS_REGISTER_ZMM0);
    default:
      return kNoRegister;
  }
}

const ZydisDecoder& zydis_decoder() {
  static const ZydisDecoder decoder = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecoderEnableMode(&made, ZYDIS_DECODER_MODE_KNC, ZYAN_FALSE);
    return made;
  }();
  return decoder;
}

namespace {

bool accesses_elements(const ZydisDecodedInstruction& instruction) {
  if (instruction.opcode_map != ZYDIS_OPCODE_MAP_0F38) return false;
  if (instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX &&
      instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_EVEX)
    return false;
  return (instruction.opcode >= 0x90 && instruction.opcode <= 0x93) ||
         (instruction.opcode >= 0xa0 && instruction.opcode <= 0xa3);
}

// Makes of the one memory operand one for each element.
void split_into_elements(FullInstruction& out) {
  const ZydisDecodedInstruction& instruction = out.instruction;
  const bool is_vex = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
  MemoryOperand& first = out.memory[0];
  first.size = (is_vex ? instruction.raw.vex.W : instruction.raw.evex.W) != 0 ? 8 : 4;
  first.index_bytes = (instruction.opcode & 1) != 0 ? 8 : 4;
  first.conditional = true;
  first.mask_is_vector = is_vex;
  first.mask = is_vex ? static_cast<uint8_t>(~instruction.raw.vex.vvvv & 15)
                      : static_cast<uint8_t>(instruction.raw.evex.aaa);
  const unsigned widest = first.size > first.index_bytes ? first.size : first.index_bytes;
  out.memory_count = static_cast<uint8_t>(instruction.avx.vector_length / 8 / widest);
  for (uint8_t i = 1; i < out.memory_count; ++i) {
    out.memory[i] = first;
    out.memory[i].element = i;
  }
}

// What find_registers() and others add to; memory operands are written whole.
void clear(DecodedInstruction& out, uint64_t address) {
  out.address = address;
  out.memory_count = 0;
  out.address_only = kMaxMemoryOperands;
  out.length = 0;
  out.is_valid = false;
  out.gpr_read = out.gpr_written = out.gpr_touched = 0;
  out.vector_read = out.vector_written = 0;
}

}  // namespace

void decode_fully(const uint8_t* bytes, size_t size, uint64_t address, FullInstruction& out) {
  clear(out, address);
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&zydis_decoder(), bytes, size, &out.instruction, out.operands))) {
    out.instruction = {};
    out.length = scan_instruction(bytes, size, address).length;
    out.gpr_read = out.gpr_touched = 0xffff;
    out.vector_read = 0xffffffff;
    return;
  }
  out.is_valid = true;
  out.length = out.instruction.length;
  for (uint8_t i = 0; i < out.instruction.operand_count && out.memory_count < kMaxMemoryOperands; ++i) {
    if (!is_access(out.instruction, out.operands[i])) continue;
    out.memory[out.memory_count++] = memory_operand(out.instruction, out.operands[i], i);
  }
  for (uint8_t i = 0; i < out.instruction.operand_count_visible && out.memory_count < kMaxMemoryOperands;
       ++i) {
    if (out.operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY || is_access(out.instruction, out.operands[i]))
      continue;
    out.address_only = out.memory_count;
    out.memory[out.address_only] = memory_operand(out.instruction, out.operands[i], i);
    break;
  }
  if (out.memory_count == 1 && out.memory[0].index_is_vector) {
    if (accesses_elements(out.instruction)) {
      split_into_elements(out);
    } else {
      out.memory_count = 0;  // a prefetch, which only Xeon Phi had
    }
  }
  find_registers(out);
}

struct DecodedPool::Contents {
  std::deque<FullInstruction> all;  // addresses stay valid
  size_t used = 0;
};

DecodedPool::DecodedPool() : contents_(std::make_unique<Contents>()) {}
DecodedPool::~DecodedPool() = default;

DecodedInstruction& DecodedPool::decode(const uint8_t* bytes, size_t size, uint64_t address) {
  if (contents_->used == contents_->all.size()) contents_->all.emplace_back();
  FullInstruction& next = contents_->all[contents_->used++];
  decode_fully(bytes, size, address, next);
  return next;
}

void DecodedPool::clear() {
  // One enormous routine must not hold its memory for ever.
  if (contents_->all.size() > 4096) contents_->all.clear();
  contents_->used = 0;
}

std::string disassemble(const uint8_t* bytes, size_t size, uint64_t address) {
  FullInstruction decoded;
  decode_fully(bytes, size, address, decoded);
  return disassemble(decoded, false);
}

namespace {

// The registers of the ModRM byte and what it addresses.
struct Modrm {
  unsigned mod, reg, rm;
  uint16_t address = 0;  // registers that the memory operand is made of

  Modrm(const Scan& scan, const uint8_t* bytes) {
    const uint8_t modrm = bytes[scan.modrm_offset];
    mod = modrm >> 6;
    reg = (modrm >> 3 & 7u) | (scan.rex & 4u) << 1;
    rm = modrm & 7u;
    if (mod != 3 && rm == 4) {
      const uint8_t sib = bytes[scan.modrm_offset + 1];
      const unsigned index = (sib >> 3 & 7u) | (scan.rex & 2u) << 2;
      if (index != 4) address |= static_cast<uint16_t>(1u << index);
      if (mod != 0 || (sib & 7) != 5)
        address |= static_cast<uint16_t>(1u << ((sib & 7u) | (scan.rex & 1u) << 3));
    } else {
      rm |= (scan.rex & 1u) << 3;
      if (mod != 3 && !scan.rip_relative) address |= static_cast<uint16_t>(1u << rm);
    }
  }
};

// How an operand that may be a general register is used.
enum Use : uint8_t { kUnused, kRead, kWrite, kReadWrite };

// Collects uses; `wide` says that a write of it replaces the register.
struct Collector {
  RegisterUse use;

  void add(uint16_t mask, Use how, bool wide) {
    use.touched |= how == kUnused ? uint16_t{0} : mask;
    if ((how & kRead) || ((how & kWrite) && !wide)) use.read |= mask;
    if ((how & kWrite) && wide) use.written |= mask;
  }
};

struct Shape {
  bool known = false;
  bool byte_reg = false, byte_rm = false;
  Use reg = kUnused, rm = kUnused;
  uint16_t read = 0, written = 0;  // fixed registers, in whole
  uint16_t changed = 0;            // fixed registers of which a part is written
};

constexpr Shape operands(Use rm, Use reg, bool byte = false) {
  Shape shape;
  shape.known = true;
  shape.rm = rm;
  shape.reg = reg;
  shape.byte_reg = shape.byte_rm = byte;
  return shape;
}
constexpr Shape fixed(uint16_t read, uint16_t written) {
  Shape shape;
  shape.known = true;
  shape.read = read;
  shape.written = written;
  return shape;
}

constexpr uint16_t kRax = 1, kRcx = 2, kRdx = 4, kRbp = 0x20;

// By opcode where the ModRM byte's reg field names an operand, or there is no ModRM byte.
constexpr auto kOneByteShapes = [] {
  struct Table {
    Shape of[256];
  } table{};
  auto& of = table.of;
  for (unsigned operation = 0; operation < 8; ++operation) {
    const Use destination = operation == 7 ? kRead : kReadWrite;
    of[operation * 8 + 0] = operands(destination, kRead, true);
    of[operation * 8 + 1] = operands(destination, kRead);
    of[operation * 8 + 2] = operands(kRead, destination, true);
    of[operation * 8 + 3] = operands(kRead, destination);
  }
  of[0x63] = operands(kRead, kWrite);
  of[0x68] = of[0x6a] = fixed(kStack, kStack);
  of[0x69] = of[0x6b] = operands(kRead, kWrite);
  for (unsigned i = 0; i < 16; ++i) of[0x70 + i] = fixed(0, 0);
  of[0x84] = operands(kRead, kRead, true);
  of[0x85] = operands(kRead, kRead);
  of[0x86] = operands(kReadWrite, kReadWrite, true);
  of[0x87] = operands(kReadWrite, kReadWrite);
  of[0x88] = operands(kWrite, kRead, true);
  of[0x89] = operands(kWrite, kRead);
  of[0x8a] = operands(kRead, kWrite, true);
  of[0x8b] = operands(kRead, kWrite);
  of[0x8d] = operands(kUnused, kWrite);
  of[0xa8] = of[0xa9] = fixed(kRax, 0);
  of[0xc3] = fixed(kStack, kStack);
  of[0xc9] = fixed(kStack | kRbp, kStack | kRbp);
  of[0xcc] = fixed(0, 0);
  of[0xe8] = fixed(kStack, kStack);
  of[0xe9] = of[0xeb] = fixed(0, 0);
  return table;
}();

constexpr auto kTwoByteShapes = [] {
  struct Table {
    Shape of[256];
  } table{};
  auto& of = table.of;
  // SSE with vector registers and memory only.
  for (unsigned i :
       {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x28, 0x29, 0x2b, 0x2e, 0x2f, 0x51, 0x52, 0x53,
        0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63,
        0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74,
        0x75, 0x76, 0x7f, 0xc2, 0xc6, 0xd6, 0xeb, 0xef, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xd4, 0xdb, 0xdf}) {
    of[i] = operands(kUnused, kUnused);
  }
  of[0x1e] = of[0x1f] = operands(kUnused, kUnused);
  for (unsigned i = 0; i < 16; ++i) {
    of[0x40 + i] = operands(kRead, kReadWrite);
    of[0x80 + i] = fixed(0, 0);
    of[0x90 + i] = operands(kWrite, kUnused, true);
  }
  of[0xa3] = operands(kRead, kRead);
  of[0xaf] = operands(kRead, kReadWrite);
  of[0xb6] = of[0xbe] = operands(kRead, kWrite);
  of[0xb6].byte_rm = of[0xbe].byte_rm = true;
  of[0xb7] = of[0xbf] = operands(kRead, kWrite);
  return table;
}();

// Groups, and registers within the opcode.
Shape other_shape(const Scan& scan, uint8_t modrm) {
  const uint8_t opcode = scan.opcode;
  const unsigned operation = modrm >> 3 & 7;
  const uint16_t in_opcode = static_cast<uint16_t>(1u << ((opcode & 7u) | (scan.rex & 1u) << 3));
  const bool byte = !(opcode & 1);
  if (scan.map != 0) return {};
  if (opcode >= 0x50 && opcode < 0x58) return fixed(in_opcode | kStack, kStack);
  if (opcode >= 0x58 && opcode < 0x60) return fixed(kStack, kStack | in_opcode);
  if (opcode >= 0xb8 && opcode < 0xc0) return fixed(0, in_opcode);
  if (opcode < 0x40 && (opcode & 7) >= 4 && (opcode & 7) < 6) {  // al or eax with an immediate
    Shape shape = fixed(kRax, opcode >= 0x38 || byte ? 0 : kRax);
    if (byte && opcode < 0x38) shape.changed = kRax;
    return shape;
  }
  switch (opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
      return operands(operation == 7 ? kRead : kReadWrite, kUnused, opcode == 0x80);
    case 0x90:
      return scan.rex & 1 ? Shape{} : fixed(0, 0);
    case 0x98:
      return fixed(kRax, kRax);
    case 0x99:
      return fixed(kRax, kRdx);
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
      return operands(kReadWrite, kUnused, byte);
    case 0xd2:
    case 0xd3: {
      Shape shape = operands(kReadWrite, kUnused, byte);
      shape.read = kRcx;
      return shape;
    }
    case 0xc6:
    case 0xc7:
      return operation == 0 ? operands(kWrite, kUnused, byte) : Shape{};
    case 0xf6:
    case 0xf7: {
      if (operation < 2) return operands(kRead, kUnused, byte);
      if (operation < 4) return operands(kReadWrite, kUnused, byte);
      if (byte) return {};
      Shape shape = operands(kRead, kUnused);
      shape.read = operation < 6 ? kRax : kRax | kRdx;
      shape.written = kRax | kRdx;
      return shape;
    }
    case 0xfe:
      return operands(kReadWrite, kUnused, true);
    case 0xff: {
      if (operation < 2) return operands(kReadWrite, kUnused);
      Shape shape = operands(kRead, kUnused);
      if (operation == 2 || operation == 6) shape.read = shape.written = kStack;
      return shape;
    }
    default:
      return {};
  }
}

RegisterUse use_by_zydis(const Scan& scan, const uint8_t* bytes) {
  FullInstruction decoded;
  decode_fully(bytes, scan.length, 0, decoded);
  // Where the processor forbids sldt, str and smsw (UMIP), the kernel does them, and leaves the upper half
  // alone.
  const int operation = scan.modrm_offset ? bytes[scan.modrm_offset] >> 3 & 7 : 0;
  const bool may_be_emulated = scan.map == 1 && !scan.vector_prefix &&
                               ((scan.opcode == 0 && operation <= 1) || (scan.opcode == 1 && operation == 4));
  if (may_be_emulated) decoded.gpr_written = 0;
  return {static_cast<uint16_t>(decoded.gpr_read), static_cast<uint16_t>(decoded.gpr_written),
          static_cast<uint16_t>(decoded.gpr_touched)};
}

}  // namespace

RegisterUse general_register_use(const Scan& scan, const uint8_t* bytes) {
  const uint8_t modrm = scan.modrm_offset ? bytes[scan.modrm_offset] : 0;
  Shape shape;
  if (scan.map == 0 && !scan.vector_prefix) {
    shape = kOneByteShapes.of[scan.opcode];
    if (!shape.known) shape = other_shape(scan, modrm);
  } else if (scan.map == 1 && !scan.vector_prefix) {
    shape = kTwoByteShapes.of[scan.opcode];
  }
  // 66, F2, F3 and LOCK change more than they are worth telling apart for general registers.
  const bool has_legacy_prefix = scan.prefix_length > (scan.rex ? 1 : 0);
  if (!shape.known || (has_legacy_prefix && scan.map == 0) || scan.flow == Flow::invalid ||
      scan.flow == Flow::emulate || scan.flow == Flow::system_call) {
    return use_by_zydis(scan, bytes);
  }
  const bool is_sixteen = has_legacy_prefix && shape.reg != kUnused;
  if (is_sixteen) return use_by_zydis(scan, bytes);
  Collector all;
  all.add(shape.read, kRead, true);
  all.add(shape.written, kWrite, true);
  all.add(shape.changed, kWrite, false);
  if (scan.modrm_offset) {
    const Modrm parts(scan, bytes);
    const auto name = [&scan](unsigned number, bool is_byte) {
      if (is_byte && !scan.rex && number >= 4) number -= 4;  // ah, ch, dh, bh
      return static_cast<uint16_t>(1u << number);
    };
    all.add(parts.address, kRead, true);
    const bool same = parts.mod == 3 && parts.reg == parts.rm;
    const bool clears = same && scan.map == 0 && scan.opcode >= 0x30 && scan.opcode < 0x34 && !shape.byte_rm;
    if (clears) {  // xor eax, eax
      all.add(name(parts.reg, false), kWrite, true);
    } else {
      if (parts.mod == 3) all.add(name(parts.rm, shape.byte_rm), shape.rm, !shape.byte_rm);
      all.add(name(parts.reg, shape.byte_reg), shape.reg, !shape.byte_reg);
    }
  }
  return all.use;
}

}  // namespace isotach::dbi
