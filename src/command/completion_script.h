// Completion scripts for shells, made from the descriptions of commands.
//
// The scripts hold everything they offer, so that completing needs no run of the program; they know
// commands, options, values that are few, files, folders, metric names, and programs behind "--".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace isotach::command {

enum class Shell { bash, zsh, fish };
inline constexpr std::array kShells = {Shell::bash, Shell::zsh, Shell::fish};

[[nodiscard]] std::string_view shell_name(Shell shell);
[[nodiscard]] std::optional<Shell> shell_from_name(std::string_view name);

[[nodiscard]] std::string completion_script(Shell shell, const std::vector<CommandSpec>& commands,
                                            const std::vector<std::string>& metrics);
// For all commands and metrics of this program.
[[nodiscard]] std::string completion_script(Shell shell);

}  // namespace isotach::command
