#include "record/recording_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

// The first bytes of every SQLite file: https://sqlite.org/fileformat.html#the_database_header
constexpr std::size_t kHeadBytes = 100;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kPageSizeOffset = 16;
constexpr std::size_t kWriteVersionOffset = 18;  // 2: WAL mode
constexpr std::size_t kPageCountOffset = 28;
constexpr std::size_t kUserVersionOffset = 60;
constexpr std::size_t kApplicationIdOffset = 68;

struct Head {
  std::array<unsigned char, kHeadBytes> bytes{};

  [[nodiscard]] std::uint32_t big_endian(std::size_t offset, std::size_t size) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[offset + i];
    return value;
  }
  [[nodiscard]] bool has_magic() const {
    return std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
  }
  [[nodiscard]] bool is_wal_mode() const { return bytes[kWriteVersionOffset] == 2; }
  [[nodiscard]] std::uint64_t expected_bytes() const {
    const std::uint32_t page = big_endian(kPageSizeOffset, 2);
    return std::uint64_t{page == 1 ? 65536 : page} * big_endian(kPageCountOffset, 4);
  }
};

std::uint64_t file_size(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// access(2) would ask for the user that started this program, without the capabilities that it has: a server
// that became nobody may read a folder of root.
bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

Failure refuse(std::string text, std::string remedy = {}) {
  return failure(ErrorKind::failed, std::move(text), std::move(remedy));
}

Result<std::string> absolute_path(const std::string& path, const std::string& name) {
  if (path.empty()) return failure(ErrorKind::usage, "a recording needs the name of a file");
  std::unique_ptr<char, void (*)(void*)> absolute(::realpath(path.c_str(), nullptr), std::free);
  if (absolute == nullptr)
    return system_failure(
        errno, "open " + name,
        errno == ENOENT ? "check the name, or make one: isotach record " + name : std::string());
  return std::string(absolute.get());
}

Result<std::uint64_t> check_is_file(const std::string& path, const std::string& name) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_failure(errno, "open " + name);
  if (S_ISDIR(status.st_mode)) return refuse(name + " is a folder, not a recording", "name a file in it");
  // Opening a pipe or a device could wait for ever.
  if (!S_ISREG(status.st_mode)) return refuse(name + " is no ordinary file, so it is no recording");
  if (status.st_size == 0)
    return refuse(
        name + " is empty: it is no recording, or its recorder was stopped before it wrote anything",
        "it can be removed: rm '" + name + "'");
  return static_cast<std::uint64_t>(status.st_size);
}

Result<Head> read_head(const std::string& path, const std::string& name) {
  auto fd = open_readonly(path);
  if (!fd) {
    fd.error().doing = "open " + name;
    return tl::make_unexpected(std::move(fd.error()));
  }
  Head head;
  const ssize_t got = ::pread(fd->get(), head.bytes.data(), kHeadBytes, 0);
  if (got < 0) return system_failure(errno, "read " + name);
  // A file that is shorter than the head leaves the rest 0: too short to be one, but maybe cut off.
  if (!head.has_magic()) return refuse(name + " is not an isotach recording");
  if (static_cast<std::size_t>(got) < kHeadBytes)
    return refuse(name + " is truncated: only its first " + std::to_string(got) + " bytes are there",
                  "copy it again from where it came from");
  return head;
}

Result<void> check_head(const Head& head, std::uint64_t size_bytes, bool has_wal, const std::string& name) {
  if (head.big_endian(kApplicationIdOffset, 4) != static_cast<std::uint32_t>(kApplicationId))
    return refuse(name + " is a SQLite database of another program, not an isotach recording");
  const std::uint32_t version = head.big_endian(kUserVersionOffset, 4);
  if (version > kFormatVersion)
    return refuse(name + " has recording format " + std::to_string(version) +
                      "; this isotach reads up to format " + std::to_string(kFormatVersion),
                  "read it with the isotach that wrote it, or a newer one");
  // While a -wal file is there, the newest pages may be in it only.
  if (!has_wal && size_bytes < head.expected_bytes())
    return refuse(name + " is truncated: " + std::to_string(size_bytes) + " of " +
                      std::to_string(head.expected_bytes()) + " bytes are there",
                  "copy it again from where it came from");
  return {};
}

// Reading the schema is what first needs the -wal file and its helpers.
Result<Database> open_and_look(const std::string& path, Database::Mode mode, Database::Trouble& trouble) {
  auto database = Database::open(path, mode);
  if (!database) {
    trouble = Database::Trouble::cannot_open;
    return database;
  }
  // Tables only: a view or a virtual table of the same name would run what it likes.
  auto tables = database->prepare(
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND "
      "name IN ('info', 'series', 'block', 'event')");
  Result<bool> row = false;
  if (tables) row = tables->step();
  if (!tables || !row) {
    trouble = database->trouble();
    return tl::make_unexpected(tables ? std::move(row.error()) : std::move(tables.error()));
  }
  if (!*row || tables->integer(0) != 4)
    return refuse(printable(path) + " is damaged: its tables are not those of a recording");
  return database;
}

}  // namespace

Result<OpenedRecording> open_recording_file(const std::string& path) {
  const std::string name = printable(path);
  auto absolute = absolute_path(path, name);
  if (!absolute) return tl::make_unexpected(std::move(absolute.error()));
  auto size_bytes = check_is_file(*absolute, name);
  if (!size_bytes) return tl::make_unexpected(std::move(size_bytes.error()));
  auto head = read_head(*absolute, name);
  if (!head) return tl::make_unexpected(std::move(head.error()));
  const std::string wal = *absolute + "-wal";
  const bool has_wal = exists(wal);
  const std::uint64_t wal_bytes = file_size(wal);
  if (auto checked = check_head(*head, *size_bytes, wal_bytes > 0, name); !checked)
    return tl::make_unexpected(std::move(checked.error()));

  const auto opened = [&](Result<Database>& database) -> Result<OpenedRecording> {
    if (!database) return tl::make_unexpected(std::move(database.error()));
    return OpenedRecording{std::move(*database), *size_bytes + wal_bytes};
  };
  Database::Trouble trouble = Database::Trouble::other;
  // A recorder always has a -wal file, be it empty, so without one nobody writes; then nothing needs
  // to be made beside the recording, and a read-only disk will do.
  if (head->is_wal_mode() && !has_wal) {
    auto database = open_and_look(*absolute, Database::Mode::read_only_unchanged, trouble);
    if (!exists(wal)) return opened(database);
  }
  auto database = open_and_look(*absolute, Database::Mode::read_only, trouble);
  if (database || trouble != Database::Trouble::cannot_open) return opened(database);
  // The -shm file, an index of the -wal file, cannot be made: a read-only or a full disk. A living
  // recorder would have made one; without it the index can be kept in memory.
  if (file_size(*absolute + "-shm") == 0) {
    auto alone = open_and_look(*absolute, Database::Mode::read_only_alone, trouble);
    if (alone) return opened(alone);
  }
  if (database.error().remedy.empty())
    database.error().remedy = "copy '" + name + "' and '" + name + "-wal' to a folder that you may write to";
  return opened(database);
}

}  // namespace isotach::record
