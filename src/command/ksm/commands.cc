#include "command/ksm/commands.h"

namespace isotach::command {

std::vector<CommandSpec> ksm_commands() {
  return {};
}

}  // namespace isotach::command
