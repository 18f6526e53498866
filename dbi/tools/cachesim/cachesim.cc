// Simulates two levels of cache over the program's instruction fetches and accesses to memory: L1 for
// instructions and for data, and one L2 for both, each with least-recently-used replacement, write-allocate,
// no prefetching. Prints accesses and misses of each, and the instructions that miss most.
//
// All threads share the caches, as if they took turns on one core. An access that crosses a line is one to
// each line.
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "cachesim.out", "file for the result");
KNOB<std::string> level1i(KNOB_MODE_WRITEONCE, "pintool", "l1i", "32768,8,64",
                          "bytes,ways,line of the first level");
KNOB<std::string> level1d(KNOB_MODE_WRITEONCE, "pintool", "l1d", "32768,8,64", "the same for data");
KNOB<std::string> level2(KNOB_MODE_WRITEONCE, "pintool", "l2", "1048576,16,64",
                         "the same for the second level");
KNOB<UINT32> listed(KNOB_MODE_WRITEONCE, "pintool", "top", "10", "instructions that are listed");

class Cache {
 public:
  UINT64 accesses = 0, misses = 0;

  // False: the text is no cache.
  bool set_up(const std::string& text) {
    unsigned long bytes = 0, ways = 0, line = 0;
    if (std::sscanf(text.c_str(), "%lu,%lu,%lu", &bytes, &ways, &line) != 3) return false;
    if (ways == 0 || line == 0 || (line & (line - 1)) != 0 || bytes % (ways * line) != 0) return false;
    ways_ = ways;
    line_ = line;
    sets_ = bytes / (ways * line);
    if (sets_ == 0 || (sets_ & (sets_ - 1)) != 0 || sets_ * ways_ > (1u << 26)) return false;
    lines_.assign(sets_ * ways_, ~UINT64(0));
    return true;
  }
  UINT64 line_of(ADDRINT address) const { return address / line_; }
  UINT64 line_bytes() const { return line_; }
  // True: it was there. The set's lines lie in the order of their last use.
  bool access(UINT64 line) {
    ++accesses;
    UINT64* const set = &lines_[(line & (sets_ - 1)) * ways_];
    UINT64* const found = std::find(set, set + ways_, line);
    const bool hit = found != set + ways_;
    if (!hit) ++misses;
    std::copy_backward(set, hit ? found : set + ways_ - 1, hit ? found + 1 : set + ways_);
    set[0] = line;
    return hit;
  }

 private:
  UINT64 ways_ = 0, line_ = 64, sets_ = 0;
  std::vector<UINT64> lines_;
};

struct Misses {
  UINT64 first = 0, second = 0;
};
Cache instructions, data, shared;
std::map<ADDRINT, Misses> by_instruction;
PIN_LOCK lock;

VOID touch(Cache& first, ADDRINT pc, ADDRINT address, UINT32 size) {
  for (UINT64 line = first.line_of(address); line <= first.line_of(address + size - 1); ++line) {
    if (first.access(line)) continue;
    Misses& counted = by_instruction[pc];
    ++counted.first;
    if (!shared.access(shared.line_of(line * first.line_bytes()))) ++counted.second;
  }
}

VOID fetched(ADDRINT pc, UINT32 size, THREADID thread) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  touch(instructions, pc, pc, size);
  PIN_ReleaseLock(&lock);
}
VOID accessed(ADDRINT pc, ADDRINT address, UINT32 size, THREADID thread) {
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  touch(data, pc, address, size);
  PIN_ReleaseLock(&lock);
}

VOID instrument(INS ins, VOID*) {
  INS_InsertCall(ins, IPOINT_BEFORE, AFUNPTR(fetched), IARG_INST_PTR, IARG_UINT32, UINT32(INS_Size(ins)),
                 IARG_THREAD_ID, IARG_END);
  if (!INS_HasKnownMemorySize(ins)) return;
  for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
    if (INS_MemoryOperandSize(ins, i) == 0) continue;
    INS_InsertPredicatedCall(ins, IPOINT_BEFORE, AFUNPTR(accessed), IARG_INST_PTR, IARG_MEMORYOP_EA, i,
                             IARG_MEMORYOP_SIZE, i, IARG_THREAD_ID, IARG_END);
  }
}

VOID print(FILE* out, const char* name, const Cache& cache) {
  std::fprintf(out, "%-4s accesses %lu misses %lu miss_percent %.3f\n", name, cache.accesses, cache.misses,
               cache.accesses == 0
                   ? 0.0
                   : 100.0 * static_cast<double>(cache.misses) / static_cast<double>(cache.accesses));
}

VOID finish(INT32, VOID*) {
  FILE* out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::cerr << "cachesim: cannot write " << output_file.Value() << "\n";
    return;
  }
  print(out, "L1i", instructions);
  print(out, "L1d", data);
  print(out, "L2", shared);
  std::vector<std::pair<ADDRINT, Misses>> all(by_instruction.begin(), by_instruction.end());
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  for (size_t i = 0; i < all.size() && i < listed.Value(); ++i) {
    std::fprintf(out, "0x%lx l1_misses %lu l2_misses %lu %s\n", all[i].first, all[i].second.first,
                 all[i].second.second, RTN_FindNameByAddress(all[i].first).c_str());
  }
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::cerr << "Simulates caches.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  if (!instructions.set_up(level1i) || !data.set_up(level1d) || !shared.set_up(level2)) {
    std::cerr
        << "cachesim: a cache is bytes,ways,line, with powers of two as its sets and line: 32768,8,64\n";
    return 2;
  }
  PIN_InitLock(&lock);
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
