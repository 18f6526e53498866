// What isotach doctor prints, whatever it looked at: the answer first, the evidence, what to do, and what
// was checked and found healthy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/context.h"
#include "doctor/finding.h"
#include "doctor/transfer.h"
#include "view/export/json_writer.h"

namespace isotach::command {

// A connection that was looked at.
struct DoctorConnection {
  std::string local, remote, process, their_process;
  bool sends = true;
  double seconds = 0;
  doctor::TransferVerdict verdict;

  // "10.0.0.1:40000 to 10.0.0.2:443": what findings about it are of.
  [[nodiscard]] std::string way() const { return local + (sends ? " to " : " from ") + remote; }
};

struct DoctorReport {
  std::string subject;  // "this host", "process 123 (curl)", "the path to HOST", a file
  std::string answer;   // a sentence
  std::vector<doctor::Finding> findings;
  std::vector<doctor::Finding> silenced;
  std::vector<DoctorConnection> connections;  // the largest first
  std::vector<doctor::EvidenceRow> evidence;
  std::vector<std::string> remedies;
  std::vector<std::string> healthy;
  std::vector<std::string> not_checked;
  double seconds = 0;  // watched

  // Something is wrong: a finding of severity warning or critical that is not silenced.
  [[nodiscard]] bool has_problem() const;
};

// `ids` holds "ID" or "ID:SUBJECT".
[[nodiscard]] bool is_silenced(const doctor::Finding& finding, const std::vector<std::string>& ids);
// The gravest first, those in `ids` moved to `silenced`.
void silence(DoctorReport& report, const std::vector<std::string>& ids);

// One line an area of the machine of what was looked for and not found.
[[nodiscard]] std::vector<std::string> healthy_areas(const DoctorReport& report);

void write_finding(view::JsonWriter& json, const doctor::Finding& finding);
// Prints it and gives the exit code: 1 when something is wrong.
int print_report(Context& context, const DoctorReport& report, bool json);

}  // namespace isotach::command
