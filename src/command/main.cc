#include <signal.h>
#include <unistd.h>

#include <clocale>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "command/become_pin.h"
#include "command/context.h"
#include "command/dispatch.h"
#include "command/restore.h"
#include "command/spec.h"

int main(int argc, char** argv) {
  using namespace isotach;
  // A program may be started without even its name.
  std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  std::optional<Error> no_pin;
  if (command::is_for_pin(words)) no_pin = command::become_pin(words);
  occupy_standard_descriptors();
  // Widths of characters need a UTF-8 locale; numbers are never written by the C library.
  if (std::setlocale(LC_CTYPE, "") == nullptr || std::strcmp(::setlocale(LC_CTYPE, nullptr), "C") == 0)
    std::setlocale(LC_CTYPE, "C.UTF-8");
  int code = 0;
  bool reader_gone = false;
  {
    Output out(STDOUT_FILENO);
    Output err(STDERR_FILENO);
    SignalWaiter waiter;
    SystemClock clock;
    command::Context context{
        out, err, waiter, clock, ::isatty(STDOUT_FILENO) == 1, ::isatty(STDIN_FILENO) == 1, false, {}, false};
    try {
      // `restore` shows what there is before it does it; a hidden command is part of one that runs.
      const std::string first = words.empty() ? std::string() : words.front();
      if (first != "restore" && !first.starts_with("internal-")) command::recover_and_tell(context);
      if (no_pin) {
        context.command_name = "pin";
        code = context.report(*no_pin);
      } else {
        code = command::dispatch(context, command::all_commands(), std::move(words));
      }
    } catch (const std::exception& error) {
      code = context.report({ErrorKind::failed, 0, std::string("out of resources: ") + error.what(), {}});
    }
    out.flush();
    if (out.error()) {
      context.json_errors = false;
      code = context.report(*out.error());
    }
    // Seen when a write failed, or while waiting for the next sample.
    reader_gone = out.reader_gone() || waiter.output_closed();
  }
  if (reader_gone && code == command::kExitOk) {
    // End as every program in a pipe does, so that a shell with pipefail sees the usual 141.
    ::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE);
  }
  return code;
}
