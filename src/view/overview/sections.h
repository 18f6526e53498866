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
  char32_t key = 0;  // what a click on it does, as this key would
};

extern const Section kCpuSection;
extern const Section kMemorySection;
extern const Section kSwapSection;
extern const Section kKsmSection;
extern const Section kPressureSection;
extern const Section kNetworkSection;
extern const Section kDiskSection;
extern const Section kPagingSection;
extern const Section kProtocolSection;

void draw_findings(Canvas canvas, const OverviewModel& model);  // a few lines at the bottom
// All of them, with remedies, from `scroll` rows on; and how many rows that takes in all.
void draw_findings_page(Canvas canvas, const OverviewModel& model, int scroll);
[[nodiscard]] int findings_page_rows(Canvas canvas, const OverviewModel& model);
[[nodiscard]] int connection_rows(int columns);  // that each connection takes there
void draw_connections_page(Canvas canvas, const OverviewModel& model, const OverviewView& view);
// Adds what can be clicked to `targets`, which may be null.
void draw_footer(Canvas canvas, const OverviewModel& model, const OverviewView& view,
                 std::vector<ClickTarget>* targets);
void draw_position(Canvas canvas, const OverviewModel& model, const OverviewView& view);  // of a replay

// The first of `count` rows that is shown in `rows`, when `scroll` are wanted above.
[[nodiscard]] std::size_t scrolled(int scroll, std::size_t count, int rows);
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
