// isotach lab: what there is to learn and test on.
#include <fmt/format.h>

#include "command/context.h"
#include "command/lab/commands.h"
#include "command/lab/net_daemon.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

int run(Context& context, const Arguments& arguments) {
  const std::vector<std::string> names = running_nets();
  if (arguments.has("--json")) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.lab.v1");
    json.key("paths").begin_array();
    for (const std::string& name : names) json.string(name);
    json.end_array();
    json.end_object();
    context.out.write(json.take() + '\n');
    return kExitOk;
  }
  if (names.empty()) context.out.write("no emulated path is up; isotach lab net up NAME makes one\n");
  for (const std::string& name : names) context.out.write(name + '\n');
  return kExitOk;
}

CommandSpec lab_command() {
  CommandSpec spec;
  spec.name = "lab";
  spec.area = "network";
  spec.summary = "emulated networks to learn and test on";
  spec.usages = {"isotach lab [--json]", "isotach lab net ACTION ..."};
  spec.description = "Lists the emulated paths that are up. See isotach lab net.";
  spec.options = {{"--json", 'J', "", "print a JSON document", "output"}};
  spec.examples = {{"isotach lab", "which emulated paths are up"}};
  spec.run = run;
  return spec;
}

}  // namespace

std::vector<CommandSpec> lab_commands() {
  return {lab_command(), lab_net_command()};
}

}  // namespace isotach::command
