// The journal of one transaction: a small text file whose lock says whether its command still runs.
//
//     isotach-changes 1 BOOT-ID PID COMMAND        (COMMAND and fields are escaped as in step_text.cc)
//     attribute /sys/kernel/mm/ksm/run 0
//     ...
//     kept                                         (all changes stay: no step before this line counts)
//     created_file /swapfile.isotach-removed-4711 ...
//
// One file a resource, RESOURCE.journal. Whoever may touch it holds its flock(2), which ends by itself when
// the last process that inherited the descriptor is gone: no process number can be mistaken for another. A
// last line without an end was being written when the machine stopped; its change was not made yet.
// A journal that is not ours, or that others may write, is refused.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/change/undo.h"

namespace isotach::kernel {

struct JournalContent {
  std::string boot_id;
  unsigned pid = 0;
  std::string command;
  std::vector<UndoStep> steps;
  std::size_t unreadable_lines = 0;
};

// Nothing for a file that is empty or no journal.
[[nodiscard]] std::optional<JournalContent> parse_journal(std::string_view text);
[[nodiscard]] std::string journal_head(const std::string& boot_id, unsigned pid, const std::string& command);

// This boot's number; empty where the kernel does not tell.
[[nodiscard]] std::string current_boot_id();

class Journal {
 public:
  // Opens and locks the journal of `resource` in `folder`, made if need be. Nothing while somebody else
  // holds it.
  [[nodiscard]] static Result<std::optional<Journal>> open(const std::string& folder,
                                                           const std::string& resource);
  // The same for a file that is there; nothing when it is not, or somebody else holds it.
  [[nodiscard]] static Result<std::optional<Journal>> open_existing(const std::string& path);

  [[nodiscard]] Result<std::optional<JournalContent>> read() const;
  // Replaces everything by this head and these steps; on disk when it returns.
  [[nodiscard]] Result<void> write(const std::string& head, const std::vector<UndoStep>& steps);
  [[nodiscard]] Result<void> append(const std::vector<UndoStep>& steps);
  // From now on the steps before do not count, and only these are left to be carried out. One write, so that
  // whoever reads the journal sees all of it or nothing.
  [[nodiscard]] Result<void> append_kept(const std::vector<UndoStep>& last_steps);
  // Removes the file, and the folder with it when it is empty. The lock stays until this object goes.
  void remove();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Journal(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  [[nodiscard]] Result<void> append_text(const std::string& text);
  [[nodiscard]] Result<void> flush() const;

  std::string path_;
  Fd fd_;
};

// Takes all steps back, the newest first, and goes on after one that fails. What failed is left in
// `steps`, oldest first.
void take_back_all(std::vector<UndoStep>& steps, std::vector<std::string>& done, std::vector<Error>& errors);

// Leaves out the steps that ended with the boot in which they were made.
void drop_ended_steps(JournalContent& content);

}  // namespace isotach::kernel
