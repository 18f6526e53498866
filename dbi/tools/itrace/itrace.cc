// Writes the address of each instruction as it runs; with -text 1, its disassembly too.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "itrace.out", "file for the addresses");
KNOB<BOOL> with_text(KNOB_MODE_WRITEONCE, "pintool", "text", "0", "write the instructions too");
KNOB<UINT64> limit(KNOB_MODE_WRITEONCE, "pintool", "limit", "0", "stop writing after so many; 0: never");

FILE* out;
PIN_LOCK lock;
UINT64 written = 0;

VOID print(ADDRINT address, const std::string* text) {
  PIN_GetLock(&lock, 1);
  if (limit == 0 || written < limit) {
    ++written;
    if (text != nullptr) {
      std::fprintf(out, "%lx  %s\n", address, text->c_str());
    } else {
      std::fprintf(out, "%lx\n", address);
    }
  }
  PIN_ReleaseLock(&lock);
}

VOID instrument(INS ins, VOID*) {
  // The text must outlive this callback. Equal instructions share one.
  static std::set<std::string> texts;
  const std::string* text = with_text ? &*texts.insert(INS_Disassemble(ins)).first : nullptr;
  INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(print), IARG_INST_PTR, IARG_PTR, text,
                 IARG_END);
}

VOID finish(INT32, VOID*) {
  std::fputs("#eof\n", out);
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Writes the address of each instruction as it runs.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "itrace: cannot write " << output_file.Value() << "\n";
    return 1;
  }
  PIN_InitLock(&lock);
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
