// The files that viewers sent, for as long as the server runs: in a folder of its own below the one for
// temporary files, which only its user may enter. The folder goes with the server; where that was killed, the
// next one removes it.
//
// Thread rules: take() from one thread at a time (the server takes one file at a time).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "view/web/http_server.h"
#include "view/web/shelf.h"

namespace isotach::view {

class Uploads {
 public:
  static constexpr std::size_t kFileLimit = 4;  // kept at once: the oldest goes for the next

  // Below `parent`, such as "/tmp". Folders there that others of this user left behind are removed.
  [[nodiscard]] static Result<std::unique_ptr<Uploads>> open(const std::string& parent,
                                                             std::uint64_t limit_bytes,
                                                             ShelfReaders readers = {});
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  [[nodiscard]] std::uint64_t limit_bytes() const { return limit_bytes_; }
  [[nodiscard]] Shelf& shelf() { return shelf_; }
  // Takes a file under the name that it has where it comes from. What is not of the kind that its
  // name says, and what breaks off, leaves nothing behind.
  [[nodiscard]] Result<void> take(const std::string& name, const BodyReader& body);

 private:
  Uploads(std::string folder, Fd lock, std::uint64_t limit_bytes, ShelfReaders readers);

  const std::string folder_;
  const Fd lock_;  // of the folder: held while this lives
  const std::uint64_t limit_bytes_;
  Shelf shelf_;
};

}  // namespace isotach::view
