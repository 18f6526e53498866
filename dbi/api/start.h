// The API's beginning: loads the tool and lets its main run, then has the engine tell the API what happens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isotach::dbi {
struct ThreadContext;
}

namespace isotach::dbi::api {

struct ToolCommand {
  std::string tool;                    // path of the shared object
  std::vector<std::string> arguments;  // of the tool
  std::vector<std::string> program;    // the program's own
  uint64_t entry = 0;                  // an address in the main program
  uint64_t interpreter = 0;            // in its dynamic linker; 0: it has none
  bool attaches = false;               // the program runs already; its threads are stopped
  uint32_t threads = 1;                // of the program
  bool debugs = false;                 // a debugger may be connected: api/debugger/
  bool debugs_from_start = false;      // and the program waits for it
  bool debugs_silently = false;
  uint16_t debug_port = 0;
  void (*run)(ThreadContext&) = nullptr;  // starts the program; does not return
};

// Runs the tool's main on the calling thread, which is the program's first one. Does not return: the tool
// starts the program (PIN_StartProgram), or the process ends.
[[noreturn]] void run_tool(ThreadContext& context, const ToolCommand& command);

}  // namespace isotach::dbi::api
