// What a command is: described once. Parsing, --help, the man pages, shell completion and the docs
// are made from these descriptions.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::command {

struct Context;
class Arguments;

struct OptionSpec {
  std::string name;                       // "--interval"
  char letter = 0;                        // 'i' for -i; 0 for none
  std::string value_name;                 // "TIME"; empty for a switch
  std::string help;                       // one sentence without final stop
  std::string group;                      // heading in --help: "what to show", "output", "timing"
  std::vector<std::string> choices = {};  // the values allowed, when there are only a few
  // What a shell completes the value with: "file", "directory", "metric",
  // "interface", several of them, or nothing.
  std::string completes = {};
  bool repeatable = false;
};

struct PositionalSpec {
  std::string name;  // "DELAY"
  std::string help;
  std::string completes = {};  // as in OptionSpec, or "command"
  bool repeatable = false;
  std::vector<std::string> choices = {};  // the words allowed, when there are only a few
};

struct ExampleSpec {
  std::string command;  // "isotach vm 1 5"
  std::string effect;   // "five rows, one second apart"
};

// A command with commands of its own ("swap") is followed in the list by those ("swap create"), each with
// options of its own.
struct CommandSpec {
  std::string name;                 // "vm", "swap create"; empty for isotach without a command
  std::string area;                 // "overview", "memory", "recordings", ...: the heading in isotach --help
  std::string summary;              // one line
  std::vector<std::string> usages;  // "isotach vm [OPTIONS] [DELAY [COUNT]]"
  std::string description;          // paragraphs, separated by blank lines
  std::vector<PositionalSpec> positionals = {};
  std::vector<OptionSpec> options = {};
  std::vector<ExampleSpec> examples = {};
  bool takes_command = false;  // words after "--" are a program to start
  bool hidden = false;         // works, but is not listed
  std::function<int(Context&, const Arguments&)> run;
};

// What the user typed, checked against the spec: only known options, values where they belong.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view option) const;                          // "--json"
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;  // the last one given
  [[nodiscard]] std::vector<std::string> values(std::string_view option) const;   // all, in order
  [[nodiscard]] const std::vector<std::string>& positionals() const { return positionals_; }
  [[nodiscard]] const std::vector<std::string>& command() const { return command_; }  // after "--"
  // All of it as it was typed, for the head of a recording.
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  // As if a switch had been given, or an option had not: a replay shows recorded arguments in a format
  // of its own.
  void set_switch(const std::string& option) { options_[option]; }
  void forget(const std::string& option) { options_.erase(option); }

 private:
  friend Result<Arguments> parse_arguments(const CommandSpec&, const std::vector<std::string>&);

  std::map<std::string, std::vector<std::string>, std::less<>> options_;
  std::vector<std::string> positionals_;
  std::vector<std::string> command_;
  std::vector<std::string> words_;
};

// `words` are what stands after the command's name. Errors are of kind usage and name the nearest
// known option when one was mistyped.
[[nodiscard]] Result<Arguments> parse_arguments(const CommandSpec& spec,
                                                const std::vector<std::string>& words);

// Every command, in the order of isotach --help. The first has no name: it is what isotach does
// without arguments.
[[nodiscard]] const std::vector<CommandSpec>& all_commands();

// One factory a command, each in its own file src/command/<name>.cc.
[[nodiscard]] CommandSpec overview_command();
[[nodiscard]] CommandSpec vm_command();
[[nodiscard]] CommandSpec plot_command();
[[nodiscard]] CommandSpec web_command();
[[nodiscard]] CommandSpec nettest_command();
[[nodiscard]] CommandSpec pin_command();
[[nodiscard]] CommandSpec record_command();
[[nodiscard]] CommandSpec replay_command();
[[nodiscard]] CommandSpec agent_command();
[[nodiscard]] CommandSpec completions_command();
[[nodiscard]] CommandSpec restore_command();
[[nodiscard]] CommandSpec help_command();
[[nodiscard]] CommandSpec generate_command();  // what is made from descriptions

}  // namespace isotach::command
