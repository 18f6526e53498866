// Stage B: an instrumentation callback. Pin calls it once for each instruction, when its code is translated,
// not each time it runs. It prints where the instruction is and what it is.
#include <cstdio>
#include <string>

#include "pin.H"

namespace {

const char kUnknown[] = "?????";

// Code need not belong to a routine, nor a routine to a section, nor that to an image.
struct Place {
  std::string image = kUnknown, section = kUnknown, routine = kUnknown;
};

Place place_of(INS ins) {
  Place place;
  const RTN rtn = INS_Rtn(ins);
  if (!RTN_Valid(rtn)) return place;
  place.routine = RTN_Name(rtn);
  const SEC sec = RTN_Sec(rtn);
  if (!SEC_Valid(sec)) return place;
  place.section = SEC_Name(sec);
  const IMG img = SEC_Img(sec);
  if (IMG_Valid(img)) place.image = IMG_Name(img);
  return place;
}

VOID instruction(INS ins, VOID*) {
  const Place place = place_of(ins);
  std::fprintf(stderr, "%s %s %s %#lx  %s\n", place.image.c_str(), place.section.c_str(), place.routine.c_str(),
               static_cast<unsigned long>(INS_Address(ins)), INS_Disassemble(ins).c_str());
}

}  // namespace

int main(int argc, char* argv[]) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::fprintf(stderr, "%s\n", KNOB_BASE::StringKnobSummary().c_str());
    return 1;
  }
  INS_AddInstrumentFunction(instruction, nullptr);
  PIN_StartProgram();
}
