// Writes the records of trace buffers into the translated code.
//
// The records of a basic block form groups, as long as nothing else is called between them: a group looks
// once whether there is room for all of it, and counts its records once, where the last one is written. The
// buffer's address and a field on its way are kept in registers that the program does not touch meanwhile,
// best in some that it overwrites before it reads them. Tables beside the unit (RecordGroup, Borrowed) say
// how far a thread has come that leaves in the middle.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/emit/emitter.h"

namespace isotach::dbi {

class RecordEmitter {
 public:
  explicit RecordEmitter(Emitter& emitter) : e_(emitter), code_(emitter.code_) {}

  // Finds the groups of a block.
  void plan(const PlannedBlock& block);
  // Whether instruction `index` has records of a group, and no other calls; emit() writes them.
  bool has(uint32_t index) const;
  void emit(uint32_t index);
  // Registers that hold what emit() needs again, before instruction `index`.
  uint16_t busy(uint32_t index) const;

  // A record by itself, before or after an instruction.
  void emit_alone(const Call& record, uint32_t index, Place place);
  // A string instruction with a repeat prefix of which all that was planned is records, each only where it
  // runs. False: it is something else.
  bool emit_repeated(uint32_t index);

 private:
  struct Group {
    uint32_t first = 0, last = 0;  // instructions with records
    uint32_t records = 0;
    uint32_t buffer = 0;
  };
  // A register borrowed from `begin` on, up to the records of instruction `last`.
  struct Role {
    int reg = -1;
    uint32_t last = 0;
    bool is_kept = false;  // the program gets it back
    uint16_t begin = 0;
  };
  // What a thread needs that leaves for the tool because the buffer is full.
  struct Full {
    uint32_t index;
    uint32_t buffer;
    Place place;
    bool keeps_rcx = false;
    bool keeps_flags = false;
  };

  // Where the context keeps the address of a buffer's next record.
  static int32_t next_of(uint32_t buffer) { return static_cast<int32_t>(CONTEXT_BUFFERS + 16 * buffer); }
  static bool compares(const Scan& scan) {
    return scan.opcode == 0xa6 || scan.opcode == 0xa7 || scan.opcode == 0xae || scan.opcode == 0xaf;
  }
  const PlannedInstruction& instruction(uint32_t index) const { return e_.plan_.instructions[index]; }
  const DecodedInstruction& full(uint32_t index) const;
  bool are_alike(uint32_t index, bool predicated) const;
  uint16_t addressed(uint32_t index) const;
  uint64_t value_of(const Argument& argument, uint32_t index) const;
  uint16_t offset_of(const uint8_t* at) const { return static_cast<uint16_t>(at - e_.unit_.code); }
  uint32_t cost_of(uint8_t reg, uint32_t at) const;

  Role choose(uint32_t index, uint16_t avoid, bool reloads) const;
  void choose_alone(uint16_t live, uint16_t avoid);
  void take(Role& role, uint32_t at);
  void give_back(Role& role);
  void save_flags();
  void restore_flags(Assembler& code, bool borrows_rax);
  bool borrows_rax_for_flags() const { return base_.reg != rax && field_.reg != rax; }

  void begin_group(uint32_t index, uint32_t total);
  void go_on(uint32_t index);
  // Makes base_ point behind `bytes` that are free from the buffer's next record on.
  void reserve(const Full& when_full, uint32_t bytes, bool flags_are_live);
  void add_and_compare(uint8_t base, int32_t amount, uint32_t buffer);
  uint8_t* write_full(const Full& when_full);
  void store_all(const Call* records, size_t count, uint32_t index, Place place, int32_t at);
  void store_constants(const Call& record, uint32_t index, int32_t at);
  void store_values(const Call& record, uint32_t index, Place place, int32_t at);
  void constant_to_field(uint64_t value);
  void count(uint16_t begin, uint32_t buffer, uint32_t records);
  void write_repetition(const PlannedInstruction& instruction, const uint8_t* top);

  Emitter& e_;
  Assembler& code_;
  std::vector<Group> groups_;
  size_t current_ = 0;    // of the group that is being written, or comes next
  uint32_t written_ = 0;  // of its records
  uint8_t* begin_ = nullptr;
  int32_t base_offset_ = 0;  // from where base_ points to the group's first record
  Role base_, field_;
  uint64_t in_field_ = 0;      // the constant that field_ holds, if not 0
  int address_in_field_ = -1;  // the memory operand of which it holds the address
};

}  // namespace isotach::dbi
