#include "command/dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "command/describe.h"
#include "command/help.h"

namespace isotach::command {
namespace {

constexpr std::size_t kLongestSuggestion = 40;

// --color WHEN may stand anywhere before "--"; it is taken out of `words`.
Result<std::string> take_color(std::vector<std::string>& words) {
  constexpr std::string_view kName = "--color";
  std::string when = "auto";
  for (std::size_t i = 0; i < words.size() && words[i] != "--";) {
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
    if (words[i].starts_with("--color=")) {
      when = words[i].substr(kName.size() + 1);
      words.erase(at);
    } else if (words[i] == kName) {
      if (i + 1 == words.size())
        return failure(ErrorKind::usage, "option --color needs a value: --color WHEN",
                       "choose one of: always, never, auto");
      when = words[i + 1];
      words.erase(at, at + 2);
    } else {
      ++i;
    }
  }
  if (when != "always" && when != "never" && when != "auto")
    return failure(ErrorKind::usage, "'" + printable(when) + "' is no value for --color",
                   "choose one of: always, never, auto");
  return when;
}

bool asks_for(const std::vector<std::string>& words, std::string_view wanted) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, wanted) != end;
}

// Whether an option of every command was given, by its name or by its letter.
bool asks_for(const std::vector<std::string>& words, const CommandSpec& spec, std::string_view name) {
  for (const OptionSpec& option : everywhere_options(spec)) {
    if (option.name != name) continue;
    return asks_for(words, name) || (option.letter != 0 && asks_for(words, std::string("-") + option.letter));
  }
  return false;
}

Error unknown_command(const std::string& name, const std::string& before,
                      const std::vector<std::string>& names) {
  const auto nearest = name.size() <= kLongestSuggestion ? nearest_word(name, names) : std::nullopt;
  return {ErrorKind::usage, 0, "unknown command '" + before + printable(name) + "'",
          nearest ? "did you mean: isotach " + before + *nearest + "?" : std::string()};
}

Error unknown_command(const std::vector<CommandSpec>& commands, const std::string& name) {
  std::vector<std::string> names;
  for (const CommandSpec& command : commands)
    if (!command.hidden && !command.name.empty() && !is_subcommand(command)) names.push_back(command.name);
  return unknown_command(name, "", names);
}

bool is_plain_word(const std::string& word) {
  return word.empty() || word[0] != '-';
}

// The command that the first words name; these are taken out of `words`.
Result<const CommandSpec*> take_command(const std::vector<CommandSpec>& commands,
                                        std::vector<std::string>& words) {
  if (words.empty() || !is_plain_word(words[0])) return find_command(commands, "");
  const CommandSpec* spec = words[0].empty() ? nullptr : find_command(commands, words[0]);
  if (spec == nullptr) return tl::make_unexpected(unknown_command(commands, words[0]));
  words.erase(words.begin());
  const std::vector<const CommandSpec*> under = subcommands(commands, *spec);
  if (under.empty() || words.empty() || !is_plain_word(words[0])) return spec;
  std::vector<std::string> names;
  for (const CommandSpec* each : under) {
    names.push_back(last_word(*each));
    if (names.back() != words[0]) continue;
    words.erase(words.begin());
    return each;
  }
  if (!spec->positionals.empty()) return spec;
  return tl::make_unexpected(unknown_command(words[0], spec->name + ' ', names));
}

}  // namespace

bool wants_color(const std::string& when, bool terminal) {
  if (when != "auto") return when == "always";
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && no_color[0] != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || term[0] == '\0' || std::strcmp(term, "dumb") == 0) return false;
  return terminal;
}

int dispatch(Context& context, const std::vector<CommandSpec>& commands, std::vector<std::string> words) {
  context.json_errors =
      asks_for(words, "--json") || asks_for(words, "--json-stream") || asks_for(words, "-J");
  auto color = take_color(words);
  if (!color) return context.report(color.error());
  context.color = wants_color(*color, context.out_is_terminal);

  const auto taken = take_command(commands, words);
  if (!taken) return context.report(taken.error());
  const CommandSpec* spec = *taken;
  context.command_name = spec->name;
  if (asks_for(words, *spec, "--help")) {
    const int columns = terminal_size(context.out.fd()).columns;
    context.out.write(spec->name.empty() ? general_help(commands, columns)
                                         : command_help(*spec, commands, columns));
    return kExitOk;
  }
  if (asks_for(words, *spec, "--version")) {
    context.out.write(version_line() + '\n');
    return kExitOk;
  }
  auto arguments = parse_arguments(*spec, words);
  if (!arguments) {
    Error error = std::move(arguments.error());
    // "isotach --json vm": options belong behind the command.
    for (const std::string& word : words)
      if (spec->name.empty() && error.remedy.empty() && !word.empty() &&
          find_command(commands, word) != nullptr)
        error.remedy = "options stand behind the command: isotach " + word + " ...";
    return context.report(error);
  }
  context.json_errors = arguments->has("--json") || arguments->has("--json-stream");
  return spec->run(context, *arguments);
}

}  // namespace isotach::command
