// The program's registers in the order and widths that debuggers expect of an x86-64 program.
#include <cstring>
#include <iterator>

#include "api/debugger/state.h"

namespace isotach::dbi::api {
namespace {

constexpr REG kWhole[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                          REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
constexpr REG kHalf[] = {REG_RFLAGS, REG_SEG_CS, REG_SEG_SS, REG_SEG_DS, REG_SEG_ES, REG_SEG_FS, REG_SEG_GS};
constexpr size_t kStackFloats = 8, kStackFloatBytes = 10, kVectors = 16, kVectorBytes = 16;

void add(std::string& to, const void* from, size_t size) {
  to.append(static_cast<const char*>(from), size);
}
void add32(std::string& to, uint32_t value) {
  add(to, &value, sizeof value);
}

}  // namespace

std::string all_registers(const CONTEXT* context) {
  std::string bytes;
  for (const REG reg : kWhole) {
    const ADDRINT value = PIN_GetContextReg(context, reg);
    add(bytes, &value, sizeof value);
  }
  for (const REG reg : kHalf) add32(bytes, static_cast<uint32_t>(PIN_GetContextReg(context, reg)));
  FPSTATE state{};
  PIN_GetContextFPState(context, &state);
  const FXSAVE& x87 = state.fxsave_legacy;
  for (size_t i = 0; i < kStackFloats; ++i) add(bytes, x87._sts[i]._raw, kStackFloatBytes);
  for (const uint32_t value :
       {uint32_t{x87._fcw}, uint32_t{x87._fsw}, uint32_t{REG_ConvertX87AbridgedTagToFull(&x87)}, 0u,
        static_cast<uint32_t>(x87._fpuip), 0u, static_cast<uint32_t>(x87._fpudp), uint32_t{x87._fop}})
    add32(bytes, value);
  for (size_t i = 0; i < kVectors; ++i) add(bytes, x87._xmms[i]._vec8, kVectorBytes);
  add32(bytes, x87._mxcsr);
  return bytes;
}

bool set_register(CONTEXT* context, uint64_t number, std::string_view bytes) {
  uint64_t value = 0;
  if (number < std::size(kWhole) + std::size(kHalf)) {
    if (bytes.size() > sizeof value) return false;
    std::memcpy(&value, bytes.data(), bytes.size());
    // Selectors are as they are.
    if (number <= std::size(kWhole)) {
      PIN_SetContextReg(context, number < std::size(kWhole) ? kWhole[number] : kHalf[0], value);
    }
    return true;
  }
  constexpr uint64_t kFirstFloat = 24, kFirstControl = 32, kFirstVector = 40, kMxcsr = 56;
  FPSTATE state{};
  PIN_GetContextFPState(context, &state);
  FXSAVE& x87 = state.fxsave_legacy;
  if (number < kFirstControl) {
    if (bytes.size() != kStackFloatBytes) return false;
    std::memcpy(x87._sts[number - kFirstFloat]._raw, bytes.data(), bytes.size());
  } else if (number >= kFirstVector && number < kMxcsr) {
    if (bytes.size() != kVectorBytes) return false;
    std::memcpy(x87._xmms[number - kFirstVector]._vec8, bytes.data(), bytes.size());
  } else {
    return false;
  }
  PIN_SetContextFPState(context, &state);
  return true;
}

bool set_all_registers(CONTEXT* context, std::string_view bytes) {
  const size_t widths[] = {8, 4};
  const size_t counts[] = {std::size(kWhole), std::size(kHalf)};
  uint64_t number = 0;
  for (unsigned kind = 0; kind < 2; ++kind) {
    for (size_t i = 0; i < counts[kind]; ++i, ++number) {
      if (bytes.size() < widths[kind]) return false;
      set_register(context, number, bytes.substr(0, widths[kind]));
      bytes.remove_prefix(widths[kind]);
    }
  }
  for (size_t i = 0; i < kStackFloats; ++i, ++number) {
    if (bytes.size() < kStackFloatBytes) return true;
    set_register(context, number, bytes.substr(0, kStackFloatBytes));
    bytes.remove_prefix(kStackFloatBytes);
  }
  constexpr size_t kControlBytes = 32;
  if (bytes.size() < kControlBytes) return true;
  bytes.remove_prefix(kControlBytes);
  number += kControlBytes / 4;
  for (size_t i = 0; i < kVectors && bytes.size() >= kVectorBytes; ++i, ++number) {
    set_register(context, number, bytes.substr(0, kVectorBytes));
    bytes.remove_prefix(kVectorBytes);
  }
  return true;
}

}  // namespace isotach::dbi::api
