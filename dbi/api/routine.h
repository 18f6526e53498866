// What calls at routines and replacements of them share between their modes.
#pragma once

#include <cstdarg>

#include "pin.H"

namespace isotach::dbi::api {

// `function`: the name that messages say.
AFUNPTR replace_with_signature(RTN rtn, AFUNPTR with, va_list& list, const char* function);
void insert_at_routine(RTN rtn, IPOINT place, AFUNPTR call, va_list& list, const char* function);

}  // namespace isotach::dbi::api
