// Names of instructions (XED_ICLASS_...), categories, extensions and registers, as tools spell them; and the
// little of a decoder's interface that tools use.
#pragma once

#include "pin/base.h"
#include "pin/xed_names.h"

namespace LEVEL_BASE {

typedef unsigned int xed_uint_t;
typedef UINT8 xed_uint8_t;
typedef UINT16 xed_uint16_t;
typedef UINT32 xed_uint32_t;
typedef UINT64 xed_uint64_t;
typedef INT8 xed_int8_t;
typedef INT16 xed_int16_t;
typedef INT32 xed_int32_t;
typedef INT64 xed_int64_t;
typedef unsigned int xed_bool_t;

enum xed_error_enum_t { XED_ERROR_NONE, XED_ERROR_BUFFER_TOO_SHORT, XED_ERROR_GENERAL_ERROR, XED_ERROR_LAST };
enum xed_machine_mode_enum_t {
  XED_MACHINE_MODE_INVALID,
  XED_MACHINE_MODE_LONG_64,
  XED_MACHINE_MODE_LONG_COMPAT_32,
  XED_MACHINE_MODE_LONG_COMPAT_16,
  XED_MACHINE_MODE_LEGACY_32,
  XED_MACHINE_MODE_LEGACY_16
};
enum xed_address_width_enum_t {
  XED_ADDRESS_WIDTH_INVALID = 0,
  XED_ADDRESS_WIDTH_16b = 2,
  XED_ADDRESS_WIDTH_32b = 4,
  XED_ADDRESS_WIDTH_64b = 8
};
enum xed_syntax_enum_t { XED_SYNTAX_INVALID, XED_SYNTAX_XED, XED_SYNTAX_ATT, XED_SYNTAX_INTEL };

struct xed_state_t {
  xed_machine_mode_enum_t mmode;
  xed_address_width_enum_t stack_addr_width;
};
// An instruction with room for what the decoder knows of it.
struct xed_inst_t;
struct alignas(16) xed_decoded_inst_t {
  UINT8 opaque[2048];
  const xed_inst_t* _inst;  // as xed_decoded_inst_inst()
};
typedef xed_decoded_inst_t xed_decoded_inst_s;

inline VOID xed_tables_init() {}
inline VOID xed_state_zero(xed_state_t* state) {
  *state = xed_state_t();
}
inline VOID xed_state_init(xed_state_t* state, xed_machine_mode_enum_t mode, xed_address_width_enum_t,
                           xed_address_width_enum_t stack) {
  state->mmode = mode;
  state->stack_addr_width = stack;
}
inline VOID xed_state_init2(xed_state_t* state, xed_machine_mode_enum_t mode,
                            xed_address_width_enum_t stack) {
  state->mmode = mode;
  state->stack_addr_width = stack;
}
ISOTACH_API VOID xed_decoded_inst_zero(xed_decoded_inst_t* inst);
ISOTACH_API VOID xed_decoded_inst_zero_set_mode(xed_decoded_inst_t* inst, const xed_state_t* state);
ISOTACH_API VOID xed_decoded_inst_set_mode(xed_decoded_inst_t* inst, xed_machine_mode_enum_t mode,
                                           xed_address_width_enum_t stack);
// 64-bit code only: anything else is an error.
ISOTACH_API xed_error_enum_t xed_decode(xed_decoded_inst_t* inst, const xed_uint8_t* bytes,
                                        unsigned int size);
ISOTACH_API BOOL xed_decoded_inst_valid(const xed_decoded_inst_t* inst);
ISOTACH_API xed_uint_t xed_decoded_inst_get_length(const xed_decoded_inst_t* inst);
ISOTACH_API xed_iclass_enum_t xed_decoded_inst_get_iclass(const xed_decoded_inst_t* inst);
ISOTACH_API xed_category_enum_t xed_decoded_inst_get_category(const xed_decoded_inst_t* inst);
ISOTACH_API xed_extension_enum_t xed_decoded_inst_get_extension(const xed_decoded_inst_t* inst);
ISOTACH_API BOOL xed_format_context(xed_syntax_enum_t syntax, const xed_decoded_inst_t* inst, CHAR* out,
                                    int size, xed_uint64_t address, VOID* context, VOID* symbols);
ISOTACH_API BOOL xed_decoded_inst_dump_intel_format(const xed_decoded_inst_t* inst, CHAR* out, int size,
                                                    xed_uint64_t address);
ISOTACH_API VOID xed_decoded_inst_dump(const xed_decoded_inst_t* inst, CHAR* out, int size);
ISOTACH_API const CHAR* xed_iclass_enum_t2str(xed_iclass_enum_t iclass);
ISOTACH_API const CHAR* xed_category_enum_t2str(xed_category_enum_t category);
ISOTACH_API const CHAR* xed_extension_enum_t2str(xed_extension_enum_t extension);
ISOTACH_API const CHAR* xed_error_enum_t2str(xed_error_enum_t error);
// The one of this name; ..._INVALID: there is none.
ISOTACH_API xed_iclass_enum_t str2xed_iclass_enum_t(const CHAR* name);
ISOTACH_API xed_category_enum_t str2xed_category_enum_t(const CHAR* name);
ISOTACH_API xed_extension_enum_t str2xed_extension_enum_t(const CHAR* name);
ISOTACH_API xed_uint_t xed_decoded_inst_number_of_memory_operands(const xed_decoded_inst_t* inst);
ISOTACH_API BOOL xed_decoded_inst_mem_read(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API BOOL xed_decoded_inst_mem_written(const xed_decoded_inst_t* inst, unsigned int n);
ISOTACH_API xed_uint_t xed_decoded_inst_get_memory_operand_length(const xed_decoded_inst_t* inst,
                                                                  unsigned int n);
ISOTACH_API xed_int64_t xed_decoded_inst_get_memory_displacement(const xed_decoded_inst_t* inst,
                                                                 unsigned int n);
ISOTACH_API xed_int32_t xed_decoded_inst_get_branch_displacement(const xed_decoded_inst_t* inst);
ISOTACH_API xed_uint64_t xed_decoded_inst_get_unsigned_immediate(const xed_decoded_inst_t* inst);
ISOTACH_API BOOL xed_decoded_inst_get_immediate_is_signed(const xed_decoded_inst_t* inst);

}  // namespace LEVEL_BASE
