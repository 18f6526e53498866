// Writes an instruction with the analysis calls around it.
//
// Calls at the same place share one saving and restoring of the program's registers, unless all of them are
// of routines short enough to be written in place (inline.h), which then borrow only what they use. A string
// instruction with a repeat prefix becomes a loop, so that calls come once for each repetition.
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <vector>

#include "engine/emit/emitter.h"
#include "engine/emit/inline.h"

namespace isotach::dbi {

size_t worst_call_bytes(const TracePlan& plan);
size_t worst_call_cold_bytes(const TracePlan& plan);

// An instruction's only call, of a routine that adds a constant to a counter and does nothing else.
struct PlainCount {
  uint64_t counter = 0;  // address
  int32_t addend = 0;
};

bool plain_count_of(const PlannedInstruction& instruction, PlainCount& count);

class CallEmitter {
 public:
  CallEmitter(Emitter& emitter, uint32_t index);

  // The instruction with everything that was planned before, after and at its taken branch.
  bool emit(bool is_last);

  // What the call of plain_count_of() does, before this instruction, without the registers `busy`; with
  // another addend where one is given.
  void emit_plain_count(const Call& call, uint16_t busy, std::optional<int32_t> addend = {});

  // Whether an argument can be had from the program's live registers, with one register more at most.
  bool can_load_live(const Argument& argument, Place place) const;
  // Into `to`. `changed` registers of the program are in the context.
  void load_argument_live(const Argument& argument, uint8_t to, uint16_t changed);

 private:
  using Calls = ShortList<const Call*, 4>;

  void sort_calls();
  bool emit_repeated(bool is_last);
  bool emit_branch_with_taken_calls(bool is_last);
  void emit_group(const Calls& calls, Place place);
  void emit_saved_group(const Calls& calls, Place place);
  void emit_call(const Call& call, Place place);
  void emit_return_value(const Call& call);
  bool can_be_inlined(const Call& call, Place place) const;
  void emit_inlined(const Call& call, Place place);
  void emit_increment(const InlineBody& body, int32_t addend);
  bool emit_record_if(const Call& call, Place place);
  const Call& as_routine(const Call& record);

  // Into general register `to`; rbx holds the context. Clobbers rax.
  void load_argument(const Argument& argument, uint8_t to, Place place);
  void load_register(const Argument& argument, uint8_t to);
  void load_program_register(unsigned number, uint8_t to);
  void load_memory_address(const MemoryOperand& operand, uint8_t to);
  void load_accesses(const Argument& argument, uint8_t to);
  void load_branch_target(uint8_t to);
  // The same without a saved context: from the program's live registers.
  void load_memory_address_live(const MemoryOperand& operand, uint8_t to, uint16_t changed);

  // The element of a gather or scatter that a call is about, by the address that it is given; -1: none.
  int element_of(const Call& call) const;
  bool is_about_elements(const Calls& calls) const;
  // Within a saving of registers: where the elements lie, and which are accessed.
  void emit_find_elements();
  void save_registers(bool all, Place place);
  void restore_registers(bool all);
  void emit_routine(uint64_t routine, uint32_t second_argument);
  // Vector registers that the call's arguments refer to, before and after it.
  void copy_wide_arguments(const Call& call, bool back);
  unsigned wide_copy_of(const Argument& argument);

  void note_branch_taken();
  void note_executing();
  void keep_addresses();
  const DecodedInstruction& full() const;

  Emitter& e_;
  Assembler& code_;
  const PlannedInstruction& instruction_;
  uint32_t index_;
  Calls before_, after_, taken_;
  std::forward_list<Call> converted_;  // made by as_routine
  bool runs_ = false;                  // the repeated instruction does, wherever its calls are
  // Of the place where a routine is being written.
  uint32_t current_index_ = 0;
  uint16_t current_live_registers_ = 0xffff;
  uint32_t current_live_flags_ = 0;
  // plan_register of each of ThreadContext::wide_copies, in the call that is being written.
  uint64_t wide_[8] = {};
  size_t wide_count_ = 0;
};

}  // namespace isotach::dbi
