// The recordings, captures, records of programs and reports of one folder: what there is, and recordings
// loaded for viewers.
//
// A name is that of a regular file in the folder itself: nothing of a request reaches other folders,
// and links, pipes and devices are not opened. The last few recordings that were asked for stay in
// memory; one that has grown meanwhile is read again.
//
// Thread rules: any thread may call. Reading a recording takes its time (some 100 ms for a large one);
// others who ask meanwhile wait, those who already have theirs do not.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "view/web/recorded_feed.h"

namespace isotach::view {

enum class ShelfKind : std::uint8_t { recording, capture, records, report };

struct ShelfFile {
  std::string name;
  ShelfKind kind = ShelfKind::recording;
  std::uint64_t size_bytes = 0;  // of a recording with the files beside it
  std::int64_t changed_wall_ns = 0;
  std::string title;  // of a report, may be empty; of records, the command
  // Of a recording:
  std::string host, command;
  std::int64_t start_wall_ns = 0;
  double duration_s = 0;
  std::uint64_t samples = 0;
};

struct ShelfList {
  std::vector<ShelfFile> files;  // the newest first
  std::size_t left_out = 0;      // more than are listed
};

// How files are read of which this layer knows nothing. Pages may take seconds.
struct ShelfReaders {
  // Of records of programs under instrumentation: the command; nothing where the file holds no records.
  std::function<std::optional<std::string>(const std::string& path)> records_title = {};
  // A page of all that they come to, like that of a report.
  std::function<Result<std::string>(const std::string& path)> records_page = {};
  // A page of the connections in a capture that is open and at its beginning.
  std::function<Result<std::string>(const std::string& name, int file_fd)> capture_page = {};
};

class Shelf {
 public:
  static constexpr std::size_t kListLimit = 200;
  static constexpr std::size_t kOpenLimit = 3;
  static constexpr std::size_t kOpenBudgetBytes = std::size_t{64} << 20;  // each
  static constexpr std::size_t kReportLimitBytes = std::size_t{64} << 20;

  // Of what has no reader here there are no files.
  explicit Shelf(std::string folder, ShelfReaders readers = {});

  // Whether a file of that name could be on a shelf.
  [[nodiscard]] static bool takes(std::string_view name);
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // What is there now; files that turn out not to be recordings are left out.
  [[nodiscard]] Result<ShelfList> list();
  // The recording of that name. It stays valid as long as it is held.
  [[nodiscard]] Result<std::shared_ptr<const RecordedFeed>> open(const std::string& name);
  // The whole page of a report, of a capture or of records. The page that was made last is kept; nothing
  // while another is being made, so that nobody waits for somebody else's.
  [[nodiscard]] Result<std::optional<std::string>> report(const std::string& name);

 private:
  // Tells whether a file has changed.
  struct Version {
    std::uint64_t size_bytes = 0;  // with the files beside it
    std::int64_t changed_wall_ns = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  struct Known {
    Version version;
    std::optional<ShelfFile> file;  // nothing where it is no recording
  };
  struct Opened {
    std::string name;
    Version version;
    std::shared_ptr<const RecordedFeed> feed;
  };
  struct Page {
    std::string name;
    Version version;
    std::string text;
  };
  [[nodiscard]] static std::optional<Version> version_of(const std::string& path);
  [[nodiscard]] Result<std::optional<std::string>> made_page(const std::string& name, ShelfKind kind);
  [[nodiscard]] Result<std::string> capture_page(const std::string& name) const;
  [[nodiscard]] std::optional<ShelfFile> describe(const std::string& name, const Version& version);

  const std::string folder_;
  const ShelfReaders readers_;
  std::mutex list_mutex_, open_mutex_, page_mutex_;
  std::map<std::string, Known> known_;  // guarded by list_mutex_
  std::list<Opened> opened_;            // the last one used first; guarded by open_mutex_
  Page page_;                           // the last that was made; guarded by page_mutex_
};

// The title in the head of an HTML page, with its character references resolved; empty where there is
// none. `start` is the page or its beginning.
[[nodiscard]] std::string html_title(std::string_view start);

}  // namespace isotach::view
