// Operands, properties and forms of instructions, as the decoder's interface has them.
#include "api/instrument.h"
#include "api/names.h"

#include <map>
#include <mutex>
#include <vector>

namespace isotach::dbi::api {
namespace {

const ZydisDecodedOperand* operand_at(const FullInstruction& full, unsigned n) {
  return full.is_valid && n < full.instruction.operand_count ? &full.operands[n] : nullptr;
}
const ZydisDecodedOperand* operand_at(const xed_decoded_inst_t* inst, unsigned n) {
  return operand_at(inside(inst), n);
}

// The n-th operand that is memory.
const ZydisDecodedOperand* memory_at(const FullInstruction& full, unsigned n) {
  for (unsigned i = 0; i < full.instruction.operand_count; ++i) {
    if (full.operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && n-- == 0) return &full.operands[i];
  }
  return nullptr;
}

xed_reg_enum_t reg_in_memory(const xed_decoded_inst_t* inst, unsigned n,
                             ZydisRegister ZydisDecodedOperandMem::*which) {
  const ZydisDecodedOperand* one = memory_at(inside(inst), n);
  return static_cast<xed_reg_enum_t>(one != nullptr ? one->mem.*which : ZYDIS_REGISTER_NONE);
}

// b, w, v, q: the letter of a size, as names of forms have it; v is the instruction's own.
const char* size_letter(unsigned bits, const FullInstruction& full) {
  if (bits > 8 && bits == full.instruction.operand_width) return "v";
  switch (bits) {
    case 8:
      return "b";
    case 16:
      return "w";
    case 32:
      return "d";
    case 64:
      return "q";
    case 128:
      return "dq";
    case 256:
      return "qq";
    case 512:
      return "zd";
    default:
      return "";
  }
}

std::string kind_of(const ZydisDecodedOperand& one, const FullInstruction& full) {
  switch (one.type) {
    case ZYDIS_OPERAND_TYPE_MEMORY:
      return one.mem.type == ZYDIS_MEMOP_TYPE_AGEN ? "AGEN"
                                                   : std::string("MEM") + size_letter(one.size, full);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
      return std::string(one.imm.is_relative ? "RELBR" : "IMM") + size_letter(one.size, full);
    case ZYDIS_OPERAND_TYPE_POINTER:
      return "PTR";
    default:
      break;
  }
  // A register that the form does not choose is named itself.
  if (one.encoding == ZYDIS_OPERAND_ENCODING_NONE) {
    std::string name;
    for (const char* c = ZydisRegisterGetString(one.reg.value); c != nullptr && *c != '\0'; ++c)
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
    return name;
  }
  switch (ZydisRegisterGetClass(one.reg.value)) {
    case ZYDIS_REGCLASS_XMM:
      return std::string("XMM") + size_letter(one.size, full);
    case ZYDIS_REGCLASS_YMM:
      return std::string("YMM") + size_letter(one.size, full);
    case ZYDIS_REGCLASS_ZMM:
      return std::string("ZMM") + size_letter(one.size, full);
    case ZYDIS_REGCLASS_MMX:
      return std::string("MMX") + size_letter(one.size, full);
    case ZYDIS_REGCLASS_X87:
      return "X87";
    case ZYDIS_REGCLASS_MASK:
      return "MASK";
    case ZYDIS_REGCLASS_SEGMENT:
      return "SEG";
    case ZYDIS_REGCLASS_CONTROL:
      return "CR";
    case ZYDIS_REGCLASS_DEBUG:
      return "DR";
    default:
      return std::string("GPR") + size_letter(one.size, full);
  }
}

struct Form {
  xed_inst_t inst{};
  std::string name = "INVALID";
  xed_iclass_enum_t iclass = XED_ICLASS_INVALID;
  xed_category_enum_t category = XED_CATEGORY_INVALID;
  xed_extension_enum_t extension = XED_EXTENSION_INVALID;
};

xed_inst_t operands_of(const FullInstruction& full) {
  xed_inst_t inst{};
  unsigned registers = 0, memory = 0, immediates = 0;
  for (unsigned i = 0; i < full.instruction.operand_count && i < std::size(inst._operands); ++i) {
    const ZydisDecodedOperand& one = full.operands[i];
    xed_operand_t& out = inst._operands[inst._noperands++];
    switch (one.type) {
      case ZYDIS_OPERAND_TYPE_REGISTER:
        out._name = static_cast<xed_operand_enum_t>(XED_OPERAND_REG0 + registers++);
        break;
      case ZYDIS_OPERAND_TYPE_MEMORY:
        out._name = one.mem.type == ZYDIS_MEMOP_TYPE_AGEN
                        ? XED_OPERAND_AGEN
                        : static_cast<xed_operand_enum_t>(XED_OPERAND_MEM0 + std::min(memory++, 1u));
        break;
      case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        out._name = one.imm.is_relative
                        ? XED_OPERAND_RELBR
                        : static_cast<xed_operand_enum_t>(XED_OPERAND_IMM0 + std::min(immediates++, 1u));
        break;
      default:
        out._name = XED_OPERAND_PTR;
    }
    out._operand_visibility = one.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT   ? XED_OPVIS_EXPLICIT
                              : one.visibility == ZYDIS_OPERAND_VISIBILITY_IMPLICIT ? XED_OPVIS_IMPLICIT
                                                                                    : XED_OPVIS_SUPPRESSED;
    out._rw = static_cast<xed_uint8_t>(((one.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0 ? 1 : 0) |
                                       ((one.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 ? 2 : 0));
  }
  return inst;
}

// All forms that were met. They stay: tools keep pointers to them.
class Forms {
 public:
  xed_iform_enum_t number_of(const FullInstruction& full) {
    if (!full.is_valid) return XED_IFORM_INVALID;
    const xed_iclass_enum_t iclass = class_of(full);
    std::string name = class_name(iclass);
    for (unsigned i = 0; i < full.instruction.operand_count; ++i) {
      if (full.operands[i].visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
        name += "_" + kind_of(full.operands[i], full);
    }
    const std::lock_guard<std::mutex> guard(lock_);
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<uint32_t>(forms_.size()));
    if (is_new) {
      if (forms_.size() >= XED_IFORM_LAST) fail("more forms of instructions than XED_IFORM_LAST says");
      forms_.push_back(new Form{operands_of(full), name, iclass,
                                static_cast<xed_category_enum_t>(full.instruction.meta.category),
                                static_cast<xed_extension_enum_t>(full.instruction.meta.isa_ext)});
    }
    return static_cast<xed_iform_enum_t>(at->second);
  }
  const Form& form(uint32_t number) {
    const std::lock_guard<std::mutex> guard(lock_);
    return *forms_[number < forms_.size() ? number : 0];
  }

 private:
  std::mutex lock_;
  std::map<std::string, uint32_t> numbers_;
  std::vector<const Form*> forms_{new Form};
};

Forms& forms() {
  static Forms* const all = new Forms;
  return *all;
}

bool has_attribute(const FullInstruction& full, xed_attribute_enum_t attribute) {
  if (!full.is_valid) return false;
  const auto any_operand = [&full](auto&& test) {
    return std::any_of(full.operands, full.operands + full.instruction.operand_count, test);
  };
  switch (attribute) {
    case XED_ATTRIBUTE_LOCKED:
      return (full.instruction.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
    case XED_ATTRIBUTE_REP:
      return (full.instruction.attributes &
              (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
    case XED_ATTRIBUTE_MASKOP:
      return full.instruction.avx.mask.reg != ZYDIS_REGISTER_NONE;
    case XED_ATTRIBUTE_NOP:
      return full.instruction.meta.category == ZYDIS_CATEGORY_NOP ||
             full.instruction.meta.category == ZYDIS_CATEGORY_WIDENOP;
    case XED_ATTRIBUTE_GATHER:
    case XED_ATTRIBUTE_SCATTER: {
      const bool writes = attribute == XED_ATTRIBUTE_SCATTER;
      return any_operand([writes](const ZydisDecodedOperand& one) {
        return one.type == ZYDIS_OPERAND_TYPE_MEMORY && one.mem.type == ZYDIS_MEMOP_TYPE_VSIB &&
               ((one.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) == writes;
      });
    }
    // One floating point number in a vector register: ...ss, ...sd, and not the string instructions.
    case XED_ATTRIBUTE_SIMD_SCALAR: {
      const std::string name = class_name(class_of(full));
      const bool is_named =
          name.size() > 2 && name[name.size() - 2] == 'S' && (name.back() == 'S' || name.back() == 'D');
      return (is_named || name == "MOVSD_XMM" || name == "CMPSD_XMM") &&
             any_operand([](const ZydisDecodedOperand& one) {
               return one.type == ZYDIS_OPERAND_TYPE_REGISTER && vector_register_number(one.reg.value) >= 0;
             });
    }
    default:
      return false;
  }
}

}  // namespace

const xed_inst_t* form_of(const FullInstruction& full) {
  const xed_iform_enum_t number = forms().number_of(full);
  return number != XED_IFORM_INVALID ? &forms().form(number).inst : nullptr;
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

xed_uint_t xed_decoded_inst_number_of_memory_operands(const xed_decoded_inst_t* inst) {
  return inside(inst).memory_count;
}
BOOL xed_decoded_inst_mem_read(const xed_decoded_inst_t* inst, unsigned int n) {
  return n < inside(inst).memory_count && inside(inst).memory[n].read;
}
BOOL xed_decoded_inst_mem_written(const xed_decoded_inst_t* inst, unsigned int n) {
  return n < inside(inst).memory_count && inside(inst).memory[n].written;
}
xed_uint_t xed_decoded_inst_get_memory_operand_length(const xed_decoded_inst_t* inst, unsigned int n) {
  return n < inside(inst).memory_count ? inside(inst).memory[n].size : 0;
}
xed_int64_t xed_decoded_inst_get_memory_displacement(const xed_decoded_inst_t* inst, unsigned int n) {
  return n < inside(inst).memory_count ? inside(inst).memory[n].displacement : 0;
}
xed_int32_t xed_decoded_inst_get_branch_displacement(const xed_decoded_inst_t* inst) {
  const auto& raw = inside(inst).instruction.raw.imm[0];
  return raw.is_relative ? static_cast<xed_int32_t>(raw.value.s) : 0;
}
xed_uint64_t xed_decoded_inst_get_unsigned_immediate(const xed_decoded_inst_t* inst) {
  return inside(inst).instruction.raw.imm[0].value.u;
}
BOOL xed_decoded_inst_get_immediate_is_signed(const xed_decoded_inst_t* inst) {
  return inside(inst).instruction.raw.imm[0].is_signed;
}

const xed_inst_t* xed_decoded_inst_inst(const xed_decoded_inst_t* inst) {
  return form_of(inside(inst));
}
xed_uint_t xed_decoded_inst_noperands(const xed_decoded_inst_t* inst) {
  return inside(inst).is_valid ? inside(inst).instruction.operand_count : 0;
}
xed_reg_enum_t xed_decoded_inst_get_reg(const xed_decoded_inst_t* inst, xed_operand_enum_t name) {
  switch (name) {
    case XED_OPERAND_BASE0:
      return xed_decoded_inst_get_base_reg(inst, 0);
    case XED_OPERAND_INDEX:
      return xed_decoded_inst_get_index_reg(inst, 0);
    case XED_OPERAND_SEG0:
      return xed_decoded_inst_get_seg_reg(inst, 0);
    default:
      break;
  }
  unsigned n = static_cast<unsigned>(name) - XED_OPERAND_REG0;
  for (unsigned i = 0; const ZydisDecodedOperand* one = operand_at(inst, i); ++i) {
    if (one->type == ZYDIS_OPERAND_TYPE_REGISTER && n-- == 0)
      return static_cast<xed_reg_enum_t>(one->reg.value);
  }
  return static_cast<xed_reg_enum_t>(ZYDIS_REGISTER_NONE);
}
xed_reg_enum_t xed_decoded_inst_get_base_reg(const xed_decoded_inst_t* inst, unsigned int n) {
  return reg_in_memory(inst, n, &ZydisDecodedOperandMem::base);
}
xed_reg_enum_t xed_decoded_inst_get_index_reg(const xed_decoded_inst_t* inst, unsigned int n) {
  return reg_in_memory(inst, n, &ZydisDecodedOperandMem::index);
}
xed_reg_enum_t xed_decoded_inst_get_seg_reg(const xed_decoded_inst_t* inst, unsigned int n) {
  return reg_in_memory(inst, n, &ZydisDecodedOperandMem::segment);
}
xed_reg_class_enum_t xed_reg_class(xed_reg_enum_t reg) {
  switch (ZydisRegisterGetClass(static_cast<ZydisRegister>(reg))) {
    case ZYDIS_REGCLASS_GPR8:
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
      return XED_REG_CLASS_GPR;
    case ZYDIS_REGCLASS_X87:
      return XED_REG_CLASS_X87;
    case ZYDIS_REGCLASS_MMX:
      return XED_REG_CLASS_MMX;
    case ZYDIS_REGCLASS_XMM:
      return XED_REG_CLASS_XMM;
    case ZYDIS_REGCLASS_YMM:
      return XED_REG_CLASS_YMM;
    case ZYDIS_REGCLASS_ZMM:
      return XED_REG_CLASS_ZMM;
    case ZYDIS_REGCLASS_MASK:
      return XED_REG_CLASS_MASK;
    case ZYDIS_REGCLASS_TMM:
      return XED_REG_CLASS_TREG;
    case ZYDIS_REGCLASS_FLAGS:
      return XED_REG_CLASS_FLAGS;
    case ZYDIS_REGCLASS_IP:
      return XED_REG_CLASS_IP;
    case ZYDIS_REGCLASS_SEGMENT:
      return XED_REG_CLASS_SR;
    case ZYDIS_REGCLASS_CONTROL:
      return XED_REG_CLASS_CR;
    case ZYDIS_REGCLASS_DEBUG:
      return XED_REG_CLASS_DR;
    case ZYDIS_REGCLASS_BOUND:
      return XED_REG_CLASS_BOUND;
    case ZYDIS_REGCLASS_INVALID:
      return XED_REG_CLASS_INVALID;
    default:
      return XED_REG_CLASS_PSEUDO;
  }
}
xed_reg_enum_t xed_get_largest_enclosing_register(xed_reg_enum_t reg) {
  const ZydisRegister whole =
      ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, static_cast<ZydisRegister>(reg));
  return whole == ZYDIS_REGISTER_NONE ? reg : static_cast<xed_reg_enum_t>(whole);
}
xed_uint_t xed_decoded_inst_get_memory_displacement_width(const xed_decoded_inst_t* inst, unsigned int n) {
  // Only the operand that is written out has one.
  const ZydisDecodedOperand* one = memory_at(inside(inst), n);
  const bool has_one = one != nullptr && one->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  return has_one ? inside(inst).instruction.raw.disp.size / 8u : 0;
}
xed_uint_t xed_decoded_inst_is_prefetch(const xed_decoded_inst_t* inst) {
  return inside(inst).instruction.meta.category == ZYDIS_CATEGORY_PREFETCH ? 1 : 0;
}
xed_uint_t xed_decoded_inst_get_scale(const xed_decoded_inst_t* inst, unsigned int n) {
  const ZydisDecodedOperand* one = memory_at(inside(inst), n);
  return one != nullptr ? one->mem.scale : 0;
}
const CHAR* xed_reg_enum_t2str(xed_reg_enum_t reg) {
  const CHAR* name = ZydisRegisterGetString(static_cast<ZydisRegister>(reg));
  return name != nullptr ? name : "INVALID";
}

xed_uint_t xed_decoded_inst_operand_length_bits(const xed_decoded_inst_t* inst, unsigned int n) {
  const ZydisDecodedOperand* one = operand_at(inst, n);
  return one != nullptr ? one->size : 0;
}
xed_uint_t xed_decoded_inst_operand_length(const xed_decoded_inst_t* inst, unsigned int n) {
  return xed_decoded_inst_operand_length_bits(inst, n) / 8;
}
xed_uint_t xed_decoded_inst_operand_elements(const xed_decoded_inst_t* inst, unsigned int n) {
  const ZydisDecodedOperand* one = operand_at(inst, n);
  return one != nullptr ? one->element_count : 0;
}
xed_uint_t xed_decoded_inst_operand_element_size_bits(const xed_decoded_inst_t* inst, unsigned int n) {
  const ZydisDecodedOperand* one = operand_at(inst, n);
  return one != nullptr ? one->element_size : 0;
}
xed_operand_element_type_enum_t xed_decoded_inst_operand_element_type(const xed_decoded_inst_t* inst,
                                                                      unsigned int n) {
  const ZydisDecodedOperand* one = operand_at(inst, n);
  if (one == nullptr) return XED_OPERAND_ELEMENT_TYPE_INVALID;
  switch (one->element_type) {
    case ZYDIS_ELEMENT_TYPE_STRUCT:
      return XED_OPERAND_ELEMENT_TYPE_STRUCT;
    case ZYDIS_ELEMENT_TYPE_UINT:
      return XED_OPERAND_ELEMENT_TYPE_UINT;
    case ZYDIS_ELEMENT_TYPE_INT:
      return XED_OPERAND_ELEMENT_TYPE_INT;
    case ZYDIS_ELEMENT_TYPE_FLOAT16:
      return XED_OPERAND_ELEMENT_TYPE_FLOAT16;
    case ZYDIS_ELEMENT_TYPE_FLOAT32:
      return XED_OPERAND_ELEMENT_TYPE_SINGLE;
    case ZYDIS_ELEMENT_TYPE_FLOAT64:
      return XED_OPERAND_ELEMENT_TYPE_DOUBLE;
    case ZYDIS_ELEMENT_TYPE_FLOAT80:
      return XED_OPERAND_ELEMENT_TYPE_LONGDOUBLE;
    case ZYDIS_ELEMENT_TYPE_LONGBCD:
      return XED_OPERAND_ELEMENT_TYPE_LONGBCD;
    default:
      return XED_OPERAND_ELEMENT_TYPE_INVALID;
  }
}
const CHAR* xed_operand_element_type_enum_t2str(xed_operand_element_type_enum_t type) {
  static constexpr const CHAR* kNames[] = {"INVALID",  "UINT",       "INT",     "SINGLE",
                                           "DOUBLE",   "LONGDOUBLE", "LONGBCD", "STRUCT",
                                           "VARIABLE", "FLOAT16",    "BFLOAT16"};
  return type < XED_OPERAND_ELEMENT_TYPE_LAST ? kNames[type] : "INVALID";
}

xed_uint_t xed_decoded_inst_get_attribute(const xed_decoded_inst_t* inst, xed_attribute_enum_t attribute) {
  return has_attribute(inside(inst), attribute) ? 1 : 0;
}
xed_attributes_t xed_decoded_inst_get_attributes(const xed_decoded_inst_t* inst) {
  xed_attributes_t all{};
  for (unsigned i = 0; i < XED_ATTRIBUTE_LAST; ++i) {
    if (has_attribute(inside(inst), static_cast<xed_attribute_enum_t>(i))) all.a1 |= xed_uint64_t{1} << i;
  }
  return all;
}
const CHAR* xed_attribute_enum_t2str(xed_attribute_enum_t attribute) {
  static constexpr const CHAR* kNames[] = {"INVALID", "LOCKED", "REP",     "SIMD_SCALAR",
                                           "MASKOP",  "GATHER", "SCATTER", "NOP"};
  return attribute < XED_ATTRIBUTE_LAST ? kNames[attribute] : "INVALID";
}

xed_iform_enum_t xed_decoded_inst_get_iform_enum(const xed_decoded_inst_t* inst) {
  return forms().number_of(inside(inst));
}
const CHAR* xed_iform_enum_t2str(xed_iform_enum_t form) {
  return forms().form(form).name.c_str();
}
xed_iclass_enum_t xed_iform_to_iclass(xed_iform_enum_t form) {
  return forms().form(form).iclass;
}
xed_category_enum_t xed_iform_to_category(xed_iform_enum_t form) {
  return forms().form(form).category;
}
xed_extension_enum_t xed_iform_to_extension(xed_iform_enum_t form) {
  return forms().form(form).extension;
}

}  // namespace LEVEL_BASE
