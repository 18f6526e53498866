// How a change of the machine is taken back, as data: written to the journal before the change is
// made, carried out when the command ends, fails or was killed.
//
// Every step may be carried out at any moment: before the change was made, after it, twice, or after
// somebody else has changed the same thing. It then does nothing; what is not as we left it is never
// touched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isotach::kernel {

enum class UndoKind {
  attribute,       // write the value that a file of /sys or /proc had
  ksm,             // give the settings of KSM the values they had
  swap_on,         // the area was switched on: switch it off
  swap_off,        // the area was switched off: switch it on with the priority that it had
  created_file,    // remove the file, if it is the one that was made
  moved_file,      // give the file its old name back
  replaced_file,   // put the earlier content back, if nobody has changed the file since
  made_folder,     // remove a folder of /sys that has no files of its own: a control group
  trace_instance,  // remove an instance of tracefs, which need not be mounted
  link,            // give a setting of a network interface the value that it had
};

struct UndoStep {
  UndoKind kind = UndoKind::attribute;
  std::vector<std::string> fields;  // what they mean depends on the kind; any bytes

  friend bool operator==(const UndoStep&, const UndoStep&) = default;
};

// An attribute is read now, so that what it holds is what will be written back.
[[nodiscard]] Result<UndoStep> undo_attribute(const std::string& path);
// Names of files below `folder`, /sys/kernel/mm/ksm, with the values to go back to. They are written in
// this order, `run` last; what the kernel refuses while pages are merged is written after unmerging them.
[[nodiscard]] UndoStep undo_ksm(const std::string& folder,
                                const std::vector<std::pair<std::string, std::string>>& values);
[[nodiscard]] UndoStep undo_swap_on(const std::string& path);
// `discard` is the policy in the words of swapon: "", "once", "pages" or "both".
[[nodiscard]] UndoStep undo_swap_off(const std::string& path, int priority, const std::string& discard = "");
[[nodiscard]] UndoStep undo_created_file(const std::string& path, dev_t device, ino_t inode);
[[nodiscard]] UndoStep undo_moved_file(const std::string& from, const std::string& to);
// `backup` holds the earlier content; it is removed once it has been put back. The step does nothing
// when the file holds something else than `written` by then, and keeps the backup.
[[nodiscard]] UndoStep undo_replaced_file(const std::string& path, const std::string& backup,
                                          std::string_view written);
// Processes that are still in the group go to its parent first.
[[nodiscard]] UndoStep undo_made_folder(const std::string& path);
[[nodiscard]] UndoStep undo_trace_instance(const std::string& name);
// `setting` and the values are those of link_setting.h. The interface is known by its namespace, number and
// hardware address; one that is gone, or is another by now, needs nothing.
struct LinkChange {
  std::string interface;
  std::string name_space;
  unsigned index = 0;
  std::string address;
  std::string setting;
  std::string earlier;
  std::string wanted;
};
[[nodiscard]] UndoStep undo_link(const LinkChange& change);

// Whether the machine forgets the change by itself when it starts anew, so that there is nothing to
// take back in a later boot.
[[nodiscard]] bool ends_with_boot(UndoKind kind);

// What will be done, for people: "write 100 to /sys/kernel/mm/ksm/pages_to_scan".
[[nodiscard]] std::string describe(const UndoStep& step);

[[nodiscard]] Result<void> take_back(const UndoStep& step);

// One line without its end, and back; nothing for a line that no version of ours has written.
[[nodiscard]] std::string write_step(const UndoStep& step);
[[nodiscard]] std::optional<UndoStep> read_step(std::string_view line);

// A field as one word of letters, digits and a few signs, every other byte as %XX, and back.
[[nodiscard]] std::string escape_field(std::string_view field);
[[nodiscard]] std::optional<std::string> unescape_field(std::string_view text);

}  // namespace isotach::kernel
