#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {

SeverityLook severity_look(FindingSeverity severity, bool unicode) {
  switch (severity) {
    case FindingSeverity::critical:
      return {unicode ? "✖" : "X", Style::bad};
    case FindingSeverity::warning:
      return {unicode ? "▲" : "!", Style::warning};
    case FindingSeverity::info:
      break;
  }
  return {unicode ? "•" : "i", Style::dim};
}

std::string_view severity_word(FindingSeverity severity) {
  switch (severity) {
    case FindingSeverity::critical:
      return "critical";
    case FindingSeverity::warning:
      return "warning";
    case FindingSeverity::info:
      break;
  }
  return "info";
}

std::optional<FindingSeverity> worst_severity(const OverviewModel& model) {
  std::optional<FindingSeverity> worst;
  for (const FindingText& finding : model.findings)
    if (!worst || finding.severity > *worst) worst = finding.severity;
  return worst;
}

std::string verdict_text(const OverviewModel& model, bool brief) {
  std::size_t critical = 0;
  std::size_t warnings = 0;
  for (const FindingText& finding : model.findings) {
    if (finding.severity == FindingSeverity::critical) ++critical;
    if (finding.severity == FindingSeverity::warning) ++warnings;
  }
  if (critical + warnings == 0) return brief ? "ok" : "nothing wrong found";
  std::string text;
  if (critical > 0) text = fmt::format("{} critical", critical);
  if (warnings > 0 && !(brief && critical > 0))
    text += fmt::format("{}{} warning{}", text.empty() ? "" : ", ", warnings, warnings == 1 ? "" : "s");
  return text;
}

namespace {

void draw_line(Canvas canvas, int row, const FindingText& finding) {
  const SeverityLook look = severity_look(finding.severity, canvas.unicode());
  canvas.dot(0, row, look.sign, look.style);
  const Style title = finding.severity == FindingSeverity::info ? Style::plain : look.style;
  const int after = canvas.text(2, row, finding.title, title);
  // A few words of evidence are worth more than a cut sentence of it, but not three letters.
  if (after + 12 < canvas.columns()) canvas.text(after + 2, row, finding.evidence, Style::dim);
}

void draw_nothing_wrong(Canvas canvas, int row, const OverviewModel& model) {
  canvas.dot(0, row, canvas.unicode() ? "✔" : "+", Style::good);
  const int after = canvas.text(2, row, "nothing wrong found", Style::good);
  if (!model.not_checked.empty())
    canvas.text(after + 2, row, "not checked: " + model.not_checked.front(), Style::dim);
}

// `text` in lines of at most `columns`, broken at blanks.
std::vector<std::string> wrapped(std::string_view text, int columns) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : split_blanks(text)) {
    const std::size_t width = display_width(lines.back()) + display_width(word) + 1;
    if (!lines.back().empty() && width > static_cast<std::size_t>(std::max(columns, 1))) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

int draw_wrapped(Canvas& canvas, int column, int row, std::string_view text, Style style) {
  for (const std::string& line : wrapped(text, canvas.columns() - column))
    canvas.text(column, row++, line, style);
  return row;
}

struct KeyHelp {
  const char* key;
  const char* meaning;
};

constexpr KeyHelp kCommonKeys[] = {
    {"q", "quit"},
    {"?", "this help"},
    {"1 to 5", "overview, memory, network, connections, findings; escape: back to the overview"},
    {"f", "all findings with what to do about them, and back"},
    {"s", "a bar for every CPU instead of the history"},
    {"tab, up, down", "scroll the interfaces (the first one is drawn below), or a long page"},
    {"mouse", "click a part of the overview, or a name in the last row; the wheel scrolls"},
};
constexpr KeyHelp kLiveKeys[] = {
    {"space or p", "pause the picture; measuring goes on"},
    {"+ and -", "longer and shorter interval"},
    {"m", "set a mark in the recording"},
};
constexpr KeyHelp kReplayKeys[] = {
    {"space or p", "pause"},
    {"left, right", "one second back or on"},
    {"page up, down", "one minute back or on"},
    {"home, end", "the first and the last sample"},
    {"+ and -", "faster and slower"},
};
constexpr const char* kNotes[] = {
    "Bars show shares of the whole; graphs show the past, the newest on the right.",
    "Memory: used is total less available. Cache can be given back, so it is not trouble.",
    "Pressure: share of the time in which some task, or all of them, had to wait.",
    "Network: link is the share of the link's speed, where the kernel knows it.",
    "With more CPUs than room, one character stands for one CPU or for the busiest of a few.",
};

}  // namespace

void draw_findings(Canvas canvas, const OverviewModel& model) {
  if (canvas.rows() <= 0) return;
  int row = 0;
  if (canvas.rows() >= 2) {
    canvas.rule("FINDINGS", model.findings.empty() ? std::string() : verdict_text(model, false), Style::dim);
    row = 1;
  }
  if (model.findings.empty()) return draw_nothing_wrong(canvas, row, model);
  const std::size_t count = model.findings.size();
  for (std::size_t i = 0; i < count && row < canvas.rows(); ++i, ++row) {
    if (row == canvas.rows() - 1 && i > 0 && i + 1 < count) {
      canvas.text(2, row, fmt::format("and {} more (f)", count - i), Style::dim);
      return;
    }
    draw_line(canvas, row, model.findings[i]);
  }
}

namespace {

// From `row` on, which may lie above the canvas; the row after the last one.
int draw_all(Canvas canvas, const OverviewModel& model, int row) {
  if (model.findings.empty()) {
    draw_nothing_wrong(canvas, row, model);
    ++row;
  }
  for (const FindingText& finding : model.findings) {
    const SeverityLook look = severity_look(finding.severity, canvas.unicode());
    canvas.dot(0, row, look.sign, look.style);
    row = draw_wrapped(canvas, 2, row, fmt::format("{}: {}", severity_word(finding.severity), finding.title),
                       finding.severity == FindingSeverity::info ? Style::plain : look.style);
    row = draw_wrapped(canvas, 2, row, finding.evidence, Style::plain);
    row = draw_wrapped(canvas, 2, row, finding.remedy, Style::dim) + 1;
  }
  for (const std::string& missing : model.not_checked)
    row = draw_wrapped(canvas, 2, row, "not checked: " + missing, Style::dim);
  return row;
}

}  // namespace

int findings_page_rows(Canvas canvas, const OverviewModel& model) {
  return draw_all(canvas, model, 0);
}

void draw_findings_page(Canvas canvas, const OverviewModel& model, int scroll) {
  canvas.rule("FINDINGS", verdict_text(model, false), Style::dim);
  const Canvas body = canvas.part(0, 1, canvas.columns(), canvas.rows() - 1);
  const int rows = findings_page_rows(canvas.part(0, 0, canvas.columns(), 0), model);
  draw_all(body, model, -static_cast<int>(scrolled(scroll, static_cast<std::size_t>(rows), body.rows())));
}

void draw_help_page(Canvas canvas, bool replay) {
  canvas.rule("HELP");
  int row = 1;
  const auto list = [&](const KeyHelp& help) {
    canvas.text(0, row, help.key, Style::bold, 15);
    row = draw_wrapped(canvas, std::min(15, std::max(4, canvas.columns() / 3)), row, help.meaning,
                       Style::plain);
  };
  for (const KeyHelp& help : kCommonKeys) list(help);
  if (replay) {
    for (const KeyHelp& help : kReplayKeys) list(help);
  } else {
    for (const KeyHelp& help : kLiveKeys) list(help);
  }
  ++row;
  for (const char* note : kNotes) row = draw_wrapped(canvas, 0, row, note, Style::dim);
}

}  // namespace isotach::view
