// isotach restore: what commands that were killed have left changed, shown and put back.
#include "command/restore.h"

#include <fmt/format.h>

#include "base/text.h"
#include "command/context.h"
#include "command/spec.h"
#include "kernel/change/recover.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

std::string resource_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.find('.'));
}

void write_json(Context& context, const std::vector<kernel::OpenJournal>& journals, const char* schema) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string(schema);
  json.key("journals").begin_array();
  for (const kernel::OpenJournal& journal : journals) {
    json.begin_object();
    json.key("resource").string(resource_of(journal.path));
    json.key("command").string(journal.content.command);
    json.key("running").boolean(journal.running);
    json.key("put_back").begin_array();
    for (auto step = journal.content.steps.rbegin(); step != journal.content.steps.rend(); ++step)
      json.string(kernel::describe(*step));
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  context.out.write(json.text() + "\n");
}

void write_text(Context& context, const std::vector<kernel::OpenJournal>& journals) {
  if (journals.empty()) context.out.write("nothing is waiting to be put back\n");
  for (const kernel::OpenJournal& journal : journals) {
    context.out.write(fmt::format("{}: changed by isotach {}{}\n", resource_of(journal.path),
                                  printable(journal.content.command),
                                  journal.running ? ", which is running" : ", which was killed"));
    for (auto step = journal.content.steps.rbegin(); step != journal.content.steps.rend(); ++step)
      context.out.write("  " + kernel::describe(*step) + "\n");
  }
}

int forget(Context& context, const std::vector<kernel::OpenJournal>& journals, const std::string& resource) {
  for (const kernel::OpenJournal& journal : journals) {
    if (resource_of(journal.path) != resource) continue;
    if (auto forgotten = kernel::forget_journal(journal.path); !forgotten)
      return context.report(forgotten.error());
    context.note("forgot what isotach " + printable(journal.content.command) +
                 " had changed; it stays as it is");
    return kExitOk;
  }
  return context.report({ErrorKind::usage, 0, "no changes of '" + printable(resource) + "' are waiting",
                         "isotach restore --dry-run lists them"});
}

int run(Context& context, const Arguments& arguments) {
  const auto journals = kernel::open_journals();
  if (!journals) return context.report(journals.error());
  if (const auto resource = arguments.value("--forget")) return forget(context, *journals, *resource);
  if (arguments.has("--json")) {
    write_json(context, *journals, "isotach.restore.v1");
  } else {
    write_text(context, *journals);
  }
  if (arguments.has("--dry-run")) return kExitOk;
  return recover_and_tell(context) ? kExitOk : kExitFailed;
}

}  // namespace

bool recover_and_tell(Context& context) {
  bool whole = true;
  for (const kernel::Recovered& recovered : kernel::recover_abandoned()) {
    if (!recovered.steps.empty())
      context.note(fmt::format("put back what isotach {} had changed when it was killed ({})",
                               recovered.command, fmt::join(recovered.steps, "; ")));
    for (const Error& error : recovered.errors) {
      whole = false;
      context.warn(error.message() + ": what isotach " + recovered.command +
                   " changed is not all put back; see isotach restore --dry-run");
    }
  }
  return whole;
}

CommandSpec restore_command() {
  CommandSpec spec;
  spec.name = "restore";
  spec.area = "about";
  spec.summary = "put back what a command that was killed has left changed";
  spec.usages = {"isotach restore [--dry-run] [--json]", "isotach restore --forget RESOURCE"};
  spec.description =
      "Commands that change the machine (swap, ksm) put everything back when they end. Each change is in a "
      "journal on disk before it is made; when a command is killed, a second process puts its changes back, "
      "and when that was killed too, the next start of isotach as root does. This command does it at once, "
      "and shows what there is to do.\n\n"
      "A journal whose command still runs is left alone. After a restart of the machine only changes that "
      "outlive it are put back, such as files.";
  spec.options = {
      {"--dry-run", 0, "", "show what would be put back, and change nothing", "changes"},
      {"--forget", 0, "RESOURCE", "let the changes of this resource (swap, ksm) stay as they are", "changes"},
      {"--json", 'J', "", "print a JSON document", "output"},
  };
  spec.examples = {{"isotach restore --dry-run", "what is waiting to be put back"},
                   {"isotach restore", "put it back"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
