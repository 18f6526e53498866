// Taking back a change of an interface's settings.
#pragma once

#include "base/result.h"
#include "kernel/change/undo.h"

namespace isotach::kernel {

// Where the fields of such a step stand.
enum class LinkField : std::size_t { path, name_space, index, address, setting, earlier, wanted };
inline constexpr std::size_t kLinkFieldCount = static_cast<std::size_t>(LinkField::wanted) + 1;
[[nodiscard]] const std::string& link_field(const UndoStep& step, LinkField field);

[[nodiscard]] bool is_sound_link_step(const UndoStep& step);
[[nodiscard]] std::string describe_link(const UndoStep& step);
[[nodiscard]] Result<void> take_back_link(const UndoStep& step);

}  // namespace isotach::kernel
