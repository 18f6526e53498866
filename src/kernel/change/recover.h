// Journals of commands that were killed together with their watchdogs: what they changed is put back
// at the next start of isotach.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/change/undo.h"

namespace isotach::kernel {

// Where journals are: /var/lib/isotach/changes, or $ISOTACH_STATE/changes.
[[nodiscard]] std::string journal_folder();

struct Recovered {
  std::string command;             // that made the changes
  std::vector<std::string> steps;  // what was put back
  std::vector<Error> errors;       // what could not be
};

// Puts back what abandoned journals hold and removes them; journals whose command still runs are left
// alone. Steps that the machine has forgotten by itself, because it was started anew since, are dropped.
// Costs one system call where there is nothing. Where the journals belong to root and we are not,
// `errors` say so.
[[nodiscard]] std::vector<Recovered> recover_abandoned();

// Abandoned changes without touching them.
struct OpenJournal {
  std::string path;
  std::string command;
  bool running = false;  // its command is at work
  std::vector<UndoStep> steps;
};
[[nodiscard]] std::vector<OpenJournal> open_journals();

}  // namespace isotach::kernel
