// The launcher's own part of pin's command line. It knows only what it needs itself; every other word before
// -t is the engine's, every word between TOOL and -- the tool's, and both are handed over to the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isotach::dbi {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotPermitted = 4;
inline constexpr int kExitNotSupported = 5;
inline constexpr int kExitCannotRun = 126;
inline constexpr int kExitNotFound = 127;

struct Options {
  bool help = false;
  bool version = false;
  int process = 0;                            // --pid
  int64_t detach_after_ns = -1;               // --detach-after
  int64_t detach_within_ns = 10'000'000'000;  // --detach-within
  std::string tool;                           // as typed
  std::vector<std::string> arguments;         // for the handover, without the final "--"
  size_t tool_argument = 0;                   // index in `arguments` of TOOL, 0 when there is none
  std::vector<std::string> command;
};

// Returns what is wrong with the words, or nothing.
std::string parse_options(const std::vector<std::string>& words, Options& options);

extern const char kHelp[];

// "250ms", "3", "1.5s", "2m", "1h"; false when it is none.
bool parse_time(const std::string& text, int64_t& time_ns);

}  // namespace isotach::dbi
