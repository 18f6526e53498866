// Rules for Prometheus, made from the catalogue of findings: what the doctor of a machine finds becomes an
// alert that says what it means and what to do.
#pragma once

#include <string>

namespace isotach::command {

// A YAML file for `rule_files:` with an alert for each finding, and those about the agents themselves.
[[nodiscard]] std::string prometheus_rules();

}  // namespace isotach::command
