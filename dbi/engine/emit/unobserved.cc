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
  uint64_t copied_to = 0;  // the program's instruction that goes on with what is being copied
  unsigned blocks = 0;
  bool goes_on = true, is_open = true;
  for (unsigned count = 0; count < source.max_instructions && goes_on; ++count) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(at);
    scan = scan_instruction(bytes, kScanBytes, at);
    if (scan.flow == Flow::invalid && count != 0) break;  // reported when it is reached
    note_traits(scan);
    instruction.address = at;
    instruction.bytes = bytes;
    pc_offset_ = static_cast<uint16_t>(at - unit_.pc);
    at += scan.length;
    const bool is_plain = scan.flow == Flow::next && scan.segment == Segment::none;
    if (is_plain && (!scan.rip_relative || is_in_reach(instruction))) {
      if (copied_to != instruction.address) mark_copied();
      emit_copy(instruction);
      copied_to = at;
      continue;
    }
    mark(kBoundary);
    if (!emit_instruction(instruction, false)) return false;
    if (scan.flow == Flow::next) continue;
    is_open = falls_through(scan.flow);
    goes_on = (scan.flow == Flow::jump_if || scan.flow == Flow::jump_if_count) && ++blocks < source.max_blocks &&
              cache_.find(at) == nullptr;
  }
  unit_.pc_end = at;
  if (is_open) emit_link(at);
  return end_unit();
}

}  // namespace isotach::dbi
