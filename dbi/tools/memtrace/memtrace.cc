// Records every access to memory: instruction, address, size, and whether it reads or writes. The records are
// stored inline into a buffer of each thread's own, and written when it is full.
//
// The file holds records of 24 bytes, in the order of each thread: see Record. -text 1 writes lines instead:
//   THREAD PC R|W ADDRESS SIZE
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "memtrace.out", "file for the records");
KNOB<BOOL> as_text(KNOB_MODE_WRITEONCE, "pintool", "text", "0", "write lines instead of records");
KNOB<BOOL> count_only(KNOB_MODE_WRITEONCE, "pintool", "count", "0", "only count the accesses");
KNOB<UINT32> pages(KNOB_MODE_WRITEONCE, "pintool", "pages", "256", "pages of a thread's buffer");

struct Record {
  UINT64 pc;
  UINT64 address;
  UINT32 size;
  UINT32 is_write;
};

BUFFER_ID buffer;
PIN_LOCK lock;
FILE* out = nullptr;
UINT64 accesses = 0;

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    for (INS ins = BBL_InsHead(bbl); INS_Valid(ins); ins = INS_Next(ins)) {
      if (!INS_IsStandardMemop(ins)) continue;
      for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
        const UINT32 size = static_cast<UINT32>(INS_MemoryOperandSize(ins, i));
        for (const bool is_write : {false, true}) {
          if (!(is_write ? INS_MemoryOperandIsWritten(ins, i) : INS_MemoryOperandIsRead(ins, i))) continue;
          INS_InsertFillBufferPredicated(ins, IPOINT_BEFORE, buffer, IARG_INST_PTR, offsetof(Record, pc),
                                         IARG_MEMORYOP_EA, i, offsetof(Record, address), IARG_UINT32, size,
                                         offsetof(Record, size), IARG_UINT32, UINT32(is_write),
                                         offsetof(Record, is_write), IARG_END);
        }
      }
    }
  }
}

VOID* write_records(BUFFER_ID, THREADID thread, const CONTEXT*, VOID* records, UINT64 count, VOID*) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  accesses += count;
  const Record* record = static_cast<const Record*>(records);
  if (count_only) {
  } else if (as_text) {
    for (UINT64 i = 0; i < count; ++i) {
      std::fprintf(out, "%u %lx %c %lx %u\n", thread, record[i].pc, record[i].is_write ? 'W' : 'R',
                   record[i].address, record[i].size);
    }
  } else {
    std::fwrite(records, sizeof(Record), count, out);
  }
  PIN_ReleaseLock(&lock);
  return records;
}

VOID finish(INT32, VOID*) {
  if (out != nullptr) std::fclose(out);
  if (count_only) std::ofstream(output_file.Value()) << "Accesses " << accesses << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Records every access to memory.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  PIN_InitLock(&lock);
  buffer = PIN_DefineTraceBuffer(sizeof(Record), pages, write_records, nullptr);
  if (buffer == BUFFER_ID_INVALID) {
    std::cerr << "memtrace: there is no buffer\n";
    return 1;
  }
  if (!count_only) {
    out = std::fopen(output_file.Value().c_str(), "w");
    if (out == nullptr) {
      std::cerr << "memtrace: cannot write " << output_file.Value() << "\n";
      return 1;
    }
  }
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
