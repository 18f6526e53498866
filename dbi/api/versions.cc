// Versions of traces.
#include <map>
#include <string>
#include <vector>

#include "api/instrument.h"

namespace isotach::dbi::api {
namespace {

constexpr size_t kMostVersions = 65535;

// The engine numbers the versions that tools name.
struct Versions {
  std::vector<ADDRINT> names{0};
  std::map<ADDRINT, uint16_t> numbers{{0, 0}};
};
Versions& versions() {
  static auto* const all = new Versions;
  return *all;
}

uint16_t number_of_version(ADDRINT name, const char* function) {
  Versions& all = versions();
  const auto found = all.numbers.find(name);
  if (found != all.numbers.end()) return found->second;
  if (all.names.size() >= kMostVersions)
    fail(std::string(function) + ": there are at most " + std::to_string(kMostVersions) + " versions");
  const auto number = static_cast<uint16_t>(all.names.size());
  all.names.push_back(name);
  all.numbers[name] = number;
  return number;
}

}  // namespace
}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

ADDRINT TRACE_Version(TRACE) {
  const TracePlan* plan = current_plan();
  if (plan == nullptr) fail("TRACE_Version is called outside of a TRACE or INS callback");
  return versions().names[plan->version];
}

VOID BBL_SetTargetVersion(BBL bbl, ADDRINT version) {
  TracePlan* plan = current_plan();
  if (plan == nullptr || bbl.q() < 1 || static_cast<size_t>(bbl.q()) > plan->blocks.size())
    fail("BBL_SetTargetVersion: this BBL is not valid (any more)");
  plan->blocks[static_cast<size_t>(bbl.q() - 1)].next_version =
      number_of_version(version, "BBL_SetTargetVersion");
  plan->instrumented = true;
}

VOID INS_InsertVersionCase(INS ins, REG reg, INT32 value, ADDRINT version, ...) {
  const InstructionRef at = find(ins, "INS_InsertVersionCase");
  va_list list;
  va_start(list, version);
  Call call = make_call(IPOINT_BEFORE, nullptr, list, &at, "INS_InsertVersionCase");
  va_end(list);
  Argument where;
  if (!place_of(reg, where) || where.size != 8 || (where.value >= 16 && where.value < plan_register::kTool)) {
    fail("INS_InsertVersionCase: needs a whole general register or one of PIN_ClaimToolRegister, not " +
         REG_StringShort(reg));
  }
  if (!call.arguments.empty() || call.returns_value || value == INT32_MIN)
    fail("INS_InsertVersionCase takes IARG_CALL_ORDER only, and a value that has a negative one of 32 bits");
  call.step = Call::Step::version_case;
  call.case_register = static_cast<uint16_t>(where.value);
  call.case_value = value;
  call.case_version = number_of_version(version, "INS_InsertVersionCase");
  // Into the same version it would go on for ever.
  if (call.case_version == at.plan->version) return;
  at.instruction->calls.push_back(std::move(call));
}

}  // namespace LEVEL_BASE
