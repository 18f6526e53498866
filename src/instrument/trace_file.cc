#include "instrument/trace_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"

namespace isotach::instrument {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 18;
// Quick enough to keep up with a program; level 1 still makes a tenth of such records.
constexpr int kLevel = 1;
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

}  // namespace

struct TraceReader::Unpacker {
  ZSTD_DStream* stream = ZSTD_createDStream();
  bool between_frames = true;
  ~Unpacker() { ZSTD_freeDStream(stream); }
};

TraceReader::TraceReader(std::string path) : path_(std::move(path)) {}
TraceReader::~TraceReader() = default;

Result<std::unique_ptr<TraceReader>> TraceReader::open(const std::string& path) {
  std::unique_ptr<TraceReader> reader(new TraceReader(path == "-" ? "standard input" : path));
  if (path == "-") {
    reader->fd_ = STDIN_FILENO;
    return reader;
  }
  auto file = open_readonly(path);
  if (!file) return tl::make_unexpected(file.error());
  reader->file_ = std::move(*file);
  reader->fd_ = reader->file_.get();
  return reader;
}

Result<std::size_t> TraceReader::fill() {
  input_.resize(kPieceBytes);
  used_ = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd_, input_.data(), input_.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return system_failure(errno, "read " + printable(path_));
  input_.resize(static_cast<std::size_t>(got));
  at_end_ = got == 0;
  return input_.size();
}

Result<bool> TraceReader::next(std::string& piece) {
  piece.clear();
  if (used_ == input_.size() && !at_end_) {
    // The four bytes that tell what it is may come in pieces.
    const auto got = fill();
    if (!got) return tl::make_unexpected(got.error());
    if (first_) {
      while (!at_end_ && input_.size() < kZstdMagic.size()) {
        const std::string start = input_;
        const auto more = fill();
        if (!more) return tl::make_unexpected(more.error());
        input_.insert(0, start);
      }
      first_ = false;
      if (std::string_view(input_).substr(0, kZstdMagic.size()) == kZstdMagic)
        unpacker_ = std::make_unique<Unpacker>();
    }
  }
  if (unpacker_) return unpack(piece);
  if (used_ == input_.size()) return false;
  piece.assign(input_, used_);
  used_ = input_.size();
  return true;
}

Result<bool> TraceReader::unpack(std::string& piece) {
  piece.resize(kPieceBytes);
  ZSTD_outBuffer out{piece.data(), piece.size(), 0};
  for (;;) {
    ZSTD_inBuffer in{input_.data(), input_.size(), used_};
    const std::size_t before = in.pos;
    const std::size_t result = ZSTD_decompressStream(unpacker_->stream, &out, &in);
    used_ = in.pos;
    if (ZSTD_isError(result) != 0)
      return failure(ErrorKind::failed,
                     "cannot unpack " + printable(path_) + ": " + ZSTD_getErrorName(result));
    if (in.pos != before || out.pos > 0) unpacker_->between_frames = result == 0;
    if (out.pos > 0) break;
    if (used_ < input_.size()) continue;
    if (at_end_) break;
    const auto got = fill();
    if (!got) return tl::make_unexpected(got.error());
  }
  piece.resize(out.pos);
  if (out.pos == 0 && !unpacker_->between_frames)
    return failure(ErrorKind::failed,
                   printable(path_) + " was cut short: its last packed block is not whole");
  return out.pos > 0;
}

struct TraceWriter::Packer {
  ZSTD_CStream* stream = ZSTD_createCStream();
  std::string buffer;
  ~Packer() { ZSTD_freeCStream(stream); }
};

TraceWriter::TraceWriter() = default;
TraceWriter::~TraceWriter() = default;

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::string& path, bool packed) {
  std::unique_ptr<TraceWriter> writer(new TraceWriter);
  writer->path_ = path == "-" ? "standard output" : path;
  if (path == "-") {
    writer->fd_ = STDOUT_FILENO;
  } else {
    writer->file_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!writer->file_.is_open()) return system_failure(errno, "create " + printable(path));
    writer->fd_ = writer->file_.get();
  }
  if (packed) {
    writer->packer_ = std::make_unique<Packer>();
    ZSTD_initCStream(writer->packer_->stream, kLevel);
    writer->packer_->buffer.resize(ZSTD_CStreamOutSize());
  }
  return writer;
}

Result<void> TraceWriter::put(std::string_view bytes) {
  auto written = write_all(fd_, bytes);
  if (!written) reader_gone_ = written.error().errno_value == EPIPE;
  if (!written) return system_failure(written.error().errno_value, "write " + printable(path_));
  written_bytes_ += bytes.size();
  return {};
}

Result<void> TraceWriter::pack(std::string_view bytes, bool end) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{packer_->buffer.data(), packer_->buffer.size(), 0};
    const std::size_t left =
        ZSTD_compressStream2(packer_->stream, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0)
      return failure(ErrorKind::failed, "cannot pack " + printable(path_) + ": " + ZSTD_getErrorName(left));
    if (out.pos > 0)
      if (auto written = put({packer_->buffer.data(), out.pos}); !written) return written;
    if (end ? left == 0 : in.pos == in.size) return {};
  }
}

Result<void> TraceWriter::write(std::string_view bytes) {
  return packer_ ? pack(bytes, false) : put(bytes);
}

Result<void> TraceWriter::finish() {
  if (packer_) return pack({}, true);
  return {};
}

}  // namespace isotach::instrument
