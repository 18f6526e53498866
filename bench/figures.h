// What a benchmark measured: printed as it comes and, with --json FILE, kept as bench/results/ has it.
// bench/figures.py describes the file, and does the same for the benchmarks in Python.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace isotach::bench {

struct Column {
  std::string head;
  int digits = kText;  // behind the point
  static constexpr int kText = -1;
};

// A text, a number, or one that could not be measured.
struct Cell {
  Cell(const char* given) : text(given) {}              // NOLINT(google-explicit-constructor)
  Cell(std::string given) : text(std::move(given)) {}   // NOLINT(google-explicit-constructor)
  Cell(double given) : number(given) {}                 // NOLINT(google-explicit-constructor)
  Cell(std::optional<double> given) : number(given) {}  // NOLINT(google-explicit-constructor)
  std::string text;
  std::optional<double> number;
};

struct Goal {
  std::string what, measured, goal;
  bool is_met = false;
};

class Figures {
 public:
  // Takes --json FILE out of the arguments.
  Figures(std::string title, std::vector<std::string>& arguments);

  // Rows go to the table that was begun last.
  void table(std::string title, std::vector<Column> columns);
  void row(std::vector<Cell> cells);
  void goal(Goal goal) { goals_.push_back(std::move(goal)); }
  void remark(const std::string& text);
  // Whether a program to compare with is there; what is not is said.
  bool peer(const std::string& program);

  // Prints the goals and keeps all; whether every goal was met and the file could be written.
  [[nodiscard]] bool finish() const;

 private:
  struct Table {
    std::string title;
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;
  };

  void print_row(const Table& table, const std::vector<Cell>& cells) const;
  [[nodiscard]] std::string json() const;

  std::string title_;
  std::string path_;
  std::vector<Table> tables_;
  std::vector<Goal> goals_;
  std::vector<std::string> remarks_;
  std::vector<std::string> peers_;
};

}  // namespace isotach::bench
