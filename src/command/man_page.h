// Man pages, in the language of scdoc(5), made from the descriptions of commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command/spec.h"

namespace isotach::command {

// "isotach", "isotach-vm": the page's name, and that of its file before ".1.scd".
[[nodiscard]] std::string man_page_name(const CommandSpec& spec);

// The page of one command; that of the command without a name tells about all of `commands`.
[[nodiscard]] std::string man_page(const CommandSpec& spec, const std::vector<CommandSpec>& commands);

// `text` so that scdoc takes every character of it as it stands.
[[nodiscard]] std::string scdoc_escaped(std::string_view text);

}  // namespace isotach::command
