// The opcode maps of scan.cc: what each opcode byte carries behind it and does to control and status flags.
// Private to scan.cc.
//
// Sources: Intel SDM volume 2, appendix A; AMD64 APM volume 3, appendix A. Thread rules: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/decode/scan.h"

namespace isotach::dbi::scan_tables {

// How many bytes follow the opcode and what its ModRM byte brings: four bits for each size of operands, which
// are 32 bits, 16 bits (66 prefix), 64 bits (REX.W), 64 bits (both).
enum Immediate : uint16_t {
  kNone = 0,
  kByte = 0x1111,
  kWord = 0x2222,
  kWordByte = 0x3333,    // enter
  kRelative32 = 0x4444,  // whatever the operand size is, as Intel's processors have it
  kFull = 0x4424,
  kLong = 0x8824,  // mov r, imm
};

// What the entry alone does not tell: scan.cc has a case for each. All are rare but the first; what is
// frequent and differs by the ModRM byte's reg field has a group of entries instead.
enum class Special : uint8_t {
  none,
  invalid,
  group1a,        // 8F: pop or XOP
  shift_count,    // C0, C1: by an immediate
  group5,         // FF: far jumps and calls
  group11,        // C6, C7: xabort, xbegin
  test,           // F6, F7: with an immediate
  string_source,  // a string instruction that reads DS:rsi, which may be overridden
  string,         // one that uses ES:rdi only
  compare_source,
  compare,
  moffs,  // A0 to A3
  xlat,   // DS:rbx
  x87,
  ret16,
  interrupt,  // CD
  vex2,
  vex3,
  evex,
  mask_move,      // 0F F7: writes DS:rdi
  register_only,  // 0F 20 to 23: the mod field does not count
  double_shift,
  group7,             // 0F 01
  group9,             // 0F C7
  group15,            // 0F AE
  group17,            // 0F 78: extrq and insertq have two immediates
  virtual_machine,    // 0F 79: vmwrite, or extrq and insertq
  popcnt,             // 0F B8
  bit_scan,           // 0F BC, BD
  bound,              // 0F 1A, 1B: bounds are checked, not read, with F2 or F3
  reset,              // 0F 3A F0: hreset
  encrypt,            // 0F 38 DC: loadiwkey
  user_shadow_stack,  // 0F 38 F5: wruss
  add_with_one_flag,  // 0F 38 F6: adcx, adox, wrss
};

// Entries for each value of the reg field.
enum class Group : uint8_t {
  none,
  arithmetic8,
  arithmetic,
  arithmetic_byte,
  shift_one,
  shift_cl,
  shift_count,
  test8,
  test,
  step,
  indirect,
  move8,
  move,
  segment,
  bits,
  system,
  count
};

// In which states of the prefixes (kState...) an instruction uses x87 or MMX registers, a bit for each.
inline constexpr uint8_t kStateOperand16 = 1, kStateRepeat = 2, kStateRepeatNot = 4;
inline constexpr uint8_t kNever = 0, kWithoutPrefix = 0b1, kWithoutRepeat = 0b11, kWithRepeat = 0b11111100,
                         kAlways = 0xff;

struct alignas(16) Entry {
  uint16_t flags_read = 0;
  uint16_t flags_written = 0;
  Immediate immediate_sizes = kNone;
  bool modrm = false;
  Flow flow = Flow::next;
  Special special = Special::none;
  uint8_t x87 = kNever;
  Group group = Group::none;
};

using Map = std::array<Entry, 256>;

inline constexpr uint16_t kAll = kStatusFlags;
inline constexpr uint16_t kEverything = kStatusFlags | kDirection;

// What the sixteen conditions of jcc, setcc and cmovcc look at.
inline constexpr std::array<uint16_t, 16> kCondition = [] {
  constexpr uint16_t pairs[8] = {
      kOverflow, kCarry, kZero, kCarry | kZero, kSign, kParity, kSign | kOverflow, kZero | kSign | kOverflow};
  std::array<uint16_t, 16> table{};
  for (unsigned i = 0; i < 16; ++i) table[i] = pairs[i / 2];
  return table;
}();

constexpr Entry plain(bool modrm, Immediate immediate = kNone) {
  return Entry{0, 0, immediate, modrm, Flow::next, Special::none, kNever, Group::none};
}
constexpr Entry special(Special kind, bool modrm, Immediate immediate = kNone) {
  return Entry{0, 0, immediate, modrm, Flow::next, kind, kNever, Group::none};
}
constexpr Entry floating(uint8_t states, bool modrm, Immediate immediate = kNone,
                         Special kind = Special::none) {
  return Entry{0, 0, immediate, modrm, Flow::next, kind, states, Group::none};
}
// `immediate` is what all entries of the group have, but for Group::test: there only two have one.
constexpr Entry grouped(Group group, Immediate immediate = kNone) {
  return Entry{0, 0, immediate, true, Flow::next, Special::none, kNever, group};
}
constexpr Entry flags(uint32_t read, uint32_t written, bool modrm, Immediate immediate = kNone) {
  return Entry{static_cast<uint16_t>(read),
               static_cast<uint16_t>(written),
               immediate,
               modrm,
               Flow::next,
               Special::none};
}
// Rarely used, so what it does to the flags is not worth a line.
constexpr Entry unknown(bool modrm, Immediate immediate = kNone, Special kind = Special::none) {
  return Entry{kEverything, 0, immediate, modrm, Flow::next, kind, kNever, Group::none};
}
constexpr Entry transfer(Flow flow, Immediate immediate = kNone, uint32_t read = 0) {
  return Entry{static_cast<uint16_t>(read), 0, immediate, false, flow, Special::none, kNever, Group::none};
}
constexpr Entry string(uint32_t written, Special kind) {
  return Entry{kDirection, static_cast<uint16_t>(written), kNone, false, Flow::next, kind, kNever,
               Group::none};
}
// What leaves the program's own code: nothing is known of what is looked at.
constexpr Entry leave(Flow flow, bool modrm = false, Immediate immediate = kNone,
                      Special kind = Special::none) {
  return Entry{kEverything, 0, immediate, modrm, flow, kind, kNever, Group::none};
}
inline constexpr Entry kInvalid{kEverything,      0,      kNone,      false, Flow::invalid,
                                Special::invalid, kNever, Group::none};

constexpr Map make_one_byte() {
  Map map{};
  // add, or, adc, sbb, and, sub, xor, cmp: six forms each.
  for (unsigned operation = 0; operation < 8; ++operation) {
    const uint32_t read = operation == 2 || operation == 3 ? kCarry : 0;
    for (unsigned form = 0; form < 4; ++form) map[operation * 8 + form] = flags(read, kAll, true);
    map[operation * 8 + 4] = flags(read, kAll, false, kByte);
    map[operation * 8 + 5] = flags(read, kAll, false, kFull);
    map[operation * 8 + 6] = map[operation * 8 + 7] = kInvalid;  // segment pushes, BCD; or prefixes
  }
  map[0x0f] = kInvalid;  // escapes are seen before
  for (unsigned i = 0x50; i < 0x60; ++i) map[i] = plain(false);
  map[0x60] = map[0x61] = kInvalid;
  map[0x62] = special(Special::evex, false);
  map[0x63] = plain(true);
  map[0x68] = plain(false, kFull);
  map[0x69] = flags(0, kCarry | kOverflow, true, kFull);
  map[0x6a] = plain(false, kByte);
  map[0x6b] = flags(0, kCarry | kOverflow, true, kByte);
  for (unsigned i = 0x6c; i < 0x70; ++i) map[i] = leave(Flow::trap);  // ins, outs
  map[0x6c].special = map[0x6d].special = Special::string;
  map[0x6e].special = map[0x6f].special = Special::string_source;
  for (unsigned i = 0; i < 16; ++i) map[0x70 + i] = transfer(Flow::jump_if, kByte, kCondition[i]);
  map[0x80] = grouped(Group::arithmetic8, kByte);
  map[0x81] = grouped(Group::arithmetic, kFull);
  map[0x82] = kInvalid;
  map[0x83] = grouped(Group::arithmetic_byte, kByte);
  map[0x84] = map[0x85] = flags(0, kAll, true);
  for (unsigned i = 0x86; i < 0x8d; ++i) map[i] = plain(true);
  map[0x8d] = plain(true);
  map[0x8e] = grouped(Group::segment);
  map[0x8f] = special(Special::group1a, true);
  for (unsigned i = 0x90; i < 0x9a; ++i) map[i] = plain(false);
  map[0x9a] = kInvalid;
  map[0x9b] = floating(kAlways, false);  // fwait
  map[0x9c] = flags(kEverything, 0, false);
  map[0x9d] = flags(0, kEverything, false);
  map[0x9e] = flags(0, kAll & ~kOverflow, false);
  map[0x9f] = flags(kAll & ~kOverflow, 0, false);
  for (unsigned i = 0xa0; i < 0xa4; ++i) map[i] = special(Special::moffs, false);
  map[0xa4] = map[0xa5] = map[0xac] = map[0xad] = string(0, Special::string_source);
  map[0xaa] = map[0xab] = string(0, Special::string);
  map[0xa6] = map[0xa7] = string(kAll, Special::compare_source);
  map[0xae] = map[0xaf] = string(kAll, Special::compare);
  map[0xa8] = flags(0, kAll, false, kByte);
  map[0xa9] = flags(0, kAll, false, kFull);
  for (unsigned i = 0xb0; i < 0xb8; ++i) map[i] = plain(false, kByte);
  for (unsigned i = 0xb8; i < 0xc0; ++i) map[i] = plain(false, kLong);
  map[0xc0] = map[0xc1] = grouped(Group::shift_count, kByte);
  map[0xc2] = Entry{0, 0, kWord, false, Flow::return_near, Special::ret16, kNever, Group::none};
  map[0xc3] = transfer(Flow::return_near);
  map[0xc4] = special(Special::vex3, false);
  map[0xc5] = special(Special::vex2, false);
  map[0xc6] = grouped(Group::move8, kByte);
  map[0xc7] = grouped(Group::move, kFull);
  map[0xc8] = plain(false, kWordByte);
  map[0xc9] = plain(false);
  map[0xca] = leave(Flow::emulate, false, kWord);
  map[0xcb] = leave(Flow::emulate);
  map[0xcc] = leave(Flow::trap);
  map[0xcd] = leave(Flow::trap, false, kByte, Special::interrupt);
  map[0xce] = kInvalid;
  map[0xcf] = leave(Flow::emulate);
  map[0xd0] = map[0xd1] = grouped(Group::shift_one);
  map[0xd2] = map[0xd3] = grouped(Group::shift_cl);
  map[0xd4] = map[0xd5] = map[0xd6] = kInvalid;
  map[0xd7] = special(Special::xlat, false);
  for (unsigned i = 0xd8; i < 0xe0; ++i) map[i] = floating(kAlways, true, kNone, Special::x87);
  map[0xe0] = map[0xe1] = transfer(Flow::jump_if_count, kByte, kZero);
  map[0xe2] = map[0xe3] = transfer(Flow::jump_if_count, kByte);
  for (unsigned i : {0xe4, 0xe5, 0xe6, 0xe7}) map[i] = leave(Flow::trap, false, kByte);
  for (unsigned i : {0xec, 0xed, 0xee, 0xef}) map[i] = leave(Flow::trap);
  map[0xe8] = transfer(Flow::call, kRelative32);
  map[0xe9] = transfer(Flow::jump, kRelative32);
  map[0xea] = kInvalid;
  map[0xeb] = transfer(Flow::jump, kByte);
  map[0xf1] = leave(Flow::trap);
  map[0xf4] = leave(Flow::trap);
  map[0xf5] = flags(kCarry, kCarry, false);
  map[0xf6] = grouped(Group::test8);
  map[0xf7] = grouped(Group::test);
  map[0xf8] = map[0xf9] = flags(0, kCarry, false);
  map[0xfa] = map[0xfb] = leave(Flow::trap);
  map[0xfc] = map[0xfd] = flags(0, kDirection, false);
  map[0xfe] = grouped(Group::step);
  map[0xff] = grouped(Group::indirect);
  return map;
}

constexpr Map make_two_byte() {
  Map map{};
  for (auto& entry : map) entry = kInvalid;
  const auto fill = [&map](unsigned first, unsigned last, const Entry& entry) {
    for (unsigned i = first; i <= last; ++i) map[i] = entry;
  };
  map[0x00] = grouped(Group::system);
  map[0x01] = unknown(true, kNone, Special::group7);
  map[0x02] = map[0x03] = unknown(true);
  map[0x05] = leave(Flow::system_call);
  map[0x06] = map[0x07] = map[0x08] = map[0x09] = leave(Flow::trap);
  map[0x0b] = leave(Flow::trap);
  map[0x0d] = plain(true);
  map[0x0e] = floating(kAlways, false);  // femms
  map[0x0f] = floating(kAlways, true, kByte);
  fill(0x10, 0x17, plain(true));
  fill(0x18, 0x1f, plain(true));
  map[0x1a].special = map[0x1b].special = Special::bound;
  fill(0x20, 0x23, leave(Flow::trap, true, kNone, Special::register_only));
  fill(0x28, 0x29, plain(true));
  map[0x2a] = map[0x2c] = map[0x2d] = floating(kWithoutRepeat, true);
  map[0x2b] = plain(true);
  map[0x2e] = map[0x2f] = flags(0, kAll, true);
  map[0x30] = map[0x32] = map[0x33] = leave(Flow::trap);
  map[0x31] = plain(false);
  map[0x34] = leave(Flow::emulate);
  map[0x35] = map[0x37] = leave(Flow::trap);
  for (unsigned i = 0; i < 16; ++i) map[0x40 + i] = flags(kCondition[i], 0, true);
  fill(0x50, 0x5f, plain(true));
  fill(0x60, 0x6b, floating(kWithoutPrefix, true));
  fill(0x6c, 0x6d, plain(true));
  fill(0x6e, 0x6f, floating(kWithoutPrefix, true));
  fill(0x70, 0x73, floating(kWithoutPrefix, true, kByte));
  fill(0x74, 0x76, floating(kWithoutPrefix, true));
  map[0x77] = floating(kAlways, false);
  map[0x78] = unknown(true, kNone, Special::group17);
  map[0x79] = unknown(true, kNone, Special::virtual_machine);
  fill(0x7c, 0x7d, plain(true));
  fill(0x7e, 0x7f, floating(kWithoutPrefix, true));
  for (unsigned i = 0; i < 16; ++i) map[0x80 + i] = transfer(Flow::jump_if, kRelative32, kCondition[i]);
  for (unsigned i = 0; i < 16; ++i) map[0x90 + i] = flags(kCondition[i], 0, true);
  map[0xa0] = map[0xa8] = plain(false);
  map[0xa1] = map[0xa9] = leave(Flow::emulate);  // pop fs, pop gs: change a segment base
  map[0xa2] = plain(false);
  map[0xa3] = map[0xab] = map[0xb3] = map[0xbb] = flags(0, kCarry, true);
  map[0xa4] = map[0xac] = special(Special::double_shift, true, kByte);
  map[0xa5] = map[0xad] = plain(true);
  map[0xa6] = map[0xa7] = unknown(true);
  map[0xaa] = leave(Flow::trap);
  map[0xae] = special(Special::group15, true);
  map[0xaf] = flags(0, kCarry | kOverflow, true);
  map[0xb0] = map[0xb1] = flags(0, kAll, true);
  map[0xb2] = plain(true);
  map[0xb4] = map[0xb5] = leave(Flow::emulate, true);  // lfs, lgs
  fill(0xb6, 0xb7, plain(true));
  map[0xb8] = special(Special::popcnt, true);
  map[0xb9] = leave(Flow::trap, true);
  map[0xba] = grouped(Group::bits, kByte);
  map[0xbc] = map[0xbd] = special(Special::bit_scan, true);
  fill(0xbe, 0xbf, plain(true));
  map[0xc0] = map[0xc1] = flags(0, kAll, true);
  map[0xc2] = plain(true, kByte);
  map[0xc3] = plain(true);
  map[0xc4] = map[0xc5] = floating(kWithoutPrefix, true, kByte);
  map[0xc6] = plain(true, kByte);
  map[0xc7] = special(Special::group9, true);
  fill(0xc8, 0xcf, plain(false));
  fill(0xd0, 0xff, floating(kWithoutPrefix, true));
  map[0xd0] = map[0xe6] = map[0xf0] = plain(true);
  map[0xd6] = floating(kWithRepeat, true);
  map[0xf7] = floating(kWithoutPrefix, true, kNone, Special::mask_move);
  map[0xff] = leave(Flow::trap, true);
  return map;
}

constexpr Map make_0f38() {
  Map map{};
  for (auto& entry : map) entry = plain(true);
  for (unsigned i = 0x00; i < 0x0c; ++i) map[i].x87 = kWithoutPrefix;
  for (unsigned i = 0x1c; i < 0x1f; ++i) map[i].x87 = kWithoutPrefix;
  map[0x17] = flags(0, kAll, true);  // ptest
  for (unsigned i = 0x80; i < 0x83; ++i) map[i] = leave(Flow::trap, true);
  // Key Locker reports by flags; sha and aes do not.
  for (unsigned i = 0xd8; i < 0xdb; ++i) map[i] = unknown(true);
  map[0xdc].special = Special::encrypt;
  for (unsigned i = 0xf2; i < 0xff; ++i) map[i] = unknown(true);
  map[0xf5].special = Special::user_shadow_stack;
  map[0xf6] = special(Special::add_with_one_flag, true);
  map[0xf9] = plain(true);
  return map;
}

constexpr Map make_0f3a() {
  Map map{};
  for (auto& entry : map) entry = plain(true, kByte);
  map[0x0f].x87 = kWithoutPrefix;
  for (unsigned i = 0x60; i < 0x64; ++i) map[i] = flags(0, kAll, true, kByte);
  map[0xf0].special = Special::reset;
  return map;
}

using GroupEntries = std::array<Entry, 8>;

constexpr GroupEntries make_group(Group group) {
  GroupEntries all{};
  const auto fill = [&all](const Entry& entry) {
    for (auto& one : all) one = entry;
  };
  // Rotations touch two flags, and two of them read the carry; shifts write them all.
  const auto shift = [&all](bool writes, Immediate immediate, Special kind) {
    for (unsigned i = 0; i < 8; ++i) {
      const uint32_t written = i < 4 ? kCarry | kOverflow : kAll;
      all[i] = flags(i == 2 || i == 3 ? kCarry : 0, writes ? written : 0, true, immediate);
      all[i].special = kind;
    }
  };
  switch (group) {
    case Group::arithmetic8:
    case Group::arithmetic:
    case Group::arithmetic_byte:
      for (unsigned i = 0; i < 8; ++i) {
        const uint32_t read = i == 2 || i == 3 ? kCarry : 0;
        all[i] = flags(read, kAll, true, group == Group::arithmetic ? kFull : kByte);
      }
      break;
    case Group::shift_one:
      shift(true, kNone, Special::none);
      break;
    case Group::shift_cl:
      shift(false, kNone, Special::none);
      break;
    case Group::shift_count:
      shift(true, kByte, Special::shift_count);
      break;
    case Group::test8:
    case Group::test:
      all[0] = all[1] = flags(0, kAll, true, group == Group::test8 ? kByte : kFull);
      all[0].special = all[1].special = Special::test;
      all[2] = plain(true);
      all[3] = flags(0, kAll, true);
      all[4] = all[5] = flags(0, kCarry | kOverflow, true);
      // A division leaves all flags undefined, but may also leave them alone.
      all[6] = all[7] = plain(true);
      break;
    case Group::step:
      fill(kInvalid);
      all[0] = all[1] = flags(0, kAll & ~kCarry, true);
      break;
    case Group::indirect:
      all[0] = all[1] = flags(0, kAll & ~kCarry, true);
      all[2] = transfer(Flow::call_indirect);
      all[4] = transfer(Flow::jump_indirect);
      all[3] = all[5] = leave(Flow::emulate, true, kNone, Special::group5);
      all[6] = plain(true);
      all[7] = kInvalid;
      break;
    case Group::move8:
    case Group::move: {
      const Immediate immediate = group == Group::move8 ? kByte : kFull;
      fill(kInvalid);
      all[0] = plain(true, immediate);
      all[7] = special(Special::group11, true, immediate);
      break;
    }
    case Group::segment:
      fill(kInvalid);
      all[0] = all[2] = all[3] = plain(true);
      all[4] = all[5] = leave(Flow::emulate, true);  // fs and gs: change a segment base
      break;
    case Group::bits:
      fill(flags(0, kCarry, true, kByte));
      for (unsigned i = 0; i < 4; ++i) {
        all[i] = kInvalid;
        all[i].immediate_sizes = kByte;
      }
      break;
    case Group::system:
      fill(unknown(true));
      all[2] = all[3] = leave(Flow::trap, true);  // lldt, ltr
      all[6] = all[7] = kInvalid;
      break;
    case Group::none:
    case Group::count:
      break;
  }
  return all;
}

// All maps behind each other, and then the groups.
inline constexpr unsigned kOneByte = 0, kTwoByte = 256, k0f38 = 512, k0f3a = 768, kGroups = 1024;
inline constexpr auto kEntries = [] {
  std::array<Entry, kGroups + 8 * static_cast<size_t>(Group::count)> table{};
  const Map maps[] = {make_one_byte(), make_two_byte(), make_0f38(), make_0f3a()};
  for (size_t i = 0; i < kGroups; ++i) table[i] = maps[i / 256][i % 256];
  for (size_t group = 0; group < static_cast<size_t>(Group::count); ++group) {
    const auto entries = make_group(static_cast<Group>(group));
    for (size_t i = 0; i < 8; ++i) table[kGroups + group * 8 + i] = entries[i];
  }
  return table;
}();

constexpr unsigned group_index(Group group, unsigned modrm) {
  return kGroups + static_cast<unsigned>(group) * 8 + (modrm >> 3 & 7);
}

// Legacy prefixes by kind, so that one load tells that a byte is none of them.
enum Prefix : uint8_t {
  kNoPrefix,
  kOperandSize,
  kAddressSize,
  kRepeat,
  kRepeatNot,
  kLock,
  kSegmentFs,
  kSegmentGs,
  kSegmentNull,
  kRexPrefix
};

inline constexpr std::array<uint8_t, 256> kPrefix = [] {
  std::array<uint8_t, 256> table{};
  table[0x66] = kOperandSize;
  table[0x67] = kAddressSize;
  table[0xf0] = kLock;
  table[0xf2] = kRepeatNot;
  table[0xf3] = kRepeat;
  table[0x64] = kSegmentFs;
  table[0x65] = kSegmentGs;
  table[0x26] = table[0x2e] = table[0x36] = table[0x3e] = kSegmentNull;
  for (unsigned i = 0x40; i < 0x50; ++i) table[i] = kRexPrefix;
  return table;
}();

// The state that a byte makes when it is the first of an instruction.
inline constexpr std::array<uint8_t, 256> kState = [] {
  std::array<uint8_t, 256> table{};
  table[0x66] = kStateOperand16;
  table[0xf3] = kStateRepeat;
  table[0xf2] = kStateRepeatNot;
  return table;
}();

// Of a ModRM byte: bits 0 to 3 the size of the displacement, then these.
inline constexpr uint8_t kHasSib = 0x10, kRipRelative = 0x20, kMemory = 0x40, kMayHaveNoBase = 0x80;
inline constexpr std::array<uint8_t, 256> kModrm = [] {
  std::array<uint8_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned mod = i >> 6, rm = i & 7;
    if (mod == 3) continue;
    uint8_t value = kMemory;
    if (mod == 1) value |= 1;
    if (mod == 2) value |= 4;
    if (rm == 4) value |= kHasSib;
    if (mod == 0 && rm == 4) value |= kMayHaveNoBase;  // base 5 in the SIB byte: a displacement instead
    if (mod == 0 && rm == 5) value |= kRipRelative | 4;
    table[i] = value;
  }
  return table;
}();

// What plain_length() needs of the first two maps.
struct PlainEntry {
  uint16_t immediate_sizes = 0;
  uint8_t modrm = 0;
  uint8_t states = 0;      // a bit for each state of the prefixes in which it is plain
  uint8_t operations = 0;  // and for each value of the ModRM byte's reg field
};

constexpr bool has_plain_length(const Entry& entry) {
  if (entry.flow != Flow::next) return false;
  switch (entry.special) {
    case Special::none:
    case Special::shift_count:  // only their flags are special
    case Special::double_shift:
    case Special::bit_scan:
    case Special::string:
    case Special::string_source:
    case Special::compare:
    case Special::compare_source:
      return true;
    default:
      return false;
  }
}

inline constexpr std::array<PlainEntry, 512> kPlain = [] {
  std::array<PlainEntry, 512> table{};
  for (unsigned i = 0; i < 512; ++i) {
    const Entry& entry = kEntries[i < 256 ? kOneByte + i : kTwoByte + (i - 256)];
    // Prefixes, std and popf; the escapes to further maps.
    if (i < 256 && (kPrefix[i] || i == 0x0f || i == 0xfd || i == 0x9d)) continue;
    if (i == 256 + 0x38 || i == 256 + 0x3a) continue;
    PlainEntry& plain = table[i];
    plain.immediate_sizes = entry.immediate_sizes;
    plain.modrm = entry.modrm;
    if (!has_plain_length(entry)) continue;
    plain.states = static_cast<uint8_t>(~entry.x87);
    for (unsigned operation = 0; operation < 8; ++operation) {
      const bool is_alone = entry.group == Group::none;
      const Entry& one = is_alone ? entry : kEntries[group_index(entry.group, operation << 3)];
      if (has_plain_length(one) && one.x87 == entry.x87)
        plain.operations = static_cast<uint8_t>(plain.operations | 1u << operation);
    }
  }
  return table;
}();

}  // namespace isotach::dbi::scan_tables
