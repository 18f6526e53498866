// Journals of commands that were killed together with their watchdogs: what they changed is put back
// at the next start of isotach.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/change/journal.h"
#include "kernel/change/undo.h"

namespace isotach::kernel {

// Where what must survive the end of a command is kept: /var/lib/isotach, or $ISOTACH_STATE.
[[nodiscard]] std::string state_folder();
// Where journals are: the folder "changes" in there.
[[nodiscard]] std::string journal_folder();

struct Recovered {
  std::string command;             // that made the changes
  std::vector<std::string> steps;  // what was put back
  std::vector<Error> errors;       // what could not be; it stays in the journal
};

// Puts back what a locked journal holds from an earlier command; nothing where it holds none. Steps that
// the machine has forgotten by itself, because it was started anew since, are dropped.
[[nodiscard]] std::optional<Recovered> take_back_abandoned(Journal& journal);

// The same for all journals whose command no longer runs; removes them. Costs one system call where there
// are none. Other users' journals cannot even be listed.
[[nodiscard]] std::vector<Recovered> recover_abandoned();

// What journals hold, without touching it.
struct OpenJournal {
  std::string path;
  bool running = false;  // its command, or its watchdog, is at work
  JournalContent content;
};
[[nodiscard]] Result<std::vector<OpenJournal>> open_journals();

// Removes a journal without putting anything back; fails when its command runs.
[[nodiscard]] Result<void> forget_journal(const std::string& path);

}  // namespace isotach::kernel
