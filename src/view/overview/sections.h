// The areas of the overview. Each says how many rows it can use at a width, and draws itself into
// whatever it gets: with one row a single line, with more a head, numbers and a history.
#pragma once

#include "view/overview/layout.h"
#include "view/overview/model.h"
#include "view/overview/overview.h"
#include "view/overview/paint.h"

namespace isotach::view {

struct Section {
  SectionRows (*rows)(const OverviewModel&, const OverviewView&, int columns);
  void (*draw)(Canvas, const OverviewModel&, const OverviewView&);
};

extern const Section kCpuSection;
extern const Section kMemorySection;
extern const Section kSwapSection;
extern const Section kKsmSection;
extern const Section kPressureSection;
extern const Section kNetworkSection;
extern const Section kDiskSection;

void draw_findings(Canvas canvas, const OverviewModel& model);       // a few lines at the bottom
void draw_findings_page(Canvas canvas, const OverviewModel& model);  // all of them, with remedies
void draw_help_page(Canvas canvas, bool replay);

// Sign and style of a severity; the signs differ, so that colour is not needed.
struct SeverityLook {
  std::string_view sign;
  Style style;
};
[[nodiscard]] SeverityLook severity_look(FindingSeverity severity, bool unicode);
// "1 critical, 2 warnings", or "nothing wrong found".
[[nodiscard]] std::string verdict_text(const OverviewModel& model, bool brief);

// "CPU  34 % ━━━━───": the essence of an area in one row.
void draw_share_line(Canvas& canvas, std::string_view label, Number share, Style style);
// Columns that the label of such a line takes.
inline constexpr int kLabelColumns = 5;

}  // namespace isotach::view
