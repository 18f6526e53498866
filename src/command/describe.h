// What --help, the man pages and shell completion have in common: pieces of text and lists made from
// the descriptions of commands.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace isotach::command {

struct ExitCode {
  int code;
  std::string_view meaning;
};
[[nodiscard]] std::span<const ExitCode> exit_codes();

// Options that every command takes: --help, --version, --color. -h and -V stand for the first two
// where the command has no such letter of its own.
[[nodiscard]] std::vector<OptionSpec> everywhere_options(const CommandSpec& spec);

// "isotach vm"
[[nodiscard]] std::string full_name(const CommandSpec& spec);
// "-i, --interval TIME", or "--interval TIME" where there is no letter.
[[nodiscard]] std::string option_text(const OptionSpec& option);
// The help with the values allowed: "unit of memory columns (k, K, m, M)".
[[nodiscard]] std::string option_help(const OptionSpec& option);
[[nodiscard]] std::string positional_help(const PositionalSpec& positional);

// Those of the command and those that every command takes.
[[nodiscard]] std::vector<OptionSpec> all_options(const CommandSpec& spec);

// Headings of options, and of all commands that are listed, in order of first use.
[[nodiscard]] std::vector<std::string> option_groups(const std::vector<OptionSpec>& options);
[[nodiscard]] std::vector<std::string> areas(const std::vector<CommandSpec>& commands);

// The command of that name; nullptr when there is none.
[[nodiscard]] const CommandSpec* find_command(const std::vector<CommandSpec>& commands,
                                              std::string_view name);

// "swap create" is a command of "swap".
[[nodiscard]] bool is_subcommand(const CommandSpec& spec);
// Those of `parent` that are not hidden.
[[nodiscard]] std::vector<const CommandSpec*> subcommands(const std::vector<CommandSpec>& commands,
                                                          const CommandSpec& parent);
// "create" of "swap create".
[[nodiscard]] std::string last_word(const CommandSpec& spec);

// Paragraphs of a text: what stands between blank lines. Line ends inside them are kept.
[[nodiscard]] std::vector<std::string> paragraphs(std::string_view text);

}  // namespace isotach::command
