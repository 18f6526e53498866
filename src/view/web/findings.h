// What the doctor says, as the page and scripts get it: /api/findings, and "findings" of /api/events
// (docs/formats/web-api.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "view/overview/model.h"

namespace isotach::view {

struct FindingsDocument {
  struct Entry {
    FindingText finding;
    std::string area, meaning, how;  // of the catalogue: "links", what it is, how it is measured
  };
  std::uint64_t number = 0;  // another one with each look; 0: none yet
  Instant time;
  std::vector<Entry> findings;              // the gravest first
  std::vector<ConnectionText> connections;  // the fastest first
  std::size_t connection_count = 0;
  std::vector<std::string> not_checked;
};

[[nodiscard]] std::string findings_json(const FindingsDocument& document, const std::string& session);

}  // namespace isotach::view
