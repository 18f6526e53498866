// isotach swap demo: swapping that can be watched, on a machine that stays responsive.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/context.h"
#include "command/plot_session.h"
#include "command/swap/commands.h"
#include "command/swap/demo_report.h"
#include "command/swap/demo_watch.h"
#include "command/swap/state.h"
#include "kernel/host.h"
#include "kernel/memory_groups.h"
#include "kernel/pagemap.h"
#include "kernel/swap_control.h"
#include "kernel/swap_file.h"
#include "memory/swap/drain_plan.h"
#include "view/plot/picture.h"

namespace isotach::command {
namespace {

constexpr std::uint64_t kMi = std::uint64_t{1} << 20;
constexpr std::uint64_t kDefaultBytes = 256 * kMi;
constexpr std::uint64_t kLeastBytes = 16 * kMi;
constexpr std::uint64_t kIdleBytes = 32 * kMi;
constexpr int kPictureWidth = 960, kPictureHeight = 640;
// Filled before every other area, so that what goes out goes there.
constexpr int kFirstPriority = 32767;

struct DemoOptions {
  std::uint64_t bytes = kDefaultBytes;
  std::uint64_t limit_bytes = 0;
  std::int64_t fill_ns = 4 * kNanosecondsPerSecond;
  std::int64_t rest_ns = kNanosecondsPerSecond;
  std::string method;
  std::string folder;  // of the temporary file; empty: found
  std::string report_path, svg_path, png_path;
  bool dry_run = false;
};

Result<std::uint64_t> size_option(const Arguments& arguments, const char* name, std::uint64_t otherwise) {
  const auto text = arguments.value(name);
  if (!text) return otherwise;
  const auto size = parse_size(*text);
  if (!size)
    return failure(ErrorKind::usage, "'" + printable(*text) + "' is no size", "write it as 256Mi or 1Gi");
  const std::uint64_t page = kernel::page_size_bytes();
  return *size / page * page;
}

Result<std::int64_t> time_option(const Arguments& arguments, const char* name, std::int64_t otherwise) {
  const auto text = arguments.value(name);
  if (!text) return otherwise;
  const auto time_ns = parse_duration_ns(*text);
  if (!time_ns || *time_ns > 3600 * kNanosecondsPerSecond)
    return failure(ErrorKind::usage, "'" + printable(*text) + "' is no time up to an hour",
                   "write it as 500ms or 4s");
  return *time_ns;
}

Result<DemoOptions> options_of(const Arguments& arguments) {
  DemoOptions options;
  const auto bytes = size_option(arguments, "--size", kDefaultBytes);
  if (!bytes) return tl::make_unexpected(bytes.error());
  options.bytes = *bytes;
  if (options.bytes < kLeastBytes)
    return failure(ErrorKind::usage, "a program of less than 16 MiB shows nothing", "give a larger --size");
  const auto limit = size_option(arguments, "--limit", options.bytes / 2);
  if (!limit) return tl::make_unexpected(limit.error());
  options.limit_bytes = *limit;
  if (options.limit_bytes >= options.bytes || options.limit_bytes < 8 * kMi)
    return failure(ErrorKind::usage, "--limit must be at least 8 MiB and less than --size",
                   "without it, half of the size");
  const auto fill = time_option(arguments, "--fill", options.fill_ns);
  const auto rest = time_option(arguments, "--rest", options.rest_ns);
  if (!fill) return tl::make_unexpected(fill.error());
  if (!rest) return tl::make_unexpected(rest.error());
  options.fill_ns = *fill;
  options.rest_ns = *rest;
  options.method = arguments.value("--method").value_or("auto");
  options.folder = arguments.value("--folder").value_or("");
  options.report_path = arguments.value("--report").value_or("");
  options.svg_path = arguments.value("--svg").value_or("");
  options.png_path = arguments.value("--png").value_or("");
  options.dry_run = arguments.has("--dry-run");
  for (const std::string* path : {&options.report_path, &options.svg_path, &options.png_path})
    if (!path->empty())
      if (auto writable = check_writable(*path); !writable) return tl::make_unexpected(writable.error());
  if (!options.png_path.empty() && !view::png_supported())
    return failure(ErrorKind::not_supported, "this isotach was built without PNG",
                   "write an SVG: --svg FILE");
  return options;
}

// Where a swap file can be made: the first of the usual places whose file system takes one.
Result<std::string> find_folder(const DemoOptions& options) {
  const std::vector<std::string> candidates = options.folder.empty()
                                                  ? std::vector<std::string>{"/var/tmp", "/var/lib", "/"}
                                                  : std::vector<std::string>{options.folder};
  std::string why;
  for (const std::string& folder : candidates) {
    const auto disk = kernel::filesystem_of(folder);
    if (!disk) {
      why = disk.error().message();
    } else if (disk->kind.method == kernel::SwapFileMethod::impossible) {
      why = fmt::format("{} is on {}: {}", folder, disk->kind.name, disk->kind.why_not);
    } else if (disk->free_bytes < 2 * options.bytes + 256 * kMi) {
      why = folder + " has too little room";
    } else {
      return folder;
    }
  }
  return failure(ErrorKind::failed, "there is no place for a swap file: " + printable(why),
                 "name a folder on a disk: --folder DIR");
}

class Demo {
 public:
  Demo(Context& context, DemoOptions options) : context_(context), options_(std::move(options)) {}

  int run() {
    if (auto prepared = prepare(); !prepared) return context_.report(prepared.error());
    auto begun = kernel::Transaction::begin({"swap demo", "swap", options_.dry_run});
    if (!begun) return context_.report(begun.error());
    transaction_ = std::move(*begun);
    if (auto changed = change_machine(); !changed) return end(context_.report(changed.error()));
    if (options_.dry_run) return show_plan(context_, *transaction_);
    if (!context_.json_errors)
      context_.note(fmt::format("a program takes {} and may hold {}; this takes about {}",
                                format_bytes(static_cast<double>(options_.bytes)),
                                format_bytes(static_cast<double>(options_.limit_bytes)),
                                format_duration_ns(static_cast<double>(expected_ns()))));
    auto record = watch_demo(context_, plan_);
    if (!record) return end(context_.report(record.error()));
    outcome_.plan = plan_;
    outcome_.record = std::move(*record);
    outcome_.host = kernel::read_host(kernel::SystemRoot()).name;
    outcome_.story =
        memory::tell_demo(outcome_.record.samples, outcome_.record.marks, kernel::page_size_bytes());
    return end(show());
  }

 private:
  // Everything that can be refused is refused before anything is changed.
  Result<void> prepare() {
    auto state = read_swap_state(kernel::SystemRoot());
    if (!state) return tl::make_unexpected(state.error());
    const kernel::MemoryReading& memory = state->memory;
    const std::uint64_t available = memory.number(kernel::MemoryField::available) * 1024;
    const std::uint64_t reserve = memory::default_reserve(memory.number(kernel::MemoryField::total) * 1024);
    if (available < options_.bytes + kIdleBytes + reserve)
      return failure(
          ErrorKind::failed,
          fmt::format("only {} of memory are available", format_bytes(static_cast<double>(available))),
          "give a smaller --size, or end what needs memory");
    const std::uint64_t swap_free = memory.number(kernel::MemoryField::swap_free) * 1024;
    needs_file_ = swap_free < options_.bytes + kIdleBytes;
    outcome_.swap_text = "the areas that are on";
    plan_.bytes = options_.bytes;
    plan_.limit_bytes = options_.limit_bytes;
    plan_.idle_bytes = kIdleBytes;
    plan_.fill_ns = options_.fill_ns;
    plan_.rest_ns = options_.rest_ns;
    return choose_method();
  }

  Result<void> choose_method() {
    if (options_.method == "advice") return {};
    hierarchy_ = kernel::find_memory_hierarchy(kernel::SystemRoot());
    std::optional<Error> why_not;
    if (!hierarchy_) {
      why_not = Error{ErrorKind::not_supported, 0, "no memory controller of control groups is mounted",
                      "isotach swap demo --method advice works without"};
    } else if (!options_.dry_run) {
      why_not = kernel::why_no_group(*hierarchy_);
    }
    if (!why_not) {
      plan_.group_folder = kernel::own_group_folder(*hierarchy_, fmt::format("isotach-demo-{}", ::getpid()));
      return {};
    }
    if (options_.method == "group") return tl::make_unexpected(std::move(*why_not));
    context_.note(why_not->message() + ": the program asks the kernel to page it out instead (madvise)");
    return {};
  }

  Result<void> change_machine() {
    if (needs_file_)
      if (auto made = make_swap(); !made) return made;
    if (plan_.group_folder.empty()) return {};
    // The idle program is in the group too.
    return transaction_->change(
        fmt::format("make the control group {} with room for {}", plan_.group_folder,
                    format_bytes(static_cast<double>(options_.limit_bytes))),
        {kernel::undo_made_folder(plan_.group_folder)},
        [&] { return kernel::make_limited_group(*hierarchy_, plan_.group_folder, options_.limit_bytes); });
  }

  Result<void> make_swap() {
    const auto folder = find_folder(options_);
    if (!folder) return tl::make_unexpected(folder.error());
    const std::uint64_t size = (options_.bytes + options_.bytes / 2 + 2 * kIdleBytes) / kMi * kMi;
    const std::string path =
        fmt::format("{}/isotach-demo-{}.swap", *folder == "/" ? "" : *folder, ::getpid());
    const std::string size_text = format_bytes(static_cast<double>(size));
    outcome_.swap_text = fmt::format("a temporary file of {}", size_text);
    dev_t device = 0;
    ino_t inode = 0;
    std::optional<kernel::NewSwapFile> file;
    if (!options_.dry_run) {
      auto made = make_file(*folder, size);
      if (!made) return tl::make_unexpected(made.error());
      file.emplace(std::move(*made));
      device = file->device();
      inode = file->inode();
    }
    auto named = transaction_->change("make the swap file " + path + ": " + size_text,
                                      {kernel::undo_created_file(path, device, inode)},
                                      [&] { return file->give_name(path); });
    if (!named) return named;
    return transaction_->change(fmt::format("switch on swapping to {}, priority {}", path, kFirstPriority),
                                {kernel::undo_swap_on(path)},
                                [&] { return kernel::swap_on(path, kFirstPriority); });
  }

  Result<kernel::NewSwapFile> make_file(const std::string& folder, std::uint64_t size) {
    const auto disk = kernel::filesystem_of(folder);
    if (!disk) return tl::make_unexpected(disk.error());
    kernel::SwapHeader header;
    header.page_bytes = static_cast<std::uint32_t>(kernel::page_size_bytes());
    header.last_page = static_cast<std::uint32_t>(size / header.page_bytes - 1);
    header.label = "isotach-demo";
    auto file = kernel::NewSwapFile::create(folder, disk->kind);
    if (!file) return file;
    auto allocated = file->allocate(size, [&](std::uint64_t) { return !context_.waiter.interrupted(); });
    if (!allocated) return tl::make_unexpected(allocated.error());
    if (auto finished = file->finish(header); !finished) return tl::make_unexpected(finished.error());
    return file;
  }

  // What goes out and comes back once more goes at the speed of a disk.
  [[nodiscard]] std::int64_t expected_ns() const {
    constexpr std::uint64_t kBytesPerSecond = 80 * kMi;
    const auto disk_s = static_cast<std::int64_t>(2 * options_.bytes / kBytesPerSecond);
    return options_.fill_ns + 2 * options_.rest_ns + disk_s * kNanosecondsPerSecond;
  }

  int show() {
    if (outcome_.record.samples.size() > 1) {
      print_demo(context_, outcome_);
      if (auto written = write_files(); !written) return context_.report(written.error());
    }
    if (outcome_.record.interrupted) {
      context_.note("cut short");
      return kExitCutShort;
    }
    const auto& program_end = outcome_.record.end;
    if (program_end && (program_end->by_signal || program_end->number != 0))
      return context_.report({ErrorKind::failed, 0,
                              program_end->by_signal ? "the program was killed before it was done"
                                                     : "the program could not do its work",
                              "give a smaller --size, or a larger --limit"});
    return kExitOk;
  }

  Result<void> write_files() {
    const auto write = [&](const std::string& path, const std::string& text) -> Result<void> {
      if (auto written = replace_file(path, text); !written) return written;
      context_.note("wrote " + printable(path));
      return {};
    };
    if (!options_.report_path.empty())
      if (auto written = write(options_.report_path, view::html_of(demo_report(outcome_))); !written)
        return written;
    if (options_.svg_path.empty() && options_.png_path.empty()) return {};
    const view::Figure figure = demo_figure(outcome_);
    if (!options_.svg_path.empty())
      if (auto written = write(options_.svg_path, view::svg_of(figure, kPictureWidth, kPictureHeight));
          !written)
        return written;
    if (options_.png_path.empty()) return {};
    const auto png = view::png_of(figure, kPictureWidth, kPictureHeight);
    if (!png) return tl::make_unexpected(png.error());
    return write(options_.png_path, *png);
  }

  int end(int code) {
    context_.out.flush();
    if (auto back = transaction_->put_back(); !back) return context_.report(back.error());
    return code;
  }

  Context& context_;
  DemoOptions options_;
  DemoPlan plan_;
  DemoOutcome outcome_;
  bool needs_file_ = false;
  std::optional<kernel::MemoryHierarchy> hierarchy_;
  std::unique_ptr<kernel::Transaction> transaction_;
};

int run_demo(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  return Demo(context, std::move(*options)).run();
}

}  // namespace

CommandSpec swap_demo_command() {
  CommandSpec spec;
  spec.name = "swap demo";
  spec.area = "memory";
  spec.summary = "watch swapping happen, on a machine that stays responsive";
  spec.usages = {"isotach swap demo [OPTIONS]"};
  spec.description =
      "Starts a program that takes more memory than it may hold, and shows what the kernel does: the first "
      "page that goes out, swap in use (vmstat's swpd), what is written and read back (so, si), why free "
      "memory stays where it is, and what is still in swap when the program has ended.\n\n"
      "Only that program runs short of memory: it is in a control group of its own with a limit (version 1: "
      "memory.limit_in_bytes; version 2: memory.high). Where no group can be made it asks the kernel to page "
      "it out (MADV_PAGEOUT). Meanwhile a probe measures how late a thread gets to run and how long 64 KiB "
      "of memory take. A second program in the group does nothing: its pages go out first, and stay out.\n\n"
      "Without enough swap a temporary file is made. All is put back at the end, also after kill -9.";
  spec.options = {
      {"--size", 0, "SIZE", "memory that the program takes, 256Mi without it", "program"},
      {"--limit", 0, "SIZE", "memory that it may hold, half of the size without it", "program"},
      {"--fill", 0, "TIME", "time in which it takes its memory, 4s without it", "program"},
      {"--rest", 0, "TIME", "time that it waits after that, and after reading all again, 1s without it",
       "program"},
      {"--method",
       0,
       "HOW",
       "what pushes its pages out; auto takes a group where it can",
       "program",
       {"auto", "group", "advice"}},
      {"--folder",
       0,
       "DIR",
       "where a temporary swap file is made, if one is needed",
       "program",
       {},
       "directory"},
      {"--report", 0, "FILE", "write a page with figures and text (HTML)", "output", {}, "file"},
      {"--svg", 0, "FILE", "write the figure as SVG", "output", {}, "file"},
      {"--png", 0, "FILE", "write the figure as PNG", "output", {}, "file"},
      {"--json", 'J', "", "print one JSON document", "output"},
      dry_run_option(),
  };
  spec.examples = {
      {"isotach swap demo", "256 MiB in room for 128 MiB"},
      {"isotach swap demo --size 1Gi --limit 256Mi --report swap.html", "more of it, with a page of figures"},
      {"isotach swap demo --dry-run", "what would be changed"},
  };
  spec.run = run_demo;
  return spec;
}

}  // namespace isotach::command
