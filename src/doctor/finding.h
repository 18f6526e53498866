// What the doctor says: something is wrong with the machine, how it shows, and what to do next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::doctor {

enum class Severity : std::uint8_t {
  info,      // worth knowing; nothing suffers now
  warning,   // something suffers, or soon will
  critical,  // work is lost or stands still
};

[[nodiscard]] std::string_view severity_name(Severity severity);  // "info", "warning", "critical"

struct Finding {
  std::string id;  // "swap-thrashing": stable, for scripts
  Severity severity = Severity::info;
  std::string subject;   // the device it is about ("eth0"); empty for the whole machine
  std::string title;     // one line
  std::string evidence;  // the numbers that show it
  std::string remedy;    // what to do or to look at next
};

// What was found, the gravest first, and what could not be judged.
struct Diagnosis {
  std::vector<Finding> findings;
  // "pressure: not supported by this kernel": what no rule could look at.
  std::vector<std::string> not_checked;

  [[nodiscard]] bool has(Severity least) const;
};

// Appends those of `more` whose id and subject are not among `findings`, and puts the gravest first: rules
// of two areas may look at the same device, and who speaks first is heard.
void add_unsaid(const std::vector<Finding>& more, std::vector<Finding>& findings);

}  // namespace isotach::doctor
