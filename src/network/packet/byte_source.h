// Where the bytes of a capture come from: a file, standard input, and what gzip or zstd packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace isotach::network {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Fills up to `size` bytes; 0 is the end. An error leaves what was read before as it is.
  [[nodiscard]] virtual Result<std::size_t> read(std::uint8_t* into, std::size_t size) = 0;

  // Bytes of the file read so far, packed as they are, and in all; 0 where nobody can know, as on a pipe.
  [[nodiscard]] virtual std::uint64_t position() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
};

// "-" is standard input. What is packed is told by its first bytes, not by its name; several gzip members
// or zstd frames one after the other are one stream.
//
// Where `wait` is given, the end of the file is not the end: it is called, and where it returns true, more is
// looked for. It must wait by itself.
using WaitForMore = std::function<bool()>;
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_byte_source(const std::string& path,
                                                                   WaitForMore wait = {});

// Bytes that are in memory already; they must outlive the source.
[[nodiscard]] std::unique_ptr<ByteSource> memory_byte_source(const std::uint8_t* bytes, std::size_t size);

// Do these first bytes of a file belong to gzip or zstd?
[[nodiscard]] bool is_packed(const std::uint8_t* bytes, std::size_t size);

// What `packed` holds when gzip or zstd made it, and `packed` itself otherwise.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> unpack_byte_source(std::unique_ptr<ByteSource> packed);

}  // namespace isotach::network
