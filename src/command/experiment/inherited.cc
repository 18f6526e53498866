#include "command/experiment/inherited.h"

#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace isotach::command {
namespace {

std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// Little endian, whatever the machine is.
void put(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
}

}  // namespace

Result<Fd> make_memory_file(const std::string& name, std::string_view content) {
  // Without MFD_CLOEXEC: it is made for a child.
  Fd file(::memfd_create(name.c_str(), 0));
  if (!file.is_open()) return system_failure(errno, "make a file in memory");
  if (auto written = write_all(file.get(), content); !written) return tl::make_unexpected(written.error());
  return file;
}

std::string inherited_path(const Fd& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

std::string zip_of(std::string_view name, std::string_view content) {
  // APPNOTE 6.3: a local header and the file, the central directory, and its end. Version 2.0, no
  // compression; the date is the first that the format knows.
  const auto common = [&](std::string& bytes) {
    put(bytes, 20, 2);      // version needed
    put(bytes, 0, 2);       // flags
    put(bytes, 0, 2);       // method: stored
    put(bytes, 0, 2);       // time
    put(bytes, 0x0021, 2);  // 1980-01-01
    put(bytes, crc32_of(content), 4);
    put(bytes, content.size(), 4);
    put(bytes, content.size(), 4);
    put(bytes, name.size(), 2);
    put(bytes, 0, 2);  // extra field
  };
  std::string zip;
  put(zip, 0x04034b50, 4);
  common(zip);
  zip += name;
  zip += content;
  const std::size_t directory = zip.size();
  put(zip, 0x02014b50, 4);
  put(zip, 20, 2);  // made by
  common(zip);
  put(zip, 0, 2);  // comment
  put(zip, 0, 2);  // disk
  put(zip, 0, 2);  // internal attributes
  put(zip, 0, 4);  // external attributes
  put(zip, 0, 4);  // where the local header is
  zip += name;
  const std::size_t directory_size = zip.size() - directory;
  put(zip, 0x06054b50, 4);
  put(zip, 0, 4);  // this disk, and the one of the directory
  put(zip, 1, 2);
  put(zip, 1, 2);
  put(zip, directory_size, 4);
  put(zip, directory, 4);
  put(zip, 0, 2);  // comment
  return zip;
}

void ScopedEnvironment::set(const std::string& name, const std::string& value) {
  const char* before = std::getenv(name.c_str());
  saved_.push_back({name, before != nullptr ? before : "", before != nullptr});
  ::setenv(name.c_str(), value.c_str(), 1);
}

ScopedEnvironment::~ScopedEnvironment() {
  for (auto saved = saved_.rbegin(); saved != saved_.rend(); ++saved) {
    if (saved->was_set) {
      ::setenv(saved->name.c_str(), saved->value.c_str(), 1);
    } else {
      ::unsetenv(saved->name.c_str());
    }
  }
}

}  // namespace isotach::command
