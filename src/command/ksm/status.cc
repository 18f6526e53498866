// isotach ksm: has this kernel page merging, what is it set to, what has it done, is that good.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/commands.h"
#include "kernel/host.h"
#include "kernel/kernel_config.h"
#include "kernel/ksm_daemon.h"
#include "kernel/ksm_files.h"
#include "memory/ksm/explain.h"
#include "memory/ksm/meaning.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using kernel::ConfigAnswer;
using kernel::KsmDaemon;
using kernel::KsmFile;
using memory::KsmMeaning;

struct Status {
  std::string folder;  // /sys/kernel/mm/ksm
  std::vector<ConfigAnswer> config;
  std::optional<KsmDaemon> daemon;
  std::vector<KsmFile> files;  // in the order in which they are shown
  KsmMeaning meaning;
  std::optional<Error> missing;  // why there are no files
};

// As in the list of explanations; what is in no list comes last.
std::vector<KsmFile> in_order(std::vector<KsmFile> files) {
  std::vector<KsmFile> ordered;
  for (const memory::KsmExplanation& explanation : memory::ksm_explanations())
    for (KsmFile& file : files)
      if (file.name == explanation.name) ordered.push_back(std::move(file));
  for (KsmFile& file : files)
    if (!file.name.empty() && memory::explain_ksm_file(file.name).empty()) ordered.push_back(std::move(file));
  return ordered;
}

Status read_status(const kernel::SystemRoot& root) {
  Status status;
  status.folder = root.path("sys/kernel/mm/ksm");
  std::string release = kernel::read_host(root).kernel_release;
  if (release.empty()) release = "unknown";
  status.config = kernel::look_up_config(root, release, "CONFIG_KSM");
  status.daemon = kernel::find_ksm_daemon(root);
  auto files = kernel::read_ksm_files(root);
  if (!files) {
    status.missing = std::move(files.error());
    return status;
  }
  status.files = in_order(std::move(*files));
  status.meaning = memory::meaning_of_ksm(status.files, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  return status;
}

std::string answer_text(const ConfigAnswer& answer) {
  return answer.value ? "CONFIG_KSM=" + *answer.value : answer.why;
}

// The place that was believed; nothing when none said anything.
const ConfigAnswer* believed(const Status& status) {
  for (const ConfigAnswer& answer : status.config)
    if (answer.value) return &answer;
  return nullptr;
}

std::string support_text(const Status& status) {
  std::string text = status.missing ? "no page merging" : "has page merging";
  text += status.missing ? ": there is no " + status.folder : ": there is " + status.folder;
  if (const ConfigAnswer* answer = believed(status))
    text += fmt::format(", and {} says CONFIG_KSM={}", answer->path, *answer->value);
  else
    text += ", and no file says how the kernel was built";
  return text;
}

std::string daemon_text(const Status& status) {
  if (!status.daemon) return status.missing ? "not there" : "not visible here, as in most containers";
  const double cpu_ns = status.daemon->cpu_ns.as_real();
  std::string text = fmt::format("process {}, ", status.daemon->pid);
  text += status.meaning.run == 1 ? "running" : "stopped";
  text += status.daemon->cpu_ns.is_missing()
              ? std::string()
              : fmt::format(", {} of CPU since the machine started", format_duration_ns(cpu_ns));
  return text;
}

std::string shown_value(const KsmFile& file) {
  if (file.text.empty()) return "-";
  if (file.name != "general_profit" || file.value.is_missing()) return printable(file.text);
  const double bytes = file.value.as_real();
  return (bytes < 0 ? "-" : "") + format_bytes(bytes < 0 ? -bytes : bytes);
}

std::string explanation_of(const KsmFile& file) {
  const std::string_view text = memory::explain_ksm_file(file.name);
  return text.empty() ? "a file of this kernel that this version of isotach does not know"
                      : std::string(text);
}

void write_table(Context& context, const Status& status) {
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 200;
  view::Table facts({{"", view::Align::left}, {"", view::Align::left, 0, 20}});
  facts.row({"kernel", support_text(status)});
  for (const ConfigAnswer& answer : status.config) facts.row({"", answer.path + ": " + answer_text(answer)});
  facts.row({"ksmd", daemon_text(status)});
  context.out.write(facts.text(columns));
  if (status.missing) return;
  for (const bool settings : {true, false}) {
    view::Table table({{settings ? "setting" : "counter", view::Align::left},
                       {"value", view::Align::right},
                       {"", view::Align::left, 1, 16}});
    for (const KsmFile& file : status.files)
      if (file.writable == settings) table.row({file.name, shown_value(file), explanation_of(file)});
    context.out.write('\n' + table.text(columns));
  }
  const auto paragraph = [&](const std::string& text, std::size_t indent) {
    context.out.write(wrap_words(text, indent, indent, static_cast<std::size_t>(std::min(columns, 100))));
  };
  if (!status.meaning.sentences.empty()) context.out.write("\nwhat this means\n");
  for (const std::string& sentence : status.meaning.sentences) paragraph(sentence, 2);
  if (!status.meaning.problems.empty()) context.out.write("\nwhat looks wrong\n");
  for (const memory::KsmProblem& problem : status.meaning.problems) {
    paragraph(problem.text, 2);
    paragraph(problem.remedy, 4);
  }
}

void write_files(view::JsonWriter& json, const Status& status, bool settings) {
  json.begin_object();
  for (const KsmFile& file : status.files) {
    if (file.writable != settings) continue;
    json.key(file.name);
    if (file.value.is_missing() && !file.text.empty())
      json.string(file.text);
    else
      json.value(file.value);
  }
  json.end_object();
}

void write_meaning(view::JsonWriter& json, const KsmMeaning& meaning) {
  json.key("merged_pages").real(meaning.merged_pages);
  json.key("tracked_pages").real(meaning.tracked_pages);
  json.key("saved_bytes").real(meaning.saved_bytes);
  json.key("cost_bytes").real(meaning.cost_bytes);
  json.key("profit_bytes").real(meaning.profit_bytes);
  json.key("meaning").begin_array();
  for (const std::string& sentence : meaning.sentences) json.string(sentence);
  json.end_array();
  json.key("problems").begin_array();
  for (const memory::KsmProblem& problem : meaning.problems) {
    json.begin_object();
    json.key("id").string(problem.id).key("text").string(problem.text).key("remedy").string(problem.remedy);
    json.end_object();
  }
  json.end_array();
}

void write_json(Context& context, const Status& status) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.ksm.v1");
  json.key("supported").boolean(!status.missing);
  json.key("folder").string(status.folder);
  json.key("config").begin_array();
  for (const ConfigAnswer& answer : status.config) {
    json.begin_object();
    json.key("path").string(answer.path);
    json.key("value");
    answer.value ? json.string(*answer.value) : json.null();
    if (!answer.value) json.key("why").string(answer.why);
    json.end_object();
  }
  json.end_array();
  json.key("daemon");
  if (status.daemon) {
    json.begin_object();
    json.key("pid").unsigned_integer(status.daemon->pid);
    json.key("running").boolean(status.meaning.run == 1);
    json.key("cpu_seconds");
    if (status.daemon->cpu_ns.is_missing())
      json.null();
    else
      json.real(status.daemon->cpu_ns.as_real() / 1e9);
    json.end_object();
  } else {
    json.null();
  }
  if (!status.missing) {
    json.key("page_size_bytes").unsigned_integer(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    json.key("settings");
    write_files(json, status, true);
    json.key("counters");
    write_files(json, status, false);
    write_meaning(json, status.meaning);
  } else {
    json.key("error").string(status.missing->message());
  }
  json.end_object();
  context.out.write(json.text() + '\n');
}

void write_csv(Context& context, const Status& status) {
  view::CsvWriter csv;
  csv.head({"name", "kind", "value", "help"});
  for (const KsmFile& file : status.files)
    csv.text(file.name)
        .text(file.writable ? "setting" : "counter")
        .text(file.text)
        .text(explanation_of(file))
        .end_row();
  context.out.write(csv.take());
}

int run_status(Context& context, const Arguments& arguments) {
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  const auto proc_root = proc_root_of(arguments);
  if (!proc_root) return context.report(proc_root.error());
  const Status status =
      read_status(proc_root->empty() ? kernel::SystemRoot() : kernel::SystemRoot(*proc_root));
  if (*format == Format::csv) {
    if (!status.missing) write_csv(context, status);
  } else if (*format != Format::table) {
    write_json(context, status);
  } else {
    write_table(context, status);
  }
  context.out.flush();
  if (!status.missing) return kExitOk;
  context.json_errors = false;  // the document has said it
  Error error = *status.missing;
  const ConfigAnswer* answer = believed(status);
  if (error.kind == ErrorKind::not_supported)
    error.remedy = answer != nullptr && *answer->value == "n"
                       ? "it was built without CONFIG_KSM: install or build a kernel that has CONFIG_KSM=y"
                       : "install or build a kernel with CONFIG_KSM=y; in a container look on the host";
  return context.report(error);
}

}  // namespace

CommandSpec ksm_status_command() {
  CommandSpec spec;
  spec.name = "ksm";
  spec.area = "memory";
  spec.summary = "page merging (KSM): is it there, its settings, what it has done";
  spec.usages = {"isotach ksm [OPTIONS]"};
  spec.description =
      "Says whether this kernel can merge equal pages (KSM), where that is written, whether its daemon ksmd "
      "runs, every setting and counter with one line of explanation, what the numbers mean together, and "
      "what looks wrong with them.\n\n"
      "Only memory that a program has offered is merged: with madvise(MADV_MERGEABLE), or all of it with "
      "prctl(PR_SET_MEMORY_MERGE), which 'isotach ksm run' does for a program that knows nothing of it. ksmd "
      "notes the checksum of a page in its first scan and merges it in the second, if it has not changed. "
      "RSS does not show merging; PSS does.";
  spec.options = format_options();
  spec.options.push_back(proc_root_option());
  spec.examples = {{"isotach ksm", "is it there, what is it set to, what has it saved"},
                   {"isotach ksm --json | jq .profit_bytes", "the gain in bytes"},
                   {"isotach ksm --csv", "every file with its value"}};
  spec.run = run_status;
  return spec;
}

}  // namespace isotach::command
