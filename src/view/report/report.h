// A report: text, figures and tables as plain data, and one page made of them that stands alone.
#pragma once

#include <string>
#include <vector>

#include "view/plot/figure.h"

namespace isotach::view {

struct ReportTable {
  std::string caption;
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;  // each as long as heads; numbers are set to the right
};

struct ReportFigure {
  Figure figure;
  std::string caption;  // what to see in it, in a sentence or two
  int width = 960, height = 420;
};

struct ReportSection {
  std::string title;
  std::vector<std::string> paragraphs;
  std::vector<ReportFigure> figures;
  bool side_by_side = false;  // the figures, where the page is wide enough
  std::vector<ReportTable> tables;
};

struct Report {
  std::string title;
  std::string subtitle;              // when, where, by which command
  std::vector<std::string> summary;  // the answer, before the evidence
  std::vector<ReportSection> sections;
};

// A whole HTML document with its pictures inside: no scripts, fonts or other files, light and dark, and
// it prints well. All text is escaped: names come from outside.
[[nodiscard]] std::string html_of(const Report& report);

}  // namespace isotach::view
