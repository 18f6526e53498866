#include "record/database.h"

#include <sqlite3.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace isotach::record {

struct Connection {
  std::string path;
  sqlite3* handle = nullptr;
  int code = SQLITE_OK;  // of the last call that failed

  ~Connection() { ::sqlite3_close_v2(handle); }
  Failure fail(int extended_code);
};

Failure Connection::fail(int extended_code) {
  code = extended_code;
  const int primary = code & 0xff;
  const std::string name = printable(path);
  const int errno_value = ::sqlite3_system_errno(handle);
  if (primary == SQLITE_FULL || errno_value == ENOSPC || errno_value == EDQUOT)
    return system_failure(errno_value == EDQUOT ? EDQUOT : ENOSPC, "write " + name,
                          "make room on that disk, or write to another one");
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
    return failure(ErrorKind::failed, name + " is damaged: " + ::sqlite3_errstr(primary),
                   "copy it again from where it came from; what is left may be saved by: sqlite3 '" + name +
                       "' .recover");
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
    return failure(ErrorKind::failed, name + " is locked by another program",
                   "close the program that has it open (fuser '" + name + "' names it) and try again");
  if (primary == SQLITE_NOMEM) return system_failure(ENOMEM, "read " + name);
  if (primary == SQLITE_READONLY) return system_failure(EROFS, "write " + name);
  if ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && errno_value != 0)
    return system_failure(errno_value, (primary == SQLITE_CANTOPEN ? "open " : "read or write ") + name);
  return failure(ErrorKind::failed, name + " cannot be used: " + ::sqlite3_errmsg(handle));
}

namespace {

// A file name as a URI; everything but plain letters, digits and a few marks is written as %XX.
std::string uri_of(const std::string& path) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      uri += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    uri += '%';
    uri += kDigits[byte >> 4];
    uri += kDigits[byte & 15];
  }
  return uri;
}

// The file may come from anywhere: nothing in it may run code, and no row may take much memory.
void distrust(sqlite3* handle) {
  for (const int setting : {SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
                            SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION})
    ::sqlite3_db_config(handle, setting, 0, nullptr);
  for (const int setting : {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE})
    ::sqlite3_db_config(handle, setting, 1, nullptr);
}

void set_limits(sqlite3* handle) {
  static constexpr std::array<std::pair<int, int>, 8> kLimits = {{
      {SQLITE_LIMIT_LENGTH, 8 << 20},
      {SQLITE_LIMIT_SQL_LENGTH, 64 << 10},
      {SQLITE_LIMIT_COLUMN, 64},
      {SQLITE_LIMIT_EXPR_DEPTH, 32},
      {SQLITE_LIMIT_VDBE_OP, 10000},
      {SQLITE_LIMIT_ATTACHED, 0},
      {SQLITE_LIMIT_VARIABLE_NUMBER, 32},
      {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
  }};
  for (const auto& [which, limit] : kLimits) ::sqlite3_limit(handle, which, limit);
}

}  // namespace

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&& other) noexcept = default;
Database& Database::operator=(Database&& other) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path, Mode mode) {
  CHECK(path.starts_with('/'));
  auto connection = std::make_unique<Connection>();
  connection->path = path;
  std::string uri = uri_of(path);
  if (mode == Mode::read_only_unchanged) uri += "?immutable=1";
  // Without locks and with the index of the -wal file in memory, nothing has to be written.
  if (mode == Mode::read_only_alone) uri += "?vfs=unix-none";
  const int flags = (mode == Mode::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (const int code = ::sqlite3_open_v2(uri.c_str(), &connection->handle, flags, nullptr); code != SQLITE_OK)
    return connection->fail(code);
  set_limits(connection->handle);
  if (mode != Mode::read_write) distrust(connection->handle);
  Database database(std::move(connection));
  const char* settings = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA busy_timeout=2000;";
  if (auto done = database.execute(settings); !done) return tl::make_unexpected(std::move(done.error()));
  if (mode == Mode::read_only_alone) {
    if (auto done = database.execute("PRAGMA locking_mode=EXCLUSIVE;"); !done)
      return tl::make_unexpected(std::move(done.error()));
  }
  return database;
}

Result<void> Database::execute(const char* sql) {
  const int code = ::sqlite3_exec(connection_->handle, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return connection_->fail(code);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = ::sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return connection_->fail(code);
  return Statement(statement, connection_.get());
}

Database::Trouble Database::trouble() const {
  switch (connection_->code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Trouble::damage;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Trouble::busy;
    case SQLITE_CANTOPEN:
      return Trouble::cannot_open;
    case SQLITE_IOERR: {
      const int code = connection_->code;
      const bool shared_memory = code == SQLITE_IOERR_SHMOPEN || code == SQLITE_IOERR_SHMSIZE ||
                                 code == SQLITE_IOERR_SHMMAP || code == SQLITE_IOERR_SHMLOCK;
      return shared_memory ? Trouble::cannot_open : Trouble::other;
    }
    default:
      return Trouble::other;
  }
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), connection_(other.connection_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    ::sqlite3_finalize(statement_);
    statement_ = std::exchange(other.statement_, nullptr);
    connection_ = other.connection_;
  }
  return *this;
}

Statement::~Statement() {
  ::sqlite3_finalize(statement_);
}

void Statement::bind(int parameter, std::int64_t value) {
  CHECK(::sqlite3_bind_int64(statement_, parameter, value) == SQLITE_OK);
}

void Statement::bind(int parameter, double value) {
  CHECK(::sqlite3_bind_double(statement_, parameter, value) == SQLITE_OK);
}

// Text that is too long for the connection's limit stays NULL, which every column of ours refuses:
// run() then gives the error.
void Statement::bind(int parameter, std::string_view text) {
  static_cast<void>(::sqlite3_bind_text64(statement_, parameter, text.data() != nullptr ? text.data() : "",
                                          text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind_blob(int parameter, std::string_view bytes) {
  static_cast<void>(::sqlite3_bind_blob64(statement_, parameter, bytes.data() != nullptr ? bytes.data() : "",
                                          bytes.size(), SQLITE_STATIC));
}

Result<bool> Statement::step() {
  const int code = ::sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->fail(code);
}

Result<void> Statement::run() {
  auto stepped = step();
  reset();
  if (!stepped) return tl::make_unexpected(std::move(stepped.error()));
  return {};
}

void Statement::reset() {
  ::sqlite3_reset(statement_);
  ::sqlite3_clear_bindings(statement_);
}

std::optional<std::int64_t> Statement::integer(int column) const {
  if (::sqlite3_column_type(statement_, column) != SQLITE_INTEGER) return std::nullopt;
  return ::sqlite3_column_int64(statement_, column);
}

std::optional<double> Statement::real(int column) const {
  const int type = ::sqlite3_column_type(statement_, column);
  if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) return std::nullopt;
  return ::sqlite3_column_double(statement_, column);
}

std::optional<std::string_view> Statement::text(int column) const {
  if (::sqlite3_column_type(statement_, column) != SQLITE_TEXT) return std::nullopt;
  const auto* bytes = reinterpret_cast<const char*>(::sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return std::nullopt;  // out of memory
  return std::string_view(bytes, static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column)));
}

std::optional<std::string_view> Statement::blob(int column) const {
  if (::sqlite3_column_type(statement_, column) != SQLITE_BLOB) return std::nullopt;
  const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

}  // namespace isotach::record
