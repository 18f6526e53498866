// isotach swap on, off and remove.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/context.h"
#include "command/swap/aside.h"
#include "command/swap/commands.h"
#include "command/swap/drain_flow.h"
#include "command/swap/fstab_change.h"
#include "command/swap/state.h"
#include "kernel/swap_control.h"
#include "kernel/swap_file.h"
#include "memory/swap/fstab.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

Result<std::string> path_word(const Arguments& arguments, const char* example) {
  if (arguments.positionals().size() != 1) return failure(ErrorKind::usage, "one path is needed", example);
  return arguments.positionals().front();
}

// What was done, for people or as an object.
struct Outcome {
  const char* schema;
  std::string path;
  std::optional<int> priority;
  std::optional<Drained> drained;
};
void print_outcome(Context& context, const std::string& text, const Outcome& outcome) {
  if (!context.json_errors) {
    context.out.write(text + '\n');
    return;
  }
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string(outcome.schema);
  json.key("path").string(outcome.path);
  if (outcome.priority) json.key("priority").integer(*outcome.priority);
  if (outcome.drained) {
    json.key("returned_bytes").unsigned_integer(outcome.drained->bytes);
    json.key("seconds").real(static_cast<double>(outcome.drained->took_ns) / 1e9);
  }
  json.end_object();
  context.out.write(json.text() + '\n');
}

// What is at the path can be swapped to, or an error says why not.
Result<void> check_swap_area(Context& context, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return system_failure(
        errno, "find " + path,
        "to make a swap file there: isotach swap create " + printable(path) + " 4Gi --on --keep");
  if (!S_ISREG(status.st_mode)) return {};  // of a device the kernel says it itself
  const auto there = kernel::look_at_swap_path(path);
  if (!there) {
    // Who may not read it may not swap to it either: the kernel says so.
    return there.error().kind == ErrorKind::not_permitted ? Result<void>()
                                                          : tl::make_unexpected(there.error());
  }
  if (there->use == kernel::SwapPathUse::other)
    return failure(ErrorKind::failed, printable(path) + " is " + there->what,
                   "make a swap file under another name: isotach swap create PATH SIZE --on --keep");
  if (there->use == kernel::SwapPathUse::hibernated)
    return failure(ErrorKind::failed, printable(path) + " holds the memory of a machine that hibernates",
                   "start that machine first");
  if ((status.st_mode & 077) != 0)
    context.warn(fmt::format("others may read {} (mode {:04o}), and with it what was in memory: chmod 600 {}",
                             printable(path), status.st_mode & 07777, printable(path)));
  return {};
}

int run_on(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  const auto word = path_word(arguments, "isotach swap on /swapfile");
  if (!word) return context.report(word.error());
  const auto priority = priority_of(arguments);
  if (!priority) return context.report(priority.error());
  const auto options = change_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto path = swap_path_of(*word);
  if (!path) return context.report(path.error());
  const auto state = read_swap_state(kernel::SystemRoot());
  if (!state) return context.report(state.error());
  if (const kernel::SwapDevice* area = find_area(*state, *path)) {
    if (!*priority || **priority == area->priority) {
      context.note(fmt::format("{} is on already, with priority {}", printable(*path), area->priority));
      return kExitOk;
    }
    return context.report(
        {ErrorKind::failed, 0,
         fmt::format("{} is on with priority {}, which cannot be changed while it is", printable(*path),
                     area->priority),
         fmt::format("isotach swap off {0} --keep && isotach swap on {0} --priority {1} --keep",
                     printable(*path), **priority)});
  }
  if (auto checked = check_swap_area(context, *path); !checked) return context.report(checked.error());
  auto transaction = kernel::Transaction::begin({"swap on", "swap", options->dry_run});
  if (!transaction) return context.report(transaction.error());
  const std::string with = *priority ? fmt::format(", priority {}", **priority) : "";
  auto on =
      (*transaction)->change("switch on swapping to " + *path + with, {kernel::undo_swap_on(*path)}, [&] {
        return kernel::swap_on(*path, priority->value_or(-1), discard_policy_of(*path));
      });
  if (!on) return context.report(on.error());
  if (!options->dry_run)
    print_outcome(context, "swapping to " + printable(*path) + " is on" + with,
                  {"isotach.swap.on.v1", *path, *priority, {}});
  return finish_changes(context, **transaction, *options);
}

// The change that switches off an area in use; safe, or an error.
Result<void> switch_off(Context& context, kernel::Transaction& transaction, const SwapState& state,
                        const kernel::SwapDevice& area, const DrainOptions& options) {
  const auto made = make_drain_plan(state, {area.path}, options);
  if (!made) return tl::make_unexpected(made.error());
  if (auto why_not = why_not_drain(*made)) return tl::make_unexpected(std::move(*why_not));
  const auto drained =
      switch_area_off(context, transaction, made->plan.steps.front(), made->input.reserve_bytes, options);
  if (!drained) return tl::make_unexpected(drained.error());
  if (!transaction.is_dry_run())
    print_outcome(context,
                  fmt::format("swapping to {} is off; {} came back in {}", printable(area.path),
                              format_bytes(static_cast<double>(drained->bytes)),
                              format_duration_ns(static_cast<double>(drained->took_ns))),
                  {"isotach.swap.off.v1", area.path, area.priority, *drained});
  return {};
}

int report_stop(Context& context, const Error& error) {
  if (error.errno_value != ECANCELED) return context.report(error);
  context.note("stopped by Ctrl-C: everything is as it was");
  return kExitCutShort;
}

int run_off(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  const auto word = path_word(arguments, "isotach swap off /swapfile");
  if (!word) return context.report(word.error());
  const auto safety = drain_options_of(arguments);
  if (!safety) return context.report(safety.error());
  const auto options = change_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto path = swap_path_of(*word);
  if (!path) return context.report(path.error());
  const auto state = read_swap_state(kernel::SystemRoot());
  if (!state) return context.report(state.error());
  const kernel::SwapDevice* area = find_area(*state, *path);
  if (area == nullptr)
    return context.report({ErrorKind::failed, 0, printable(*path) + " is no swap area in use",
                           "isotach swap lists the areas in use"});
  auto transaction = kernel::Transaction::begin({"swap off", "swap", options->dry_run});
  if (!transaction) return context.report(transaction.error());
  if (auto off = switch_off(context, **transaction, *state, *area, *safety); !off)
    return report_stop(context, off.error());
  return finish_changes(context, **transaction, *options);
}

bool fstab_names(const std::string& path) {
  const auto text = read_file(fstab_path());
  if (!text) return false;
  for (const memory::FstabSwap& swap : memory::parse_fstab_swaps(*text))
    if (swap.source == path) return true;
  return false;
}

// What there is to remove.
Result<bool> file_to_remove(const std::string& path) {
  const auto there = kernel::look_at_swap_path(path);
  if (!there) return tl::make_unexpected(there.error());
  if (there->use == kernel::SwapPathUse::nothing) {
    if (fstab_names(path)) return false;
    return failure(ErrorKind::failed, "there is no " + printable(path),
                   "isotach swap lists the areas in use");
  }
  const bool is_swap_file = there->what == "a swap file";
  if (is_swap_file) return true;
  return failure(ErrorKind::failed, printable(path) + " is " + there->what + ", and is not removed",
                 there->what == "a device"
                     ? "to stop swapping to it: isotach swap off " + printable(path) + " --keep"
                     : "only swap files are removed");
}

Result<void> remove_all(Context& context, kernel::Transaction& transaction, const std::string& path,
                        bool has_file, const DrainOptions& safety) {
  const auto state = read_swap_state(kernel::SystemRoot());
  if (!state) return tl::make_unexpected(state.error());
  if (const kernel::SwapDevice* area = find_area(*state, path))
    if (auto off = switch_off(context, transaction, *state, *area, safety); !off) return off;
  if (has_file) {
    auto moved = put_aside(transaction, path, "removed", "remove the file " + path);
    if (!moved) return moved;
  }
  if (!fstab_names(path)) return {};
  return change_fstab(transaction, "remove the line of " + path,
                      [&](std::string_view text) { return memory::without_fstab_swap(text, path); });
}

int run_remove(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  const auto word = path_word(arguments, "isotach swap remove /swapfile --keep");
  if (!word) return context.report(word.error());
  const auto safety = drain_options_of(arguments);
  if (!safety) return context.report(safety.error());
  const auto options = change_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto path = swap_path_of(*word);
  if (!path) return context.report(path.error());
  const auto has_file = file_to_remove(*path);
  if (!has_file) return context.report(has_file.error());
  auto transaction = kernel::Transaction::begin({"swap remove", "swap", options->dry_run});
  if (!transaction) return context.report(transaction.error());
  if (auto removed = remove_all(context, **transaction, *path, *has_file, *safety); !removed)
    return report_stop(context, removed.error());
  if (!options->dry_run)
    print_outcome(context, "removed " + printable(*path), {"isotach.swap.remove.v1", *path, {}, {}});
  return finish_changes(context, **transaction, *options);
}

void add_options(CommandSpec& spec, std::vector<OptionSpec> options) {
  for (OptionSpec& option : options) spec.options.push_back(std::move(option));
}

OptionSpec json_option() {
  return {"--json", 'J', "", "print JSON: what was done, or would be", "output"};
}

}  // namespace

CommandSpec swap_on_command() {
  CommandSpec spec;
  spec.name = "swap on";
  spec.area = "memory";
  spec.summary = "switch swapping to a file or partition on";
  spec.usages = {"isotach swap on [OPTIONS] PATH [-- COMMAND [ARGUMENT...]]"};
  spec.description =
      "PATH is a swap file, a partition, or UUID=... or LABEL=.... Areas of the highest priority are filled "
      "first; those of equal priority in turns, which doubles the speed of two disks. With priorities 10 and "
      "20 the second is used alone until it is full.\n\n"
      "As every change it lasts as long as the command, unless --keep is given.";
  spec.positionals = {{"PATH", "a swap file or partition", "file"}};
  spec.options = {priority_option()};
  add_options(spec, change_options());
  spec.options.push_back(json_option());
  spec.takes_command = true;
  spec.examples = {{"isotach swap on /swapfile --priority 20 --keep", "used before all areas below 20"},
                   {"isotach swap on /swapfile --for 10m", "for ten minutes"}};
  spec.run = run_on;
  return spec;
}

CommandSpec swap_off_command() {
  CommandSpec spec;
  spec.name = "swap off";
  spec.area = "memory";
  spec.summary = "switch swapping to a file or partition off, when that is safe";
  spec.usages = {"isotach swap off [OPTIONS] PATH [-- COMMAND [ARGUMENT...]]"};
  spec.description =
      "What is swapped out there comes back into memory first. That is refused where there is no room, or "
      "where the OOM killer would end a process because its control group is full; and it stops, with the "
      "area on as it was, when memory becomes scarce meanwhile, or on Ctrl-C. See isotach swap drain.\n\n"
      "Without --keep the area is switched on again, with the priority that it had, when the command ends.";
  spec.positionals = {{"PATH", "an area in use", "file"}};
  add_options(spec, drain_options());
  add_options(spec, change_options());
  spec.options.push_back(json_option());
  spec.takes_command = true;
  spec.examples = {{"isotach swap off /swapfile --keep", "until it is switched on again"},
                   {"isotach swap off /swapfile -- ./benchmark", "while a program runs"}};
  spec.run = run_off;
  return spec;
}

CommandSpec swap_remove_command() {
  CommandSpec spec;
  spec.name = "swap remove";
  spec.area = "memory";
  spec.summary = "switch a swap file off, remove it, and its line in fstab";
  spec.usages = {"isotach swap remove [OPTIONS] PATH"};
  spec.description =
      "Undoes what isotach swap create has made. Only swap files are removed. Without --keep the file is "
      "put aside under another name, and all is as before when the command ends.";
  spec.positionals = {{"PATH", "a swap file", "file"}};
  add_options(spec, drain_options());
  add_options(spec, change_options());
  spec.options.push_back(json_option());
  spec.examples = {{"isotach swap remove /swapfile --keep", "off, removed, and out of fstab"},
                   {"isotach swap remove /swapfile --dry-run", "what would be done"}};
  spec.run = run_remove;
  return spec;
}

}  // namespace isotach::command
