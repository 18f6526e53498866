// isotach ksm set and isotach ksm reset.
#include <fmt/format.h>

#include "command/change_options.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/change.h"
#include "command/ksm/commands.h"
#include "memory/ksm/choice.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using kernel::KsmUnmerge;
using kernel::KsmValues;

OptionSpec unmerge_option() {
  return {"--unmerge", 0, "",
          "take all merged pages apart first, where a setting can be changed only while nothing is merged",
          "changes"};
}

OptionSpec json_option() {
  for (OptionSpec& option : format_options())
    if (option.name == "--json") return option;
  return {};
}

// `out` is standard error where standard output belongs to the command that is run.
void print_writes(Context& context, Output& out, const char* schema, const std::vector<KsmWrite>& writes,
                  bool kept) {
  if (context.json_errors) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string(schema);
    json.key("kept").boolean(kept);
    json.key("changes").begin_array();
    for (const KsmWrite& write : writes) {
      json.begin_object();
      json.key("name").string(write.name).key("from").string(write.from).key("to").string(write.to);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    out.write(json.text() + '\n');
    return;
  }
  view::Table table({{"setting", view::Align::left}, {"was"}, {"is"}});
  for (const KsmWrite& write : writes) table.row({write.name, write.from, write.to});
  if (table.row_count() > 0) out.write(table.text(100));
  out.flush();
}

// Makes the changes and sees them through. `after` is called when they are to stay.
int change(Context& context, const char* schema, const KsmValues& wanted, KsmUnmerge unmerge,
           const std::vector<std::string>& words, const ChangeOptions& options,
           const std::function<Result<void>()>& before_keeping) {
  auto transaction = kernel::Transaction::begin({context.command_name, "ksm", options.dry_run});
  if (!transaction) return context.report(transaction.error());
  std::vector<KsmWrite> writes;
  if (auto done = change_ksm(**transaction, wanted, unmerge, words, writes); !done) {
    auto back = (*transaction)->put_back();
    if (!back) context.warn(back.error().message());
    return context.report(done.error());
  }
  if (!options.dry_run) {
    if (options.keep)
      if (auto remembered = before_keeping(); !remembered) return context.report(remembered.error());
    print_writes(context, options.command.empty() ? context.out : context.err, schema, writes, options.keep);
  }
  return finish_changes(context, **transaction, options);
}

int run_set(Context& context, const Arguments& arguments) {
  auto options = change_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto now = kernel::read_ksm_settings(kKsmFolder);
  if (!now) return context.report(now.error());
  const auto force = arguments.has("--force") ? memory::KsmForce::yes : memory::KsmForce::no;
  const auto wanted = memory::read_ksm_choice(arguments.positionals(), *now, force);
  if (!wanted) return context.report(wanted.error());
  for (const std::string& warning : memory::warn_of_ksm_choice(*now, *wanted)) context.warn(warning);
  const auto unmerge = arguments.has("--unmerge") ? KsmUnmerge::where_needed : KsmUnmerge::never;
  return change(context, "isotach.ksm.set.v1", *wanted, unmerge, arguments.positionals(), *options,
                [&] { return remember_ksm_before(*now); });
}

int run_reset(Context& context, const Arguments& arguments) {
  const auto now = kernel::read_ksm_settings(kKsmFolder);
  if (!now) return context.report(now.error());
  KsmValues wanted = memory::ksm_defaults();
  if (!arguments.has("--defaults")) {
    auto remembered = remembered_ksm();
    if (!remembered) return context.report(remembered.error());
    wanted = std::move(*remembered);
  }
  ChangeOptions options;
  options.dry_run = arguments.has("--dry-run");
  options.keep = !options.dry_run;
  return change(context, "isotach.ksm.reset.v1", wanted, KsmUnmerge::where_needed, {}, options, [] {
    forget_ksm_before();
    return Result<void>();
  });
}

}  // namespace

CommandSpec ksm_set_command() {
  CommandSpec spec;
  spec.name = "ksm set";
  spec.area = "memory";
  spec.summary = "change settings of KSM: checked, in the right order, and back again";
  spec.usages = {"isotach ksm set [OPTIONS] NAME=VALUE...",
                 "isotach ksm set [OPTIONS] NAME=VALUE... -- COMMAND [ARGUMENT...]"};
  spec.description =
      "Changes files of /sys/kernel/mm/ksm, in the order that the kernel allows, and reads each back. The "
      "change lasts until Ctrl-C, for the time of --for, or while COMMAND runs; --keep lets it stay, and "
      "'isotach ksm reset' takes it back later. Whatever happens to isotach, the earlier values return.\n\n"
      "max_page_sharing and merge_across_nodes can be changed only while nothing is merged; stopping ksmd is "
      "not enough. --unmerge has the kernel take all merged pages apart (run=2) after checking that the "
      "memory for it is free, changes the setting, and lets ksmd go on. pages_to_scan cannot be set while "
      "the advisor chooses it.\n\n"
      "Values that the kernel takes and that harm the machine (pages_to_scan=0, no sleep at all, a "
      "max_page_sharing below 16) are refused with the reason, unless --force is given.";
  spec.positionals = {
      {"NAME=VALUE", "a setting as isotach ksm lists it, such as run=1 or pages_to_scan=1000", "", true}};
  spec.options = change_options();
  spec.options.push_back(unmerge_option());
  spec.options.push_back({"--force", 0, "", "set what is refused as harmful", "changes"});
  spec.options.push_back(json_option());
  spec.examples = {
      {"isotach ksm set run=1 pages_to_scan=1000", "merge faster than by default, until Ctrl-C"},
      {"isotach ksm set --keep run=1", "switch merging on, and leave it on"},
      {"isotach ksm set --unmerge max_page_sharing=1000000 run=1 -- ./program", "while a program runs"},
      {"isotach ksm set --dry-run advisor_mode=scan-time", "what would be written"}};
  spec.takes_command = true;
  spec.run = run_set;
  return spec;
}

CommandSpec ksm_reset_command() {
  CommandSpec spec;
  spec.name = "ksm reset";
  spec.area = "memory";
  spec.summary = "give KSM the settings from before the first change that was kept";
  spec.usages = {"isotach ksm reset [OPTIONS]"};
  spec.description =
      "Gives back the settings from before the first 'isotach ksm set --keep' since the machine started. "
      "Merged pages are taken apart first where that is needed and the memory for it is free.";
  spec.options = {{"--defaults", 0, "", "set the kernel's own values instead", "changes"},
                  dry_run_option(),
                  json_option()};
  spec.examples = {{"isotach ksm reset", "as if nothing had been set"},
                   {"isotach ksm reset --defaults --dry-run", "what differs from the kernel's own values"}};
  spec.run = run_reset;
  return spec;
}

}  // namespace isotach::command
