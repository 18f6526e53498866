#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {

CommandSpec completions_command() {
  CommandSpec spec;
  spec.name = "completions";
  spec.area = "overview";
  spec.summary = "not written yet";
  spec.run = [](Context& context, const Arguments&) {
    return context.report({ErrorKind::not_supported, 0, "not written yet", {}});
  };
  return spec;
}

}  // namespace isotach::command
