// The health report: the overview as text that scrolls, as a JSON object and as CSV rows.
#pragma once

#include <string>

#include "view/overview/model.h"

namespace isotach::view {

struct ReportLook {
  int columns = 80;
  bool color = false;
};

// Tables by area in plain words, then the verdict and every finding with what to do about it.
[[nodiscard]] std::string report_text(const OverviewModel& model, const ReportLook& look);

// One object of schema isotach.overview.v1, without a newline. Numbers that are not there are null.
[[nodiscard]] std::string report_json(const OverviewModel& model);

// One row for every number: time, area, name, metric, value. Findings are rows of area "findings"
// whose value is 1 (info), 2 (warning) or 3 (critical).
[[nodiscard]] std::string report_csv_head();
[[nodiscard]] std::string report_csv_rows(const OverviewModel& model);

}  // namespace isotach::view
