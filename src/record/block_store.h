// Finds and reads the blocks of a recording, and finds its way around those that are damaged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/block.h"
#include "record/block_seal.h"
#include "record/database.h"

namespace isotach::record {

class BlockStore {
 public:
  // Numbers from the file are no larger than this, so that adding to them is safe.
  static constexpr std::int64_t kNumberLimit = std::int64_t{1} << 53;

  [[nodiscard]] static Result<BlockStore> open(Database& database, std::string path,
                                               std::uint64_t file_bytes);

  // The head of the first block numbered `number` or higher; nothing past the last one. As these are
  // read without their data their checksum has not been checked.
  [[nodiscard]] Result<std::optional<BlockHeader>> find_head(std::int64_t number);
  // The head of the last block. Looks at every block where the file is damaged.
  [[nodiscard]] Result<std::optional<BlockHeader>> find_last_head();

  struct Block {
    BlockHeader header;
    std::string_view raw;  // valid until the next call
  };
  // Reads the first block numbered `number` or higher. On an error `number` becomes the one to go on
  // with.
  [[nodiscard]] Result<std::optional<Block>> load(std::int64_t& number);

  [[nodiscard]] Failure damaged(std::int64_t number, const std::string& what) const;

 private:
  BlockStore(Database& database, std::string path, std::uint64_t file_bytes);
  [[nodiscard]] Result<std::optional<BlockHeader>> read_head(const Statement& row) const;
  // After SQLite could not read the block at `number` or later: the next one that it can read.
  void skip_unreadable(std::int64_t& number);

  Database* database_;
  std::string path_;
  std::uint64_t file_bytes_;
  Statement from_, exactly_, last_;
  std::unique_ptr<BlockDecompressor> decompressor_;
};

}  // namespace isotach::record
