#include "command/ksm/change.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/change/journal.h"
#include "kernel/change/recover.h"
#include "kernel/meminfo.h"
#include "memory/ksm/choice.h"

namespace isotach::command {
namespace {

constexpr std::string_view kHead = "isotach-ksm-before 1 ";
constexpr std::size_t kTextLimitBytes = 65536;

// Beside the folder of the journals.
std::string before_path() {
  const std::string folder = kernel::journal_folder();
  return folder.substr(0, folder.rfind('/')) + "/ksm-before";
}

Result<std::uint64_t> available_bytes() {
  kernel::MemoryReading reading;
  kernel::MemoryReader reader{kernel::SystemRoot()};
  if (auto read = reader.read(reading); !read) return tl::make_unexpected(read.error());
  return reading.number(kernel::MemoryField::available) * 1024;
}

// The values of the settings that the plan touches, some by the way: an advisor that is switched on or
// off changes pages_to_scan.
kernel::KsmValues touched(const kernel::KsmValues& found, const kernel::KsmPlan& plan) {
  kernel::KsmValues values;
  const bool advisor = kernel::ksm_value(plan.writes, "advisor_mode") != nullptr;
  for (const auto& [name, value] : found) {
    const bool by_the_way = name == kernel::kKsmMergedPages || (advisor && name == "pages_to_scan");
    if (by_the_way || kernel::ksm_value(plan.writes, name) != nullptr) values.emplace_back(name, value);
  }
  return values;
}

std::string what_of(const KsmWrite& write) {
  const std::string path = std::string(kKsmFolder) + '/' + write.name;
  if (write.name == "run" && write.to == "2") return "write 2 to " + path + ": take all merged pages apart";
  return "write " + write.to + " to " + path + " (now " + write.from + ")";
}

// What a refused write means, in words.
Error explained(Error error) {
  if (error.errno_value == EBUSY && error.remedy.empty())
    error.remedy = "pages have been merged meanwhile: --unmerge takes them apart first";
  return error;
}

}  // namespace

Result<void> change_ksm(kernel::Transaction& transaction, const kernel::KsmValues& wanted,
                        kernel::KsmUnmerge unmerge, const std::vector<std::string>& words,
                        std::vector<KsmWrite>& writes) {
  auto found = kernel::read_ksm_to_restore(kKsmFolder);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  const kernel::KsmMerged merged = kernel::read_ksm_merged(kKsmFolder);
  const kernel::KsmPlan plan = kernel::plan_ksm_writes(*found, wanted, merged.any(), unmerge);
  if (!plan.refused.empty())
    return tl::make_unexpected(memory::ksm_is_merged(plan.refused.front(), words, merged,
                                                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))));
  for (const auto& [name, value] : plan.writes) {
    if (name != "run" || value != "2" || !merged.any()) continue;
    const auto available = available_bytes();
    if (!available) return tl::make_unexpected(available.error());
    if (auto fits = kernel::check_memory_to_unmerge(merged, *available); !fits) return fits;
  }

  kernel::KsmValues held = *found;
  std::vector<kernel::UndoStep> undo = {kernel::undo_ksm(kKsmFolder, touched(*found, plan))};
  for (const auto& [name, value] : plan.writes) {
    KsmWrite write{name, {}, value};
    for (auto& [known, now] : held) {
      if (known != name) continue;
      write.from = now;
      now = value;
    }
    auto done = transaction.change(what_of(write), std::move(undo),
                                   [&] { return kernel::write_ksm_setting(kKsmFolder, name, value); });
    undo.clear();  // one step takes all of them back, in the order that the kernel allows
    if (!done) return tl::make_unexpected(explained(std::move(done.error())));
    writes.push_back(std::move(write));
  }
  return {};
}

std::string write_ksm_before(const std::string& boot_id, const kernel::KsmValues& values) {
  std::string text = std::string(kHead) + boot_id + '\n';
  for (const auto& [name, value] : values) text += name + ' ' + value + '\n';
  return text;
}

kernel::KsmValues read_ksm_before(std::string_view text, std::string_view boot_id) {
  const auto lines = split(text, '\n');
  kernel::KsmValues values;
  if (lines.empty() || !lines.front().starts_with(kHead) || lines.front().substr(kHead.size()) != boot_id)
    return values;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto words = split_blanks(lines[i]);
    if (words.size() == 2 && words[0].find('/') == std::string_view::npos)
      values.emplace_back(words[0], words[1]);
  }
  return values;
}

Result<void> remember_ksm_before(const kernel::KsmValues& values) {
  const std::string boot_id = kernel::current_boot_id();
  const std::string path = before_path();
  const auto text = read_file(path, kTextLimitBytes);
  if (text && !read_ksm_before(*text, boot_id).empty()) return {};
  return replace_file(path, write_ksm_before(boot_id, values));
}

Result<kernel::KsmValues> remembered_ksm() {
  const auto text = read_file(before_path(), kTextLimitBytes);
  kernel::KsmValues values = text ? read_ksm_before(*text, kernel::current_boot_id()) : kernel::KsmValues();
  if (!values.empty()) return values;
  return failure(ErrorKind::failed, "no change of the settings was kept since this machine started",
                 "isotach ksm reset --defaults sets the kernel's own values");
}

void forget_ksm_before() {
  ::unlink(before_path().c_str());
}

}  // namespace isotach::command
