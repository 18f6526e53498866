// isotach lab: the tasks of the lab, each done from first to last step, checked, and written down.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/context.h"
#include "command/kit.h"
#include "command/lab/bed.h"
#include "command/lab/commands.h"
#include "command/lab/lab_file.h"
#include "command/lab/lab_report.h"
#include "command/lab/net_daemon.h"
#include "command/lab/runner.h"
#include "kernel/child.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

// The built-in labs can all be read: a test sees to it.
std::vector<Lab> all_labs() {
  std::vector<Lab> labs;
  for (const LabText& text : lab_texts())
    if (auto lab = parse_lab(text.name, text.text)) labs.push_back(std::move(*lab));
  return labs;
}

int list(Context& context, bool as_json) {
  const std::vector<Lab> labs = all_labs();
  const std::vector<std::string> paths = running_nets();
  if (as_json) {
    view::JsonWriter json;
    json.begin_object().key("schema").string("isotach.labs.v1").key("labs").begin_array();
    for (const Lab& lab : labs) {
      json.begin_object();
      json.key("name").string(lab.name);
      json.key("title").string(lab.title);
      json.key("task").string(lab.task);
      json.key("steps").unsigned_integer(lab.steps.size());
      json.key("needs").begin_array();
      for (const std::string& need : lab.needs) json.string(need);
      json.end_array().end_object();
    }
    json.end_array().key("paths").begin_array();
    for (const std::string& name : paths) json.string(name);
    json.end_array().end_object();
    context.out.write(json.take() + '\n');
    return kExitOk;
  }
  view::Table table(
      {{"lab", view::Align::left}, {"title", view::Align::left}, {"task", view::Align::left, 0, 30}});
  for (const Lab& lab : labs) table.row({lab.name, lab.title, lab.task});
  context.out.write(table.text(terminal_size(context.out.fd()).columns));
  context.out.write(
      "\n  isotach lab NAME          do it, check it, and write a report to hand in\n"
      "  isotach lab NAME --show   only say what would be done\n"
      "  isotach lab net up NAME   two hosts and an emulated path between them\n");
  for (const std::string& name : paths) context.out.write(fmt::format("\nthe path {} is up\n", name));
  return kExitOk;
}

void show(Context& context, const Lab& lab) {
  context.out.write(fmt::format("{}\n\n{}", lab.title, wrap_words(lab.task, 0, 0, 80)));
  for (std::size_t i = 0; i < lab.steps.size(); ++i) {
    const LabStep& step = lab.steps[i];
    context.out.write(fmt::format("\n{}. {}\n\n", i + 1, step.title));
    const auto shell = [&](const char* mark, const std::string& text) {
      if (text.empty()) return;
      for (const std::string_view line : split(text, '\n'))
        context.out.write(fmt::format("   {} {}\n", mark, line));
    };
    shell("(setting)", step.setup);
    shell("(meanwhile)", step.background);
    shell("$", step.run);
    context.out.write("\n");
    const auto texts = [&](const char* what, const std::vector<std::string>& all) {
      for (const std::string& text : all)
        context.out.write(wrap_words(fmt::format("{}: {}", what, text), 3, 3, 80));
    };
    texts("Look at", step.look);
    texts("It means", step.means);
    texts("Try next", step.next);
  }
}

Result<void> check_needs(const Lab& lab) {
  for (const std::string& need : lab.needs) {
    if (need == "root") {
      if (::geteuid() != 0)
        return failure(ErrorKind::not_permitted, fmt::format("lab {} needs root", lab.name),
                       "run it by sudo; 'isotach lab " + lab.name + " --show' says what it would do");
    } else if (need == "kit") {
      if (auto kit = find_kit(); !kit) return tl::make_unexpected(std::move(kit.error()));
    } else if (!kernel::find_program(need)) {
      return failure(ErrorKind::not_supported, fmt::format("lab {} needs the program '{}'", lab.name, need),
                     "install it; on Debian 'apt-file search bin/" + need + "' names its package");
    }
  }
  return {};
}

std::string where_text() {
  utsname names = {};
  ::uname(&names);
  return fmt::format("{} {} on {}, {:%Y-%m-%d %H:%M}", names.sysname, names.release, names.nodename,
                     fmt::localtime(std::time(nullptr)));
}

int do_steps(Context& context, const Lab& lab, const LabSurroundings& surroundings) {
  set_surroundings(surroundings);
  if (::chdir(surroundings.folder.c_str()) != 0)
    return context.report(system_failure(errno, "go to " + surroundings.folder).value());
  LabOutcome outcome{lab, {}, where_text()};
  LabRunner runner(surroundings, context.waiter, context.clock);
  for (std::size_t i = 0; i < lab.steps.size() && !context.waiter.interrupted(); ++i) {
    const LabStep& step = lab.steps[i];
    context.out.write(fmt::format("{}/{}  {}\n", i + 1, lab.steps.size(), step.title));
    for (const std::string_view line : split(step.run, '\n'))
      context.out.write(fmt::format("     $ {}\n", line));
    context.out.flush();
    outcome.results.push_back(runner.run(step));
    const StepResult& result = outcome.results.back();
    for (const std::string& miss : result.misses)
      context.out.write(fmt::format("     not as expected: {}\n", printable(miss)));
    if (result.misses.empty())
      context.out.write(
          fmt::format("     as expected, {}\n", format_duration_ns(static_cast<double>(result.duration_ns))));
    context.out.flush();
  }
  runner.clean_up(lab.cleanup);
  for (const auto& [name, text] :
       {std::pair{"report.html", lab_page(outcome)}, {"result.json", lab_json(outcome)}})
    if (auto written = replace_file(surroundings.folder + '/' + name, text); !written)
      return context.report(written.error());
  context.out.write(fmt::format("\n{} of {} steps as expected; the report: {}/report.html\n",
                                outcome.passed(), lab.steps.size(), surroundings.folder));
  context.out.flush();
  if (context.waiter.interrupted()) return kExitCutShort;
  return outcome.passed() == lab.steps.size() ? kExitOk : kExitFailed;
}

// A folder of its own, so that the pictures and outputs of two runs are never mixed.
Result<std::string> make_report_folder(const Lab& lab, const std::optional<std::string>& wanted) {
  const std::string folder = wanted.value_or("lab-" + lab.name);
  for (int attempt = 1; attempt <= 1000; ++attempt) {
    const std::string candidate = attempt == 1 ? folder : fmt::format("{}-{}", folder, attempt);
    if (::mkdir(candidate.c_str(), 0777) == 0) {
      char* whole = ::realpath(candidate.c_str(), nullptr);
      std::string path = whole != nullptr ? whole : candidate;
      ::free(whole);
      return path;
    }
    const int failed = errno;
    if (failed != EEXIST) return system_failure(failed, "make the folder " + candidate);
    if (wanted)
      return failure(ErrorKind::failed, candidate + " is there already",
                     "name another folder with --output: reports are not overwritten");
  }
  return failure(ErrorKind::failed, "there are too many folders " + folder + "-N", "name one with --output");
}

int run_lab(Context& context, const Lab& lab, const std::optional<std::string>& wanted) {
  if (auto able = check_needs(lab); !able) return context.report(able.error());
  auto folder = make_report_folder(lab, wanted);
  if (!folder) return context.report(folder.error());
  const LabSurroundings surroundings = {*folder, find_kit().value_or(std::string())};
  context.out.write(fmt::format("{}\n{}\n", lab.title, wrap_words(lab.task, 0, 0, 80)));
  context.out.flush();
  if (lab.bed == LabBed::host) return do_steps(context, lab, surroundings);
  // What is changed in there ends with it, and is nobody else's to take back.
  const auto in_bed = [&] {
    ::setenv("ISOTACH_STATE", "/run/isotach", 1);
    return do_steps(context, lab, surroundings);
  };
  const auto code = in_network_bed(in_bed);
  return code ? *code : context.report(code.error());
}

int run(Context& context, const Arguments& arguments) {
  if (arguments.positionals().empty()) return list(context, arguments.has("--json"));
  std::vector<Lab> labs = all_labs();
  const std::string& name = arguments.positionals().front();
  const auto found = std::find_if(labs.begin(), labs.end(), [&](const Lab& lab) { return lab.name == name; });
  if (found == labs.end()) {
    std::vector<std::string> names;
    for (const Lab& lab : labs) names.push_back(lab.name);
    const auto nearest = nearest_word(name, names);
    return context.report(failure(ErrorKind::usage, "there is no lab '" + printable(name) + "'",
                                  nearest ? "did you mean '" + *nearest + "'?" : "'isotach lab' lists them")
                              .value());
  }
  if (arguments.has("--show")) {
    show(context, *found);
    return kExitOk;
  }
  return run_lab(context, *found, arguments.value("--output"));
}

}  // namespace

CommandSpec lab_command() {
  CommandSpec spec;
  spec.name = "lab";
  spec.area = "learning";
  spec.summary = "the tasks of the lab, done step by step, checked and written down";
  spec.usages = {"isotach lab [--json]", "isotach lab [OPTIONS] NAME"};
  spec.description =
      "Lists the labs and the emulated paths (isotach lab net) that are up, or does a lab: each step's "
      "command is run, its output compared with what it should "
      "show, and everything written into a folder with report.html (commands, outputs, pictures, what to "
      "look at and what it means), the outputs as files, and result.json.\n\n"
      "Labs about the network run with interfaces, processes and mounts of their own, which the kernel "
      "removes with "
      "them, also after kill -9. Labs about swap and page merging use the journaled changes of isotach swap "
      "and "
      "isotach ksm, and take back at the end, also after Ctrl-C, what they changed.\n\n"
      "The exit code is 0 when all steps came out as expected and 1 when one did not.";
  spec.positionals = {{"NAME", "the lab", "", false, {}}};
  spec.options = {{"--show", 0, "", "only say what would be done, and why", "what to do"},
                  {"--output",
                   'o',
                   "FOLDER",
                   "write the report into this new folder (lab-NAME)",
                   "output",
                   {},
                   "directory"},
                  {"--json", 'J', "", "list the labs as one JSON document", "output"}};
  spec.examples = {{"isotach lab", "what there is"},
                   {"isotach lab link --show", "what would be done, with the explanations"},
                   {"sudo isotach lab link", "do it; the report is lab-link/report.html"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
