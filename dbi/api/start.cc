// Loading the tool; how the API reaches the engine.
#include "api/start.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <immintrin.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "api/code_cache.h"
#include "api/debugger/debugger.h"
#include "api/events.h"
#include "api/hooks.h"
#include "api/images_api.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/threads.h"
#include "engine/os/private_fds.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi::api {
namespace {

struct Started {
  ToolCommand command;
  std::string full_path;
  std::string arguments_text;
  ThreadContext* context = nullptr;
  void* handle = nullptr;
  std::vector<std::string> words;
  std::vector<char*> argv;
  bool is_probed = false;
};
Started& started() {
  static auto* the_one = new Started;
  return *the_one;
}

// How often the calling thread holds the engine's lock.
thread_local unsigned lock_depth = 0;

[[noreturn]] void refuse(const std::string& why) {
  std::fflush(stdout);
  std::fprintf(stderr, "pin: %s\n", why.c_str());
  end_process(kToolFailed);
}

// A tool whose structures are of another version would run, and be wrong. Looked for before it is loaded: its
// constructors run while it is.
void check_version(const std::string& path, size_t size) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || size == 0) return;  // the dynamic linker says why
  void* const bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (bytes == MAP_FAILED) return;
  const std::string_view text(static_cast<const char*>(bytes), size);
  constexpr std::string_view kMark = ISOTACH_KIT_MARK;
  std::string version;
  if (const size_t at = text.find(kMark); at != std::string_view::npos) {
    const std::string_view rest = text.substr(at + kMark.size(), 12);
    version = rest.substr(0, rest.find(';'));
  }
  munmap(bytes, size);
  // Without a mark it is of another kit, and asks for functions that the dynamic linker does not find.
  if (version.empty() || version == ISOTACH_TEXT(ISOTACH_KIT_VERSION)) return;
  refuse("the tool " + path + " was built for version " + version +
         " of the kit, this is version " ISOTACH_TEXT(
             ISOTACH_KIT_VERSION) "; build it again with PIN_ROOT set to the folder of this pin");
}

// Says what is wrong before the dynamic linker does in its words.
void check_tool(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    refuse("there is no tool " + path + "; after -t comes the path of a .so");
  if (S_ISDIR(status.st_mode)) refuse(path + " is a folder, not a tool; after -t comes the path of a .so");
  check_version(path, static_cast<size_t>(status.st_size));
}

std::string load_error(const std::string& path, const char* detail) {
  std::string text = "cannot load the tool " + path + ": " + (detail != nullptr ? detail : "unknown error");
  if (detail != nullptr && std::string(detail).find("undefined symbol") != std::string::npos) {
    text +=
        "\n     (a function of the API that this engine does not have, or a library that the tool was not "
        "linked with)";
  }
  return text;
}

// Programs close their standard output and error before they end (coreutils do), when tools still want to
// write. So the tool's stdio has descriptors of its own.
void keep_standard_streams() {
  for (std::FILE* stream : {stdout, stderr}) {
    const int own = dup(fileno(stream));  // while low numbers are shielded: a private one
    if (own >= 0) stream->_fileno = own;
  }
}

}  // namespace

void end_process(int code) {
  std::fflush(nullptr);
  for (;;) raw_syscall(SYS_exit_group, static_cast<uint64_t>(code));
}

ThreadContext* this_thread() {
  return reinterpret_cast<ThreadContext*>(_readgsbase_u64());
}

ThreadContext* thread_by_number(uint32_t number) {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  for (ThreadContext* one = engine.threads; one != nullptr; one = one->next) {
    if (one->thread_id == number) return one;
  }
  return nullptr;
}

void forget_translations(uint64_t low, uint64_t high) {
  lock_client();
  dbi::engine().cache.flush(low, high);
  if (low == 0 && high == ~uint64_t{0}) cache_flushed();
  unlock_client();
}

void lock_client() {
  if (lock_depth++ == 0) dbi::engine().lock.lock();
}
void unlock_client() {
  if (lock_depth == 0) return;
  if (--lock_depth == 0) dbi::engine().lock.unlock();
}

bool holds_client_lock() {
  return lock_depth != 0;
}

unsigned leave_client_lock() {
  const unsigned depth = lock_depth;
  while (lock_depth != 0) unlock_client();
  return depth;
}
void enter_client_lock(unsigned depth) {
  while (lock_depth < depth) lock_client();
}

void go_on_at(ThreadContext& context) {
  while (lock_depth != 0) unlock_client();
  context.version = 0;
  resume_at_pc(context);
  asm volatile(
      "mov %0, %%rsp\n\t"
      "jmp isotach_enter_begin"
      :
      : "r"(context.host_rsp), "D"(&context)
      : "memory");
  __builtin_unreachable();
}

bool tool_is_loaded() {
  return started().handle != nullptr;
}

// Runs the destructors of the tool's globals, as the end of a process does; only when no other thread of the
// program can still be in the tool.
void end_tool(bool others_wait) {
  Started& s = started();
  bool alone = others_wait;
  if (!alone) {
    Locked locked(dbi::engine().threads_lock);
    alone = dbi::engine().threads == nullptr || dbi::engine().threads->next == nullptr;
  }
  if (alone && s.handle != nullptr) {
    dlclose(s.handle);
    s.handle = nullptr;
  }
  std::fflush(nullptr);
}

namespace {

void instrument_locked(ThreadContext& context, TracePlan& plan) {
  ++lock_depth;  // the caller holds the lock
  instrument(context, plan);
  --lock_depth;
}

void inserted_locked(TracePlan& plan, const Unit& unit) {
  ++lock_depth;
  trace_inserted(plan, unit);
  --lock_depth;
}

void flushed_locked() {
  ++lock_depth;
  cache_flushed();
  --lock_depth;
}

}  // namespace

void run_tool(ThreadContext& context, const ToolCommand& command) {
  Started& s = started();
  s.command = command;
  s.context = &context;
  DebugOptions& debug = debug_options();
  debug.is_wanted = command.debugs;
  debug.stops_at_entry = command.debugs_from_start;
  debug.is_silent = command.debugs_silently;
  debug.port = command.debug_port;
  check_tool(command.tool);
  char resolved[PATH_MAX];
  s.full_path = realpath(command.tool.c_str(), resolved) != nullptr ? resolved : command.tool;
  shield_low_fds();
  keep_standard_streams();
  s.handle = dlopen(s.full_path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (s.handle == nullptr) refuse(load_error(command.tool, dlerror()));
  using Main = int (*)(int, char**, char**);
  auto* tool_main = reinterpret_cast<Main>(dlsym(s.handle, "main"));
  // Found in this program instead: the tool has none.
  Dl_info info{};
  if (tool_main != nullptr && dladdr(reinterpret_cast<void*>(tool_main), &info) != 0 &&
      info.dli_fname != nullptr && s.full_path != info.dli_fname) {
    tool_main = nullptr;
  }
  if (tool_main == nullptr) refuse(command.tool + " is no tool: it has no function main");
  s.words = {"pin", "-t", command.tool};
  s.words.insert(s.words.end(), command.arguments.begin(), command.arguments.end());
  for (const std::string& word : command.arguments)
    s.arguments_text += (s.arguments_text.empty() ? "" : " ") + word;
  s.words.emplace_back("--");
  s.words.insert(s.words.end(), command.program.begin(), command.program.end());
  for (std::string& word : s.words) s.argv.push_back(word.data());
  s.argv.push_back(nullptr);
  std::exit(tool_main(static_cast<int>(s.words.size()), s.argv.data(), environ));
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

BOOL PIN_Init(INT32 argc, CHAR** argv) {
  std::vector<std::string> words;
  INT32 i = 1;
  while (i < argc && std::string(argv[i]) != "-t") ++i;
  for (i += 2; i < argc && std::string(argv[i]) != "--"; ++i) words.emplace_back(argv[i]);
  for (const std::string& word : words) {
    if (word == "-h" || word == "-help" || word == "--help") {
      if (KNOB_BASE::ParseCommandLine({word}).empty()) break;  // a switch of the tool's own
      return TRUE;
    }
  }
  const std::string wrong = KNOB_BASE::ParseCommandLine(words);
  if (wrong.empty()) return FALSE;
  std::fprintf(stderr, "pin: %s\n", wrong.c_str());
  return TRUE;
}

VOID PIN_StartProgram() {
  Started& s = started();
  if (s.context == nullptr || this_thread() != s.context)
    fail("PIN_StartProgram is called from another thread");
  isotach::dbi::engine().translator.options().instrumenter = instrument_locked;
  if (wants_inserted_traces()) isotach::dbi::engine().translator.options().inserted = inserted_locked;
  isotach::dbi::engine().events.cache_flushed = flushed_locked;
  listen_to_engine();
  unshield_low_fds();
  lock_client();
  if (s.command.attaches) {
    start_images_attached(s.command.entry);
  } else {
    start_images(s.command.entry, s.command.interpreter);
  }
  cache_begins();
  unlock_client();
  start_debugger();
  program_starts(*s.context, s.command.attaches);
  s.command.run(*s.context);
  __builtin_unreachable();
}

UINT32 PIN_GetInitialThreadCount() {
  return started().command.threads;
}
VOID PIN_StartProgramProbed() {
  started().is_probed = true;
  PIN_StartProgram();
}
BOOL PIN_IsProbeMode() {
  return started().is_probed;
}
BOOL PIN_IsAttaching() {
  return started().command.attaches;
}
const CHAR* PIN_ToolFullPath() {
  return started().full_path.c_str();
}
const CHAR* PIN_VmFullPath() {
  static char path[PATH_MAX];
  if (path[0] == '\0') {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&PIN_VmFullPath), &info) != 0 && info.dli_fname != nullptr) {
      std::snprintf(path, sizeof path, "%s", info.dli_fname);
    }
  }
  return path;
}
const CHAR* PIN_ToolArgs() {
  return started().arguments_text.c_str();
}
const CHAR* PIN_Version() {
  return "Isotach's engine, API of Pin 3.31";
}

}  // namespace LEVEL_BASE
