// isotach internal-fill-memory: the program of isotach swap demo. Hidden: it is started by that command.
//
// It joins a control group, takes memory at an even pace, waits, and reads all of it again; or, where there
// is no group, asks the kernel to page it out. It says on standard output what it has done.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "command/context.h"
#include "command/swap/commands.h"
#include "kernel/attribute.h"
#include "kernel/pagemap.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kStepNs = 20'000'000;

struct FillOptions {
  std::uint64_t bytes = 0;
  std::string group_folder;          // empty: none
  std::int64_t fill_ns = 0;          // how long filling takes, at least
  std::int64_t rest_ns = 0;          // after filling, and after reading
  std::uint64_t page_out_bytes = 0;  // by madvise
  bool reads = false;
};

class Fill {
 public:
  Fill(Context& context, FillOptions options) : context_(context), options_(std::move(options)) {}

  int run() {
    if (!options_.group_folder.empty()) {
      const auto joined =
          kernel::write_attribute(options_.group_folder + "/cgroup.procs", std::to_string(::getpid()));
      if (!joined) return context_.report(joined.error());
    }
    void* const memory =
        ::mmap(nullptr, options_.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return context_.report({ErrorKind::failed, errno, "take memory", {}});
    bytes_ = static_cast<char*>(memory);
    // Huge pages would be split while they go out, which is another story.
    ::madvise(memory, options_.bytes, MADV_NOHUGEPAGE);
    say("started");
    if (!fill()) return kExitOk;
    say("filled");
    if (!page_out() || !rest(options_.rest_ns)) return kExitOk;
    if (options_.reads) {
      say("reading");
      read_again();
      say("read");
      if (!rest(options_.rest_ns)) return kExitOk;
    }
    return kExitOk;
  }

 private:
  void say(std::string_view word) {
    context_.out.write(std::string(word) + '\n');
    context_.out.flush();
  }

  // False when it is time to end.
  bool rest(std::int64_t time_ns) { return wait_until(context_.clock.now().monotonic_ns + time_ns); }

  bool wait_until(std::int64_t deadline_ns) {
    while (!context_.waiter.interrupted() && context_.clock.now().monotonic_ns < deadline_ns)
      static_cast<void>(context_.waiter.wait_until(deadline_ns));
    return !context_.waiter.interrupted();
  }

  // Pages of which about half can be compressed away, as those of most programs.
  void write_page(std::uint64_t offset) {
    auto* const words = reinterpret_cast<std::uint64_t*>(bytes_ + offset);
    const std::uint64_t count = kernel::page_size_bytes() / sizeof(std::uint64_t);
    for (std::uint64_t i = 0; i < count; ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      words[i] = i % 2 == 0 ? state_ : offset;
    }
  }

  bool fill() {
    const std::uint64_t page = kernel::page_size_bytes();
    const std::int64_t start_ns = context_.clock.now().monotonic_ns;
    std::uint64_t done = 0;
    for (std::int64_t step = 1; done < options_.bytes; ++step) {
      const double share = options_.fill_ns == 0
                               ? 1.0
                               : static_cast<double>(step * kStepNs) / static_cast<double>(options_.fill_ns);
      const auto wanted =
          static_cast<std::uint64_t>(std::min(share, 1.0) * static_cast<double>(options_.bytes));
      for (; done + page <= wanted; done += page) {
        write_page(done);
        if (context_.waiter.interrupted()) return false;
      }
      if (wanted >= options_.bytes) break;
      if (!wait_until(start_ns + step * kStepNs)) return false;
    }
    return true;
  }

  // In pieces, so that it can be watched.
  bool page_out() {
    const std::uint64_t piece = std::uint64_t{4} << 20;
    for (std::uint64_t at = 0; at < options_.page_out_bytes; at += piece) {
      const std::uint64_t length = std::min(piece, options_.page_out_bytes - at);
      ::madvise(bytes_ + at, length, MADV_PAGEOUT);
      if (!rest(kStepNs)) return false;
    }
    return true;
  }

  void read_again() {
    const std::uint64_t page = kernel::page_size_bytes();
    const volatile char* const bytes = bytes_;
    char sum = 0;
    for (std::uint64_t at = 0; at < options_.bytes && !context_.waiter.interrupted(); at += page)
      sum = static_cast<char>(sum + bytes[at]);
    state_ += static_cast<std::uint64_t>(sum);
  }

  Context& context_;
  FillOptions options_;
  char* bytes_ = nullptr;
  std::uint64_t state_ = 1;
};

int run_fill(Context& context, const Arguments& arguments) {
  FillOptions options;
  const auto number = [&](const char* name) {
    return parse_unsigned(arguments.value(name).value_or("0")).value_or(0);
  };
  options.bytes = number("--bytes");
  options.group_folder = arguments.value("--group").value_or("");
  options.fill_ns = static_cast<std::int64_t>(number("--fill-ns"));
  options.rest_ns = static_cast<std::int64_t>(number("--rest-ns"));
  options.page_out_bytes = std::min(number("--page-out-bytes"), options.bytes);
  options.reads = arguments.has("--read");
  return Fill(context, std::move(options)).run();
}

}  // namespace

CommandSpec internal_fill_memory_command() {
  CommandSpec spec;
  spec.name = "internal-fill-memory";
  spec.area = "memory";
  spec.summary = "the program that isotach swap demo watches";
  spec.usages = {"isotach internal-fill-memory --bytes N"};
  spec.description = "Started by isotach swap demo.";
  spec.hidden = true;
  spec.options = {{"--bytes", 0, "N", "memory to take", "program"},
                  {"--group", 0, "FOLDER", "control group to join first", "program"},
                  {"--fill-ns", 0, "N", "time to fill it in", "program"},
                  {"--rest-ns", 0, "N", "time to wait after filling and after reading", "program"},
                  {"--page-out-bytes", 0, "N", "memory to ask the kernel to page out", "program"},
                  {"--read", 0, "", "read all of it again", "program"}};
  spec.examples = {{"isotach internal-fill-memory --bytes 67108864", "takes 64 MiB and ends"}};
  spec.run = run_fill;
  return spec;
}

}  // namespace isotach::command
