// Reads the words of a command line against a command's description.
//
// As with getopt_long: options and positionals may be mixed, letters may be clustered (-wan), a value
// may stand behind its letter (-Sm), behind an equals sign (--unit=m) or in the next word. Unlike it:
// long names are not abbreviated, for an abbreviation changes its meaning when an option is added.
#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/text.h"
#include "command/spec.h"

namespace isotach::command {

bool Arguments::has(std::string_view option) const {
  return options_.contains(option);
}

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

constexpr std::size_t kLongestSuggestion = 40;  // nobody mistypes a longer name

const OptionSpec* find_name(const CommandSpec& spec, std::string_view name) {
  for (const OptionSpec& option : spec.options)
    if (option.name == name) return &option;
  return nullptr;
}

const OptionSpec* find_letter(const CommandSpec& spec, char letter) {
  for (const OptionSpec& option : spec.options)
    if (letter != 0 && option.letter == letter) return &option;
  return nullptr;
}

// "-x", "-wan", "--x": a word that is neither "-" (standard input) nor a plain word.
bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

bool is_negative_number(std::string_view word) {
  const std::string_view digits = word.substr(word.size() > 2 && word[1] == '.' ? 2 : 1);
  return !digits.empty() && digits[0] >= '0' && digits[0] <= '9';
}

// A forgotten value must not swallow the next option; values such as "-1" and "-" are taken.
bool can_be_value(const CommandSpec& spec, std::string_view word) {
  return !looks_like_option(word) || (!word.starts_with("--") && find_letter(spec, word[1]) == nullptr);
}

Failure unknown_long_option(const CommandSpec& spec, std::string_view name) {
  std::optional<std::string> nearest;
  if (name.size() <= kLongestSuggestion) {
    std::vector<std::string> names = {"--help", "--version", "--color"};
    for (const OptionSpec& option : spec.options) names.push_back(option.name);
    nearest = nearest_word(name, names);
  }
  return failure(ErrorKind::usage, "unknown option " + printable(name),
                 nearest ? "did you mean " + *nearest + "?" : std::string());
}

Failure unknown_letter(const CommandSpec& spec, std::string_view word, std::size_t at) {
  if (is_negative_number(word))
    return failure(ErrorKind::usage, "'" + printable(word) + "' is negative; give a number above 0");
  const std::size_t length = std::max<std::size_t>(utf8_length(word.substr(at)), 1);
  std::string text = "unknown option -" + printable(word.substr(at, length));
  if (word.size() > 1 + length) text += " in " + printable(word);
  const std::string long_name = '-' + std::string(word.substr(0, word.find('=')));
  const bool one_dash_short = find_name(spec, long_name) != nullptr || long_name == "--help";
  return failure(ErrorKind::usage, std::move(text),
                 one_dash_short ? "did you mean " + long_name + "?" : std::string());
}

Failure missing_value(const std::string& option, const OptionSpec& spec) {
  return failure(ErrorKind::usage, "option " + option + " needs a value: " + option + ' ' + spec.value_name);
}

Result<void> check_choice(const std::vector<std::string>& choices, const std::string& value,
                          const std::string& what) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  return failure(ErrorKind::usage, "'" + printable(value) + "' is no value for " + what,
                 "choose one of: " + list);
}

Result<void> check_positionals(const CommandSpec& spec, const std::vector<std::string>& positionals) {
  const bool endless = !spec.positionals.empty() && spec.positionals.back().repeatable;
  for (std::size_t i = 0; i < positionals.size(); ++i) {
    if (i >= spec.positionals.size() && !endless)
      return failure(ErrorKind::usage, "'" + printable(positionals[i]) + "' is one word too many");
    const PositionalSpec& positional = spec.positionals[std::min(i, spec.positionals.size() - 1)];
    if (auto checked = check_choice(positional.choices, positionals[i], positional.name); !checked)
      return checked;
  }
  return {};
}

Result<void> check_values(const OptionSpec& option, const std::vector<std::string>& values) {
  if (option.value_name.empty()) return {};
  if (!option.repeatable && std::any_of(values.begin(), values.end(),
                                        [&](const std::string& value) { return value != values.front(); }))
    return failure(ErrorKind::usage, "option " + option.name + " was given twice with different values");
  for (const std::string& value : values)
    if (auto checked = check_choice(option.choices, value, option.name); !checked) return checked;
  return {};
}

// Goes through the words once, from left to right.
class Reader {
 public:
  using Options = std::map<std::string, std::vector<std::string>, std::less<>>;

  Reader(const CommandSpec& spec, const std::vector<std::string>& words) : spec_(spec), words_(words) {}

  Result<void> read(Options& options, std::vector<std::string>& positionals,
                    std::vector<std::string>& command) {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (word == "--") {
        auto& rest = spec_.takes_command ? command : positionals;
        rest.insert(rest.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
        if (spec_.takes_command && rest.empty())
          return failure(ErrorKind::usage, "there is no program after --", "write it, as in: -- ls -l");
        return {};
      }
      if (!looks_like_option(word)) {
        positionals.push_back(word);
        continue;
      }
      if (auto done = word.starts_with("--") ? long_option(word, options) : letters(word, options); !done)
        return done;
    }
    return {};
  }

 private:
  Result<void> long_option(const std::string& word, Options& options) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const OptionSpec* option = find_name(spec_, name);
    if (option == nullptr) return unknown_long_option(spec_, name);
    std::vector<std::string>& values = options[option->name];
    if (option->value_name.empty()) {
      if (equals != std::string::npos) return failure(ErrorKind::usage, "option " + name + " takes no value");
      return {};
    }
    if (equals != std::string::npos) {
      values.push_back(word.substr(equals + 1));
      return {};
    }
    return next_word(name, *option, values);
  }

  Result<void> letters(const std::string& word, Options& options) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const OptionSpec* option = find_letter(spec_, word[i]);
      if (option == nullptr) return unknown_letter(spec_, word, i);
      std::vector<std::string>& values = options[option->name];
      if (option->value_name.empty()) continue;
      if (i + 1 == word.size()) return next_word(std::string("-") + word[i], *option, values);
      values.push_back(word.substr(i + 1));
      return {};
    }
    return {};
  }

  Result<void> next_word(const std::string& written, const OptionSpec& option,
                         std::vector<std::string>& values) {
    if (at_ == words_.size() || !can_be_value(spec_, words_[at_])) return missing_value(written, option);
    values.push_back(words_[at_++]);
    return {};
  }

  const CommandSpec& spec_;
  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Arguments> parse_arguments(const CommandSpec& spec, const std::vector<std::string>& words) {
  Arguments arguments;
  arguments.words_ = words;
  Reader reader(spec, words);
  if (auto done = reader.read(arguments.options_, arguments.positionals_, arguments.command_); !done)
    return tl::make_unexpected(std::move(done.error()));
  for (const OptionSpec& option : spec.options) {
    const auto given = arguments.options_.find(option.name);
    if (given == arguments.options_.end()) continue;
    if (auto checked = check_values(option, given->second); !checked)
      return tl::make_unexpected(std::move(checked.error()));
  }
  if (auto checked = check_positionals(spec, arguments.positionals_); !checked)
    return tl::make_unexpected(std::move(checked.error()));
  return arguments;
}

}  // namespace isotach::command
