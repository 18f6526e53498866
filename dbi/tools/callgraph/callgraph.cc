// Who calls whom, and how often: each pair of caller and callee with its number of calls, and how many
// instructions each routine executed itself. A stub of the procedure linkage table ("puts@plt") is called,
// and calls what it jumps to; any other jump from one routine into another is no call.
//
//   pin -t callgraph.so [-o FILE] [-dot FILE] [-least N] -- COMMAND
//
// Lines:  calls N CALLER -> CALLEE        instructions N ROUTINE        the most first
#include <algorithm>
#include <unordered_map>

#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "callgraph.out",
                              "file for the lines; - is stderr");
KNOB<std::string> dot_file(KNOB_MODE_WRITEONCE, "pintool", "dot", "", "file for a graph that dot can draw");
KNOB<UINT64> least(KNOB_MODE_WRITEONCE, "pintool", "least", "1", "leave out pairs with fewer calls");

struct Routine {
  std::string name;
  UINT64 instructions = 0;
};

// The caller is known when the call is translated, the callee when it happens.
struct Edge {
  const Routine* caller;
  ADDRINT target;
  bool operator==(const Edge& other) const { return caller == other.caller && target == other.target; }
};
struct EdgeHash {
  size_t operator()(const Edge& edge) const {
    return (reinterpret_cast<size_t>(edge.caller) >> 4) * 31 ^ edge.target * 0x9e3779b97f4a7c15u;
  }
};
typedef std::unordered_map<Edge, UINT64, EdgeHash> Counts;

std::map<std::string, Routine*> routines;          // by name: two copies of one library are one
std::unordered_map<ADDRINT, Routine*> by_address;  // of code that was asked about
TLS_KEY counts_key;
PIN_LOCK lock;
std::map<std::pair<std::string, std::string>, UINT64> calls;

// The client lock is held.
Routine* routine_at(ADDRINT address) {
  Routine*& known = by_address[address];
  if (known != nullptr) return known;
  std::string name = "?";
  const RTN rtn = RTN_FindByAddress(address);
  if (RTN_Valid(rtn)) {
    const std::string& image = IMG_Name(SEC_Img(RTN_Sec(rtn)));
    name = image.substr(image.rfind('/') + 1) + ":" +
           PIN_UndecorateSymbolName(RTN_Name(rtn), UNDECORATION_NAME_ONLY);
    // Functions without names are told apart by where they are.
    if (RTN_IsArtificial(rtn)) name += "+" + hexstr(RTN_Address(rtn) - SEC_Address(RTN_Sec(rtn)));
  }
  Routine*& routine = routines[name];
  if (routine == nullptr) {
    routine = new Routine;
    routine->name = name;
  }
  return known = routine;
}

VOID count_instructions(UINT64* counter, UINT32 count) {
  __atomic_fetch_add(counter, count, __ATOMIC_RELAXED);
}

VOID called(THREADID thread, const Routine* caller, ADDRINT target) {
  auto* const counts = static_cast<Counts*>(PIN_GetThreadData(counts_key, thread));
  if (counts != nullptr) ++(*counts)[{caller, target}];
}

bool is_stub(ADDRINT address) {
  const RTN rtn = RTN_FindByAddress(address);
  return RTN_Valid(rtn) && SEC_Name(RTN_Sec(rtn)).compare(0, 4, ".plt") == 0;
}

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    Routine* const routine = routine_at(BBL_Address(bbl));
    BBL_InsertCall(bbl, IPOINT_BEFORE, (AFUNPTR)count_instructions, IARG_PTR, &routine->instructions,
                   IARG_UINT32, BBL_NumIns(bbl), IARG_END);
    const INS tail = BBL_InsTail(bbl);
    const bool leaves_stub = INS_IsIndirectControlFlow(tail) && !INS_IsRet(tail) && is_stub(BBL_Address(bbl));
    if (!INS_IsCall(tail) && !leaves_stub) continue;
    INS_InsertCall(tail, IPOINT_BEFORE, (AFUNPTR)called, IARG_THREAD_ID, IARG_PTR, routine,
                   IARG_BRANCH_TARGET_ADDR, IARG_END);
  }
}

// Adds up what a thread did, while the images that it ran in are known.
void add(Counts& counts) {
  for (const auto& one : counts)
    calls[{one.first.caller->name, routine_at(one.first.target)->name}] += one.second;
  counts.clear();
}

VOID thread_started(THREADID thread, CONTEXT*, INT32, VOID*) {
  PIN_SetThreadData(counts_key, new Counts, thread);
}
VOID thread_ended(THREADID thread, const CONTEXT*, INT32, VOID*) {
  auto* const counts = static_cast<Counts*>(PIN_GetThreadData(counts_key, thread));
  PIN_GetLock(&lock, static_cast<INT32>(thread) + 1);
  if (counts != nullptr) add(*counts);
  PIN_ReleaseLock(&lock);
}

VOID finished(INT32, VOID*) {
  std::vector<std::pair<UINT64, std::string>> lines;
  for (const auto& one : calls)
    if (one.second >= least.Value())
      lines.emplace_back(one.second, one.first.first + " -> " + one.first.second);
  std::vector<std::pair<UINT64, std::string>> own;
  for (const auto& one : routines)
    if (one.second->instructions > 0) own.emplace_back(one.second->instructions, one.first);
  const auto most_first = [](const std::pair<UINT64, std::string>& a,
                             const std::pair<UINT64, std::string>& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::sort(lines.begin(), lines.end(), most_first);
  std::sort(own.begin(), own.end(), most_first);
  FILE* const out = output_file.Value() == "-" ? stderr : std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) {
    std::perror(output_file.Value().c_str());
    return;
  }
  for (const auto& line : lines)
    std::fprintf(out, "calls %llu %s\n", static_cast<unsigned long long>(line.first), line.second.c_str());
  for (const auto& line : own)
    std::fprintf(out, "instructions %llu %s\n", static_cast<unsigned long long>(line.first),
                 line.second.c_str());
  if (out != stderr) std::fclose(out);
  if (dot_file.Value().empty()) return;
  FILE* const dot = std::fopen(dot_file.Value().c_str(), "w");
  if (dot == nullptr) {
    std::perror(dot_file.Value().c_str());
    return;
  }
  std::fprintf(dot, "digraph calls {\n  rankdir=LR; node [shape=box];\n");
  for (const auto& one : calls)
    if (one.second >= least.Value())
      std::fprintf(dot, "  \"%s\" -> \"%s\" [label=\"%llu\"];\n", one.first.first.c_str(),
                   one.first.second.c_str(), static_cast<unsigned long long>(one.second));
  std::fprintf(dot, "}\n");
  std::fclose(dot);
}

}  // namespace

int main(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) {
    std::fprintf(stderr, "%s\n", KNOB_BASE::StringKnobSummary().c_str());
    return 2;
  }
  PIN_InitLock(&lock);
  counts_key = PIN_CreateThreadDataKey(nullptr);
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddThreadStartFunction(thread_started, nullptr);
  PIN_AddThreadFiniFunction(thread_ended, nullptr);
  PIN_AddFiniFunction(finished, nullptr);
  PIN_StartProgram();
}
