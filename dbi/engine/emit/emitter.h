// Writes the code of one trace. translate.cc decides what a trace is; this is how it looks.
//
// Each instruction of the program is copied with its rip-relative displacement corrected, or, where the
// engine must stay in control, replaced:
//   call         pushes the program's own return address (from a constant beside the code), jumps
//   ret, jmp *   target to rcx, then through the table of indirect branches (code_cache.h)
//   fs:, gs:     the program's segment base is in the context: through a borrowed register
//   syscall      leaves to the dispatcher
//
// Thread rules: the translation lock is held.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/cache/code_cache.h"
#include "engine/emit/assembler.h"
#include "engine/emit/liveness.h"
#include "engine/instrument/plan.h"

namespace isotach::dbi {

extern "C" uint32_t isotach_program_uses_x87;
extern "C" uint32_t isotach_program_uses_std;

// Where ThreadContext keeps a register that a tool claimed; `number` as in plan_register.
inline constexpr int32_t tool_register_offset(unsigned number) {
  return static_cast<int32_t>(CONTEXT_TOOL_REGISTERS + 8 * (number - plan_register::kTool));
}

// The program executes such an instruction from now on.
inline void note_traits(const Scan& scan) {
  if (scan.uses_x87) isotach_program_uses_x87 = 1;
  // std and popf.
  if (scan.map == 0 && (scan.opcode == 0xfd || scan.opcode == 0x9d)) isotach_program_uses_std = 1;
}

// The program's rcx is in slot 0: rcx holds the target of an indirect branch.
inline constexpr uint16_t kRcxInSlot0 = spilled(0, rcx);

inline bool is_popf(const Scan& scan) {
  return scan.map == 0 && scan.opcode == 0x9d && !scan.vector_prefix;
}

// Where a trace begins, and what it ends at. All bytes that it may have can be read.
struct TraceSource {
  uint64_t address = 0;
  unsigned max_instructions = 0, max_blocks = 0;
  // A jump forward that ends up at most so far behind `address` is followed, and needs no code. 0: none is.
  size_t max_span = 0;
};

// Memory that emitters use one after the other.
struct EmitterScratch {
  std::vector<MapEntry> map;
  std::vector<uint32_t> links;
  std::vector<SharedCount> shared_counts;
  std::vector<Borrowed> borrowed;
  std::vector<RecordGroup> record_groups;
  std::vector<uint16_t> record_pcs;  // of all groups, one after the other
  std::vector<uint16_t> blocks;
  std::vector<ToolCode> tool_code;
  Liveness live;
};

class Emitter {
 public:
  Emitter(CodeCache& cache, Region& region, const TracePlan& plan, Unit& unit, EmitterScratch& scratch)
      : cache_(cache),
        region_(region),
        plan_(plan),
        unit_(unit),
        code_(region.hot),
        cold_(region.cold),
        map_(scratch.map),
        links_(scratch.links),
        shared_counts_(scratch.shared_counts),
        borrowed_(scratch.borrowed),
        record_groups_(scratch.record_groups),
        record_pcs_(scratch.record_pcs),
        blocks_(scratch.blocks),
        tool_code_(scratch.tool_code),
        live_(scratch.live) {
    map_.clear();
    links_.clear();
    shared_counts_.clear();
    borrowed_.clear();
    record_groups_.clear();
    record_pcs_.clear();
    blocks_.clear();
    tool_code_.clear();
  }

  // Bytes that emit() may need for this plan, at most.
  static size_t worst_hot_bytes(const TracePlan& plan);
  static size_t worst_cold_bytes(const TracePlan& plan);

  // Writes the trace and moves the region's free space on. `count_blocks` adds each block's number of
  // instructions to ThreadContext::counter. False when something in it cannot be translated, or when
  // is_too_large(): then nothing of the region is used.
  // `indirect`: indirect branches are to find it; publish_prologue() once it is in the cache.
  bool emit(bool count_blocks, bool indirect);
  // The same for a trace that no tool looks at, in one go from the program's bytes: there is no plan.
  bool emit_unobserved(const TraceSource& source, bool indirect);
  static size_t worst_hot_bytes(const TraceSource& source);
  static size_t worst_cold_bytes(const TraceSource& source);
  // The code does not fit into one unit: to be tried again with fewer instructions.
  bool is_too_large() const { return is_too_large_; }
  const std::optional<CodeCache::Prologue>& prologue() const { return prologue_; }
  // Jumps of this unit that may be linked once it can be found.
  const std::vector<uint32_t>& links() const { return links_; }

 private:
  friend class CallEmitter;
  friend class RecordEmitter;

  void begin_unit(bool indirect);
  bool end_unit();
  bool emit_instruction(const PlannedInstruction& instruction, bool is_last);
  void emit_popf(const PlannedInstruction& instruction);
  void emit_copy(const PlannedInstruction& instruction);
  bool is_in_reach(const PlannedInstruction& instruction) const;
  bool emit_segment_access(const PlannedInstruction& instruction);
  bool emit_computed_segment_access(const PlannedInstruction& instruction, int base, int index, uint8_t scale,
                                    int64_t displacement);
  bool emit_gather_with_segment(const PlannedInstruction& instruction, int base);
  bool emit_far_rip_relative(const PlannedInstruction& instruction);
  bool emit_rewritten(const PlannedInstruction& instruction);
  // plan_register `number`, a live general register or one that a tool claimed.
  void emit_load_register(uint16_t number, uint8_t to);
  bool emit_string_with_segment(const PlannedInstruction& instruction);
  // The instruction's bytes with its memory operand replaced by [base + displacement].
  void emit_with_base(const PlannedInstruction& instruction, uint8_t base, int32_t displacement);
  bool emit_target_to_rcx(const PlannedInstruction& instruction);
  void emit_push_return_address(uint64_t address);
  void emit_indirect_jump();
  void emit_jump_if_count(const PlannedInstruction& instruction);
  void emit_leave(Exit::Kind kind, uint64_t target, uint8_t length);
  void emit_link(uint64_t target);
  void emit_link_if(uint8_t condition, uint64_t target);
  // Where in the block a count that may stand anywhere costs least: where no flag is live.
  uint32_t better_place_of_count(const PlannedBlock& block) const;
  // Counts of the instructions from `first` on that can be added at once: how many, at least 2, or 0.
  uint32_t emit_shared_count(uint32_t first, uint32_t end);
  // Leaves for a new translation when the program's bytes are no longer those that were translated.
  void emit_comparison();
  void emit_count(uint32_t first, uint32_t count);
  // Behind the stubs: what lives and goes with them.
  void write_tables();
  template <typename T>
  T* write_table(const std::vector<T>& entries);
  void finish_link(uint8_t* displacement, uint64_t target);
  // The instruction at `address` in another version, if a register has a value.
  void emit_version_case(const Call& call, uint64_t address);
  // From here on, emitted code belongs to the instruction that is being emitted, in this state.
  void mark(uint16_t state);
  // Instructions follow that are copied.
  void mark_copied();
  // A register that the program overwrites before it reads it is about to be destroyed, at instruction
  // `index` (one behind it for what comes after that).
  void lose(uint8_t reg, uint32_t index);
  // Instruction `index` is emitted: what it has overwritten is no longer lost.
  void end_lost(uint32_t index);
  uint16_t here() const { return static_cast<uint16_t>(code_.at() - unit_.code); }
  // The address of `value` in the cold part, 8 bytes aligned to 8.
  uint64_t constant(uint64_t value);
  // The address of 8 bytes that hold a return address, for a push.
  uint64_t return_address(uint64_t value);

  CodeCache& cache_;
  Region& region_;
  const TracePlan& plan_;
  Unit& unit_;
  Assembler code_;
  Assembler cold_;
  std::vector<MapEntry>& map_;
  std::vector<uint32_t>& links_;
  std::vector<SharedCount>& shared_counts_;
  std::vector<Borrowed>& borrowed_;
  std::vector<RecordGroup>& record_groups_;
  std::vector<uint16_t>& record_pcs_;
  std::vector<uint16_t>& blocks_;
  std::vector<ToolCode>& tool_code_;
  Liveness& live_;
  std::optional<CodeCache::Prologue> prologue_;
  bool is_too_large_ = false;
  uint16_t next_version_ = 0;  // of what follows the block
  uint16_t pc_offset_ = 0;
  uint16_t lost_ = 0;             // registers
  uint32_t ended_ = ~0u;          // last instruction of end_lost()
  uint16_t lost_since_[16] = {};  // offsets in the code
};

}  // namespace isotach::dbi
