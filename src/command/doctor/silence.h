// Which findings are not to be told: --silence and files of names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {

// Read where --silence-file is not given, if it is there.
inline constexpr const char* kSilenceFile = "/etc/isotach/silence";

// "ID" or "ID:SUBJECT" a line; '#' begins a comment.
[[nodiscard]] std::vector<std::string> parse_silence_file(std::string_view text);

// What is silenced on this host, for programs without those options. Names that there are not are ignored.
[[nodiscard]] std::vector<std::string> silenced_here();

// All that is silenced. A name that there is not is a usage error in --silence, and a warning in a file,
// which may be of a newer version.
[[nodiscard]] Result<std::vector<std::string>> silenced_by(Context& context, const Arguments& arguments);

}  // namespace isotach::command
