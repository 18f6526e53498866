// Probe mode, over replacements and calls of whole routines.
#include <cstdarg>

#include "api/instrument.h"
#include "api/routine.h"

namespace LEVEL_BASE {

using namespace isotach::dbi::api;

namespace {

BOOL has_code(RTN rtn) {
  return RTN_Valid(rtn) && RTN_Size(rtn) != 0;
}

}  // namespace

BOOL RTN_IsSafeForProbedInsertion(RTN rtn) {
  return has_code(rtn);
}
BOOL RTN_IsSafeForProbedInsertionEx(RTN rtn, PROBE_MODE) {
  return has_code(rtn);
}
BOOL RTN_IsSafeForProbedReplacement(RTN rtn) {
  return has_code(rtn);
}
BOOL RTN_IsSafeForProbedReplacementEx(RTN rtn, PROBE_MODE) {
  return has_code(rtn);
}

AFUNPTR RTN_ReplaceProbed(RTN rtn, AFUNPTR function) {
  return RTN_Replace(rtn, function);
}
AFUNPTR RTN_ReplaceProbedEx(RTN rtn, PROBE_MODE, AFUNPTR function) {
  return RTN_Replace(rtn, function);
}
AFUNPTR RTN_ReplaceSignatureProbed(RTN rtn, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  AFUNPTR const original = replace_with_signature(rtn, function, list, "RTN_ReplaceSignatureProbed");
  va_end(list);
  return original;
}
AFUNPTR RTN_ReplaceSignatureProbedEx(RTN rtn, PROBE_MODE, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  AFUNPTR const original = replace_with_signature(rtn, function, list, "RTN_ReplaceSignatureProbedEx");
  va_end(list);
  return original;
}
VOID RTN_InsertCallProbed(RTN rtn, IPOINT place, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  insert_at_routine(rtn, place, function, list, "RTN_InsertCallProbed");
  va_end(list);
}
BOOL RTN_InsertCallProbedEx(RTN rtn, IPOINT place, PROBE_MODE, AFUNPTR function, ...) {
  va_list list;
  va_start(list, function);
  insert_at_routine(rtn, place, function, list, "RTN_InsertCallProbedEx");
  va_end(list);
  return TRUE;
}

BOOL PIN_IsSafeForProbedInsertion(ADDRINT address) {
  return RTN_Valid(RTN_FindByAddress(address));
}

}  // namespace LEVEL_BASE
