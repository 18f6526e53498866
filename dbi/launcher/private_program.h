// Puts a second program into a traced one: a private copy of the dynamic loader, a stack made as execve(2)
// makes it, and the handover. Nothing of the program changes but its map.
#pragma once

#include <string>
#include <vector>

#include "engine/os/handover.h"
#include "launcher/tracee.h"

namespace isotach::dbi {

// What is to be started.
struct Kit {
  std::string folder;  // absolute
  std::string runtime;
  std::string loader;  // the runtime's own, by its PT_INTERP
};

struct Entry {
  uint64_t rip = 0;
  uint64_t rsp = 0;
  uint64_t handover = 0;  // its address
};

// Makes `tracee` map everything; its registers are changed by that. `handover` gets the addresses in it.
// After an error, tracee.ok() is false.
Entry place_private_program(Tracee& tracee, const Kit& kit, const std::vector<std::string>& arguments,
                            const std::vector<StoppedThread>& threads, Handover& handover);

// A value of a process's auxiliary vector; 0: it has none.
uint64_t auxiliary_value(int process, uint64_t type);

}  // namespace isotach::dbi
