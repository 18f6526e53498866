// Shows what memory instructions touch: for each instruction its image, section, routine, address and text;
// for each read the bytes read; for each write the bytes before and after. Several memory operands of one
// instruction come in their order.
//
// Lines:  ADDRESS  TEXT  |  IMAGE  SECTION  ROUTINE     once for each instruction, when it is first met
//         ADDRESS  TEXT  reads  ADDRESS: BYTES
//         ADDRESS  TEXT  writes ADDRESS: BYTES -> BYTES
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "minspect.out",
                              "file for the lines; - is stderr");
KNOB<std::string> wanted_images(KNOB_MODE_APPEND, "pintool", "i", "",
                                "only instructions of this image (ls, libc.so.6); again for several");
KNOB<BOOL> list_instructions(KNOB_MODE_WRITEONCE, "pintool", "instructions", "1",
                             "list instructions when first met");
KNOB<BOOL> show_reads(KNOB_MODE_WRITEONCE, "pintool", "reads", "1", "show reads");
KNOB<BOOL> show_writes(KNOB_MODE_WRITEONCE, "pintool", "writes", "1", "show writes");

constexpr UINT32 kMostBytes = 64;  // of one access
const CHAR kUnknown[] = "?????";

FILE* out;
PIN_LOCK lock;
TLS_KEY before_key;  // of each thread: what was in memory before the writes of the current instruction

std::string bytes_at(ADDRINT address, UINT32 size) {
  UINT8 bytes[kMostBytes];
  const size_t copied = PIN_SafeCopy(bytes, PtrFromAddrint(address), std::min<size_t>(size, kMostBytes));
  std::string text;
  CHAR pair[4];
  for (size_t i = 0; i < copied; ++i) {
    std::snprintf(pair, sizeof pair, i == 0 ? "%02x" : " %02x", bytes[i]);
    text += pair;
  }
  if (size > kMostBytes) text += " ...";
  return text;
}

VOID read(ADDRINT pc, const std::string* text, ADDRINT address, UINT32 size) {
  const std::string bytes = bytes_at(address, size);
  PIN_GetLock(&lock, 1);
  std::fprintf(out, "0x%lx  %-40s reads  0x%lx: %s\n", pc, text->c_str(), address, bytes.c_str());
  PIN_ReleaseLock(&lock);
}

VOID before_write(THREADID thread, ADDRINT address, UINT32 size) {
  static_cast<std::vector<std::string>*>(PIN_GetThreadData(before_key, thread))
      ->push_back(bytes_at(address, size));
}

VOID after_write(THREADID thread, ADDRINT pc, const std::string* text, ADDRINT address, UINT32 size) {
  auto& before = *static_cast<std::vector<std::string>*>(PIN_GetThreadData(before_key, thread));
  std::string old = kUnknown;
  if (!before.empty()) {
    old = before.back();
    before.pop_back();
  }
  const std::string bytes = bytes_at(address, size);
  PIN_GetLock(&lock, 1);
  std::fprintf(out, "0x%lx  %-40s writes 0x%lx: %s -> %s\n", pc, text->c_str(), address, old.c_str(),
               bytes.c_str());
  PIN_ReleaseLock(&lock);
}

struct Place {
  std::string image = kUnknown, section = kUnknown, routine = kUnknown;
};

Place place_of(INS ins) {
  Place place;
  const RTN rtn = INS_Rtn(ins);
  if (!RTN_Valid(rtn)) {
    const IMG img = IMG_FindByAddress(INS_Address(ins));
    if (IMG_Valid(img)) place.image = IMG_Name(img);
    return place;
  }
  place.routine = RTN_Name(rtn);
  const SEC sec = RTN_Sec(rtn);
  if (!SEC_Valid(sec)) return place;
  place.section = SEC_Name(sec);
  const IMG img = SEC_Img(sec);
  if (IMG_Valid(img)) place.image = IMG_Name(img);
  return place;
}

BOOL is_wanted(const std::string& image) {
  for (UINT32 i = 0; i < wanted_images.NumberOfValues(); ++i) {
    const std::string& end = wanted_images.Value(i);
    if (image.size() >= end.size() && image.compare(image.size() - end.size(), end.size(), end) == 0)
      return TRUE;
  }
  return wanted_images.NumberOfValues() == 0;
}

VOID instrument(INS ins, VOID*) {
  const Place place = place_of(ins);
  if (!is_wanted(place.image)) return;
  // The text must outlive this callback. Equal instructions share one.
  static std::set<std::string> texts;
  const std::string* text = &*texts.insert(INS_Disassemble(ins)).first;
  const ADDRINT pc = INS_Address(ins);
  if (list_instructions) {
    PIN_GetLock(&lock, 1);
    std::fprintf(out, "0x%lx  %-40s | %s  %s  %s\n", pc, text->c_str(), place.image.c_str(),
                 place.section.c_str(), place.routine.c_str());
    PIN_ReleaseLock(&lock);
  }
  if (!INS_HasKnownMemorySize(ins)) return;
  const UINT32 count = INS_MemoryOperandCount(ins);
  for (UINT32 i = 0; i < count; ++i) {
    if (show_reads && INS_MemoryOperandIsRead(ins, i)) {
      INS_InsertPredicatedCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(read), IARG_ADDRINT, pc,
                               IARG_PTR, text, IARG_MEMORYOP_EA, i, IARG_MEMORYOP_SIZE, i, IARG_END);
    }
    // What was there is kept on a stack, so it is taken off in the opposite order.
    if (show_writes && INS_MemoryOperandIsWritten(ins, i) && INS_IsValidForIpointAfter(ins)) {
      INS_InsertPredicatedCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(before_write), IARG_CALL_ORDER,
                               CALL_ORDER_FIRST + static_cast<INT32>(i) + 1, IARG_THREAD_ID, IARG_MEMORYOP_EA,
                               i, IARG_MEMORYOP_SIZE, i, IARG_END);
      INS_InsertPredicatedCall(ins, IPOINT_AFTER, reinterpret_cast<AFUNPTR>(after_write), IARG_CALL_ORDER,
                               CALL_ORDER_LAST - static_cast<INT32>(i) - 1, IARG_THREAD_ID, IARG_ADDRINT, pc,
                               IARG_PTR, text, IARG_MEMORYOP_EA, i, IARG_MEMORYOP_SIZE, i, IARG_END);
    }
  }
}

VOID begin_thread(THREADID thread, CONTEXT*, INT32, VOID*) {
  PIN_SetThreadData(before_key, new std::vector<std::string>, thread);
}

VOID finish(INT32, VOID*) {
  if (out != stderr) std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::cerr << "Shows what memory instructions read and write.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  out = output_file.Value() == "-" ? stderr : std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "minspect: cannot write " << output_file.Value() << "\n";
    return 1;
  }
  PIN_InitLock(&lock);
  before_key =
      PIN_CreateThreadDataKey([](VOID* data) { delete static_cast<std::vector<std::string>*>(data); });
  PIN_AddThreadStartFunction(begin_thread, nullptr);
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
