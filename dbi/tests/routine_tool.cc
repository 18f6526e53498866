// A tool that uses what the API has for images, sections, symbols and routines, and prints what it sees, line
// by line; routine_test.py compares.
#include <cstdio>
#include <set>
#include <string>

#include "pin.H"

namespace {

FILE* out = nullptr;

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

VOID entered(ADDRINT address, ADDRINT first, ADDRINT second) {
  std::fprintf(out, "enter area %d %d at %s\n", static_cast<int>(first), static_cast<int>(second),
               RTN_FindNameByAddress(address).c_str());
}
VOID left(ADDRINT result) {
  std::fprintf(out, "leave area %d\n", static_cast<int>(result));
}
int instead(int a, int b) {
  std::fprintf(out, "instead of replaced %d %d\n", a, b);
  return a * b;
}
int other_signature(int c, ADDRINT original, int a, THREADID thread) {
  std::fprintf(out, "other signature %d %d thread %u original %s\n", c, a, thread,
               RTN_FindNameByAddress(original).c_str());
  return 1000 + c;
}
VOID eight(ADDRINT a, ADDRINT f, ADDRINT g, ADDRINT h, ADDRINT back) {
  std::fprintf(out, "many %lu %lu %lu %lu from %s\n", a, f, g, h, RTN_FindNameByAddress(back).c_str());
}
UINT64 counted = 0;
VOID count() {
  ++counted;
}

void check_chains(IMG img) {
  UINT32 sections = 0, routines = 0, symbols = 0, wrong = 0;
  for (SEC sec = IMG_SecHead(img); SEC_Valid(sec); sec = SEC_Next(sec)) {
    ++sections;
    if (SEC_Img(sec) != img) ++wrong;
    if (SEC_Next(sec) != SEC_Invalid() && SEC_Prev(SEC_Next(sec)) != sec) ++wrong;
    ADDRINT end = 0;
    for (RTN rtn = SEC_RtnHead(sec); RTN_Valid(rtn); rtn = RTN_Next(rtn)) {
      ++routines;
      if (RTN_Sec(rtn) != sec || RTN_Address(rtn) < end || RTN_FindByAddress(RTN_Address(rtn)) != rtn)
        ++wrong;
      if (RTN_Address(rtn) < SEC_Address(sec) ||
          RTN_Address(rtn) + RTN_Size(rtn) > SEC_Address(sec) + SEC_Size(sec))
        ++wrong;
      end = RTN_Address(rtn) + RTN_Size(rtn);
    }
  }
  for (SYM sym = IMG_RegsymHead(img); SYM_Valid(sym); sym = SYM_Next(sym)) {
    ++symbols;
    if (SYM_Name(sym).empty()) ++wrong;
  }
  std::fprintf(out, "chains %s %s sections %s routines %s symbols, %u wrong\n",
               file_name(IMG_Name(img)).c_str(), sections > 10 ? "many" : "few",
               routines > 10 ? "many" : "few", symbols > 10 ? "many" : "few", wrong);
}

RTN area_of(IMG img) {
  for (SYM sym = IMG_RegsymHead(img); SYM_Valid(sym); sym = SYM_Next(sym))
    if (PIN_UndecorateSymbolName(SYM_Name(sym), UNDECORATION_NAME_ONLY) == "shapes::area")
      return RTN_FindByAddress(SYM_Address(sym));
  return RTN_Invalid();
}

void instrument_main(IMG img) {
  std::fprintf(out, "main entry %s low %d high %d type %d static %d\n",
               RTN_Name(RTN_FindByAddress(IMG_EntryAddress(img))).c_str(),
               IMG_FindByAddress(IMG_LowAddress(img)) == img, IMG_FindByAddress(IMG_HighAddress(img)) == img,
               static_cast<int>(IMG_Type(img)) == static_cast<int>(IMG_TYPE_SHARED),
               IMG_IsStaticExecutable(img));
  const RTN area = area_of(img);
  RTN_Open(area);
  RTN_InsertCall(area, IPOINT_BEFORE, (AFUNPTR)entered, IARG_INST_PTR, IARG_FUNCARG_ENTRYPOINT_VALUE, 0,
                 IARG_FUNCARG_ENTRYPOINT_VALUE, 1, IARG_END);
  RTN_InsertCall(area, IPOINT_AFTER, (AFUNPTR)left, IARG_FUNCRET_EXITPOINT_VALUE, IARG_END);
  UINT32 instructions = 0, returns = 0;
  for (INS ins = RTN_InsHead(area); INS_Valid(ins); ins = INS_Next(ins)) {
    ++instructions;
    if (INS_IsRet(ins)) ++returns;
    INS_InsertCall(ins, IPOINT_BEFORE, (AFUNPTR)count, IARG_END);
  }
  std::fprintf(out, "area %s %d %d returns tail %d\n", RTN_NumIns(area) == instructions ? "whole" : "part",
               instructions > 3, returns >= 1, INS_Valid(RTN_InsTail(area)));
  RTN_Close(area);
  INT32 column = 0, line = 0;
  std::string file;
  PIN_GetSourceLocation(RTN_Address(area), &column, &line, &file);
  std::fprintf(out, "source %s %s\n", file_name(file).c_str(), line > 0 ? "line" : "none");

  RTN_Replace(RTN_FindByName(img, "replaced"), (AFUNPTR)instead);
  const RTN with_signature = RTN_FindByName(img, "with_signature");
  PROTO proto = PROTO_Allocate(PIN_PARG(int), CALLINGSTD_DEFAULT, "with_signature", PIN_PARG(int),
                               PIN_PARG(int), PIN_PARG(int), PIN_PARG_END());
  RTN_ReplaceSignature(with_signature, (AFUNPTR)other_signature, IARG_PROTOTYPE, proto,
                       IARG_FUNCARG_ENTRYPOINT_VALUE, 2, IARG_ORIG_FUNCPTR, IARG_FUNCARG_ENTRYPOINT_VALUE, 0,
                       IARG_THREAD_ID, IARG_END);
  PROTO_Free(proto);
  const RTN many = RTN_FindByName(img, "many");
  RTN_Open(many);
  RTN_InsertCall(many, IPOINT_BEFORE, (AFUNPTR)eight, IARG_FUNCARG_ENTRYPOINT_VALUE, 0,
                 IARG_FUNCARG_ENTRYPOINT_VALUE, 5, IARG_FUNCARG_ENTRYPOINT_VALUE, 6,
                 IARG_FUNCARG_ENTRYPOINT_VALUE, 7, IARG_RETURN_IP, IARG_END);
  RTN_Close(many);
}

VOID loaded(IMG img, VOID*) {
  std::fprintf(out, "load %s%s%s\n", file_name(IMG_Name(img)).c_str(),
               IMG_IsMainExecutable(img) ? " main" : "", IMG_IsInterpreter(img) ? " interpreter" : "");
  check_chains(img);
  if (IMG_IsMainExecutable(img)) instrument_main(img);
}
VOID unloaded(IMG img, VOID*) {
  std::fprintf(out, "unload %s\n", file_name(IMG_Name(img)).c_str());
}

std::set<std::string>* routines = nullptr;
VOID routine(RTN rtn, VOID*) {
  const IMG img = SEC_Img(RTN_Sec(rtn));
  if (IMG_IsMainExecutable(img) && !routines->insert(RTN_Name(rtn)).second && !RTN_IsArtificial(rtn))
    std::fprintf(out, "twice %s\n", RTN_Name(rtn).c_str());
}

VOID finished(INT32 code, VOID*) {
  for (const char* const name : {"main", "many", "_ZN6shapes4areaEii", "printf@plt", "never"})
    std::fprintf(out, "routine %s %d\n", name, static_cast<int>(routines->count(name)));
  std::fprintf(out, "counted %d\n", counted > 4);
  std::fprintf(out, "end %d\n", code);
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  static KNOB<std::string> file(KNOB_MODE_WRITEONCE, "pintool", "o", "routine.out", "where the lines go");
  if (PIN_Init(argc, argv)) return 1;
  out = std::fopen(file.Value().c_str(), "w");
  if (out == nullptr) return 1;
  routines = new std::set<std::string>;
  IMG_AddInstrumentFunction(loaded, nullptr);
  IMG_AddUnloadFunction(unloaded, nullptr);
  RTN_AddInstrumentFunction(routine, nullptr);
  PIN_AddFiniFunction(finished, nullptr);
  PIN_StartProgram();
}
