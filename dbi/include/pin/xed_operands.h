// The operands and the form of a decoded instruction, as the decoder's interface has them.
#pragma once

#include "pin/xed.h"

namespace LEVEL_BASE {

static const UINT32 XED_MAX_INSTRUCTION_BYTES = 15;

// What an operand is called: registers are counted in their order, memory operands and immediates likewise.
enum xed_operand_enum_t {
  XED_OPERAND_INVALID,
  XED_OPERAND_REG0,
  XED_OPERAND_REG1,
  XED_OPERAND_REG2,
  XED_OPERAND_REG3,
  XED_OPERAND_REG4,
  XED_OPERAND_REG5,
  XED_OPERAND_REG6,
  XED_OPERAND_REG7,
  XED_OPERAND_REG8,
  XED_OPERAND_REG9,
  XED_OPERAND_MEM0,
  XED_OPERAND_MEM1,
  XED_OPERAND_AGEN,  // of lea: an address that is not accessed
  XED_OPERAND_IMM0,
  XED_OPERAND_IMM1,
  XED_OPERAND_RELBR,
  XED_OPERAND_PTR,
  XED_OPERAND_BASE0,  // of MEM0, for xed_decoded_inst_get_reg
  XED_OPERAND_INDEX,
  XED_OPERAND_SEG0,
  XED_OPERAND_LAST
};
enum xed_operand_visibility_enum_t {
  XED_OPVIS_INVALID,
  XED_OPVIS_EXPLICIT,
  XED_OPVIS_IMPLICIT,
  XED_OPVIS_SUPPRESSED
};
enum xed_operand_element_type_enum_t {
  XED_OPERAND_ELEMENT_TYPE_INVALID,
  XED_OPERAND_ELEMENT_TYPE_UINT,
  XED_OPERAND_ELEMENT_TYPE_INT,
  XED_OPERAND_ELEMENT_TYPE_SINGLE,
  XED_OPERAND_ELEMENT_TYPE_DOUBLE,
  XED_OPERAND_ELEMENT_TYPE_LONGDOUBLE,
  XED_OPERAND_ELEMENT_TYPE_LONGBCD,
  XED_OPERAND_ELEMENT_TYPE_STRUCT,
  XED_OPERAND_ELEMENT_TYPE_VARIABLE,
  XED_OPERAND_ELEMENT_TYPE_FLOAT16,
  XED_OPERAND_ELEMENT_TYPE_BFLOAT16,
  XED_OPERAND_ELEMENT_TYPE_LAST
};
// Properties of instructions: those that tools ask for.
enum xed_attribute_enum_t {
  XED_ATTRIBUTE_INVALID,
  XED_ATTRIBUTE_LOCKED,
  XED_ATTRIBUTE_REP,
  XED_ATTRIBUTE_SIMD_SCALAR,
  XED_ATTRIBUTE_MASKOP,
  XED_ATTRIBUTE_GATHER,
  XED_ATTRIBUTE_SCATTER,
  XED_ATTRIBUTE_NOP,
  XED_ATTRIBUTE_LAST
};
struct xed_attributes_t {
  xed_uint64_t a1, a2;  // bit n: attribute n, from 64 on in a2
};

struct xed_operand_t {
  xed_operand_enum_t _name;
  xed_operand_visibility_enum_t _operand_visibility;
  xed_uint8_t _rw;  // bit 0: read, bit 1: written
};
// What instructions of one form have in common; it stays.
struct xed_inst_t {
  xed_uint8_t _noperands;
  xed_operand_t _operands[10];
};

ISOTACH_API const xed_inst_t* xed_decoded_inst_inst(const xed_decoded_inst_t* inst);
ISOTACH_API xed_uint_t xed_decoded_inst_noperands(const xed_decoded_inst_t* inst);
inline xed_uint_t xed_inst_noperands(const xed_inst_t* inst) {
  return inst->_noperands;
}
inline const xed_operand_t* xed_inst_operand(const xed_inst_t* inst, unsigned int n) {
  return &inst->_operands[n];
}
inline xed_operand_enum_t xed_operand_name(const xed_operand_t* operand) {
  return operand->_name;
}
inline xed_operand_visibility_enum_t xed_operand_operand_visibility(const xed_operand_t* operand) {
  return operand->_operand_visibility;
}
inline xed_uint_t xed_operand_read(const xed_operand_t* operand) {
  return operand->_rw & 1;
}
inline xed_uint_t xed_operand_written(const xed_operand_t* operand) {
  return operand->_rw >> 1 & 1;
}
inline xed_uint_t xed_operand_is_register(xed_operand_enum_t name) {
  return name >= XED_OPERAND_REG0 && name <= XED_OPERAND_REG9;
}
// REG0 to REG9, or BASE0, INDEX and SEG0 of the memory operand that is written out; XED_REG_INVALID: none.
ISOTACH_API xed_reg_enum_t xed_decoded_inst_get_reg(const xed_decoded_inst_t* inst, xed_operand_enum_t name);
ISOTACH_API xed_reg_enum_t xed_decoded_inst_get_base_reg(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_reg_enum_t xed_decoded_inst_get_index_reg(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_reg_enum_t xed_decoded_inst_get_seg_reg(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_get_scale(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API const CHAR* xed_reg_enum_t2str(xed_reg_enum_t reg);
enum xed_reg_class_enum_t {
  XED_REG_CLASS_INVALID,
  XED_REG_CLASS_GPR,
  XED_REG_CLASS_X87,
  XED_REG_CLASS_MMX,
  XED_REG_CLASS_XMM,
  XED_REG_CLASS_YMM,
  XED_REG_CLASS_ZMM,
  XED_REG_CLASS_MASK,
  XED_REG_CLASS_TREG,
  XED_REG_CLASS_FLAGS,
  XED_REG_CLASS_IP,
  XED_REG_CLASS_SR,
  XED_REG_CLASS_CR,
  XED_REG_CLASS_DR,
  XED_REG_CLASS_BOUND,
  XED_REG_CLASS_PSEUDO,
  XED_REG_CLASS_LAST
};
ISOTACH_API xed_reg_class_enum_t xed_reg_class(xed_reg_enum_t reg);
// The 64 bit register, or the widest vector register, that it is part of; itself where there is none.
ISOTACH_API xed_reg_enum_t xed_get_largest_enclosing_register(xed_reg_enum_t reg);
// In bytes; 0: there is none.
ISOTACH_API xed_uint_t xed_decoded_inst_get_memory_displacement_width(const xed_decoded_inst_t* inst,
                                                                      unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_is_prefetch(const xed_decoded_inst_t* inst);
// Of operand n: bytes, and its elements.
ISOTACH_API xed_uint_t xed_decoded_inst_operand_length(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_operand_length_bits(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_operand_elements(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_operand_element_size_bits(const xed_decoded_inst_t* inst,
                                                                  unsigned int n);
ISOTACH_API xed_operand_element_type_enum_t
xed_decoded_inst_operand_element_type(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API const CHAR* xed_operand_element_type_enum_t2str(xed_operand_element_type_enum_t type);

ISOTACH_API xed_uint_t xed_decoded_inst_get_attribute(const xed_decoded_inst_t* inst,
                                                      xed_attribute_enum_t attribute);
ISOTACH_API xed_attributes_t xed_decoded_inst_get_attributes(const xed_decoded_inst_t* inst);
ISOTACH_API const CHAR* xed_attribute_enum_t2str(xed_attribute_enum_t attribute);

// The form of an instruction: its class and the kinds of its operands ("ADD_GPRv_MEMv"). Forms are numbered
// as they are met, so numbers differ between runs; there are fewer than XED_IFORM_LAST.
enum xed_iform_enum_t { XED_IFORM_INVALID = 0, XED_IFORM_LAST = 16384 };
ISOTACH_API xed_iform_enum_t xed_decoded_inst_get_iform_enum(const xed_decoded_inst_t* inst);
ISOTACH_API const CHAR* xed_iform_enum_t2str(xed_iform_enum_t form);
ISOTACH_API xed_iclass_enum_t xed_iform_to_iclass(xed_iform_enum_t form);
ISOTACH_API xed_category_enum_t xed_iform_to_category(xed_iform_enum_t form);
ISOTACH_API xed_extension_enum_t xed_iform_to_extension(xed_iform_enum_t form);

}  // namespace LEVEL_BASE
