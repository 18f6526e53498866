// What every command is given: where it writes, how it waits, what time it is, what the terminal can do.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/output.h"
#include "base/result.h"
#include "base/wait.h"

namespace isotach::command {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitThreshold = 3;
inline constexpr int kExitNotPermitted = 4;
inline constexpr int kExitNotSupported = 5;
inline constexpr int kExitCutShort = 130;

[[nodiscard]] int exit_code_of(ErrorKind kind);

struct Context {
  Output& out;  // the result
  Output& err;  // talk
  SignalWaiter& waiter;
  Clock& clock;
  bool out_is_terminal = false;
  bool in_is_terminal = false;
  bool color = false;        // --color, NO_COLOR, TERM and isatty have been considered
  std::string command_name;  // "vm": for messages
  bool json_errors = false;  // set by commands when --json or --json-stream was asked for

  // Prints the error with its remedy to err (and as an object to out where JSON was asked for) and
  // returns the exit code.
  [[nodiscard]] int report(const Error& error);
  // "isotach vm: warning: ..." on err.
  void warn(std::string_view text);
  // "isotach vm: ..." on err: what a person wants to know and a script does not.
  void note(std::string_view text);
};

// Columns and rows of the terminal on `fd`, or 80x24 where it is none. COLUMNS and LINES win.
struct TerminalSize {
  int columns = 80;
  int rows = 24;
};
[[nodiscard]] TerminalSize terminal_size(int fd);

}  // namespace isotach::command
