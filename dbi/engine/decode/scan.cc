#include "engine/decode/scan.h"

#include <cstring>

#include "engine/decode/scan_tables.h"

namespace isotach::dbi {
namespace {

using namespace scan_tables;

constexpr unsigned kLongest = 15;
// The scan reads ahead of what it has checked, never further than this.
constexpr size_t kReadAhead = kScanBytes;

// The state of one scan, beside what it hands back.
struct Cursor {
  const uint8_t* bytes;
  unsigned at = 0;    // of the next byte
  uint8_t state = 0;  // kState...: F2 or F3, whichever is last, and 66
  bool lock = false;
  Segment override_segment = Segment::none;
  uint8_t modrm = 0;
  bool memory = false;  // has a memory operand to which a segment prefix applies
};

inline uint64_t sign_extended(const uint8_t* bytes, unsigned size) {
  int32_t value;
  std::memcpy(&value, bytes, sizeof value);
  const int32_t narrow = static_cast<int8_t>(*bytes);
  return static_cast<uint64_t>(static_cast<int64_t>(size == 1 ? narrow : value));
}

// The ModRM byte and what belongs to it, if there is one.
inline void take_modrm(unsigned present, Cursor& cursor, Scan& scan) {
  unsigned at = cursor.at;
  const uint8_t modrm = cursor.bytes[at];
  const uint8_t sib = cursor.bytes[at + 1];
  const unsigned shape = kModrm[modrm] & (0 - present);
  unsigned displacement = shape & 15u;
  displacement |= (shape >> 7 & ((sib & 7) == 5)) << 2;
  scan.modrm_offset = static_cast<uint8_t>(present ? at : 0);
  at += present + (shape >> 4 & 1);
  cursor.modrm = modrm;
  cursor.memory = (shape & kMemory) != 0;
  scan.rip_relative = (shape & kRipRelative) != 0;
  scan.displacement_offset = static_cast<uint8_t>(displacement ? at : 0);
  scan.displacement_size = static_cast<uint8_t>(displacement);
  cursor.at = at + displacement;
}

inline void take_immediate(Cursor& cursor, Scan& scan, unsigned size) {
  scan.immediate_offset = static_cast<uint8_t>(size ? cursor.at : 0);
  scan.immediate_size = static_cast<uint8_t>(size);
  cursor.at += size;
}

inline void be_invalid(Scan& scan) {
  scan.flow = Flow::invalid;
  scan.flags_read = kEverything;
  scan.flags_written = 0;
}

inline void leave(Scan& scan, Flow flow) {
  scan.flow = flow;
  scan.flags_read = kEverything;
  scan.flags_written = 0;
}

inline bool shifts(const Cursor& cursor, const Scan& scan) {
  const uint8_t count = cursor.bytes[scan.immediate_offset];
  return (count & (scan.rex & 8 ? 63 : 31)) != 0;
}

void scan_x87(Cursor& cursor, Scan& scan) {
  const uint8_t modrm = cursor.modrm;
  if (modrm < 0xc0) return;
  if (scan.opcode == 0xda || scan.opcode == 0xdb) {
    static constexpr uint16_t kMoves[4] = {kCarry, kZero, kCarry | kZero, kParity};
    if (modrm < 0xe0) scan.flags_read = kMoves[modrm >> 3 & 3];
  }
  // fucomi, fcomi and those that pop. Processors differ in whether the other three flags are cleared.
  if ((scan.opcode == 0xdb || scan.opcode == 0xdf) && modrm >= 0xe8 && modrm < 0xf8) {
    scan.flags_written = kCarry | kZero | kParity;
  }
}

void scan_group7(Cursor& cursor, Scan& scan) {
  const uint8_t modrm = cursor.modrm;
  if (modrm < 0xc0) {
    // lgdt, lidt, lmsw, invlpg; the others store.
    const unsigned operation = modrm >> 3 & 7;
    if (operation == 2 || operation == 3 || operation == 6 || operation == 7) leave(scan, Flow::trap);
    return;
  }
  switch (modrm) {
    case 0xfa:  // monitorx, clzero: DS:rax
    case 0xfc:
      cursor.memory = true;
      break;
    case 0xd0:  // xgetbv
    case 0xee:  // rdpkru
    case 0xef:  // wrpkru
    case 0xf9:  // rdtscp
      scan.flags_read = 0;
      break;
    case 0xd6:  // xtest
      scan.flags_read = 0;
      scan.flags_written = kAll;
      break;
    case 0xc0:  // enclv, vmfunc, xend, enclu, saveprevssp, user interrupts, mwaitx, rdpru
    case 0xd4:
    case 0xd5:
    case 0xd7:
    case 0xea:
    case 0xec:
    case 0xed:
    case 0xfb:
    case 0xfd:
      break;
    default:
      leave(scan, Flow::trap);
  }
}

void scan_group15(Cursor& cursor, Scan& scan) {
  const unsigned operation = cursor.modrm >> 3 & 7;
  if (cursor.modrm < 0xc0) {
    // fxsave, fxrstor, xsave, xrstor, xsaveopt; without them mxcsr and clflush.
    scan.uses_x87 = operation == 0 || operation == 1 || operation == 5 ||
                    ((operation == 4 || operation == 6) && cursor.state == 0);
    if (operation == 6 && cursor.state & kStateRepeat) leave(scan, Flow::trap);  // clrssbsy
    return;
  }
  if ((cursor.state & kStateRepeat) && operation < 4) {
    leave(scan, Flow::emulate);  // rdfsbase, rdgsbase, wrfsbase, wrgsbase
    return;
  }
  if (operation == 6 && cursor.state) {
    scan.flags_read = kEverything;  // umonitor, umwait, tpause
  }
}

void scan_group9(Cursor& cursor, Scan& scan) {
  const unsigned operation = cursor.modrm >> 3 & 7;
  if (cursor.modrm >= 0xc0) {
    if (operation == 6 && cursor.state < kStateRepeat) {
      scan.flags_written = kAll;  // rdrand
    } else if (operation == 7 && cursor.state < kStateRepeat) {
      scan.flags_written = kAll;  // rdseed
    } else if (operation == 7 && (cursor.state & kStateRepeat)) {
      return;  // rdpid
    } else {
      scan.flags_read = kEverything;
    }
    return;
  }
  if (operation == 1) {
    scan.flags_written = kZero;  // cmpxchg8b, cmpxchg16b
  } else if (operation == 4) {
    scan.uses_x87 = true;  // xsavec
  } else {
    leave(scan, operation >= 3 ? Flow::trap : Flow::next);  // xrstors, xsaves, VMX
    scan.uses_x87 = operation == 3 || operation == 5;
  }
}

// Everything that the tables leave open. The ModRM byte and the immediate are taken already.
void scan_special(Special kind, Cursor& cursor, Scan& scan) {
  const uint8_t operation = cursor.modrm >> 3 & 7;
  switch (kind) {
    case Special::none:
      break;
    case Special::group1a:
      if (operation) be_invalid(scan);
      break;
    case Special::shift_count:
      if (!shifts(cursor, scan)) scan.flags_written = 0;
      break;
    case Special::group5:
      if (cursor.modrm >= 0xc0) be_invalid(scan);
      break;
    case Special::group11:
      if (cursor.modrm == 0xf8) {
        leave(scan, scan.opcode == 0xc7 ? Flow::emulate : Flow::next);  // xbegin, xabort
      } else {
        be_invalid(scan);
      }
      break;
    case Special::test:
      break;  // only that its immediate is not in the entry of the opcode
    case Special::string_source:
      cursor.memory = true;
      scan.is_rep_string = cursor.state >= kStateRepeat;
      break;
    case Special::string:
      scan.is_rep_string = cursor.state >= kStateRepeat;
      break;
    case Special::compare_source:
      cursor.memory = true;
      [[fallthrough]];
    case Special::compare:
      scan.is_rep_string = cursor.state >= kStateRepeat;
      if (scan.is_rep_string) {  // rcx may be 0
        scan.flags_read |= kZero;
        scan.flags_written = 0;
      }
      break;
    case Special::moffs:
      cursor.memory = true;
      scan.displacement_offset = static_cast<uint8_t>(cursor.at);
      scan.displacement_size = scan.address32 ? 4 : 8;
      cursor.at += scan.displacement_size;
      break;
    case Special::xlat:
      cursor.memory = true;
      break;
    case Special::x87:
      scan_x87(cursor, scan);
      break;
    case Special::ret16:
      std::memcpy(&scan.immediate16, cursor.bytes + scan.immediate_offset, sizeof scan.immediate16);
      break;
    case Special::interrupt:
      if (cursor.bytes[scan.immediate_offset] == 0x80) scan.flow = Flow::emulate;
      break;
    case Special::mask_move:
      cursor.memory = true;
      if (cursor.modrm < 0xc0) be_invalid(scan);
      break;
    case Special::double_shift:
      // With 16 bits and a count above 16 everything is undefined.
      if (!(cursor.state & kStateOperand16) && shifts(cursor, scan)) scan.flags_written = kAll;
      break;
    case Special::group7:
      scan_group7(cursor, scan);
      break;
    case Special::group9:
      scan_group9(cursor, scan);
      break;
    case Special::group15:
      scan_group15(cursor, scan);
      break;
    case Special::group17:
    case Special::virtual_machine:
      if (cursor.state == 0) {
        leave(scan, Flow::trap);  // vmread, vmwrite
      } else {
        scan.flags_read = 0;
        if (kind == Special::group17) take_immediate(cursor, scan, 2);
      }
      break;
    case Special::popcnt:
      scan.flags_written = kAll;
      if (!(cursor.state & kStateRepeat)) be_invalid(scan);
      break;
    case Special::bit_scan:
      scan.flags_written = cursor.state & kStateRepeat ? kCarry | kZero : kZero;
      break;
    case Special::bound:
      if (cursor.state & ~kStateOperand16) cursor.memory = false;
      break;
    case Special::reset:
      if (cursor.state & kStateRepeat) leave(scan, Flow::trap);
      break;
    case Special::encrypt:
      if (cursor.state & kStateRepeat && cursor.modrm >= 0xc0) leave(scan, Flow::trap);
      break;
    case Special::user_shadow_stack:
      if (cursor.state == kStateOperand16) leave(scan, Flow::trap);
      break;
    case Special::add_with_one_flag:
      if (cursor.state & kStateRepeat) {
        scan.flags_read = scan.flags_written = kOverflow;  // adox
      } else if (cursor.state & kStateOperand16) {
        scan.flags_read = scan.flags_written = kCarry;  // adcx
      }
      break;
    case Special::register_only:  // taken before
    case Special::vex2:
    case Special::vex3:
    case Special::evex:
    case Special::invalid:
      be_invalid(scan);
      break;
  }
}

// Flags of what is encoded by VEX: nothing reads any, and few write.
void set_vector_flags(uint8_t prefix, uint8_t operation, Scan& scan) {
  constexpr uint32_t kBits = kCarry | kZero | kSign | kOverflow;
  const uint8_t opcode = scan.opcode;
  if (scan.map == 1) {
    if (opcode == 0x2e || opcode == 0x2f) scan.flags_written = kAll;
    if (opcode == 0x98 || opcode == 0x99) scan.flags_written = kCarry | kZero;  // kortest, ktest
  } else if (scan.map == 2) {
    if (opcode == 0x17 || opcode == 0x0e || opcode == 0x0f) scan.flags_written = kCarry | kZero;
    if (opcode == 0xf2) scan.flags_written = kBits;                                      // andn
    if (opcode == 0xf3 && operation >= 1 && operation <= 3) scan.flags_written = kBits;  // blsr and kin
    if (opcode == 0xf5 && prefix == 0) scan.flags_written = kBits;                       // bzhi
    if (opcode == 0xf7 && prefix == 0) scan.flags_written = kCarry | kZero | kOverflow;  // bextr
  } else if (scan.map == 3 && opcode >= 0x60 && opcode <= 0x63) {
    scan.flags_written = kAll;  // pcmpestrm and kin
  }
}

bool has_vector_immediate(uint8_t map, uint8_t opcode) {
  if (map == 3) return true;
  return map == 1 &&
         ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6));
}

// VEX, EVEX and XOP; cursor.at is behind the escape byte.
void scan_vector(Special kind, Cursor& cursor, Scan& scan) {
  const uint8_t* payload = cursor.bytes + cursor.at;
  bool valid = !scan.rex && !cursor.state && !cursor.lock;
  uint8_t prefix;
  scan.vector_prefix = true;
  if (kind == Special::vex2) {
    scan.map = 1;
    prefix = payload[0] & 3;
    cursor.at += 1;
  } else if (kind == Special::evex) {
    scan.map = payload[0] & 7;
    prefix = payload[1] & 3;
    valid = valid && !(payload[0] & 8) && (payload[1] & 4) && scan.map != 0 && scan.map != 4 && scan.map != 7;
    cursor.at += 3;
  } else {  // three bytes of VEX, or XOP
    scan.map = payload[0] & 31;
    prefix = payload[1] & 3;
    valid = valid && (kind == Special::vex3 ? scan.map >= 1 && scan.map <= 3 : scan.map <= 10);
    cursor.at += 2;
  }
  scan.opcode = cursor.bytes[cursor.at++];
  scan.rex = 0;
  const bool zero_upper = scan.opcode == 0x77 && scan.map == 1 && kind != Special::evex;
  take_modrm(!zero_upper, cursor, scan);
  const bool is_xop = kind == Special::group1a;
  if (is_xop) {
    take_immediate(cursor, scan, scan.map == 8 ? 1 : scan.map == 10 ? 4 : 0);
  } else {
    take_immediate(cursor, scan, has_vector_immediate(scan.map, scan.opcode) ? 1 : 0);
    if (kind != Special::evex) {
      set_vector_flags(prefix, cursor.modrm >> 3 & 7, scan);
      if (scan.map == 1 && scan.opcode == 0xf7) cursor.memory = true;  // vmaskmovdqu
    } else if ((scan.map == 1 || scan.map == 5) && (scan.opcode == 0x2e || scan.opcode == 0x2f)) {
      scan.flags_written = kAll;  // vucomiss and kin
    }
  }
  if (!valid) be_invalid(scan);
}

// The prefixes when there are more than a REX one. False: there are too many.
bool take_prefixes(Cursor& cursor, Scan& scan) {
  while (uint8_t kind = kPrefix[cursor.bytes[cursor.at]]) {
    scan.rex = 0;
    switch (kind) {
      case kOperandSize:
        cursor.state |= kStateOperand16;
        break;
      case kAddressSize:
        scan.address32 = true;
        break;
      case kRepeat:
      case kRepeatNot:
        cursor.state = static_cast<uint8_t>((cursor.state & kStateOperand16) |
                                            (kind == kRepeat ? kStateRepeat : kStateRepeatNot));
        break;
      case kLock:
        cursor.lock = true;
        break;
      case kSegmentFs:
        cursor.override_segment = Segment::fs;
        break;
      case kSegmentGs:
        cursor.override_segment = Segment::gs;
        break;
      case kRexPrefix:
        scan.rex = cursor.bytes[cursor.at];
        break;
      default:
        break;
    }
    if (++cursor.at == kLongest) return false;
  }
  return true;
}

// Decodes without looking at where the readable bytes end: kReadAhead of them are there.
[[gnu::noinline]] void scan_bytes(const uint8_t* bytes, uint64_t address, Scan& scan) {
  Cursor cursor{.bytes = bytes};
  if (!take_prefixes(cursor, scan)) {
    scan.length = kLongest;
    be_invalid(scan);
    return;
  }
  scan.prefix_length = static_cast<uint8_t>(cursor.at);
  uint8_t opcode = bytes[cursor.at++];
  unsigned map = kOneByte;
  if (opcode == 0x0f) {
    opcode = bytes[cursor.at++];
    map = kTwoByte;
    scan.map = 1;
    if (opcode == 0x38 || opcode == 0x3a) [[unlikely]] {
      map = opcode == 0x38 ? k0f38 : k0f3a;
      scan.map = opcode == 0x38 ? 2 : 3;
      opcode = bytes[cursor.at++];
    }
  }
  scan.opcode = opcode;
  const unsigned index = map + opcode;
  const uint8_t modrm = bytes[cursor.at];
  const Group group = kEntries[index].group;
  const unsigned has_modrm = kEntries[index].modrm;
  const Entry& entry = kEntries[group == Group::none ? index : group_index(group, modrm)];
  scan.flags_read = entry.flags_read;
  scan.flags_written = entry.flags_written;
  scan.flow = entry.flow;
  scan.uses_x87 = entry.x87 >> cursor.state & 1;
  const Special special = entry.special;
  if (special == Special::vex2 || special == Special::vex3 || special == Special::evex ||
      (special == Special::group1a && (modrm & 0x1f) >= 8)) [[unlikely]] {
    scan_vector(special, cursor, scan);
  } else if (special == Special::register_only) [[unlikely]] {
    scan.modrm_offset = static_cast<uint8_t>(cursor.at++);
  } else {
    take_modrm(has_modrm, cursor, scan);
    const unsigned operand_size = (scan.rex >> 2 & 2) | (cursor.state & kStateOperand16);
    take_immediate(cursor, scan, entry.immediate_sizes >> operand_size * 4 & 15);
    if (special != Special::none) scan_special(special, cursor, scan);
  }
  if (opcode == 0x8d && map == kOneByte) cursor.memory = false;  // lea looks at nothing
  scan.segment = cursor.memory ? cursor.override_segment : Segment::none;
  if (cursor.at > kLongest) [[unlikely]] {
    cursor.at = kLongest;
    be_invalid(scan);
  }
  scan.length = static_cast<uint8_t>(cursor.at);
  const bool relative = entry.flow >= Flow::jump && entry.flow <= Flow::call;
  const uint64_t target =
      address + scan.length + sign_extended(bytes + scan.immediate_offset, scan.immediate_size);
  scan.target = relative ? target : 0;
}

// All ones if set: what compilers turn into a branch or a conditional move else.
inline uint32_t mask(unsigned set) {
  return 0u - set;
}

// The same for most of compiled code: at most a 66, F2 or F3 and a REX prefix, and nothing special. What
// comes next cannot be looked at before the length is known, so the way from the first byte to the length is
// kept short: shifts of a register instead of loads, no branch on what code in its variety makes mispredict.
// False: use scan_bytes, nothing is changed.
inline bool scan_frequent(const uint8_t* bytes, uint64_t address, Scan& scan) {
  uint64_t window;
  std::memcpy(&window, bytes, sizeof window);
  unsigned at = 0;
  const unsigned state = kState[window & 0xff];
  if (state) [[unlikely]] {
    window >>= 8;
    at = 1;
  }
  const unsigned has_rex = (window & 0xf0) == 0x40;
  const unsigned rex = static_cast<unsigned>(window & 0xff & mask(has_rex));
  window >>= has_rex * 8;
  at += has_rex;
  const unsigned prefix_length = at;
  if (kPrefix[window & 0xff]) [[unlikely]]
    return false;
  unsigned index = kOneByte;
  const bool is_escape = (window & 0xff) == 0x0f;
  if (is_escape) [[unlikely]] {
    window >>= 8;
    index = kTwoByte;
    ++at;
    if ((window & 0xfd) == 0x38) [[unlikely]]
      return false;
  }
  const uint8_t opcode = static_cast<uint8_t>(window);
  index += opcode;
  ++at;
  window >>= 8;
  const Entry& base = kEntries[index];
  const unsigned modrm = window & 0xff;
  const unsigned has_modrm = base.modrm;
  const unsigned shape = kModrm[modrm] & mask(has_modrm);
  const unsigned no_base = (window & 0x700) == 0x500;
  const unsigned displacement = (shape & 15u) | (shape >> 7 & no_base) << 2;
  const unsigned operand_size = (rex >> 2 & 2) | (state & kStateOperand16);
  const unsigned immediate = base.immediate_sizes >> operand_size * 4 & 15;
  const unsigned modrm_offset = at & mask(has_modrm);
  at += has_modrm + (shape >> 4 & 1);
  const unsigned displacement_offset = at & mask(displacement != 0);
  at += displacement;
  const unsigned immediate_offset = at & mask(immediate != 0);
  uint32_t distance;
  std::memcpy(&distance, bytes + at, sizeof distance);
  at += immediate;

  const unsigned in_group = mask(base.group != Group::none);
  const Entry& entry = kEntries[(index & ~in_group) | (group_index(base.group, modrm) & in_group)];
  if (entry.special != Special::none) [[unlikely]]
    return false;
  const Flow flow = entry.flow;
  const bool relative = flow >= Flow::jump && flow <= Flow::call;
  const uint32_t unused_bits = (immediate == 1) * 24;
  const int64_t signed_distance = static_cast<int32_t>(distance << unused_bits) >> unused_bits;
  scan.target =
      (address + at + static_cast<uint64_t>(signed_distance)) & (0 - static_cast<uint64_t>(relative));
  scan.flags_read = entry.flags_read;
  scan.flags_written = entry.flags_written;
  scan.length = static_cast<uint8_t>(at);
  scan.prefix_length = static_cast<uint8_t>(prefix_length);
  scan.map = is_escape;
  scan.opcode = opcode;
  scan.rex = static_cast<uint8_t>(rex);
  scan.modrm_offset = static_cast<uint8_t>(modrm_offset);
  scan.displacement_offset = static_cast<uint8_t>(displacement_offset);
  scan.displacement_size = static_cast<uint8_t>(displacement);
  scan.immediate_offset = static_cast<uint8_t>(immediate_offset);
  scan.immediate_size = static_cast<uint8_t>(immediate);
  scan.flow = flow;
  scan.rip_relative = (shape & kRipRelative) != 0;
  scan.uses_x87 = (entry.x87 >> state & 1) != 0;
  return true;
}

}  // namespace

Scan scan_instruction(const uint8_t* bytes, size_t size, uint64_t address) {
  Scan scan;
  if (size >= kReadAhead) [[likely]] {
    if (!scan_frequent(bytes, address, scan)) scan_bytes(bytes, address, scan);
    return scan;
  }
  uint8_t padded[kReadAhead] = {};
  std::memcpy(padded, bytes, size);
  scan_bytes(padded, address, scan);
  if (scan.length > size) {
    scan = Scan();
    scan.length = static_cast<uint8_t>(size);
    scan.flags_read = kEverything;
  }
  return scan;
}

unsigned plain_length(const uint8_t* bytes) {
  uint64_t window;
  std::memcpy(&window, bytes, sizeof window);
  unsigned at = 1;
  const unsigned state = kState[window & 0xff];
  if (state) [[unlikely]] {
    window >>= 8;
    at = 2;
  }
  const unsigned has_rex = (window & 0xf0) == 0x40;
  const unsigned rex = static_cast<unsigned>(window & mask(has_rex));
  window >>= has_rex * 8;
  at += has_rex;
  unsigned index = window & 0xff;
  window >>= 8;
  if (index == 0x0f) [[unlikely]] {
    index = kTwoByte + (window & 0xff);
    window >>= 8;
    ++at;
  }
  const PlainEntry& entry = kPlain[index];
  const unsigned modrm = window & 0xff;
  const unsigned shape = kModrm[modrm] & mask(entry.modrm);
  const unsigned no_base = (window & 0x700) == 0x500;
  const unsigned operand_size = (rex >> 2 & 2) | (state & kStateOperand16);
  at += entry.modrm + (shape >> 4 & 1) + (shape & 15u) + ((shape >> 7 & no_base) << 2);
  at += entry.immediate_sizes >> operand_size * 4 & 15;
  const unsigned is_plain = entry.states >> state & entry.operations >> (modrm >> 3 & 7) & 1;
  return at & mask(is_plain & ((shape & kRipRelative) == 0));
}

}  // namespace isotach::dbi
