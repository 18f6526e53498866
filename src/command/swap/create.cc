// isotach swap create: a swap file, made so that the kernel takes it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/context.h"
#include "command/swap/aside.h"
#include "command/swap/commands.h"
#include "command/swap/fstab_change.h"
#include "command/swap/state.h"
#include "kernel/pagemap.h"
#include "kernel/swap_control.h"
#include "kernel/swap_file.h"
#include "memory/swap/fstab.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

struct CreateOptions {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::optional<int> priority;
  std::string label;
  bool on = false;
  bool persist = false;
  ChangeOptions change;
};

Result<std::uint64_t> size_of(const std::string& word) {
  const auto size = parse_size(word);
  if (!size)
    return failure(ErrorKind::usage, "'" + printable(word) + "' is no size",
                   "write bytes or a unit, such as 512Mi or 4Gi");
  const std::uint64_t page = kernel::page_size_bytes();
  if (*size < kernel::kSmallestSwapPages * page)
    return failure(ErrorKind::usage,
                   fmt::format("a swap area of {} is too small", format_bytes(static_cast<double>(*size))),
                   fmt::format("the smallest is {}",
                               format_bytes(static_cast<double>(kernel::kSmallestSwapPages * page))));
  const std::uint64_t most = std::uint64_t{std::numeric_limits<std::uint32_t>::max()} * page;
  if (*size > most)
    return failure(ErrorKind::usage,
                   fmt::format("a swap area of {} is too large", format_bytes(static_cast<double>(*size))),
                   fmt::format("the largest is {}", format_bytes(static_cast<double>(most))));
  return (*size + page - 1) / page * page;
}

Result<CreateOptions> options_of(const Arguments& arguments) {
  CreateOptions options;
  const std::vector<std::string>& words = arguments.positionals();
  if (words.size() != 2)
    return failure(ErrorKind::usage, "a path and a size are needed", "isotach swap create /swapfile 4Gi");
  const auto size = size_of(words[1]);
  if (!size) return tl::make_unexpected(size.error());
  options.size_bytes = *size;
  const auto priority = priority_of(arguments);
  if (!priority) return tl::make_unexpected(priority.error());
  options.priority = *priority;
  options.label = arguments.value("--label").value_or("");
  if (options.label.size() > kernel::kSwapLabelLimit)
    return failure(ErrorKind::usage, "the label '" + printable(options.label) + "' is too long",
                   fmt::format("at most {} bytes fit into the head of a swap area", kernel::kSwapLabelLimit));
  options.on = arguments.has("--on");
  options.persist = arguments.has("--persist");
  auto change = change_options_of(arguments);
  if (!change) return tl::make_unexpected(change.error());
  options.change = std::move(*change);
  if (options.persist && (options.change.for_ns || !options.change.command.empty()))
    return failure(ErrorKind::usage,
                   "--persist lets the file stay for ever: it goes neither with --for nor with a command");
  if (options.persist) options.change.keep = true;
  if (options.priority && !options.on && !options.persist)
    return failure(ErrorKind::usage, "--priority is of an area that is switched on",
                   "add --on to switch it on now, or --persist to do so at every start");
  auto path = kernel::absolute_swap_path(words[0]);
  if (!path) return tl::make_unexpected(path.error());
  options.path = std::move(*path);
  return options;
}

// What is there already.
Result<bool> is_unused_swap_file(const std::string& path) {
  const auto there = kernel::look_at_swap_path(path);
  if (!there) return tl::make_unexpected(there.error());
  switch (there->use) {
    case kernel::SwapPathUse::nothing:
      return false;
    case kernel::SwapPathUse::unused_swap_file:
      return true;
    case kernel::SwapPathUse::active_swap:
      return failure(ErrorKind::failed, printable(path) + " is in use: the kernel swaps to it now",
                     "switch it off first: isotach swap off " + path + " --keep");
    case kernel::SwapPathUse::hibernated:
      return failure(ErrorKind::failed, printable(path) + " holds the memory of a machine that hibernates",
                     "start that machine, or remove the file by hand if you are sure");
    case kernel::SwapPathUse::other:
      break;
  }
  return failure(ErrorKind::failed, printable(path) + " is " + there->what + ", and is not overwritten",
                 "give another path, or remove it yourself");
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// What must stay free on the disk: a hundredth, at least 64 MiB, at most 4 GiB.
std::uint64_t room_to_leave(std::uint64_t disk_bytes) {
  constexpr std::uint64_t kMi = std::uint64_t{1} << 20;
  return std::clamp(disk_bytes / 100, 64 * kMi, 4096 * kMi);
}

Result<kernel::FilesystemKind> check_disk(const CreateOptions& options) {
  const auto disk = kernel::filesystem_of(folder_of(options.path));
  if (!disk) return tl::make_unexpected(disk.error());
  if (disk->kind.method == kernel::SwapFileMethod::impossible)
    return failure(ErrorKind::failed,
                   fmt::format("{} is on {}, which cannot hold a swap file: {}", printable(options.path),
                               disk->kind.name, disk->kind.why_not),
                   disk->kind.instead);
  const std::uint64_t leave = room_to_leave(disk->size_bytes);
  if (disk->free_bytes < leave || disk->free_bytes - leave < options.size_bytes)
    return failure(ErrorKind::failed,
                   fmt::format("there is too little room: {} are free there, and {} shall stay free",
                               format_bytes(static_cast<double>(disk->free_bytes)),
                               format_bytes(static_cast<double>(leave))),
                   "give a smaller size, or a path on another disk");
  return disk->kind;
}

std::string method_text(const kernel::FilesystemKind& kind) {
  switch (kind.method) {
    case kernel::SwapFileMethod::preallocate:
      return "preallocated on " + kind.name;
    case kernel::SwapFileMethod::no_copy_on_write:
      return "preallocated on " + kind.name + ", not copied on write";
    case kernel::SwapFileMethod::write:
    case kernel::SwapFileMethod::impossible:
      break;
  }
  return "written with zeros on " + kind.name;
}

class Create {
 public:
  Create(Context& context, CreateOptions options) : context_(context), options_(std::move(options)) {}

  int run() {
    const auto replaced = is_unused_swap_file(options_.path);
    if (!replaced) return context_.report(replaced.error());
    const auto kind = check_disk(options_);
    if (!kind) return context_.report(kind.error());
    auto begun = kernel::Transaction::begin({"swap create", "swap", options_.change.dry_run});
    if (!begun) return context_.report(begun.error());
    kernel::Transaction& transaction = **begun;
    if (auto made = make(transaction, *kind, *replaced); !made) {
      if (made.error().errno_value != ECANCELED) return context_.report(made.error());
      context_.note("stopped; nothing was made");
      return kExitCutShort;
    }
    if (!options_.change.dry_run) print_made(*kind);
    return finish_changes(context_, transaction, options_.change);
  }

 private:
  Result<void> make(kernel::Transaction& transaction, const kernel::FilesystemKind& kind, bool replaced) {
    const std::string& path = options_.path;
    dev_t device = 0;
    ino_t inode = 0;
    std::optional<kernel::NewSwapFile> file;
    if (!options_.change.dry_run) {
      auto made = make_nameless(kind);
      if (!made) return tl::make_unexpected(made.error());
      file.emplace(std::move(*made));
      device = file->device();
      inode = file->inode();
    }
    if (replaced) {
      auto moved = put_aside(transaction, path, "old", "put the unused swap file " + path + " aside");
      if (!moved) return moved;
    }
    const std::string size = format_bytes(static_cast<double>(options_.size_bytes));
    auto named = transaction.change("make the swap file " + path + ": " + size + ", " + method_text(kind),
                                    {kernel::undo_created_file(path, device, inode)},
                                    [&] { return file->give_name(path); });
    if (!named) return named;
    if (options_.on) {
      auto on =
          transaction.change("switch on swapping to " + path + priority_text(), {kernel::undo_swap_on(path)},
                             [&] { return kernel::swap_on(path, options_.priority.value_or(-1)); });
      if (!on) return on;
    }
    if (!options_.persist) return {};
    return change_fstab(
        transaction, "add the line '" + memory::fstab_swap_line(path, options_.priority) + "'",
        [&](std::string_view text) { return memory::with_fstab_swap(text, path, options_.priority); });
  }

  Result<kernel::NewSwapFile> make_nameless(const kernel::FilesystemKind& kind) {
    auto uuid = kernel::make_uuid();
    if (!uuid) return tl::make_unexpected(uuid.error());
    header_.page_bytes = static_cast<std::uint32_t>(kernel::page_size_bytes());
    header_.last_page = static_cast<std::uint32_t>(options_.size_bytes / header_.page_bytes - 1);
    header_.uuid = *uuid;
    header_.label = options_.label;
    auto file = kernel::NewSwapFile::create(folder_of(options_.path), kind);
    if (!file) return file;
    auto allocated =
        file->allocate(options_.size_bytes, [&](std::uint64_t) { return !context_.waiter.interrupted(); });
    if (!allocated) return tl::make_unexpected(allocated.error());
    if (auto finished = file->finish(header_); !finished) return tl::make_unexpected(finished.error());
    return file;
  }

  [[nodiscard]] std::string priority_text() const {
    return options_.priority ? fmt::format(", priority {}", *options_.priority) : "";
  }

  void print_made(const kernel::FilesystemKind& kind) {
    if (context_.json_errors) {
      view::JsonWriter json;
      json.begin_object();
      json.key("schema").string("isotach.swap.create.v1");
      json.key("path").string(options_.path);
      json.key("size_bytes").unsigned_integer(options_.size_bytes);
      json.key("uuid").string(kernel::uuid_text(header_.uuid));
      json.key("label").string(header_.label);
      json.key("filesystem").string(kind.name);
      json.key("on").boolean(options_.on);
      json.key("kept").boolean(options_.change.keep);
      json.key("at_every_start").boolean(options_.persist);
      json.end_object();
      context_.out.write(json.text() + '\n');
      return;
    }
    context_.out.write(fmt::format("made {}: {}, {}, UUID {}\n", printable(options_.path),
                                   format_bytes(static_cast<double>(options_.size_bytes)), method_text(kind),
                                   kernel::uuid_text(header_.uuid)));
    if (options_.on) context_.out.write(fmt::format("swapping to it is on{}\n", priority_text()));
    if (!options_.on && options_.change.keep)
      context_.out.write(fmt::format("to use it: isotach swap on {} --keep\n", printable(options_.path)));
    if (options_.persist)
      context_.out.write(fmt::format("{} switches it on at every start\n", printable(fstab_path())));
  }

  Context& context_;
  CreateOptions options_;
  kernel::SwapHeader header_;
};

int run_create(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  return Create(context, std::move(*options)).run();
}

}  // namespace

CommandSpec swap_create_command() {
  CommandSpec spec;
  spec.name = "swap create";
  spec.area = "memory";
  spec.summary = "make a swap file";
  spec.usages = {"isotach swap create [OPTIONS] PATH SIZE",
                 "isotach swap create [OPTIONS] PATH SIZE -- COMMAND [ARGUMENT...]"};
  spec.description =
      "Makes a file without holes that root alone may read, with the head of a swap area: no dd, chmod or "
      "mkswap is needed, and swapon(8) takes it. Blocks are preallocated where the kernel can swap to such "
      "blocks (ext4, xfs), preallocated and not copied on write on btrfs, and written elsewhere. tmpfs, "
      "overlay and network file systems are refused, with what to do instead.\n\n"
      "Nothing is overwritten but a swap file that is not in use; and some room stays free on the disk. The "
      "file has no name until it is complete.\n\n"
      "As every change, the file lasts as long as the command: until Ctrl-C, for the time of --for, or until "
      "COMMAND has ended. --keep lets it stay until the next start of the machine as to swapping, and for "
      "ever as to the file; --persist adds the line to /etc/fstab that switches it on at every start, and "
      "keeps the earlier content beside it.";
  spec.positionals = {{"PATH", "the file", "file"}, {"SIZE", "its size, such as 512Mi or 4Gi"}};
  spec.options = {
      {"--on", 0, "", "switch it on as well", "area"},
      priority_option(),
      {"--label", 'L', "NAME", "a label of at most 15 bytes, which LABEL=NAME in fstab finds", "area"},
      {"--persist", 0, "", "switch it on at every start, by a line in /etc/fstab; implies --keep", "changes"},
  };
  for (OptionSpec& option : change_options()) spec.options.push_back(std::move(option));
  spec.options.push_back({"--json", 'J', "", "print one JSON document", "output"});
  spec.takes_command = true;
  spec.examples = {
      {"isotach swap create /swapfile 4Gi --on --persist", "a swap file for good"},
      {"isotach swap create /fast.swap 1Gi --on -p 20 --keep", "one that is filled before those below 20"},
      {"isotach swap create /tmp.swap 2Gi --on -- make -j8", "more memory for one program"},
      {"isotach swap create /swapfile 4Gi --persist --dry-run", "what would be done"},
  };
  spec.run = run_create;
  return spec;
}

}  // namespace isotach::command
