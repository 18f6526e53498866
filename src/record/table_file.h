// Writes a table to a new SQLite file, for people and programs that ask it by SQL: one table, as many columns
// as it takes, everything in one transaction. Not a recording (docs/formats/recording.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace isotach::record {

class TableFile {
 public:
  using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
  enum class Type : std::uint8_t { integer, real, text };
  struct Column {
    std::string name;  // any text: it is quoted
    Type type = Type::text;
  };

  // The file must not be there yet. Column names that differ in case alone get a number behind them.
  [[nodiscard]] static Result<std::unique_ptr<TableFile>> create(const std::string& path,
                                                                 const std::string& table,
                                                                 const std::vector<Column>& columns);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  // A value for each column.
  [[nodiscard]] Result<void> add(const std::vector<Value>& row);
  [[nodiscard]] Result<void> finish();

 private:
  struct State;
  explicit TableFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace isotach::record
