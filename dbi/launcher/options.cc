#include "launcher/options.h"

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace isotach::dbi {

const char kHelp[] =
    R"(usage: pin [ENGINE OPTIONS] [-t TOOL.so [TOOL OPTIONS]] -- COMMAND [ARGS]
       pin --pid PID [--detach-after TIME] [ENGINE OPTIONS] [-t TOOL.so [TOOL OPTIONS]]

Runs a program under the instrumentation engine from its first instruction, or takes over a running one.

  -t TOOL.so            the tool; without one the program runs under the engine unobserved
  --pid PID             take over this process and all of its threads (also: -pid)
  --detach-after TIME   let it go again after this time (500ms, 10, 2m), or at Ctrl-C
  --detach-within TIME  leave it under the engine when a thread does not come out by then (10)
  --follow              follow the program into the programs that it executes (also: -follow_execv)
  --cache-size MIB      translated code that is kept at most (256)
  --blocks N            basic blocks that a trace has at most, 1 to 16 (3); without a
                        tool a loop has four times as many
  --statistics          say at the end what the engine did
  --count               and how many instructions the program executed, without any tool
  -appdebug             wait for a debugger before the program's first instruction; with a tool.
                        -appdebug_enable does not wait, -appdebug_silent says nothing,
                        -appdebug_server_port PORT of 127.0.0.1
  --help, --version

Exit code: the program's own; 127 COMMAND was not found, 126 it cannot be run; 1 it could not be taken over,
2 wrong usage, 4 not permitted, 5 not supported here.
)";

bool parse_time(const std::string& text, int64_t& time_ns) {
  char* end = nullptr;
  errno = 0;
  const double value = strtod(text.c_str(), &end);
  if (end == text.c_str() || errno || !std::isfinite(value) || value < 0) return false;
  const std::string unit = end;
  double factor = 0;
  if (unit == "ms") factor = 1e6;
  if (unit.empty() || unit == "s") factor = 1e9;
  if (unit == "m") factor = 60e9;
  if (unit == "h") factor = 3600e9;
  if (factor == 0 || value * factor > 9e18) return false;
  time_ns = static_cast<int64_t>(value * factor);
  return true;
}

namespace {

bool parse_process(const std::string& text, int& process) {
  char* end = nullptr;
  errno = 0;
  const long value = strtol(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value <= 0 || value > 0x7fffffff) return false;
  process = static_cast<int>(value);
  return true;
}

// The words before -t. Returns the index of the first that is not the engine's.
std::string parse_engine_word(const std::vector<std::string>& words, size_t& i, Options& options) {
  const std::string& word = words[i];
  const bool has_value = i + 1 < words.size();
  if (word == "-h" || word == "-help" || word == "--help") {
    options.help = true;
  } else if (word == "-version" || word == "--version" || word == "-V") {
    options.version = true;
  } else if (word == "-pid" || word == "--pid") {
    if (!has_value || !parse_process(words[i + 1], options.process))
      return word + " needs the number of a process" + (has_value ? ", not '" + words[i + 1] + "'" : "");
    i++;
  } else if (word == "--detach-after" || word == "--detach-within") {
    int64_t& time_ns = word == "--detach-after" ? options.detach_after_ns : options.detach_within_ns;
    if (!has_value || !parse_time(words[i + 1], time_ns))
      return word + " needs a time such as 500ms or 10" + (has_value ? ", not '" + words[i + 1] + "'" : "");
    i++;
  } else {
    options.arguments.push_back(word);
  }
  return "";
}

}  // namespace

std::string parse_options(const std::vector<std::string>& words, Options& options) {
  size_t i = 0;
  bool in_tool = false;
  for (; i < words.size() && words[i] != "--"; i++) {
    if (in_tool) {
      options.arguments.push_back(words[i]);
    } else if (words[i] == "-t" || words[i] == "-t64" || words[i] == "--tool") {
      if (i + 1 >= words.size() || words[i + 1] == "--") return words[i] + " needs the path of a tool";
      options.arguments.insert(options.arguments.end(), {"-t", words[++i]});
      options.tool = words[i];
      options.tool_argument = options.arguments.size() - 1;
      in_tool = true;
    } else if (std::string wrong = parse_engine_word(words, i, options); !wrong.empty()) {
      return wrong;
    }
  }
  if (options.help || options.version) return "";
  const bool has_end = i < words.size();
  if (has_end) options.command.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
  if (options.process && !options.command.empty()) return "--pid and a command exclude each other";
  if (options.detach_after_ns >= 0 && !options.process) return "--detach-after goes with --pid";
  if (!options.process && !has_end) return "there is no command: it stands after --";
  if (!options.process && options.command.empty()) return "there is no command after --";
  return "";
}

}  // namespace isotach::dbi
