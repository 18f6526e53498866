// The style sheet of a report.
#pragma once

#include <string>

namespace isotach::view {

// The class of the figures in a report.
inline constexpr char kReportFigureClass[] = "figure";

[[nodiscard]] std::string report_style();

}  // namespace isotach::view
