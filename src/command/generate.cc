// isotach generate: man pages and documents for the build, and files for other programs, from the
// descriptions that the program itself uses.
#include <sys/stat.h>

#include <cerrno>

#include "base/fd.h"
#include "command/context.h"
#include "command/fleet/alert_rules.h"
#include "command/fleet/dashboard.h"
#include "command/man_page.h"
#include "command/metrics_document.h"
#include "command/spec.h"
#include "doctor/catalogue.h"

namespace isotach::command {
namespace {

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return {};
  return system_failure(errno, "create " + path);
}

Result<void> write_man_pages(const std::string& folder) {
  if (auto made = make_folder(folder); !made) return made;
  for (const CommandSpec& command : all_commands()) {
    if (command.hidden) continue;
    const std::string path = folder + '/' + man_page_name(command) + ".1.scd";
    if (auto written = replace_file(path, man_page(command, all_commands())); !written) return written;
  }
  return {};
}

Result<void> write_findings(const std::string& folder) {
  if (auto made = make_folder(folder); !made) return made;
  for (const auto group :
       {doctor::machine_findings(), doctor::network_findings(), doctor::transfer_findings()}) {
    for (const doctor::FindingDescription& one : group) {
      const std::string path = folder + '/' + std::string(one.id) + ".md";
      if (auto written = replace_file(path, doctor::finding_page(one)); !written) return written;
    }
  }
  return replace_file(folder + "/README.md", doctor::finding_index());
}

int run(Context& context, const Arguments& arguments) {
  bool any = false;
  const auto write = [&](const char* option, const auto& writer) -> Result<void> {
    const auto path = arguments.value(option);
    if (!path) return {};
    any = true;
    if (path->empty()) return failure(ErrorKind::usage, std::string(option) + " needs a name");
    return writer(*path);
  };
  if (auto done = write("--man", write_man_pages); !done) return context.report(done.error());
  if (auto done =
          write("--metrics", [](const std::string& path) { return replace_file(path, metrics_document()); });
      !done)
    return context.report(done.error());
  if (auto done = write("--findings", write_findings); !done) return context.report(done.error());
  if (auto done =
          write("--grafana", [](const std::string& path) { return replace_file(path, grafana_dashboard()); });
      !done)
    return context.report(done.error());
  if (auto done = write("--prometheus-rules",
                        [](const std::string& path) { return replace_file(path, prometheus_rules()); });
      !done)
    return context.report(done.error());
  if (!any) return context.report({ErrorKind::usage, 0, "say what to generate", {}});
  return kExitOk;
}

}  // namespace

CommandSpec generate_command() {
  CommandSpec spec;
  spec.name = "generate";
  spec.area = "about";
  spec.summary = "write a dashboard, alerts, documents: what is made from descriptions";
  spec.usages = {"isotach generate [--man DIR] [--metrics FILE] [--findings DIR] [--grafana FILE]"};
  spec.description =
      "Writes what is made from the descriptions of commands, metrics and findings. The build makes its "
      "documents with it; a fleet its dashboard and its alerts. Files that exist are replaced.";
  spec.options = {
      {"--man", 0, "DIR", "write one page for each command, for scdoc", "output", {}, "directory"},
      {"--metrics", 0, "FILE", "write the table of all metrics", "output", {}, "file"},
      {"--findings", 0, "DIR", "write a page for each finding of the doctor", "output", {}, "directory"},
      {"--grafana", 0, "FILE", "write a dashboard for Grafana", "output", {}, "file"},
      {"--prometheus-rules",
       0,
       "FILE",
       "write alerts for Prometheus, one for each finding",
       "output",
       {},
       "file"},
  };
  spec.examples = {
      {"isotach generate --grafana isotach.json --prometheus-rules isotach-rules.yml",
       "for Grafana and Prometheus; docs/fleet.md says how they are used"},
      {"isotach generate --man build/man", "what the build does"},
      {"isotach generate --metrics docs/metrics.md", "after a metric was added or changed"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
