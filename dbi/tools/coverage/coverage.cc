// Which basic blocks ran, as a drcov file (version 2) that Lighthouse, bncov and others read.
//
// Format: DynamoRIO's drcov, as its readers document it: a table of modules, then records of 8 bytes, start
// relative to the module (uint32), size (uint16), module (uint16).
#include "pin.H"

namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "coverage.drcov", "file for the blocks");
KNOB<std::string> wanted_images(KNOB_MODE_APPEND, "pintool", "i", "",
                                "only code of this image; again for several");

struct Module {
  std::string path;
  ADDRINT low, high, entry;
  BOOL is_wanted;
};
struct Block {
  UINT32 start;
  UINT16 size;
  UINT16 module;
};
std::vector<Module> modules;
std::map<std::pair<ADDRINT, UINT32>, BOOL*> seen;  // by address and size: whether it ran

VOID PIN_FAST_ANALYSIS_CALL mark(BOOL* has_run) {
  *has_run = TRUE;
}

BOOL ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

VOID note_image(IMG img, VOID*) {
  Module module{IMG_Name(img), IMG_LowAddress(img), IMG_HighAddress(img), IMG_EntryAddress(img),
                wanted_images.NumberOfValues() == 0};
  for (UINT32 i = 0; i < wanted_images.NumberOfValues(); ++i) {
    if (ends_with(module.path, wanted_images.Value(i))) module.is_wanted = TRUE;
  }
  modules.push_back(module);
}

INT32 module_at(ADDRINT address) {
  // The last one that lies there: an earlier one may be gone.
  for (size_t i = modules.size(); i-- > 0;) {
    if (address >= modules[i].low && address <= modules[i].high) return static_cast<INT32>(i);
  }
  return -1;
}

VOID instrument(TRACE trace, VOID*) {
  for (BBL bbl = TRACE_BblHead(trace); BBL_Valid(bbl); bbl = BBL_Next(bbl)) {
    const INT32 module = module_at(BBL_Address(bbl));
    if (module < 0 || !modules[static_cast<size_t>(module)].is_wanted) continue;
    BOOL*& has_run = seen[{BBL_Address(bbl), static_cast<UINT32>(BBL_Size(bbl))}];
    if (has_run == nullptr) has_run = new BOOL(FALSE);
    BBL_InsertCall(bbl, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(mark), IARG_FAST_ANALYSIS_CALL, IARG_PTR,
                   has_run, IARG_END);
  }
}

VOID finish(INT32, VOID*) {
  std::vector<Block> blocks;
  for (const auto& [block, has_run] : seen) {
    const INT32 module = module_at(block.first);
    if (!*has_run || module < 0) continue;
    blocks.push_back({static_cast<UINT32>(block.first - modules[static_cast<size_t>(module)].low),
                      static_cast<UINT16>(block.second), static_cast<UINT16>(module)});
  }
  FILE* out = std::fopen(output_file.Value().c_str(), "w");
  if (out == nullptr) return;
  std::fprintf(out, "DRCOV VERSION: 2\nDRCOV FLAVOR: isotach\nModule Table: version 2, count %zu\n",
               modules.size());
  std::fprintf(out, "Columns: id, base, end, entry, path\n");
  for (size_t i = 0; i < modules.size(); ++i) {
    const Module& m = modules[i];
    std::fprintf(out, "%3zu, 0x%016lx, 0x%016lx, 0x%016lx, %s\n", i, m.low, m.high + 1, m.entry,
                 m.path.c_str());
  }
  std::fprintf(out, "BB Table: %zu bbs\n", blocks.size());
  std::fwrite(blocks.data(), sizeof(Block), blocks.size(), out);
  std::fclose(out);
}

}  // namespace

int main(int argc, char** argv) {
  if (PIN_Init(argc, argv)) {
    std::cerr << "Writes which basic blocks ran, as a drcov file.\n" << KNOB_BASE::StringKnobSummary();
    return 2;
  }
  IMG_AddInstrumentFunction(note_image, nullptr);
  TRACE_AddInstrumentFunction(instrument, nullptr);
  PIN_AddFiniFunction(finish, nullptr);
  PIN_StartProgram();
}
