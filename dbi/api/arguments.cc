// From IARG_ lists to the arguments of a Call.
#include <vector>

#include "api/instrument.h"

namespace LEVEL_BASE {

// One IARG_ and its values.
struct ISOTACH_TOKEN {
  IARG_TYPE type;
  UINT64 a, b;
};
struct ISOTACH_ARGUMENT_LIST {
  std::vector<ISOTACH_TOKEN> tokens;
};

}  // namespace LEVEL_BASE

namespace isotach::dbi::api {
namespace {

using Token = LEVEL_BASE::ISOTACH_TOKEN;

constexpr size_t kMostArguments = 256;

// What most calls have fits; nothing is allocated then.
using Tokens = ShortList<Token, 16>;

// How many values follow an IARG_, and whether the first has 64 bits.
enum class Shape { bare, word, wide, two_wide };

Shape shape_of(IARG_TYPE type) {
  switch (type) {
    case IARG_ADDRINT:
    case IARG_PTR:
    case IARG_UINT64:
    case IARG_PROTOTYPE:
    case IARG_IARGLIST:
    case IARG_PRESERVE:
      return Shape::wide;
    case IARG_BOOL:
    case IARG_UINT32:
    case IARG_REG_VALUE:
    case IARG_REG_REFERENCE:
    case IARG_REG_CONST_REFERENCE:
    case IARG_MEMORYOP_EA:
    case IARG_MEMORYOP_SIZE:
    case IARG_MEMORYOP_MASKED_ON:
    case IARG_MULTI_ELEMENT_OPERAND:
    case IARG_RETURN_REGS:
    case IARG_FUNCARG_ENTRYPOINT_VALUE:
    case IARG_FUNCARG_ENTRYPOINT_REFERENCE:
    case IARG_FUNCARG_CALLSITE_VALUE:
    case IARG_FUNCARG_CALLSITE_REFERENCE:
    case IARG_SYSARG_VALUE:
    case IARG_SYSARG_REFERENCE:
    case IARG_CALL_ORDER:
      return Shape::word;
    case IARG_PARTIAL_CONTEXT:
      return Shape::two_wide;
    default:
      return Shape::bare;
  }
}

// With `offsets`, the number that follows each value is kept there.
using Offsets = ShortList<uint32_t, 16>;

template <class List>
void read_tokens(va_list& list, List& tokens, const char* name, Offsets* offsets = nullptr) {
  while (true) {
    Token token{static_cast<IARG_TYPE>(va_arg(list, UINT32)), 0, 0};
    if (token.type == IARG_END || token.type == IARG_IARGLIST_END) return;
    if (token.type == IARG_INVALID || token.type >= IARG_LAST || tokens.size() >= kMostArguments) {
      fail(std::string(name) + ": its list of IARG_ values is wrong, or lacks IARG_END");
    }
    switch (shape_of(token.type)) {
      case Shape::bare:
        break;
      case Shape::word:
        token.a = va_arg(list, UINT32);
        break;
      case Shape::two_wide:
        token.a = va_arg(list, UINT64);
        token.b = va_arg(list, UINT64);
        break;
      case Shape::wide:
        token.a = va_arg(list, UINT64);
        break;
    }
    if (token.type == IARG_IARGLIST) {
      const auto* other = reinterpret_cast<const LEVEL_BASE::ISOTACH_ARGUMENT_LIST*>(token.a);
      for (const Token& one : other->tokens) tokens.push_back(one);
      continue;
    }
    tokens.push_back(token);
    if (offsets != nullptr && token.type != IARG_CALL_ORDER) offsets->push_back(va_arg(list, UINT32));
  }
}

Argument constant(uint64_t value, uint8_t size = 8) {
  Argument argument;
  argument.value = value;
  argument.size = size;
  return argument;
}

Argument simple(ArgumentKind kind, uint64_t value = 0, uint8_t size = 8) {
  Argument argument;
  argument.kind = kind;
  argument.value = value;
  argument.size = size;
  return argument;
}

class Builder {
 public:
  Builder(Call& call, const InstructionRef* at, const char* name) : call_(call), at_(at), name_(name) {}

  void take(const Token& token) {
    switch (token.type) {
      case IARG_ADDRINT:
      case IARG_PTR:
      case IARG_UINT64:
        return add(constant(token.a));
      case IARG_BOOL:
        return add(constant(token.a & 0xff ? 1 : 0, 1));
      case IARG_UINT32:
        return add(constant(static_cast<UINT32>(token.a), 4));
      case IARG_INST_PTR:
        return add(constant(instruction(token).address));
      case IARG_REG_VALUE:
        return add_register(static_cast<REG>(token.a), ArgumentKind::register_value);
      case IARG_REG_CONST_REFERENCE:
        return add_register(static_cast<REG>(token.a), ArgumentKind::register_const_reference);
      case IARG_REG_REFERENCE:
        return add_register(static_cast<REG>(token.a), ArgumentKind::register_reference);
      case IARG_STACK_VALUE:
        return add_register(REG_RSP, ArgumentKind::register_value);
      case IARG_MEMORYREAD_EA:
        return add(memory_address(nth(true, 0, token)));
      case IARG_MEMORYREAD2_EA:
        return add(memory_address(nth(true, 1, token)));
      case IARG_MEMORYWRITE_EA:
        return add(memory_address(nth(false, 0, token)));
      case IARG_MEMORYREAD_SIZE:
        return add(memory_size(nth(true, 0, token)));
      case IARG_MEMORYWRITE_SIZE:
        return add(memory_size(nth(false, 0, token)));
      case IARG_MEMORYOP_EA:
        return add(memory_address(checked(token)));
      case IARG_MEMORYOP_SIZE:
        return add(memory_size(checked(token)));
      case IARG_MEMORYOP_MASKED_ON:
        return add(simple(ArgumentKind::executing, checked(token) + 1, 1));
      case IARG_MULTI_ELEMENT_OPERAND:
        return add(operand_accesses(token));
      case IARG_MULTI_MEMORYACCESS_EA:
        return add(all_accesses(token));
      case IARG_EXPLICIT_MEMORY_EA:
        return add(explicit_address(token));
      case IARG_BRANCH_TAKEN:
        return add(simple(ArgumentKind::branch_taken, 0, 1));
      case IARG_BRANCH_TARGET_ADDR:
        return add_target(token);
      case IARG_FALLTHROUGH_ADDR: {
        const PlannedInstruction& one = instruction(token);
        return add(constant(one.address + one.scan.length));
      }
      case IARG_EXECUTING:
        return add(simple(ArgumentKind::executing, 0, 1));
      case IARG_FIRST_REP_ITERATION:
        return add(simple(ArgumentKind::first_repetition, 0, 1));
      case IARG_THREAD_ID:
        return add(simple(ArgumentKind::thread_id, 0, 4));
      case IARG_TSC:
        return add(simple(ArgumentKind::time_stamp));
      case IARG_CONTEXT:
      case IARG_CONST_CONTEXT:
        return add(simple(ArgumentKind::context, 0));
      case IARG_PARTIAL_CONTEXT:
        return add(simple(ArgumentKind::context, 1));
      case IARG_RETURN_REGS:
        return set_result(static_cast<REG>(token.a));
      case IARG_RETURN_IP:
        return add(simple(ArgumentKind::return_address));
      case IARG_FUNCARG_ENTRYPOINT_VALUE:
        return add(simple(ArgumentKind::function_argument, token.a));
      case IARG_FUNCARG_ENTRYPOINT_REFERENCE:
        return add(simple(ArgumentKind::function_argument_reference, token.a));
      case IARG_FUNCARG_CALLSITE_VALUE:
        return add(simple(ArgumentKind::call_site_argument, token.a));
      case IARG_FUNCARG_CALLSITE_REFERENCE:
        return add(simple(ArgumentKind::call_site_argument_reference, token.a));
      case IARG_FUNCRET_EXITPOINT_VALUE:
        return add(simple(ArgumentKind::function_result));
      case IARG_FUNCRET_EXITPOINT_REFERENCE:
        return add(simple(ArgumentKind::function_result_reference));
      case IARG_SYSCALL_NUMBER:
        return add(simple(ArgumentKind::system_call_number));
      case IARG_SYSARG_VALUE:
        return add(simple(ArgumentKind::system_call_argument, token.a));
      case IARG_SYSARG_REFERENCE:
        return add(simple(ArgumentKind::system_call_argument_reference, token.a));
      case IARG_SYSRET_VALUE:
        return add(simple(ArgumentKind::system_call_result));
      case IARG_SYSRET_ERRNO:
        return add(simple(ArgumentKind::system_call_errno));
      case IARG_ORIG_FUNCPTR:
        return add(simple(ArgumentKind::original_function));
      case IARG_CALL_ORDER:
        call_.order = static_cast<int32_t>(token.a);
        return;
      case IARG_FAST_ANALYSIS_CALL:
        call_.fast_linkage = true;
        return;
      case IARG_PROTOTYPE:
      case IARG_PRESERVE:
        return;
      default:
        fail(std::string(name_) + ": an IARG_ value that is not known: " + std::to_string(token.type));
    }
  }

 private:
  void add(const Argument& argument) { call_.arguments.push_back(argument); }

  [[nodiscard]] PlannedInstruction& instruction(const Token& token) {
    if (at_ == nullptr) wrong(token, "needs an instruction");
    return *at_->instruction;
  }
  [[nodiscard]] const FullInstruction& full(const Token& token) {
    if (at_ == nullptr) wrong(token, "needs an instruction");
    return at_->full();
  }
  [[noreturn]] void wrong(const Token& token, const char* what) const {
    std::string text = std::string(name_) + ": IARG number " + std::to_string(call_.arguments.size() + 1) +
                       " (type " + std::to_string(token.type) + ") " + what;
    if (at_ != nullptr)
      text += ", at " + hexstr(at_->instruction->address) + ": " + disassemble(at_->full(), false);
    fail(text);
  }

  unsigned checked(const Token& token) {
    if (token.a >= full(token).memory_count)
      wrong(token, "names a memory operand that the instruction lacks");
    return static_cast<unsigned>(token.a);
  }
  unsigned nth(bool read, unsigned n, const Token& token) {
    const FullInstruction& one = full(token);
    for (unsigned i = 0; i < one.memory_count; ++i) {
      if ((read ? one.memory[i].read : one.memory[i].written) && n-- == 0) return i;
    }
    wrong(token, read ? "names a read that the instruction does not do"
                      : "names a write that the instruction does not do");
  }
  // What the instruction does to its operands cannot be asked behind it.
  void check_before(const Token& token) {
    if (call_.place == Place::after || call_.place == Place::taken_branch)
      wrong(token, "is for IPOINT_BEFORE");
  }
  Argument all_accesses(const Token& token) {
    check_before(token);
    if (full(token).memory_count == 0) wrong(token, "needs a memory operand");
    return simple(ArgumentKind::all_accesses);
  }
  // The operand's place, and of how many elements it is, none if it is one whole.
  Argument operand_accesses(const Token& token) {
    check_before(token);
    const FullInstruction& one = full(token);
    for (unsigned i = 0; i < one.memory_count; ++i) {
      if (one.memory[i].operand != token.a) continue;
      const unsigned elements = one.memory[i].index_is_vector ? 0 : one.operands[token.a].element_count;
      if (elements > 16) wrong(token, "names an operand of more than 16 elements");
      return simple(ArgumentKind::operand_accesses, token.a | elements << 8);
    }
    wrong(token, "names an operand that is no memory");
  }
  Argument memory_address(unsigned index) { return simple(ArgumentKind::memory_address, index); }
  Argument memory_size(unsigned index) {
    const uint32_t size = at_->full().memory[index].size;
    return size ? constant(size, 4) : simple(ArgumentKind::memory_size, index, 4);
  }
  Argument explicit_address(const Token& token) {
    const FullInstruction& one = full(token);
    for (unsigned i = 0; i < one.memory_count; ++i) {
      if (!one.memory[i].is_implicit) return memory_address(i);
    }
    if (one.address_only < kMaxMemoryOperands) return memory_address(one.address_only);
    wrong(token, "needs a memory operand");
  }
  void add_target(const Token& token) {
    const PlannedInstruction& one = instruction(token);
    switch (one.scan.flow) {
      case Flow::jump:
      case Flow::jump_if:
      case Flow::jump_if_count:
      case Flow::call:
        return add(constant(one.scan.target));
      case Flow::jump_indirect:
      case Flow::call_indirect:
      case Flow::return_near:
        return add(simple(ArgumentKind::branch_target));
      // Of what goes on behind itself, or into the kernel: there.
      default:
        return add(constant(one.address + one.scan.length));
    }
  }
  void add_register(REG reg, ArgumentKind kind) {
    Argument argument;
    argument.kind = kind;
    if (!place_of(reg, argument)) {
      fail(std::string(name_) + ": register " + REG_StringShort(reg) + " cannot be passed");
    }
    if (kind == ArgumentKind::register_reference && REG_is_seg(reg)) {
      fail(std::string(name_) + ": " + REG_StringShort(reg) +
           " cannot be changed: use IARG_REG_CONST_REFERENCE");
    }
    if (kind == ArgumentKind::register_value && argument.size > 8) {
      fail(std::string(name_) + ": " + REG_StringShort(reg) +
           " is wider than an argument: use IARG_REG_CONST_REFERENCE");
    }
    // Before an instruction its address is known.
    if (kind == ArgumentKind::register_value && argument.value == plan_register::kPc && at_ != nullptr &&
        call_.place != Place::after && call_.place != Place::taken_branch) {
      return add(constant(at_->instruction->address));
    }
    add(argument);
  }
  void set_result(REG reg) {
    Argument argument;
    if (!place_of(reg, argument) || (argument.value >= 16 && argument.value < plan_register::kTool)) {
      fail(std::string(name_) +
           ": IARG_RETURN_REGS sets general registers and those of PIN_ClaimToolRegister, not " +
           REG_StringShort(reg) + "; use IARG_REG_REFERENCE");
    }
    call_.returns_value = true;
    call_.return_register = static_cast<uint16_t>(argument.value);
    call_.return_size = argument.size;
    call_.return_high_byte = argument.high_byte;
  }

  Call& call_;
  const InstructionRef* at_;
  const char* name_;
};

Place place_from(IPOINT place, const char* name) {
  switch (place) {
    case IPOINT_BEFORE:
      return Place::before;
    case IPOINT_AFTER:
      return Place::after;
    case IPOINT_TAKEN_BRANCH:
      return Place::taken_branch;
    case IPOINT_ANYWHERE:
      return Place::anywhere;
    default:
      fail(std::string(name) + ": there is no such IPOINT");
  }
}

}  // namespace

Call make_call(IPOINT place, AFUNPTR function, va_list& list, const InstructionRef* at, const char* name) {
  Call call;
  call.place = place_from(place, name);
  call.routine = reinterpret_cast<uint64_t>(function);
  call.order = CALL_ORDER_DEFAULT;
  Tokens tokens;
  read_tokens(list, tokens, name);
  Builder builder(call, at, name);
  for (const Token& token : tokens) builder.take(token);
  return call;
}

Call make_record(IPOINT place, va_list& list, const InstructionRef* at, const char* name) {
  Call call;
  call.place = place_from(place, name);
  call.order = CALL_ORDER_DEFAULT;
  Tokens tokens;
  Offsets offsets;
  read_tokens(list, tokens, name, &offsets);
  Builder builder(call, at, name);
  for (const Token& token : tokens) builder.take(token);
  if (call.arguments.size() != offsets.size())
    fail(std::string(name) + ": a value has no place in the record");
  for (size_t i = 0; i < offsets.size(); ++i) call.arguments[i].offset = offsets[i];
  return call;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

IARGLIST IARGLIST_Alloc() {
  return new ISOTACH_ARGUMENT_LIST;
}
IARGLIST IARGLIST_CreateDefault() {
  return new ISOTACH_ARGUMENT_LIST;
}
VOID IARGLIST_Free(IARGLIST list) {
  delete list;
}
VOID IARGLIST_AddArguments(IARGLIST list, ...) {
  va_list arguments;
  va_start(arguments, list);
  isotach::dbi::api::read_tokens(arguments, list->tokens, "IARGLIST_AddArguments");
  va_end(arguments);
}

}  // namespace LEVEL_BASE
