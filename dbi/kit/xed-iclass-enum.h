// For tools that include it by name.
#pragma once
#include "xed-interface.h"
