#include <signal.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "command/context.h"
#include "command/help.h"
#include "command/spec.h"

namespace isotach::command {
namespace {

// --color always|never|auto may stand anywhere before "--"; it is taken out of `words`.
Result<std::string> take_color(std::vector<std::string>& words) {
  std::string when = "auto";
  for (std::size_t i = 0; i < words.size() && words[i] != "--";) {
    if (words[i].starts_with("--color=")) {
      when = words[i].substr(8);
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (words[i] == "--color" && i + 1 < words.size()) {
      when = words[i + 1];
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i),
                  words.begin() + static_cast<std::ptrdiff_t>(i) + 2);
    } else {
      ++i;
    }
  }
  if (when != "always" && when != "never" && when != "auto")
    return failure(ErrorKind::usage, "'" + printable(when) + "' is no value for --color",
                   "choose one of: always, never, auto");
  return when;
}

bool wants_color(const std::string& when, bool terminal) {
  if (when != "auto") return when == "always";
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && no_color[0] != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::strcmp(term, "dumb") == 0) return false;
  return terminal;
}

const CommandSpec* find_command(std::string_view name) {
  for (const CommandSpec& command : all_commands())
    if (command.name == name) return &command;
  return nullptr;
}

bool asks_for(const std::vector<std::string>& words, std::string_view wanted) {
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == wanted) return true;
  }
  return false;
}

int run(Context& context, std::vector<std::string> words) {
  auto color = take_color(words);
  if (!color) return context.report(color.error());
  context.color = wants_color(*color, context.out_is_terminal);

  std::string name;
  if (!words.empty() && !words[0].starts_with("-")) {
    name = words[0];
    words.erase(words.begin());
  }
  const CommandSpec* spec = find_command(name);
  if (spec == nullptr) {
    std::vector<std::string> names;
    for (const CommandSpec& command : all_commands()) names.push_back(command.name);
    const auto nearest = nearest_word(name, names);
    return context.report({ErrorKind::usage, 0, "unknown command '" + printable(name) + "'",
                           nearest ? "did you mean: isotach " + *nearest + "?" : std::string()});
  }
  context.command_name = spec->name;
  if (asks_for(words, "--help") || (asks_for(words, "-h") && spec->name.empty())) {
    const int columns = terminal_size(context.out.fd()).columns;
    context.out.write(spec->name.empty() ? general_help(all_commands(), columns)
                                         : command_help(*spec, columns));
    return kExitOk;
  }
  if (asks_for(words, "--version") || (asks_for(words, "-V") && spec->name.empty())) {
    context.out.write(version_line() + '\n');
    return kExitOk;
  }
  auto arguments = parse_arguments(*spec, words);
  if (!arguments) {
    context.json_errors = asks_for(words, "--json") || asks_for(words, "--json-stream");
    return context.report(arguments.error());
  }
  context.json_errors = arguments->has("--json") || arguments->has("--json-stream");
  return spec->run(context, *arguments);
}

}  // namespace
}  // namespace isotach::command

int main(int argc, char** argv) {
  using namespace isotach;
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
    command::Context context{out, err, waiter, clock, ::isatty(STDOUT_FILENO) == 1,
                             ::isatty(STDIN_FILENO) == 1, false, {}, false};
    try {
      code = command::run(context, std::vector<std::string>(argv + 1, argv + argc));
    } catch (const std::exception& error) {
      code = context.report({ErrorKind::failed, 0, std::string("out of resources: ") + error.what(), {}});
    }
    out.flush();
    if (out.error()) {
      context.json_errors = false;
      code = context.report(*out.error());
    }
    reader_gone = out.reader_gone();
  }
  if (reader_gone && code == command::kExitOk) {
    // End as every program in a pipe does, so that a shell with pipefail sees the usual 141.
    ::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE);
  }
  return code;
}
