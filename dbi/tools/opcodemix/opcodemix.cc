// How often each kind of instruction ran; by category with -category 1. Blocks are counted, and their
// instructions added up at the end.
#include <algorithm>

#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "opcodemix.out", "file for the table");
KNOB<BOOL> by_category(KNOB_MODE_WRITEONCE, "pintool", "category", "0", "by category, not by instruction");

struct Block {
  UINT64 runs = 0;
  std::vector<UINT32> kinds;
};
std::list<Block> blocks;

VOID PIN_FAST_ANALYSIS_CALL count(UINT64* runs) {
  ++*runs;
}

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    Block& block = *blocks.emplace(blocks.end());
    for (INS ins = BBL_InsHead(bbl); INS_Valid(ins); ins = INS_Next(ins)) {
      block.kinds.push_back(by_category ? static_cast<UINT32>(INS_Category(ins)) : INS_Opcode(ins));
    }
    BBL_InsertCall(bbl, IPOINT_ANYWHERE, reinterpret_cast<AFUNPTR>(count), IARG_FAST_ANALYSIS_CALL, IARG_PTR,
                   &block.runs, IARG_END);
  }
}

VOID finish(INT32, VOID*) {
  std::map<UINT32, UINT64> sums;
  UINT64 total = 0;
  for (const Block& block : blocks) {
    for (const UINT32 kind : block.kinds) sums[kind] += block.runs;
    total += block.runs * block.kinds.size();
  }
  std::vector<std::pair<UINT64, std::string>> rows;
  for (const auto& [kind, sum] : sums) {
    if (sum != 0) rows.emplace_back(sum, by_category ? CATEGORY_StringShort(kind) : OPCODE_StringShort(kind));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  FILE* out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) return;
  for (const auto& [sum, name] : rows) {
    std::fprintf(out, "%-20s %15lu %7.3f %%\n", name.c_str(), sum,
                 100.0 * static_cast<double>(sum) / static_cast<double>(total));
  }
  std::fprintf(out, "%-20s %15lu\n", "total", total);
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Counts how often each kind of instruction ran.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
