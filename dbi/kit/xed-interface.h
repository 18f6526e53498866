// For tools that include the decoder by its own name, often within extern "C".
#pragma once
extern "C++" {
#include "pin/xed.h"
}
using namespace LEVEL_BASE;
