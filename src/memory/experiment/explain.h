// The sentences of a verdict, made from its numbers. Pure.
#pragma once

#include "memory/experiment/verdict.h"

namespace isotach::memory {

// Fills in summary, reasons and advice.
void explain(const MemoryRun& run, MemoryVerdict& judged);

}  // namespace isotach::memory
