// isotach internal-hold-pages: the program that isotach ksm demo starts. It maps equal pages, fills them,
// offers them to ksmd and holds them, and says when. Hidden: nobody else needs it.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/commands.h"

namespace isotach::command {
namespace {

// Not 0: empty pages can be replaced by the zero page instead of being merged.
constexpr int kFill = 0x5a;

void say(Context& context, const char* what) {
  context.out.write(fmt::format("{} {}\n", what, context.clock.now().monotonic_ns));
  context.out.flush();
}

int run_hold_pages(Context& context, const Arguments& arguments) {
  const auto pages = parse_count(arguments.value("--pages").value_or(""), "number of pages");
  if (!pages) return context.report(pages.error());
  const auto hold_ns = parse_duration_ns(arguments.value("--hold").value_or("10"));
  if (!hold_ns) return context.report(hold_ns.error());
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t size = static_cast<std::size_t>(*pages) * page;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    const int failed = errno;
    return context.report(Error{ErrorKind::failed, failed, "map memory", {}});
  }
  say(context, "mapped");
  std::memset(memory, kFill, size);
  say(context, "filled");
  // Offered only now: pages that ksmd finds while they are filled are merged in the next moment, and the
  // scan that only notes checksums could not be told from the one that merges.
  if (::madvise(memory, size, MADV_MERGEABLE) != 0) {
    const int failed = errno;
    return context.report(Error{ErrorKind::failed, failed, "offer memory to KSM", {}});
  }
  say(context, "offered");

  const std::int64_t deadline_ns = context.clock.now().monotonic_ns + *hold_ns;
  while (!context.waiter.interrupted() && context.clock.now().monotonic_ns < deadline_ns)
    static_cast<void>(context.waiter.wait_until(deadline_ns));
  if (arguments.has("--write")) {
    // The kernel gives each page its own memory again.
    say(context, "writing");
    auto* bytes = static_cast<volatile char*>(memory);
    for (std::size_t at = 0; at < size; at += page) bytes[at] = 1;
    say(context, "written");
  }
  say(context, "unmapping");
  ::munmap(memory, size);
  return kExitOk;
}

}  // namespace

CommandSpec hold_pages_command() {
  CommandSpec spec;
  spec.name = "internal-hold-pages";
  spec.area = "memory";
  spec.summary = "hold equal pages for isotach ksm demo";
  spec.usages = {"isotach internal-hold-pages --pages N [--hold TIME] [--write]"};
  spec.description = "Maps N pages, fills them with one value, offers them to KSM and holds them.";
  spec.options = {{"--pages", 0, "N", "how many", "what to hold"},
                  {"--hold", 0, "TIME", "how long; SIGTERM ends it earlier", "what to hold"},
                  {"--write", 0, "", "write to every page at the end", "what to hold"}};
  spec.examples = {
      {"isotach internal-hold-pages --pages 1000", "hold 1000 pages for 10 s"},
      {"isotach internal-hold-pages --pages 1000 --hold 1 --write", "and write to them at the end"}};
  spec.hidden = true;
  spec.run = run_hold_pages;
  return spec;
}

}  // namespace isotach::command
