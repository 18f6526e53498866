// What a demonstration of swapping shows: a figure, a page, a table, an object. Pure but for the host's
// name, which is passed in.
#pragma once

#include <string>

#include "command/context.h"
#include "command/swap/demo_watch.h"
#include "memory/swap/demo_story.h"
#include "view/plot/figure.h"
#include "view/report/report.h"

namespace isotach::command {

struct DemoOutcome {
  DemoPlan plan;
  DemoRecord record;
  memory::DemoStory story;
  std::string host;
  std::string swap_text;  // "a temporary file of 256 MiB, /var/tmp/..."
};

[[nodiscard]] view::Figure demo_figure(const DemoOutcome& outcome);
[[nodiscard]] view::Report demo_report(const DemoOutcome& outcome);
void print_demo(Context& context, const DemoOutcome& outcome);

}  // namespace isotach::command
