#include "engine/emit/translate.h"

#include <algorithm>

#include "engine/dispatch/code_pages.h"
#include "engine/dispatch/context.h"
#include "engine/emit/emitter.h"
#include "engine/instrument/counters.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

constexpr size_t kLongestInstruction = 15;
// Of the trace of a loop that no tool looks at: what is run often may take more to translate.
constexpr unsigned kLoopInstructions = 128;
constexpr unsigned kLoopTimesBlocks = 4;
constexpr size_t kLoopSpan = 2048;  // bytes of the program, with what is jumped over
static_assert(kLoopSpan + kLoopInstructions * kLongestInstruction < 4096);  // as CodeCache::flush() has it

bool may_write_memory(const DecodedInstruction& instruction) {
  for (unsigned i = 0; i < instruction.memory_count; ++i) {
    if (instruction.memory[i].written) return true;
  }
  return !instruction.is_valid;
}

[[noreturn]] void stop_at_too_many_calls(uint64_t pc) {
  stop("a tool asks for more calls at one instruction than fit: at most 64 KiB of code", pc);
}

}  // namespace

Unit* Translator::translate(ThreadContext& context, uint64_t pc, bool indirect, bool loop) {
  indirect &= context.version == 0;
  if (Unit* unit = cache_.find(pc, context.version)) {
    if (indirect) cache_.make_indirect_target(*unit);
    return unit;
  }
  if (options_.instrumenter == nullptr && !options_.count_instructions) {
    if (Unit* unit = translate_unobserved(pc, indirect, loop)) return unit;
  }
  return translate_observed(context, pc, indirect, false);
}

Unit* Translator::translate_observed(ThreadContext& context, uint64_t pc, bool indirect, bool is_original) {
  for (unsigned most = options_.max_instructions;;
       most = static_cast<unsigned>(plan_.instructions.size()) / 2) {
    if (most == 0) stop_at_too_many_calls(pc);
    if (!decode(pc, most, context.version)) return nullptr;
    plan_.is_original = is_original;
    let_tool_look(context);
    Unit* unit = emit(indirect);
    if (unit == nullptr) continue;
    if (options_.inserted != nullptr) options_.inserted(plan_, *unit);
    return unit;
  }
}

void Translator::let_tool_look(ThreadContext& context) {
  if (options_.instrumenter == nullptr) return;
  settle_counters(context);
  options_.instrumenter(context, plan_);
  // What now goes to work may look at a counter.
  if (plan_.instrumented && !only_counts(plan_) && stop_splitting_counters()) {
    settle_all_counters();
    cache_.flush_all();
  }
}

// Nullptr where that is not the way: code that may change, or near the end of what can be read.
Unit* Translator::translate_unobserved(uint64_t pc, bool indirect, bool loop) {
  TraceSource source{pc, options_.max_instructions, options_.max_blocks, 0};
  if (loop) {
    source = {pc, std::max(kLoopInstructions, options_.max_instructions),
              kLoopTimesBlocks * options_.max_blocks, kLoopSpan};
  }
  const size_t most = source.max_span + source.max_instructions * kLongestInstruction + kScanBytes;
  const Mapping* mapping = memory_.executable_at(pc);
  if (mapping == nullptr || mapping->end - pc < most || may_change(pc, pc + most, *mapping)) return nullptr;
  Region& region = room(pc, Emitter::worst_hot_bytes(source), Emitter::worst_cold_bytes(source));
  Unit& unit = cache_.make_unit();
  unit.pc = pc;
  Emitter emitter(cache_, region, plan_, unit, scratch_);
  const bool with_prologue = indirect && !cache_.has_prologue(pc);
  if (!emitter.emit_unobserved(source, with_prologue))
    stop("an instruction near here cannot be translated", pc);
  finish(emitter, unit, region, indirect);
  return &unit;
}

Unit* Translator::translate_original(ThreadContext& context, uint64_t pc) {
  if (Unit* unit = cache_.find_original(pc, context.version)) return unit;
  return translate_observed(context, pc, false, true);
}

Unit* Translator::translate_step(ThreadContext& context, uint64_t pc) {
  if (Unit* unit = cache_.find_step(pc, context.version)) return unit;
  if (!decode(pc, 1, context.version)) return nullptr;
  plan_.is_step = true;
  let_tool_look(context);
  if (Unit* unit = emit(false)) return unit;
  stop_at_too_many_calls(pc);
}

bool Translator::decode(uint64_t pc, unsigned max_instructions, uint16_t version) {
  const Mapping* mapping = memory_.executable_at(pc);
  if (mapping == nullptr) return false;
  uint64_t end = mapping->end;
  const Mapping first_mapping = *mapping;
  plan_.compares = false;
  plan_.address = pc;
  plan_.version = version;
  plan_.instructions.clear();
  plan_.blocks.clear();
  plan_.instrumented = false;
  plan_.is_original = plan_.is_step = false;
  plan_.pool->clear();
  plan_.compares = guard_code(pc, pc + 1, first_mapping) == CodeGuard::compare;
  PlannedBlock block;
  uint64_t at = pc;
  while (plan_.instructions.size() < max_instructions) {
    if (end - at < kLongestInstruction) {
      const Mapping* behind = memory_.executable_at(end);
      if (behind != nullptr && behind->begin <= end) end = behind->end;
    }
    if (at == end) break;
    const auto* bytes = reinterpret_cast<const uint8_t*>(at);
    const Scan scan = scan_instruction(bytes, end - at, at);
    if (scan.flow == Flow::invalid && !plan_.instructions.empty()) break;  // reported when it is reached
    note_traits(scan);
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
    if (!goes_on || plan_.blocks.size() == options_.max_blocks || cache_.find(at, version) != nullptr) break;
  }
  if (block.count != 0) plan_.blocks.push_back(block);
  if (!plan_.compares) plan_.compares = guard_code(pc, at, first_mapping) == CodeGuard::compare;
  return true;
}

Region& Translator::room(uint64_t near, size_t hot, size_t cold) {
  Region* region = cache_.regions().with_room(near, hot, cold);
  if (region == nullptr) stop("no memory for translated code");
  return *region;
}

Unit* Translator::emit(bool indirect) {
  const size_t hot = Emitter::worst_hot_bytes(plan_), cold = Emitter::worst_cold_bytes(plan_);
  if (!Regions::can_hold(hot, cold)) return nullptr;
  Region& region = room(plan_.address, hot, cold);
  Unit& unit = cache_.make_unit();
  unit.version = plan_.version;
  unit.is_original = plan_.is_original;
  unit.is_step = plan_.is_step;
  const PlannedInstruction& last = plan_.instructions.back();
  unit.pc = plan_.address;
  unit.pc_end = last.address + last.scan.length;
  Emitter emitter(cache_, region, plan_, unit, scratch_);
  const bool with_prologue = indirect && !cache_.has_prologue(unit.pc);
  if (!emitter.emit(options_.count_instructions, with_prologue)) {
    if (!emitter.is_too_large()) stop("an instruction near here cannot be translated", plan_.address);
    cache_.discard(unit, emitter.prologue());
    return nullptr;
  }
  finish(emitter, unit, region, indirect);
  return &unit;
}

// From now on the unit can be found, and its jumps go where there are units.
void Translator::finish(const Emitter& emitter, Unit& unit, Region& region, bool indirect) {
  cache_.insert(unit, region);
  if (unit.is_step) return;
  if (emitter.prologue()) cache_.publish_prologue(*emitter.prologue(), unit);
  for (const uint32_t number : emitter.links()) {
    Exit& exit = cache_.exit(number);
    if (Unit* to = cache_.find(exit.target, exit.version)) cache_.link(exit, *to);
  }
  if (indirect) cache_.make_indirect_target(unit);
}

}  // namespace isotach::dbi
