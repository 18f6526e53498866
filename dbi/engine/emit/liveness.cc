#include "engine/emit/liveness.h"

#include "engine/dispatch/context.h"

namespace isotach::dbi {

void compute_liveness(const TracePlan& plan, Liveness& out) {
  const size_t count = plan.instructions.size();
  out.registers.assign(count + 1, 0xffff);
  out.flags.assign(count + 1, kStatusFlags);
  for (size_t i = count; i-- > 0;) {
    const PlannedInstruction& instruction = plan.instructions[i];
    const Scan& scan = instruction.scan;
    uint16_t registers = 0xffff;
    uint32_t flags = kStatusFlags;
    if (scan.flow == Flow::next && !instruction.removed && !instruction.redirected) {
      const RegisterUse use = general_register_use(scan, instruction.bytes);
      registers = static_cast<uint16_t>((out.registers[i + 1] & ~use.written) | use.read);
      flags = (out.flags[i + 1] & ~scan.flags_written) | (scan.flags_read & kStatusFlags);
    }
    out.registers[i] = static_cast<uint16_t>(registers | 1u << rsp);
    out.flags[i] = flags;
  }
}

}  // namespace isotach::dbi
