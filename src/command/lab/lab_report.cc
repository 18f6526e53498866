#include "command/lab/lab_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "command/version.h"
#include "view/export/json_writer.h"
#include "view/report/report.h"

namespace isotach::command {
namespace {

void add_texts(std::vector<std::string>& paragraphs, const char* what,
               const std::vector<std::string>& texts) {
  for (const std::string& text : texts) paragraphs.push_back(fmt::format("{}: {}", what, text));
}

view::ReportSection section_of(const LabStep& step, const StepResult& result) {
  view::ReportSection section;
  section.title = step.title;
  section.verdict = result.misses.empty() ? "as expected" : "not as expected";
  for (const std::string& miss : result.misses)
    section.paragraphs.push_back("Not as expected: " + miss + ".");
  add_texts(section.paragraphs, "Look at", step.look);
  add_texts(section.paragraphs, "It means", step.means);
  add_texts(section.paragraphs, "Try next", step.next);
  if (!step.setup.empty()) section.code.push_back({"The setting, made before", step.setup});
  if (!step.background.empty()) section.code.push_back({"Meanwhile", step.background});
  section.code.push_back({"The command", step.run});
  section.code.push_back({"What it printed", result.output.empty() ? "(nothing)" : result.output});
  for (const LabPicture& picture : step.pictures) section.pictures.push_back({picture.file, picture.caption});
  return section;
}

}  // namespace

std::size_t LabOutcome::passed() const {
  return static_cast<std::size_t>(std::count_if(
      results.begin(), results.end(), [](const StepResult& result) { return result.misses.empty(); }));
}

std::string lab_page(const LabOutcome& outcome) {
  view::Report report;
  report.title = "Lab: " + outcome.lab.title;
  report.subtitle = outcome.where;
  report.summary = {outcome.lab.task, fmt::format("{} of {} steps came out as expected.", outcome.passed(),
                                                  outcome.lab.steps.size())};
  for (std::size_t i = 0; i < outcome.results.size(); ++i)
    report.sections.push_back(section_of(outcome.lab.steps[i], outcome.results[i]));
  report.footer = fmt::format("isotach {}, isotach lab {}", kVersion, outcome.lab.name);
  return view::html_of(report);
}

std::string lab_json(const LabOutcome& outcome) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.lab.v1");
  json.key("lab").string(outcome.lab.name);
  json.key("title").string(outcome.lab.title);
  json.key("steps").unsigned_integer(outcome.lab.steps.size());
  json.key("passed").unsigned_integer(outcome.passed());
  json.key("results").begin_array();
  for (std::size_t i = 0; i < outcome.results.size(); ++i) {
    const StepResult& result = outcome.results[i];
    json.begin_object();
    json.key("title").string(outcome.lab.steps[i].title);
    json.key("command").string(outcome.lab.steps[i].run);
    json.key("as_expected").boolean(result.misses.empty());
    json.key("duration_ns").integer(result.duration_ns);
    json.key("misses").begin_array();
    for (const std::string& miss : result.misses) json.string(miss);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

}  // namespace isotach::command
