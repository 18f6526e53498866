// isotach experiment: which experiments there are.
#include <fmt/format.h>

#include "command/common_options.h"
#include "command/context.h"
#include "command/experiment/commands.h"
#include "memory/experiment/lab.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

int run(Context& context, const Arguments& arguments) {
  if (arguments.has("--json")) {
    view::JsonWriter json;
    json.begin_object().key("schema").string("isotach.experiment.v1").key("memory").begin_array();
    for (const memory::LabExperiment& experiment : memory::lab_experiments())
      json.begin_object()
          .key("number")
          .integer(experiment.number)
          .key("name")
          .string(experiment.name)
          .key("what")
          .string(experiment.what)
          .end_object();
    json.end_array().end_object();
    context.out.write(json.text() + '\n');
    return kExitOk;
  }
  view::Table table(
      {{"", view::Align::right}, {"name", view::Align::left}, {"what", view::Align::left, 0, 20}});
  for (const memory::LabExperiment& experiment : memory::lab_experiments())
    table.row(
        {std::to_string(experiment.number), std::string(experiment.name), std::string(experiment.what)});
  context.out.write("isotach experiment memory: what a list needs that grows, and one that has its size\n\n");
  context.out.write(table.text(terminal_size(context.out.fd()).columns));
  context.out.write(
      "\n  isotach experiment memory --all --report memory.html   all of them, as one page\n  isotach "
      "experiment memory --experiment 3               one of them\n  isotach experiment memory -- COMMAND    "
      "               what any program does with memory\n");
  return kExitOk;
}

}  // namespace

CommandSpec experiment_command() {
  CommandSpec spec;
  spec.name = "experiment";
  spec.area = "memory";
  spec.summary = "experiments that show how programs use memory";
  spec.usages = {"isotach experiment [--json]"};
  spec.description = "Lists the experiments there are. 'isotach experiment memory' runs them.";
  spec.options = {{"--json", 'J', "", "print one JSON document", "output"}};
  spec.examples = {{"isotach experiment", "what there is"},
                   {"isotach experiment --json | jq .memory", "the same, for a script"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
