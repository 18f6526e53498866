// Traces that no tool looks at: most of what short programs do is to be translated, so this is kept short.
#include "engine/emit/emitter.h"

namespace isotach::dbi {

namespace {

bool falls_through(Flow flow) {
  return flow == Flow::next || flow == Flow::jump_if || flow == Flow::jump_if_count || flow == Flow::trap;
}

}  // namespace

bool Emitter::emit_unobserved(const TraceSource& source, bool indirect) {
  begin_unit(indirect);
  PlannedInstruction instruction;
  Scan& scan = instruction.scan;
  uint64_t at = source.address;
  const uint8_t* run = nullptr;  // where the instructions begin that will be copied as they are
  const auto end_run = [&](const uint8_t* end) {
    if (run == nullptr) return;
    code_.copy_ahead(run, static_cast<size_t>(end - run));
    run = nullptr;
  };
  unsigned blocks = 0;
  bool goes_on = true, is_open = true;
  for (unsigned count = 0; count < source.max_instructions && goes_on; ++count) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(at);
    if (const unsigned length = plain_length(bytes)) {
      if (run == nullptr) {
        run = bytes;
        pc_offset_ = static_cast<uint16_t>(at - unit_.pc);
        mark_copied();
      }
      at += length;
      is_open = true;
      continue;
    }
    scan = scan_instruction(bytes, kScanBytes, at);
    if (scan.flow == Flow::invalid && count != 0) break;  // reported when it is reached
    end_run(bytes);
    note_traits(scan);
    instruction.address = at;
    instruction.bytes = bytes;
    pc_offset_ = static_cast<uint16_t>(at - unit_.pc);
    at += scan.length;
    if (scan.flow == Flow::jump && scan.target >= at && scan.target - unit_.pc < source.max_span &&
        ++blocks < source.max_blocks && cache_.find(scan.target, 0) == nullptr) {
      // Nothing is written for it. It runs on to where it goes, as if that came next.
      at = scan.target;
      is_open = true;
      continue;
    }
    const bool is_copied = scan.flow == Flow::next && scan.segment == Segment::none && !is_popf(scan);
    if (is_copied && (!scan.rip_relative || is_in_reach(instruction))) {
      mark_copied();
      emit_copy(instruction);
      is_open = true;
      continue;
    }
    mark(kBoundary);
    if (!emit_instruction(instruction, false)) return false;
    is_open = falls_through(scan.flow);
    if (scan.flow == Flow::next) continue;
    goes_on = (scan.flow == Flow::jump_if || scan.flow == Flow::jump_if_count) &&
              ++blocks < source.max_blocks && cache_.find(at, 0) == nullptr;
  }
  end_run(reinterpret_cast<const uint8_t*>(at));
  unit_.pc_end = at;
  if (is_open) {
    // A boundary of its own: what pads the jump is no instruction of the program.
    pc_offset_ = static_cast<uint16_t>(at - unit_.pc);
    mark(kBoundary);
    emit_link(at);
  }
  return end_unit();
}

}  // namespace isotach::dbi
