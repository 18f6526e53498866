#include "figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "view/export/json_writer.h"

namespace isotach::bench {

namespace {

constexpr std::size_t kNameWidth = 38;
constexpr std::size_t kLeastWidth = 10;

std::string cell_text(const Column& column, const Cell& cell) {
  if (column.digits == Column::kText) return cell.text;
  if (!cell.number) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", column.digits, *cell.number);
  return text;
}

double rounded(double number, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(number * scale) / scale;
}

void write_texts(view::JsonWriter& json, const char* key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

}  // namespace

Figures::Figures(std::string title, std::vector<std::string>& arguments) : title_(std::move(title)) {
  const auto found = std::find(arguments.begin(), arguments.end(), "--json");
  if (found == arguments.end()) return;
  if (found + 1 == arguments.end()) {
    std::fprintf(stderr, "--json: the file is missing\n");
    std::exit(2);
  }
  path_ = *(found + 1);
  arguments.erase(found, found + 2);
}

void Figures::table(std::string title, std::vector<Column> columns) {
  std::printf("\n%s\n", title.c_str());
  std::vector<Cell> heads;
  for (const Column& column : columns) heads.emplace_back(column.head);
  tables_.push_back({std::move(title), std::move(columns), {}});
  print_row(tables_.back(), heads);
}

void Figures::print_row(const Table& table, const std::vector<Cell>& cells) const {
  std::string line = " ";
  for (std::size_t i = 0; i < cells.size() && i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    const bool is_text = column.digits == Column::kText;
    // A head is a text above numbers too.
    const std::string text = cells[i].text.empty() ? cell_text(column, cells[i]) : cells[i].text;
    const std::size_t width =
        i == 0 && is_text ? kNameWidth : std::max({kLeastWidth, column.head.size(), text.size()});
    const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
    line += ' ' + (is_text ? text + blanks : blanks + text) + ' ';
  }
  line.erase(line.find_last_not_of(' ') + 1);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void Figures::row(std::vector<Cell> cells) {
  print_row(tables_.back(), cells);
  tables_.back().rows.push_back(std::move(cells));
}

void Figures::remark(const std::string& text) {
  std::printf("%s\n", text.c_str());
  if (std::find(remarks_.begin(), remarks_.end(), text) == remarks_.end()) remarks_.push_back(text);
}

bool Figures::peer(const std::string& program) {
  const std::string command = "command -v " + program + " > /dev/null";
  if (std::system(command.c_str()) != 0) {
    remark(program + " is not installed: apt install " + program);
    return false;
  }
  if (std::find(peers_.begin(), peers_.end(), program) == peers_.end()) peers_.push_back(program);
  return true;
}

std::string Figures::json() const {
  view::JsonWriter json;
  json.begin_object().key("title").string(title_);
  write_texts(json, "peers", peers_);
  json.key("tables").begin_array();
  for (const Table& table : tables_) {
    json.begin_object().key("title").string(table.title).key("columns").begin_array();
    for (const Column& column : table.columns) {
      json.begin_object().key("head").string(column.head).key("digits");
      column.digits == Column::kText ? json.null() : json.integer(column.digits);
      json.end_object();
    }
    json.end_array().key("rows").begin_array();
    for (const std::vector<Cell>& cells : table.rows) {
      json.begin_array();
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const int digits = table.columns[i].digits;
        if (digits == Column::kText)
          json.string(cells[i].text);
        else if (cells[i].number)
          json.real(rounded(*cells[i].number, digits));
        else
          json.null();
      }
      json.end_array();
    }
    json.end_array().end_object();
  }
  json.end_array().key("goals").begin_array();
  for (const Goal& goal : goals_)
    json.begin_object()
        .key("what")
        .string(goal.what)
        .key("measured")
        .string(goal.measured)
        .key("goal")
        .string(goal.goal)
        .key("met")
        .boolean(goal.is_met)
        .end_object();
  json.end_array();
  write_texts(json, "remarks", remarks_);
  return json.end_object().take() + '\n';
}

bool Figures::finish() const {
  bool is_good = true;
  if (!goals_.empty()) std::printf("\ngoals\n");
  for (const Goal& goal : goals_) {
    std::printf("  %s: %s; goal %s: %s\n", goal.what.c_str(), goal.measured.c_str(), goal.goal.c_str(),
                goal.is_met ? "met" : "missed");
    is_good = is_good && goal.is_met;
  }
  if (path_.empty()) return is_good;
  std::ofstream file(path_);
  file << json() << std::flush;
  if (!file) std::fprintf(stderr, "%s: cannot be written\n", path_.c_str());
  return is_good && file.good();
}

}  // namespace isotach::bench
