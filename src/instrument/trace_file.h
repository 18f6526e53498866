// Recordings as files: plain, or as one zstd stream of the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::instrument {

class TraceReader {
 public:
  // `path` "-" is standard input. What is packed is recognised by its first bytes.
  [[nodiscard]] static Result<std::unique_ptr<TraceReader>> open(const std::string& path);
  ~TraceReader();
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;

  // The next bytes into `piece`, at most some hundred KiB; false at the end.
  [[nodiscard]] Result<bool> next(std::string& piece);

 private:
  struct Unpacker;
  explicit TraceReader(std::string path);
  [[nodiscard]] Result<std::size_t> fill();
  [[nodiscard]] Result<bool> unpack(std::string& piece);

  std::string path_;
  Fd file_;
  int fd_ = -1;
  std::string input_;
  std::size_t used_ = 0;
  bool first_ = true;
  bool at_end_ = false;
  std::unique_ptr<Unpacker> unpacker_;
};

class TraceWriter {
 public:
  // A file, "-" for standard output. Packed with zstd when `packed`.
  [[nodiscard]] static Result<std::unique_ptr<TraceWriter>> create(const std::string& path, bool packed);
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  [[nodiscard]] Result<void> write(std::string_view bytes);
  // Must be called: a packed stream ends with what was held back.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] std::uint64_t written_bytes() const { return written_bytes_; }
  // Whoever read what is written has gone: writing more fails, which is no fault.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }

 private:
  struct Packer;
  TraceWriter();
  [[nodiscard]] Result<void> pack(std::string_view bytes, bool end);
  [[nodiscard]] Result<void> put(std::string_view bytes);

  std::string path_;
  Fd file_;
  int fd_ = -1;
  std::uint64_t written_bytes_ = 0;
  bool reader_gone_ = false;
  std::unique_ptr<Packer> packer_;
};

}  // namespace isotach::instrument
