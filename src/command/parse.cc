// The only file that includes CLI11: it is slow to compile.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "command/spec.h"

namespace isotach::command {

bool Arguments::has(std::string_view option) const { return options_.contains(option); }

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto found = options_.find(option);
  if (found == options_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>{} : found->second;
}

namespace {

const OptionSpec* find_option(const CommandSpec& spec, std::string_view word) {
  for (const OptionSpec& option : spec.options)
    if (word == option.name || (word.size() == 2 && word[0] == '-' && word[1] == option.letter))
      return &option;
  return nullptr;
}

Failure unknown_option(const CommandSpec& spec, const std::string& word) {
  const std::string bare = word.substr(0, word.find('='));
  if (bare.size() > 1 && bare[0] == '-' && bare[1] >= '0' && bare[1] <= '9')
    return failure(ErrorKind::usage, "'" + printable(word) + "' is negative; give a number above 0");
  if (const OptionSpec* known = find_option(spec, bare); known != nullptr && known->value_name.empty())
    return failure(ErrorKind::usage, "option " + bare + " takes no value");
  std::vector<std::string> names = {"--help"};
  for (const OptionSpec& option : spec.options) names.push_back(option.name);
  const auto nearest = bare.starts_with("--") ? nearest_word(bare, names) : std::nullopt;
  return failure(ErrorKind::usage, "unknown option " + printable(word),
                 nearest ? "did you mean " + *nearest + "?" : std::string());
}

Result<void> check_choices(const CommandSpec& spec, const OptionSpec& option,
                           const std::vector<std::string>& values) {
  static_cast<void>(spec);
  if (!option.repeatable && !option.value_name.empty() && values.size() > 1 &&
      std::any_of(values.begin(), values.end(), [&](const std::string& v) { return v != values[0]; }))
    return failure(ErrorKind::usage, "option " + option.name + " was given twice with different values");
  if (option.choices.empty()) return {};
  for (const std::string& value : values) {
    if (std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end()) continue;
    std::string list;
    for (const std::string& choice : option.choices) list += (list.empty() ? "" : ", ") + choice;
    return failure(ErrorKind::usage, "'" + printable(value) + "' is no value for " + option.name,
                   "choose one of: " + list);
  }
  return {};
}

}  // namespace

Result<Arguments> parse_arguments(const CommandSpec& spec, const std::vector<std::string>& words) {
  Arguments arguments;
  std::vector<std::string> own = words;
  if (spec.takes_command) {
    const auto dashes = std::find(own.begin(), own.end(), "--");
    if (dashes != own.end()) {
      arguments.command_.assign(dashes + 1, own.end());
      own.erase(dashes, own.end());
      if (arguments.command_.empty())
        return failure(ErrorKind::usage, "there is no program after --", "write it, as in: -- ls -l");
    }
  }

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::pair<const OptionSpec*, CLI::Option*>> added;
  for (const OptionSpec& option : spec.options) {
    std::string names = option.name;
    if (option.letter != 0) names = std::string("-") + option.letter + ',' + names;
    CLI::Option* made = nullptr;
    if (option.value_name.empty()) {
      made = app.add_flag(names)->disable_flag_override();
    } else {
      made = app.add_option(names)->type_size(1)->take_all();
    }
    added.emplace_back(&option, made);
  }
  try {
    std::vector<std::string> reversed(own.rbegin(), own.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return failure(ErrorKind::usage, error.what());
  }
  for (const std::string& extra : app.remaining()) {
    if (extra.size() > 1 && extra[0] == '-' && extra != "--") return unknown_option(spec, extra);
    if (extra == "--") continue;
    arguments.positionals_.push_back(extra);
  }
  const bool endless = !spec.positionals.empty() && spec.positionals.back().repeatable;
  if (!endless && arguments.positionals_.size() > spec.positionals.size())
    return failure(ErrorKind::usage,
                   "'" + printable(arguments.positionals_[spec.positionals.size()]) + "' is one word too many");
  for (const auto& [option, made] : added) {
    if (made->count() == 0) continue;
    auto& values = arguments.options_[option->name];
    values = made->results();
    if (auto checked = check_choices(spec, *option, values); !checked)
      return tl::make_unexpected(checked.error());
  }
  return arguments;
}

}  // namespace isotach::command
