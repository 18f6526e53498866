// Where the bytes of an ELF image are read from: a file, memory that we own, or this process. Reading past
// the end, from a file that was cut short, or from memory that was unmapped fails; it never faults, which is
// why files are read and not mapped.
//
// Thread rules: a source is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace isotach::dbi {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // All of `size` bytes at `offset`, or false.
  [[nodiscard]] virtual bool read(uint64_t offset, void* to, size_t size) const = 0;
  [[nodiscard]] virtual uint64_t size() const = 0;
  // No more is read for a while: lets go of what the program could see, such as an open descriptor.
  virtual void rest() const {}

  // `size` bytes at `offset`; empty when they are not all there.
  [[nodiscard]] std::vector<uint8_t> bytes(uint64_t offset, uint64_t size) const;
};

// The regular file at `path`, or nothing. It is open only until rest(), since a program would see that its
// own descriptors have other numbers; when it is read again it is opened again, if it is still the same file.
[[nodiscard]] std::unique_ptr<ByteSource> open_file_source(const std::string& path);
// Bytes that stay where they are for as long as the source lives.
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(const void* bytes, size_t size);

// Which part of a file lies where in this process.
struct MappedPart {
  uint64_t offset = 0, size = 0, address = 0;
};
// A file of which only the mapped parts can be read.
[[nodiscard]] std::unique_ptr<ByteSource> mapped_source(std::vector<MappedPart> parts);

// Copies memory of this process that may not be there.
[[nodiscard]] bool copy_memory(uint64_t address, void* to, size_t size);

}  // namespace isotach::dbi
