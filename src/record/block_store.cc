#include "record/block_store.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

// A row of the block table takes at least this much of the file: the bound of the search for readable
// blocks behind unreadable ones.
constexpr std::uint64_t kSmallestRowBytes = 32;

}  // namespace

BlockStore::BlockStore(Database& database, std::string path, std::uint64_t file_bytes)
    : database_(&database),
      path_(std::move(path)),
      file_bytes_(file_bytes),
      decompressor_(std::make_unique<BlockDecompressor>()) {}

#define ISOTACH_BLOCK_COLUMNS                                                      \
  "SELECT number, first_sample, sample_count, first_monotonic_ns, first_wall_ns, " \
  "last_monotonic_ns, last_wall_ns, raw_bytes, checksum, data FROM block "

Result<BlockStore> BlockStore::open(Database& database, std::string path, std::uint64_t file_bytes) {
  BlockStore store(database, std::move(path), file_bytes);
  const std::pair<Statement*, const char*> statements[] = {
      {&store.from_, ISOTACH_BLOCK_COLUMNS "WHERE number >= ?1 ORDER BY number LIMIT 1"},
      {&store.exactly_, ISOTACH_BLOCK_COLUMNS "WHERE number = ?1"},
      {&store.last_, ISOTACH_BLOCK_COLUMNS "ORDER BY number DESC LIMIT 1"},
  };
  for (const auto& [statement, text] : statements) {
    auto prepared = database.prepare(text);
    if (!prepared) return tl::make_unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return store;
}

#undef ISOTACH_BLOCK_COLUMNS

Failure BlockStore::damaged(std::int64_t number, const std::string& what) const {
  return failure(ErrorKind::failed,
                 "block " + std::to_string(number) + " of " + printable(path_) + " is damaged: " + what);
}

Result<std::optional<BlockHeader>> BlockStore::read_head(const Statement& row) const {
  std::int64_t numbers[8];
  for (int column = 0; column < 8; ++column) {
    const auto value = row.integer(column);
    if (!value) return damaged(row.integer(0).value_or(0), "its head has no numbers");
    numbers[column] = *value;
  }
  BlockHeader header;
  header.number = numbers[0];
  if (header.number < 1 || header.number > kNumberLimit)
    return damaged(header.number, "its number is absurd");
  if (numbers[1] < 0 || numbers[1] > kNumberLimit || numbers[2] < 1 || numbers[2] > kBlockSampleLimit ||
      numbers[7] < 1 || numbers[7] > static_cast<std::int64_t>(kBlockRawLimitBytes))
    return damaged(header.number, "its counts are absurd");
  header.first_sample = static_cast<std::uint64_t>(numbers[1]);
  header.sample_count = static_cast<std::uint32_t>(numbers[2]);
  header.first = {numbers[3], numbers[4]};
  header.last = {numbers[5], numbers[6]};
  header.raw_bytes = static_cast<std::uint32_t>(numbers[7]);
  if (header.first.monotonic_ns > header.last.monotonic_ns)
    return damaged(header.number, "its times do not ascend");
  return header;
}

Result<std::optional<BlockHeader>> BlockStore::find_head(std::int64_t number) {
  from_.bind(1, number);
  auto row = from_.step();
  Result<std::optional<BlockHeader>> header = std::nullopt;
  if (row && *row) header = read_head(from_);
  from_.reset();
  if (!row) return tl::make_unexpected(std::move(row.error()));
  return header;
}

Result<std::optional<BlockHeader>> BlockStore::find_last_head() {
  auto row = last_.step();
  Result<std::optional<BlockHeader>> last = std::nullopt;
  if (row && *row) last = read_head(last_);
  last_.reset();
  if (row && last) return last;
  if (!row && database_->trouble() == Database::Trouble::busy)
    return tl::make_unexpected(std::move(row.error()));
  std::optional<BlockHeader> found;
  for (std::int64_t number = 1;;) {
    auto head = find_head(number);
    if (!head) {
      const std::int64_t before = number;
      skip_unreadable(number);
      if (number <= before) number = before + 1;
      if (number > kNumberLimit) break;
      continue;
    }
    if (!*head) break;
    found = **head;
    number = found->number + 1;
  }
  return found;
}

Result<std::optional<BlockStore::Block>> BlockStore::load(std::int64_t& number) {
  if (number > kNumberLimit) return std::nullopt;  // nothing readable was left
  from_.bind(1, number);
  auto row = from_.step();
  if (!row) {
    from_.reset();
    if (database_->trouble() == Database::Trouble::busy) return tl::make_unexpected(std::move(row.error()));
    const std::int64_t first = number;
    skip_unreadable(number);
    return damaged(first, "the file is broken there" + (number > first + 1 && number <= kNumberLimit
                                                            ? ", up to block " + std::to_string(number - 1)
                                                            : std::string()));
  }
  if (!*row) {
    from_.reset();
    return std::nullopt;
  }
  const std::int64_t found =
      std::clamp<std::int64_t>(from_.integer(0).value_or(number), number, kNumberLimit);
  number = found + 1;  // to go on with, should this one be damaged
  auto header = read_head(from_);
  const auto checksum = from_.integer(8);
  const auto data = from_.blob(9);
  Result<std::string_view> raw = std::string_view();
  if (header && checksum && data)
    raw = decompressor_->decompress(**header, *data, static_cast<std::uint64_t>(*checksum));
  from_.reset();
  if (!header) return tl::make_unexpected(std::move(header.error()));
  if (!checksum || !data) return damaged(found, "its data cannot be read");
  if (!raw) return damaged(found, raw.error().doing);
  return Block{**header, *raw};
}

void BlockStore::skip_unreadable(std::int64_t& number) {
  const auto tries =
      static_cast<std::int64_t>(std::min<std::uint64_t>(file_bytes_ / kSmallestRowBytes, 1U << 20));
  for (std::int64_t next = number + 1; next <= number + tries && next <= kNumberLimit; ++next) {
    exactly_.bind(1, next);
    const auto row = exactly_.step();
    const bool readable = row && *row;
    exactly_.reset();
    if (!readable) continue;
    number = next;
    return;
  }
  number = kNumberLimit + 1;  // there is none
}

}  // namespace isotach::record
