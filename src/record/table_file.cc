#include "record/table_file.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/check.h"
#include "base/fd.h"
#include "base/text.h"

namespace isotach::record {
namespace {

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c;
    if (c == '"') text += c;
  }
  return text + '"';
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

const char* type_name(TableFile::Type type) {
  switch (type) {
    case TableFile::Type::integer:
      return " INTEGER";
    case TableFile::Type::real:
      return " REAL";
    case TableFile::Type::text:
      break;
  }
  return " TEXT";
}

}  // namespace

struct TableFile::State {
  std::string path;
  sqlite3* handle = nullptr;
  sqlite3_stmt* insert = nullptr;
  std::size_t columns = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    ::sqlite3_finalize(insert);
    ::sqlite3_close(handle);
  }
  [[nodiscard]] Failure failed() const {
    std::string text = "cannot write ";
    text += printable(path);
    text += ": ";
    text += ::sqlite3_errmsg(handle);
    return failure(ErrorKind::failed, std::move(text));
  }
  [[nodiscard]] Result<void> execute(const std::string& sql) const {
    if (::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failed();
    return {};
  }
};

TableFile::TableFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
TableFile::~TableFile() = default;

Result<std::unique_ptr<TableFile>> TableFile::create(const std::string& path, const std::string& table,
                                                     const std::vector<Column>& columns) {
  // Made by ourselves, so that nobody's file is overwritten.
  const Fd made(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  if (!made.is_open())
    return system_failure(errno, "make the file " + printable(path),
                          errno == EEXIST ? "name another, or remove it first" : "");
  auto state = std::make_unique<State>();
  state->path = path;
  state->columns = columns.size();
  if (::sqlite3_open_v2(path.c_str(), &state->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) !=
      SQLITE_OK)
    return state->failed();
  std::string create = "CREATE TABLE " + quoted(table) + " (";
  std::string insert = "INSERT INTO " + quoted(table) + " VALUES (";
  std::vector<std::string> taken;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::string name = columns[i].name;
    while (std::find(taken.begin(), taken.end(), lower(name)) != taken.end()) name += "_2";
    taken.push_back(lower(name));
    create += (i == 0 ? "" : ", ") + quoted(name) + type_name(columns[i].type);
    insert += i == 0 ? "?" : ",?";
  }
  // The file is new: where the machine goes down there is nothing that could be lost.
  for (const std::string& sql : {std::string("PRAGMA journal_mode=OFF"),
                                 std::string("PRAGMA synchronous=OFF"), std::string("BEGIN"), create + ")"})
    if (auto done = state->execute(sql); !done) return tl::make_unexpected(std::move(done.error()));
  if (::sqlite3_prepare_v2(state->handle, (insert + ")").c_str(), -1, &state->insert, nullptr) != SQLITE_OK)
    return state->failed();
  return std::unique_ptr<TableFile>(new TableFile(std::move(state)));
}

Result<void> TableFile::add(const std::vector<Value>& row) {
  CHECK(row.size() == state_->columns);
  sqlite3_stmt* insert = state_->insert;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    if (const auto* whole = std::get_if<std::int64_t>(&row[i])) {
      ::sqlite3_bind_int64(insert, number, *whole);
    } else if (const auto* real = std::get_if<double>(&row[i])) {
      ::sqlite3_bind_double(insert, number, *real);
    } else if (const auto* text = std::get_if<std::string>(&row[i])) {
      ::sqlite3_bind_text(insert, number, text->data(), static_cast<int>(text->size()), SQLITE_STATIC);
    } else {
      ::sqlite3_bind_null(insert, number);
    }
  }
  const int code = ::sqlite3_step(insert);
  ::sqlite3_reset(insert);
  if (code != SQLITE_DONE) return state_->failed();
  return {};
}

Result<void> TableFile::finish() {
  return state_->execute("COMMIT");
}

}  // namespace isotach::record
