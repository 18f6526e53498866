#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "view/plot/markup.h"
#include "view/plot/picture.h"
#include "view/report/report.h"
#include "view/report/style.h"

namespace isotach::view {
namespace {

// Figures for narrow pages: a telephone's width, and high enough for the labels of events and bands.
constexpr int kNarrowWidth = 400;
constexpr int kNarrowHeight = 340;
// Two of these stand beside each other on a page of its full width, without being shrunk.
constexpr int kBesideWidth = 580;
// From this many sections on a reader wants to see what there is.
constexpr std::size_t kContentsFrom = 4;

// Whether a column's cell is a number with or without a unit, or stands for a missing one.
bool is_number(std::string_view cell) {
  if (cell.empty() || cell == "-" || cell == "–") return true;
  if (cell.front() == '-' || cell.front() == '+' || cell.front() == '<' || cell.front() == '>')
    cell.remove_prefix(1);
  cell = trim(cell);
  const std::size_t digits = std::min(cell.find_first_not_of("0123456789.,:"), cell.size());
  if (digits == 0) return false;
  // "12.5 GiB" and "3 of 4" are numbers, a sentence that begins with one is not.
  return split_blanks(cell).size() <= 3;
}

class Page {
 public:
  explicit Page(const Report& report) : report_(report) {}

  std::string html() {
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>",
        escaped_markup(report_.title));
    html_ += report_style();
    html_ += "</style>\n</head>\n<body>\n";
    header();
    html_ += "<main>\n";
    summary();
    contents();
    for (std::size_t i = 0; i < report_.sections.size(); ++i) section(report_.sections[i], i + 1);
    html_ += "</main>\n";
    if (!report_.footer.empty()) add("<footer>{}</footer>\n", escaped_markup(report_.footer));
    html_ += "</body>\n</html>\n";
    return std::move(html_);
  }

 private:
  void header() {
    add("<header>\n<h1>{}</h1>\n", escaped_markup(report_.title));
    if (!report_.subtitle.empty()) add("<p class=\"subtitle\">{}</p>\n", escaped_markup(report_.subtitle));
    if (!report_.facts.empty()) {
      html_ += "<dl class=\"facts\">\n";
      for (const auto& [name, value] : report_.facts)
        add("<dt>{}</dt><dd>{}</dd>\n", escaped_markup(name), escaped_markup(value));
      html_ += "</dl>\n";
    }
    html_ += "</header>\n";
  }

  void summary() {
    if (report_.summary.empty()) return;
    html_ +=
        "<div class=\"summary\" role=\"region\" aria-labelledby=\"summary\">\n<h2 id=\"summary\">In "
        "short</h2>\n";
    if (report_.summary.size() == 1) {
      add("<p>{}</p>\n", escaped_markup(report_.summary.front()));
    } else {
      html_ += "<ul>\n";
      for (const std::string& text : report_.summary) add("<li>{}</li>\n", escaped_markup(text));
      html_ += "</ul>\n";
    }
    html_ += "</div>\n";
  }

  void contents() {
    if (report_.sections.size() < kContentsFrom) return;
    html_ += "<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n";
    for (std::size_t i = 0; i < report_.sections.size(); ++i)
      add("<li><a href=\"#section-{}\">{}</a></li>\n", i + 1, escaped_markup(report_.sections[i].title));
    html_ += "</ol>\n</nav>\n";
  }

  void section(const ReportSection& section, std::size_t number) {
    add("<section id=\"section-{0}\" aria-labelledby=\"title-{0}\">\n<div class=\"head\"><h2 "
        "id=\"title-{0}\">{1}</h2>",
        number, escaped_markup(section.title));
    if (!section.verdict.empty()) add("<p class=\"verdict\">{}</p>", escaped_markup(section.verdict));
    html_ += "</div>\n";
    for (const std::string& text : section.paragraphs) add("<p>{}</p>\n", escaped_markup(text));
    if (!section.figures.empty()) {
      add("<div class=\"figures{}\">\n", section.side_by_side ? " beside" : "");
      for (const ReportFigure& figure : section.figures) this->figure(figure, section.side_by_side);
      html_ += "</div>\n";
    }
    for (const ReportTable& table : section.tables) this->table(table);
    for (const ReportCode& code : section.code) this->code(code);
    for (const ReportPicture& picture : section.pictures) this->picture(picture);
    html_ += "</section>\n";
  }

  // Two drawings, of which the style sheet shows one: shrunk to a telephone's width the letters of a wide
  // picture could not be read. What is not displayed is not read aloud either.
  void figure(const ReportFigure& figure, bool beside) {
    const int width = beside ? std::min(figure.width, kBesideWidth) : figure.width;
    ++figures_;
    html_ += "<figure>\n";
    html_ += svg_element_of(figure.figure, width, figure.height, fmt::format("figure-{}", figures_),
                            fmt::format("{} wide", kReportFigureClass));
    html_ +=
        svg_element_of(figure.figure, kNarrowWidth, kNarrowHeight, fmt::format("figure-{}-narrow", figures_),
                       fmt::format("{} narrow", kReportFigureClass));
    if (!figure.caption.empty()) add("<figcaption>{}</figcaption>\n", escaped_markup(figure.caption));
    html_ += "</figure>\n";
  }

  void picture(const ReportPicture& picture) {
    add("<figure>\n<img src=\"{}\" alt=\"{}\">\n", escaped_markup(picture.file),
        escaped_markup(picture.caption));
    if (!picture.caption.empty()) add("<figcaption>{}</figcaption>\n", escaped_markup(picture.caption));
    html_ += "</figure>\n";
  }

  void table(const ReportTable& table) {
    std::vector<bool> numbers(table.heads.size(), !table.rows.empty());
    for (const auto& row : table.rows)
      for (std::size_t i = 0; i < std::min(row.size(), numbers.size()); ++i)
        numbers[i] = numbers[i] && is_number(row[i]);
    // The first column names the row, also where the names are numbers.
    if (!numbers.empty()) numbers[0] = false;
    const auto css = [&](std::size_t column) { return numbers[column] ? " class=\"number\"" : ""; };

    ++tables_;
    // A table wider than the page is scrolled, which must be possible without a mouse.
    add("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n<table>\n",
        escaped_markup(table.caption.empty() ? fmt::format("table {}", tables_) : table.caption));
    if (!table.caption.empty()) add("<caption>{}</caption>\n", escaped_markup(table.caption));
    html_ += "<thead><tr>";
    for (std::size_t i = 0; i < table.heads.size(); ++i)
      add("<th scope=\"col\"{}>{}</th>", css(i), escaped_markup(table.heads[i]));
    html_ += "</tr></thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
      html_ += "<tr>";
      for (std::size_t i = 0; i < table.heads.size(); ++i) {
        const std::string cell = i < row.size() ? escaped_markup(row[i]) : std::string();
        if (i == 0) {
          add("<th scope=\"row\">{}</th>", cell);
        } else {
          add("<td{}>{}</td>", css(i), cell);
        }
      }
      html_ += "</tr>\n";
    }
    html_ += "</tbody>\n</table>\n</div>\n";
  }

  void code(const ReportCode& code) {
    if (!code.caption.empty()) add("<p class=\"code\">{}</p>\n", escaped_markup(code.caption));
    html_ += "<pre tabindex=\"0\"><code>";
    std::string_view text = code.text;
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    bool first = true;
    for (const std::string_view line : split(text, '\n')) {
      if (!first) html_ += '\n';
      first = false;
      std::string expanded;
      for (const char c : line) c == '\t' ? expanded.append(4, ' ') : expanded.append(1, c);
      html_ += escaped_markup(expanded);
    }
    html_ += "</code></pre>\n";
  }

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(html_), format, std::forward<Args>(args)...);
  }

  const Report& report_;
  std::string html_;
  std::size_t figures_ = 0;
  std::size_t tables_ = 0;
};

}  // namespace

std::string html_of(const Report& report) {
  return Page(report).html();
}

}  // namespace isotach::view
