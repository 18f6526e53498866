// A report: text, figures and tables as plain data, and one page made of them that stands alone.
#pragma once

#include <string>
#include <utility>
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

// A picture in a file beside the page.
struct ReportPicture {
  std::string file;  // its name
  std::string caption;
};

// Text that keeps its lines: a command, a program, what a program printed.
struct ReportCode {
  std::string caption;  // may be empty
  std::string text;
};

struct ReportSection {
  std::string title;
  std::string verdict;  // the answer in a few words, set off beside the title: "freed at once"; may be empty
  std::vector<std::string> paragraphs;
  std::vector<ReportFigure> figures;
  bool side_by_side = false;  // the figures, where the page is wide enough; they are drawn narrower for it
  std::vector<ReportTable> tables;
  std::vector<ReportCode> code;
  std::vector<ReportPicture> pictures = {};
};

struct Report {
  std::string title;
  std::string subtitle;                                    // when, where, by which command
  std::vector<std::pair<std::string, std::string>> facts;  // "kernel", "6.18": under what it was measured
  std::vector<std::string> summary;                        // the answer, before the evidence
  std::vector<ReportSection> sections;
  std::string footer;  // "isotach 0.1.0"; may be empty
};

// A whole HTML document with its figures inside: no scripts, fonts or other files but those that `pictures`
// name, light and dark. It can be read on a telephone (figures are drawn a second time for narrow pages), by
// a screen reader, and on paper. All text is escaped: names come from outside. Sections follow in this order:
// title, paragraphs, figures, tables, code, pictures. Rows that are too short are filled up with empty cells.
[[nodiscard]] std::string html_of(const Report& report);

}  // namespace isotach::view
