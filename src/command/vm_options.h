// What the user asked `isotach vm` for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/common_options.h"
#include "command/spec.h"
#include "memory/vm/text_options.h"

namespace isotach::command {

struct VmOptions {
  memory::TextOptions text;
  Format format = Format::table;
  std::int64_t delay_ns = 1'000'000'000;
  std::optional<std::uint64_t> count;  // samples to print; none: until interrupted
};

[[nodiscard]] std::vector<OptionSpec> vm_option_specs();

// Checked: exclusive modes, units, delay and count.
[[nodiscard]] Result<VmOptions> vm_options_of(const Arguments& arguments);

// The words that make the same table again, for a recording: without where it came from and went to.
[[nodiscard]] std::vector<std::string> vm_replay_words(const Arguments& arguments);

}  // namespace isotach::command
