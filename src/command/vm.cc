#include <sys/utsname.h>

#include "command/context.h"
#include "command/replay.h"
#include "command/spec.h"
#include "command/version.h"
#include "command/vm_explain.h"
#include "command/vm_options.h"
#include "command/vm_printer.h"
#include "command/vm_process.h"
#include "command/vm_save.h"
#include "command/vm_session.h"
#include "command/vm_source.h"

namespace isotach::command {
namespace {

VmOrigin this_machine() {
  utsname names{};
  if (::uname(&names) != 0) return {};
  return {names.nodename, names.release};
}

VmSourceOptions source_options(const VmOptions& options) {
  return {options.text.mode, options.text.pressure, options.delay_ns};
}

std::unique_ptr<VmPrinter> make_printer(Context& context, const VmOptions& options, const VmOrigin& origin) {
  return options.format == Format::table ? make_table_printer(context, options)
                                         : make_export_printer(context, options, origin);
}

record::RecordingInfo recording_info(Context& context, const Arguments& arguments, const VmOptions& options,
                                     const VmOrigin& origin) {
  record::RecordingInfo info;
  info.command = "vm";
  info.arguments = vm_replay_words(arguments);
  info.program_version = kVersion;
  info.host = origin.host;
  info.kernel = origin.kernel;
  info.start = context.clock.now();
  info.interval_ns = options.delay_ns;
  return info;
}

int save_trees(Context& context, const Arguments& arguments, const VmOptions& options) {
  if (arguments.positionals().size() != 2)
    return context.report(
        {ErrorKind::usage, 0, "--save-tree needs DELAY and COUNT", "as in: isotach vm --save-tree DIR 1 10"});
  return save_vm_trees(context, *arguments.value("--save-tree"), options.delay_ns, *options.count);
}

int measure(Context& context, const Arguments& arguments, const VmOptions& options) {
  const std::string folder = arguments.value("--proc-root").value_or("");
  const bool sequence = !folder.empty() && is_saved_sequence(folder);
  std::string proc_root;
  if (!sequence) {
    auto checked = proc_root_of(arguments);
    if (!checked) return context.report(checked.error());
    proc_root = std::move(*checked);
  }

  const VmOrigin origin = folder.empty() ? this_machine() : VmOrigin{};
  const std::unique_ptr<VmPrinter> printer = make_printer(context, options, origin);
  const std::unique_ptr<VmSource> source =
      sequence ? make_sequence_source(context, source_options(options), folder)
               : make_live_source(context, source_options(options), proc_root,
                                  [&] { printer->terminal_resized(); });
  std::unique_ptr<VmRecording> recording;
  if (const auto file = arguments.value("--record")) {
    if (!memory::can_be_recorded(options.text.mode))
      return context.report({ErrorKind::usage, 0, "--slabs cannot be recorded", {}});
    auto created = VmRecording::create(*file, recording_info(context, arguments, options, origin), options);
    if (!created) return context.report(created.error());
    recording = std::move(*created);
  }
  return run_vm_session(context, {options, *source, *printer, recording.get()});
}

int explain(Context& context, const Arguments& arguments, const std::string& word) {
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  const bool of_machine = !memory::explained_columns(word).empty();
  if (!of_machine && is_process_column(word)) return explain_process_column(context, word);
  const int code = explain_vm_column(context, word, *format);
  if (word != "all" || *format != Format::table) return code;
  context.out.write("\nisotach vm --pid:\n");
  return explain_process_column(context, word);
}

int run_vm(Context& context, const Arguments& arguments) {
  const auto word = arguments.value("--explain");
  if (word && !wants_vm_process(arguments)) return explain(context, arguments, *word);
  if (wants_vm_process(arguments)) return run_vm_process(context, arguments);
  const auto options = vm_options_of(arguments);
  if (!options) return context.report(options.error());
  if (arguments.has("--save-tree")) return save_trees(context, arguments, *options);
  return measure(context, arguments, *options);
}

}  // namespace

int replay_vm(Context& context, const Arguments& arguments, ReplaySource& source) {
  if (wants_vm_process(arguments)) return replay_vm_process(context, arguments, source);
  const auto options = vm_options_of(arguments);
  if (!options) return context.report(options.error());
  const record::RecordingInfo& info = source.recording().info();
  const std::unique_ptr<VmPrinter> printer = make_printer(context, *options, {info.host, info.kernel});
  const std::unique_ptr<VmSource> frames = make_replay_source(source_options(*options), source);
  VmRun run{*options, *frames, *printer};
  for (const record::Event& event : source.recording().events())
    run.replayed_interruption = run.replayed_interruption || event.text == kInterruptedEvent;
  return run_vm_session(context, run);
}

CommandSpec vm_command() {
  CommandSpec spec;
  spec.name = "vm";
  spec.area = "memory";
  spec.summary = "memory, swap, disk and CPU activity, line by line, as vmstat shows it";
  spec.usages = {"isotach vm [OPTIONS] [DELAY [COUNT]]", "isotach vm --pid PID [OPTIONS] [DELAY [COUNT]]",
                 "isotach vm [OPTIONS] [DELAY [COUNT]] -- COMMAND [ARGUMENTS]"};
  spec.takes_command = true;
  spec.description =
      std::string() +
      "Prints what vmstat prints, in the same columns, with the same options, and correctly: memory is read "
      "afresh for every row, rates are divided by the time that really passed, and what the kernel does not "
      "tell is shown as - instead of 0.\n\n"
      "The first row is averages since the machine started; -y leaves it out. Without DELAY one row is "
      "printed; without COUNT rows follow until Ctrl-C, which ends with a summary.\n\n" +
      vm_process_description();
  spec.positionals = {{"DELAY", "time between rows: seconds or a unit, such as 1, 0.1, 50ms (at least 10ms)"},
                      {"COUNT", "number of rows"}};
  spec.options = vm_option_specs();
  for (OptionSpec& option : vm_process_options()) spec.options.push_back(std::move(option));
  spec.examples = {{"isotach vm 1 5", "five rows, one second apart"},
                   {"isotach vm -w -t 0.1", "ten rows a second with times, until Ctrl-C"},
                   {"isotach vm --free -h", "memory and swap as free -h shows them"},
                   {"isotach vm --explain cache", "what the column means and where it comes from"},
                   {"isotach vm --pid 1234 0.1", "memory, faults and CPU of a process, ten times a second"},
                   {"isotach vm 0.01 -- python3 x.py", "start a program and follow it until it ends"},
                   {"isotach vm --json 1 60 > run.json", "one minute as a JSON document"}};
  spec.run = run_vm;
  return spec;
}

}  // namespace isotach::command
