// For tools that include the decoder by its own name, often within extern "C".
#pragma once
extern "C++" {
#include "pin/xed.h"
#include "pin/xed_operands.h"
}
using namespace LEVEL_BASE;
