// SQLite behind owners: a connection, a statement, and its errors in our words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3_stmt;

namespace isotach::record {

struct Connection;

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Parameters count from 1. Text and blobs are not copied: they must live until reset() or run().
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, double value);
  void bind(int parameter, std::string_view text);
  void bind_blob(int parameter, std::string_view bytes);

  // True: a row is there. False: done.
  [[nodiscard]] Result<bool> step();
  // step() for a statement that gives no rows, made ready for its next use.
  [[nodiscard]] Result<void> run();
  // Ends the read transaction that a row holds open.
  void reset();

  // Columns count from 0. Nothing where the column holds another type.
  [[nodiscard]] std::optional<std::int64_t> integer(int column) const;
  [[nodiscard]] std::optional<double> real(int column) const;
  // Text and blobs live until reset() or the next step().
  [[nodiscard]] std::optional<std::string_view> text(int column) const;
  [[nodiscard]] std::optional<std::string_view> blob(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, Connection* connection)
      : statement_(statement), connection_(connection) {}

  sqlite3_stmt* statement_ = nullptr;
  Connection* connection_ = nullptr;
};

// One connection, used by one thread at a time. Outlives its statements.
class Database {
 public:
  enum class Mode {
    read_write,           // the file must exist
    read_only,            // beside a writer, if there is one
    read_only_unchanged,  // nobody writes and there is no -wal file: needs neither locks nor other files
    read_only_alone,      // nobody writes, but there is a -wal file and no -shm file can be made
  };
  // What kind of trouble the last failed call met.
  enum class Trouble {
    other,
    damage,       // the structure of the file is broken
    busy,         // another connection holds a lock
    cannot_open,  // or cannot make one of the files beside it
  };

  // `path` must be absolute.
  [[nodiscard]] static Result<Database> open(const std::string& path, Mode mode);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  [[nodiscard]] Result<void> execute(const char* sql);
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] Trouble trouble() const;

 private:
  explicit Database(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace isotach::record
