// Records every access to memory: instruction, address, size, and whether it reads or writes. The records are
// stored inline into a buffer of each thread's own, and written when it is full.
//
// -format says what the file holds, in the order of each thread:
//   records     24 bytes each: see Record
//   text        THREAD PC R|W ADDRESS SIZE  (also -text 1)
//   drmemtrace  entries as readers of that format take them: see Entry. Instructions without accesses are
//   left
//               out
//   perfetto    JSON of trace events for ui.perfetto.dev and chrome://tracing. There is no time in it: the
//   n-th
//               access stands at n microseconds. For short programs: 110 bytes each
#include <unistd.h>

#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "memtrace.out", "file for the records");
KNOB<std::string> format(KNOB_MODE_WRITEONCE, "pintool", "format", "records",
                         "records, text, drmemtrace or perfetto");
KNOB<BOOL> as_text(KNOB_MODE_WRITEONCE, "pintool", "text", "0", "write lines instead of records");
KNOB<BOOL> count_only(KNOB_MODE_WRITEONCE, "pintool", "count", "0", "only count the accesses");
KNOB<UINT32> pages(KNOB_MODE_WRITEONCE, "pintool", "pages", "256", "pages of a thread's buffer");

struct Record {
  UINT64 pc;
  UINT64 address;
  UINT32 size;
  UINT32 is_write;  // for drmemtrace: the instruction's length from bit 16 on
};

// trace_entry_t of drmemtrace's trace_entry.h, where the numbers are from.
struct __attribute__((packed)) Entry {
  UINT16 type;
  UINT16 size;  // of the access, or the instruction's length
  UINT64 address;
};
enum EntryType : UINT16 {
  kRead = 0,
  kWrite = 1,
  kInstruction = 10,
  kThread = 22,
  kThreadExit = 23,
  kProcess = 24,
  kHeader = 25,
  kFooter = 26
};
constexpr UINT64 kEntryVersion = 2;  // without encodings and markers

BUFFER_ID buffer;
PIN_LOCK lock;
FILE* out = nullptr;
UINT64 accesses = 0;
enum class Format { none, records, text, drmemtrace, perfetto } form = Format::none;
std::vector<THREADID> threads;  // that have written entries

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    for (INS ins = BBL_InsHead(bbl); INS_Valid(ins); ins = INS_Next(ins)) {
      if (!INS_HasKnownMemorySize(ins)) continue;
      for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
        const UINT32 size = static_cast<UINT32>(INS_MemoryOperandSize(ins, i));
        const UINT32 length = form == Format::drmemtrace ? static_cast<UINT32>(INS_Size(ins)) << 16 : 0;
        for (const bool is_write : {false, true}) {
          if (!(is_write ? INS_MemoryOperandIsWritten(ins, i) : INS_MemoryOperandIsRead(ins, i))) continue;
          const UINT32 shown = UINT32(is_write) | length;
          INS_InsertFillBufferPredicated(ins, IPOINT_BEFORE, buffer, IARG_INST_PTR, offsetof(Record, pc),
                                         IARG_MEMORYOP_EA, i, offsetof(Record, address), IARG_UINT32, size,
                                         offsetof(Record, size), IARG_UINT32, shown,
                                         offsetof(Record, is_write), IARG_END);
        }
      }
    }
  }
}

VOID write_entry(EntryType type, UINT32 size, UINT64 address) {
  const Entry entry{type, static_cast<UINT16>(size), address};
  std::fwrite(&entry, sizeof entry, 1, out);
}

UINT64 number_of(THREADID thread) {
  return static_cast<UINT64>(PIN_GetPid()) + thread;
}

VOID write_entries(THREADID thread, const Record* record, UINT64 count) {
  if (std::find(threads.begin(), threads.end(), thread) == threads.end()) threads.push_back(thread);
  write_entry(kThread, 4, number_of(thread));
  write_entry(kProcess, 4, static_cast<UINT64>(PIN_GetPid()));
  UINT64 last = 0;
  for (UINT64 i = 0; i < count; ++i) {
    const bool is_write = (record[i].is_write & 1) != 0;
    // A second access of one instruction has no entry of the instruction before it.
    if (record[i].pc != last || i == 0) write_entry(kInstruction, record[i].is_write >> 16, record[i].pc);
    last = record[i].pc;
    write_entry(is_write ? kWrite : kRead, record[i].size, record[i].address);
  }
}

VOID write_events(THREADID thread, const Record* record, UINT64 count) {
  for (UINT64 i = 0; i < count; ++i) {
    std::fprintf(out,
                 "%s\n{\"name\":\"%s\",\"ph\":\"X\",\"ts\":%lu,\"dur\":1,\"pid\":%u,\"tid\":%u,"
                 "\"args\":{\"pc\":\"0x%lx\",\"address\":\"0x%lx\",\"size\":%u}}",
                 accesses + i == 0 ? "" : ",", record[i].is_write ? "write" : "read", accesses + i,
                 static_cast<unsigned>(PIN_GetPid()), thread, record[i].pc, record[i].address,
                 record[i].size);
  }
}

VOID* write_records(BUFFER_ID, THREADID thread, const CONTEXT*, VOID* records, UINT64 count, VOID*) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  const Record* record = static_cast<const Record*>(records);
  switch (form) {
    case Format::none:
      break;
    case Format::records:
      std::fwrite(records, sizeof(Record), count, out);
      break;
    case Format::text:
      for (UINT64 i = 0; i < count; ++i) {
        std::fprintf(out, "%u %lx %c %lx %u\n", thread, record[i].pc, record[i].is_write ? 'W' : 'R',
                     record[i].address, record[i].size);
      }
      break;
    case Format::drmemtrace:
      write_entries(thread, record, count);
      break;
    case Format::perfetto:
      write_events(thread, record, count);
      break;
  }
  accesses += count;
  PIN_ReleaseLock(&lock);
  return records;
}

BOOL choose_format() {
  const std::string& name = format.Value();
  form = count_only                  ? Format::none
         : as_text || name == "text" ? Format::text
         : name == "records"         ? Format::records
         : name == "drmemtrace"      ? Format::drmemtrace
         : name == "perfetto"        ? Format::perfetto
                                     : Format::none;
  return count_only || form != Format::none;
}

VOID finish(INT32, VOID*) {
  if (form == Format::drmemtrace) {
    for (const THREADID thread : threads) write_entry(kThreadExit, 4, number_of(thread));
    write_entry(kFooter, 0, 0);
  }
  if (form == Format::perfetto) std::fputs("\n]}\n", out);
  if (out != nullptr) std::fclose(out);
  if (count_only) std::ofstream(output_file.Value()) << "Accesses " << accesses << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Records every access to memory.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  if (!choose_format()) {
    std::cerr << "memtrace: -format is records, text, drmemtrace or perfetto, not '" << format.Value()
              << "'\n";
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
  if (form == Format::drmemtrace) write_entry(kHeader, 0, kEntryVersion);
  if (form == Format::perfetto) std::fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
