// Values that name an image, section, routine, symbol, trace, basic block or instruction. They hold a number;
// that of a TRACE, BBL or INS means something only during the callback that handed it out.
#pragma once

#include "pin/base.h"

namespace LEVEL_BASE {

template <int KIND>
class INDEX {
 public:
  constexpr INDEX() : number_(0) {}
  constexpr explicit INDEX(INT32 number) : number_(number) {}
  constexpr INT32 q() const { return number_; }
  VOID q_set(INT32 number) { number_ = number; }
  static constexpr INDEX INVALID() { return INDEX(0); }
  constexpr BOOL is_valid() const { return number_ > 0; }
  constexpr BOOL operator==(const INDEX& other) const { return number_ == other.number_; }
  constexpr BOOL operator!=(const INDEX& other) const { return number_ != other.number_; }
  constexpr BOOL operator<(const INDEX& other) const { return number_ < other.number_; }

 private:
  INT32 number_;
};

typedef INDEX<1> IMG;
typedef INDEX<2> SEC;
typedef INDEX<3> RTN;
typedef INDEX<4> SYM;
typedef INDEX<5> TRACE;
typedef INDEX<6> BBL;
typedef INDEX<7> INS;
typedef INDEX<8> APP;
typedef INDEX<9> PIN_CALLBACK_HANDLE;

inline constexpr IMG IMG_Invalid() {
  return IMG();
}
inline constexpr SEC SEC_Invalid() {
  return SEC();
}
inline constexpr RTN RTN_Invalid() {
  return RTN();
}
inline constexpr SYM SYM_Invalid() {
  return SYM();
}
inline constexpr TRACE TRACE_Invalid() {
  return TRACE();
}
inline constexpr BBL BBL_Invalid() {
  return BBL();
}
inline constexpr INS INS_Invalid() {
  return INS();
}
inline constexpr BOOL IMG_valid(IMG x) {
  return x.is_valid();
}
inline constexpr BOOL IMG_Valid(IMG x) {
  return x.is_valid();
}
inline constexpr BOOL SEC_Valid(SEC x) {
  return x.is_valid();
}
inline constexpr BOOL RTN_Valid(RTN x) {
  return x.is_valid();
}
inline constexpr BOOL SYM_Valid(SYM x) {
  return x.is_valid();
}
inline constexpr BOOL BBL_Valid(BBL x) {
  return x.is_valid();
}
inline constexpr BOOL INS_Valid(INS x) {
  return x.is_valid();
}
inline constexpr BOOL TRACE_Valid(TRACE x) {
  return x.is_valid();
}

// Of those that callbacks are registered with: Pin's own order of them.
enum CALL_ORDER : INT32 { CALL_ORDER_FIRST = 100, CALL_ORDER_DEFAULT = 200, CALL_ORDER_LAST = 300 };

struct CALLBACK_RECORD;
typedef CALLBACK_RECORD* PIN_CALLBACK;
static const PIN_CALLBACK PIN_CALLBACK_INVALID = nullptr;

}  // namespace LEVEL_BASE
