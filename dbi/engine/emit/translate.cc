#include "engine/emit/translate.h"

#include "engine/dispatch/code_pages.h"
#include "engine/dispatch/context.h"
#include "engine/emit/emitter.h"
#include "engine/os/stop.h"

extern "C" uint32_t isotach_program_uses_x87;
extern "C" uint32_t isotach_program_uses_std;

namespace isotach::dbi {
namespace {

bool may_write_memory(const DecodedInstruction& instruction) {
  for (unsigned i = 0; i < instruction.memory_count; ++i) {
    if (instruction.memory[i].written) return true;
  }
  return !instruction.is_valid;
}

}  // namespace

Unit* Translator::translate(ThreadContext& context, uint64_t pc, bool indirect) {
  if (Unit* unit = cache_.find(pc)) {
    if (indirect) cache_.make_indirect_target(*unit);
    return unit;
  }
  if (!decode(pc)) return nullptr;
  if (options_.instrumenter != nullptr) options_.instrumenter(context, plan_);
  Unit* unit = emit(indirect && !cache_.has_prologue(pc));
  if (indirect) cache_.make_indirect_target(*unit);
  return unit;
}

bool Translator::decode(uint64_t pc) {
  const Mapping* mapping = memory_.executable_at(pc);
  if (mapping == nullptr) return false;
  uint64_t end = mapping->end;
  const Mapping first_mapping = *mapping;
  plan_.compares = false;
  plan_.address = pc;
  plan_.instructions.clear();
  plan_.blocks.clear();
  plan_.instrumented = false;
  plan_.pool->clear();
  plan_.compares = guard_code(pc, pc + 1, first_mapping) == CodeGuard::compare;
  PlannedBlock block;
  uint64_t at = pc;
  while (plan_.instructions.size() < options_.max_instructions) {
    if (end - at < 15) {
      const Mapping* behind = memory_.executable_at(end);
      if (behind != nullptr && behind->begin <= end) end = behind->end;
    }
    if (at == end) break;
    const auto* bytes = reinterpret_cast<const uint8_t*>(at);
    const Scan scan = scan_instruction(bytes, end - at, at);
    if (scan.flow == Flow::invalid && !plan_.instructions.empty()) break;  // reported when it is reached
    if (scan.uses_x87) isotach_program_uses_x87 = 1;
    // std and popf.
    if (scan.map == 0 && (scan.opcode == 0xfd || scan.opcode == 0x9d)) isotach_program_uses_std = 1;
    PlannedInstruction& instruction = plan_.instructions.emplace_back();
    instruction.address = at;
    instruction.bytes = bytes;
    instruction.scan = scan;
    ++block.count;
    at += scan.length;
    // Where code is compared when it is entered, nothing behind a store is known to be still true.
    if (plan_.compares && scan.flow == Flow::next && may_write_memory(decoded(plan_, instruction))) break;
    if (scan.flow == Flow::next) continue;
    plan_.blocks.push_back(block);
    block = {static_cast<uint32_t>(plan_.instructions.size()), 0};
    const bool goes_on = scan.flow == Flow::jump_if || scan.flow == Flow::jump_if_count;
    if (!goes_on || plan_.blocks.size() == options_.max_blocks || cache_.find(at) != nullptr) break;
  }
  if (block.count != 0) plan_.blocks.push_back(block);
  if (!plan_.compares) plan_.compares = guard_code(pc, at, first_mapping) == CodeGuard::compare;
  return true;
}

Unit* Translator::emit(bool indirect) {
  const size_t hot = Emitter::worst_hot_bytes(plan_);
  const size_t cold = Emitter::worst_cold_bytes(plan_);
  Region* region = cache_.regions().with_room(plan_.address, hot, cold);
  if (region == nullptr) stop("no memory for translated code");
  Unit& made = cache_.make_unit();
  const PlannedInstruction& last = plan_.instructions.back();
  made.pc = plan_.address;
  made.pc_end = last.address + last.scan.length;
  Emitter emitter(cache_, *region, plan_, made, scratch_);
  if (!emitter.emit(options_.count_instructions, indirect))
    stop("an instruction near here cannot be translated", plan_.address);
  cache_.insert(made, *region);
  if (emitter.prologue()) cache_.publish_prologue(*emitter.prologue(), made);
  for (const uint32_t number : emitter.links()) {
    Exit& exit = cache_.exit(number);
    if (Unit* to = cache_.find(exit.target)) cache_.link(exit, *to);
  }
  return &made;
}

}  // namespace isotach::dbi
