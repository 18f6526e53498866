// Commands that change the machine: the options they share, and how long their changes last.
//
// A change lasts as long as the command: until Ctrl-C, until --for TIME is over, or until COMMAND has
// ended. Only --keep lets it stay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "command/spec.h"
#include "kernel/change/transaction.h"

namespace isotach::command {

// --dry-run alone, for commands that put everything back by themselves (demos).
[[nodiscard]] OptionSpec dry_run_option();
// --dry-run, --keep, --for TIME.
[[nodiscard]] std::vector<OptionSpec> change_options();

struct ChangeOptions {
  bool dry_run = false;
  bool keep = false;
  std::optional<std::int64_t> for_ns;
  std::vector<std::string> command;  // after "--": the change lasts as long as it runs
};
// --keep with --for or a command is a usage error.
[[nodiscard]] Result<ChangeOptions> change_options_of(const Arguments& arguments);

// Prints the plan of a dry run to out: one line a change, or an object where JSON was asked for.
[[nodiscard]] int show_plan(Context& context, const kernel::Transaction& transaction);

// To be called when all changes are made. Keeps them, or says how long they last and waits for that,
// then puts them back. In a dry run it shows the plan. Returns isotach's own exit code; that of COMMAND is
// told.
[[nodiscard]] int finish_changes(Context& context, kernel::Transaction& transaction,
                                 const ChangeOptions& options);

}  // namespace isotach::command
