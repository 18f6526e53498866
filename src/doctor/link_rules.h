// Is every interface at its proper rate? Rules over one or two readings of all interfaces. Pure: readings
// in, findings out.
//
// What a driver does not tell is reported as not judged, never as wrong. With a second reading what grew
// between the two is judged too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "doctor/finding.h"
#include "network/link/snapshot.h"

namespace isotach::doctor {

struct LinkEvidence {
  const network::LinkSnapshot* before = nullptr;  // nullptr: there is only one reading
  const network::LinkSnapshot& now;
  std::optional<std::uint32_t> expected_mbit_s;
  std::string only;  // this interface alone; empty for all
};

// Findings, the gravest first; `not_checked` has a line for each interface, or part of one, that could
// not be judged.
[[nodiscard]] Diagnosis check_links(const LinkEvidence& evidence);

// The parts, each for one interface.
void check_link_speed(const network::Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis);
void check_link_growth(const network::Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis);
void check_link_neighbours(const network::Link& link, const LinkEvidence& evidence, Diagnosis& diagnosis);

}  // namespace isotach::doctor
