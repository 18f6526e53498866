// isotach link confirm: the change of `isotach link set`, made in another session, stays.
#include "base/text.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/link/commands.h"
#include "kernel/change/confirm.h"
#include "kernel/change/recover.h"
#include "kernel/change/undo_link.h"
#include "kernel/network_namespace.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

struct Waiting {
  pid_t pid;
  std::string name_space;
};

Result<Waiting> find_waiting() {
  const auto journals = kernel::open_journals();
  if (!journals) return tl::make_unexpected(journals.error());
  for (const kernel::OpenJournal& journal : *journals) {
    if (!journal.running || !journal.path.ends_with("/link.journal")) continue;
    for (const kernel::UndoStep& step : journal.content.steps)
      if (step.kind == kernel::UndoKind::link)
        return Waiting{static_cast<pid_t>(journal.content.pid),
                       kernel::link_field(step, kernel::LinkField::name_space)};
  }
  return failure(ErrorKind::failed, "no change of an interface waits to be confirmed",
                 "it may have been put back already: isotach link shows how things are");
}

int run(Context& context, const Arguments&) {
  const auto waiting = find_waiting();
  if (!waiting) return context.report(waiting.error());
  std::string answer;
  const auto done = kernel::in_network_namespace(waiting->name_space, [&]() -> Result<void> {
    auto told = kernel::confirm_change(waiting->pid);
    if (!told) return tl::make_unexpected(std::move(told.error()));
    answer = std::move(*told);
    return {};
  });
  if (!done) return context.report(done.error());
  if (answer != "kept")
    return context.report({ErrorKind::failed, 0, "the change was not kept: " + printable(answer), {}});
  if (context.json_errors) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.link-confirm.v1");
    json.key("outcome").string(answer);
    json.end_object();
    context.out.write(json.take() + '\n');
  } else {
    context.out.write("the change stays\n");
  }
  return kExitOk;
}

}  // namespace

CommandSpec link_confirm_command() {
  CommandSpec spec;
  spec.name = "link confirm";
  spec.area = "network";
  spec.summary = "keep the change that isotach link set has made in another session";
  spec.usages = {"isotach link confirm [OPTIONS]"};
  spec.description =
      "Tells the isotach link set that waits for it that its change may stay. That the command could be "
      "typed "
      "shows that the machine can still be reached.";
  spec.options = {format_options().front()};
  spec.examples = {{"isotach link confirm", "the change stays"},
                   {"isotach link confirm --json", "the same, told to a program"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
