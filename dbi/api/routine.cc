// RTN_*: handles are the numbers of engine/loader/images.h.
#include <cstdio>
#include <mutex>
#include <unordered_map>

#include "api/callbacks.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "api/originals.h"
#include "api/routine.h"
#include "engine/instrument/routine_requests.h"
#include "engine/loader/images.h"
#include "pin.H"

using isotach::dbi::Call;
using isotach::dbi::Image;
using isotach::dbi::images;
using isotach::dbi::Replacement;
using isotach::dbi::Routine;
using isotach::dbi::routine_requests;

namespace {

using Guard = std::lock_guard<isotach::dbi::RecursiveLock>;

Routine* routine_of(RTN rtn) {
  return images().routine(rtn.q());
}
RTN handle_of(const Routine* routine) {
  return routine == nullptr ? RTN_Invalid() : RTN(routine->number);
}
Image& image_of(const Routine& routine) {
  return *routine.section->image;
}

// Also of the address by which a tool calls a routine that it has replaced.
Routine* routine_holding(uint64_t address) {
  Routine* const routine = images().routine_at(address);
  return routine != nullptr ? routine : images().routine_at(isotach::dbi::api::function_behind(address));
}

// Its neighbour in the order of address, within its section.
RTN neighbour(RTN rtn, bool next) {
  const Guard guard(images().mutex());
  const Routine* const here = routine_of(rtn);
  if (here == nullptr) return RTN_Invalid();
  const std::vector<Routine*>& all = image_of(*here).routines();
  auto place = std::lower_bound(all.begin(), all.end(), here->address,
                                [](const Routine* a, uint64_t b) { return a->address < b; });
  if (next ? ++place == all.end() : place == all.begin()) return RTN_Invalid();
  const Routine* const other = next ? *place : *(place - 1);
  return other->section == here->section ? handle_of(other) : RTN_Invalid();
}

RTN end_of_section(SEC sec, bool head) {
  const Guard guard(images().mutex());
  isotach::dbi::ImageSection* const section = images().section(sec.q());
  if (section == nullptr || !section->mapped()) return RTN_Invalid();
  const std::vector<Routine*>& all = section->image->routines();
  auto place = std::lower_bound(all.begin(), all.end(), section->address + (head ? 0 : section->size),
                                [](const Routine* a, uint64_t b) { return a->address < b; });
  if (!head) {
    if (place == all.begin()) return RTN_Invalid();
    --place;
  }
  return place != all.end() && (*place)->section == section ? handle_of(*place) : RTN_Invalid();
}

void forget(const Routine& routine) {
  isotach::dbi::api::forget_translations(routine.address, routine.address + routine.size);
}

Routine& needed(RTN rtn, const char* function) {
  Routine* const routine = routine_of(rtn);
  if (routine == nullptr) isotach::dbi::api::fail(std::string(function) + ": this RTN is not valid");
  return *routine;
}

}  // namespace

namespace isotach::dbi::api {

AFUNPTR replace_with_signature(RTN rtn, AFUNPTR with, va_list& list, const char* function) {
  const Routine& routine = needed(rtn, function);
  Call call = make_call(IPOINT_BEFORE, with, list, nullptr, function);
  for (Argument& argument : call.arguments) {
    if (argument.kind != ArgumentKind::original_function) continue;
    argument = {};
    argument.value = original_of(routine.address);
  }
  routine_requests().replace(
      routine, {.function = call.routine, .arguments = std::move(call.arguments), .has_signature = true});
  forget(routine);
  return reinterpret_cast<AFUNPTR>(original_of(routine.address));
}

void insert_at_routine(RTN rtn, IPOINT place, AFUNPTR function, va_list& list, const char* name) {
  const Routine& routine = needed(rtn, name);
  if (place != IPOINT_BEFORE && place != IPOINT_AFTER)
    fail(std::string(name) + ": only IPOINT_BEFORE and IPOINT_AFTER");
  // At its entry its first instruction can be asked about; its exits are before its returns, of which there
  // may be several, and nothing comes after those.
  TracePlan plan;
  InstructionRef first{&plan, nullptr, 0, 1};
  OpenedRoutine* const opened = routine_requests().opened(routine);
  if (place == IPOINT_BEFORE && opened != nullptr && !opened->instructions.empty()) {
    plan.instructions.push_back(opened->instructions.front());
    first.instruction = &plan.instructions.front();
  }
  Call call = make_call(IPOINT_BEFORE, function, list, first.instruction == nullptr ? nullptr : &first, name);
  for (Argument& argument : call.arguments) {
    if (argument.kind != ArgumentKind::original_function) continue;
    argument = {};
    argument.value = original_of(routine.address);
  }
  if (place == IPOINT_BEFORE)
    routine_requests().add_entry(routine, std::move(call));
  else
    routine_requests().add_exit(routine, std::move(call));
  forget(routine);
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

PIN_CALLBACK RTN_AddInstrumentFunction(RTN_INSTRUMENT_CALLBACK function, VOID* value) {
  static auto* const callbacks = new isotach::dbi::api::Callbacks<RTN_INSTRUMENT_CALLBACK>;
  routine_requests().on_routine = [](Routine& routine) {
    callbacks->each(
        [&](RTN_INSTRUMENT_CALLBACK one, VOID* own, CALLBACK_RECORD&) { one(RTN(routine.number), own); });
  };
  return callbacks->add(function, value);
}

RTN SEC_RtnHead(SEC sec) {
  return end_of_section(sec, true);
}
RTN SEC_RtnTail(SEC sec) {
  return end_of_section(sec, false);
}
RTN RTN_Next(RTN rtn) {
  return neighbour(rtn, true);
}
RTN RTN_Prev(RTN rtn) {
  return neighbour(rtn, false);
}
SEC RTN_Sec(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine == nullptr ? SEC_Invalid() : SEC(routine->section->number);
}

SYM RTN_Sym(RTN rtn) {
  const Guard guard(images().mutex());
  const Routine* const routine = routine_of(rtn);
  if (routine == nullptr) return SYM_Invalid();
  const auto& symbols = image_of(*routine).symbols();
  auto place = std::lower_bound(symbols.begin(), symbols.end(), routine->address,
                                [](const auto& a, uint64_t b) { return a.address < b; });
  SYM first = SYM_Invalid();
  for (; place != symbols.end() && place->address == routine->address; ++place) {
    if (std::string_view(place->name) == routine->name) return SYM(place->number);
    if (!first.is_valid()) first = SYM(place->number);
  }
  return first;
}

UINT32 RTN_Id(RTN rtn) {
  return static_cast<UINT32>(rtn.q());
}
const std::string& RTN_Name(RTN rtn) {
  const Guard guard(images().mutex());
  static auto* const names = new std::unordered_map<INT32, std::string>;
  static auto* const none = new std::string;
  const Routine* const routine = routine_of(rtn);
  if (routine == nullptr) return *none;
  const auto [place, is_new] = names->try_emplace(rtn.q());
  if (is_new) place->second = routine->name;
  return place->second;
}
ADDRINT RTN_Address(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine == nullptr ? 0 : routine->address;
}
USIZE RTN_Size(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine == nullptr ? 0 : routine->size;
}
USIZE RTN_Range(RTN rtn) {
  return RTN_Size(rtn);
}

UINT32 RTN_NumIns(RTN rtn) {
  const Guard guard(images().mutex());
  const Routine* const routine = routine_of(rtn);
  if (routine == nullptr) return 0;
  constexpr uint64_t kMostBytes = 1 << 24;
  std::vector<uint8_t> code(std::min(routine->size, kMostBytes));
  if (!isotach::dbi::copy_memory(routine->address, code.data(), code.size())) return 0;
  UINT32 count = 0;
  for (size_t at = 0; at < code.size(); ++count) {
    const isotach::dbi::Scan scan =
        isotach::dbi::scan_instruction(code.data() + at, code.size() - at, routine->address + at);
    if (scan.flow == isotach::dbi::Flow::invalid) break;
    at += scan.length;
  }
  return count;
}

BOOL RTN_IsDynamic(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine != nullptr && routine->dynamic;
}
BOOL RTN_IsArtificial(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine != nullptr && routine->artificial;
}
BOOL RTN_IFuncResolver(RTN rtn) {
  const Routine* const routine = routine_of(rtn);
  return routine != nullptr && routine->resolver;
}
// Which function a resolver chose is known to the program alone.
BOOL RTN_IFuncImplementation(RTN) {
  return FALSE;
}

RTN RTN_FindByAddress(ADDRINT address) {
  const Guard guard(images().mutex());
  return handle_of(routine_holding(address));
}
RTN RTN_FindByName(IMG img, const CHAR* name) {
  const Guard guard(images().mutex());
  Image* const image = images().image(img.q());
  return image == nullptr || name == nullptr ? RTN_Invalid() : handle_of(image->routine_named(name));
}
std::string RTN_FindNameByAddress(ADDRINT address) {
  const Guard guard(images().mutex());
  const Routine* const routine = routine_holding(address);
  return routine == nullptr ? std::string() : std::string(routine->name);
}
RTN RTN_CreateAt(ADDRINT address, const std::string& name) {
  const Guard guard(images().mutex());
  Image* const image = images().find(address);
  return image == nullptr ? RTN_Invalid() : handle_of(image->make_routine(address, name));
}
VOID RTN_CreateJitFunction(ADDRINT address, const std::string& name, USIZE size) {
  const Guard guard(images().mutex());
  Image* const image = images().create(name, address, size, 0, false);
  if (image != nullptr) static_cast<void>(image->make_routine(address, name));
}

VOID RTN_Open(RTN rtn) {
  isotach::dbi::OpenedRoutine* const opened = routine_requests().open(needed(rtn, "RTN_Open"));
  isotach::dbi::api::set_open_routine(opened == nullptr ? nullptr : &opened->instructions);
}
VOID RTN_Close(RTN rtn) {
  Routine& routine = needed(rtn, "RTN_Close");
  isotach::dbi::api::set_open_routine(nullptr);
  routine_requests().close(routine);
  forget(routine);
}
INS RTN_InsHead(RTN rtn) {
  needed(rtn, "RTN_InsHead");
  return isotach::dbi::api::routine_instruction_handle(0);
}
// Without RTN_Open; only its first instruction can be looked at.
INS RTN_InsHeadOnly(RTN rtn) {
  isotach::dbi::OpenedRoutine* const opened = routine_requests().open(needed(rtn, "RTN_InsHeadOnly"));
  isotach::dbi::api::set_open_routine(opened == nullptr ? nullptr : &opened->instructions);
  return isotach::dbi::api::routine_instruction_handle(0);
}
INS RTN_InsTail(RTN rtn) {
  isotach::dbi::OpenedRoutine* const opened = routine_requests().opened(needed(rtn, "RTN_InsTail"));
  if (opened == nullptr || opened->instructions.empty()) return INS_Invalid();
  return isotach::dbi::api::routine_instruction_handle(
      static_cast<uint32_t>(opened->instructions.size() - 1));
}

VOID RTN_InsertCall(RTN rtn, IPOINT place, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  isotach::dbi::api::insert_at_routine(rtn, place, function, list, "RTN_InsertCall");
  va_end(list);
}

AFUNPTR RTN_Funptr(RTN rtn) {
  return reinterpret_cast<AFUNPTR>(RTN_Address(rtn));
}

AFUNPTR RTN_Replace(RTN rtn, AFUNPTR function) {
  const Routine& routine = needed(rtn, "RTN_Replace");
  routine_requests().replace(routine, {.function = reinterpret_cast<uint64_t>(function), .arguments = {}});
  forget(routine);
  return reinterpret_cast<AFUNPTR>(isotach::dbi::api::original_of(routine.address));
}

AFUNPTR RTN_ReplaceSignature(RTN rtn, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  AFUNPTR const original =
      isotach::dbi::api::replace_with_signature(rtn, function, list, "RTN_ReplaceSignature");
  va_end(list);
  return original;
}

}  // namespace LEVEL_BASE
