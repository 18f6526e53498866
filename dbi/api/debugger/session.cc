#include "api/debugger/session.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "api/debugger/state.h"
#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/engine.h"
#include "engine/dispatch/single_step.h"
#include "engine/dispatch/stop_threads.h"
#include "engine/instrument/counters.h"
#include "engine/os/raw_syscall.h"

namespace isotach::dbi::api {
namespace {

constexpr uint64_t kTrapFlag = 0x100;
constexpr size_t kMostMemory = 4096;
constexpr size_t kMostBreakpoints = 65536;
// Until all threads are asked once more to stop, where another stop was under way.
constexpr int kAskAgainMs = 10;
constexpr const char* kTarget =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
    "<target version=\"1.0\"><architecture>i386:x86-64</architecture></target>";

CONTEXT* as_context(ThreadContext& context) {
  return reinterpret_cast<CONTEXT*>(&context);
}

std::vector<ThreadContext*> all_threads() {
  Engine& engine = dbi::engine();
  Locked locked(engine.threads_lock);
  std::vector<ThreadContext*> all;
  for (ThreadContext* one = engine.threads; one != nullptr; one = one->next) {
    if (!one->is_process) all.push_back(one);
  }
  return all;
}

ThreadContext* thread_of(uint64_t kernel_id) {
  for (ThreadContext* one : all_threads()) {
    if (one->kernel_id == kernel_id) return one;
  }
  return nullptr;
}

std::string file_text(const char* path, size_t most) {
  std::string text;
  if (std::FILE* file = std::fopen(path, "r")) {
    text.resize(most);
    text.resize(std::fread(text.data(), 1, most, file));
    std::fclose(file);
  }
  return text;
}

}  // namespace

std::string thread_name(const ThreadContext& context) {
  char text[24];
  std::snprintf(text, sizeof text, "%lx", static_cast<unsigned long>(context.kernel_id));
  return text;
}

void Session::send(std::string_view payload) {
  last_ = packet_of(payload);
  send_raw(last_);
}

void Session::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      is_over_ = true;
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(done));
  }
}

void Session::interrupt() {
  DebuggerState& state = debugger();
  {
    // The program's first thread, or the one that ends it, is about to tell of itself.
    const std::lock_guard<std::mutex> guard(state.mutex);
    wants_stop_ = (!state.is_at_start || !debug_options().stops_at_entry) && state.end.empty();
  }
  if (!wants_stop_) return;
  const StopResult result = stop_other_threads(nullptr);
  if (result == StopResult::not_possible)
    fail("a debugger needs membarrier(2), which this kernel does not allow");
  // Another thread is about to tell of its own stop, or the tool has stopped them for itself.
  if (result != StopResult::stopped) return;
  wants_stop_ = false;
  settle_all_counters();
  const std::vector<ThreadContext*> all = all_threads();
  std::unique_lock<std::mutex> guard(state.mutex);
  if (!state.end.empty()) {
    guard.unlock();
    resume_other_threads();
    return;
  }
  state.current = all.empty() ? nullptr : all.back();
  state.reason = "T02";
  if (state.current != nullptr) state.reason += "thread:" + thread_name(*state.current) + ";";
  state.is_stopped = true;
}

// What the debugger does not know yet.
void Session::tell_stop() {
  DebuggerState& state = debugger();
  std::string console, reason;
  if (is_stopped_) return;
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    if (!state.is_stopped && state.end.empty()) return;
    console.swap(state.console);
    reason = state.is_stopped ? state.reason : state.end;
    selected_ = state.is_stopped ? state.current : nullptr;
    is_stopped_ = state.is_stopped;
  }
  wants_stop_ = false;
  if (!console.empty()) send("O" + to_hex(console + "\n"));
  send(reason);
  if (!is_stopped_) is_over_ = true;
}

void Session::resume_all() {
  DebuggerState& state = debugger();
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    state.is_stopped = false;
    for (auto& [thread, held] : state.held) held.may_go = true;
  }
  is_stopped_ = false;
  resume_other_threads();
  state.changed.notify_all();
}

// `only` steps, or everybody goes on.
void Session::go(ThreadContext* only, bool steps, int signal) {
  DebuggerState& state = debugger();
  if (signal != 0) {
    const std::lock_guard<std::mutex> guard(state.mutex);
    ThreadContext* const to = only != nullptr ? only : state.current;
    if (to != nullptr && state.held.count(to) != 0) state.held[to].signal = signal;
  }
  if (!steps || only == nullptr) {
    resume_all();
    return;
  }
  // A system call may need the others to end.
  uint8_t code[2] = {};
  PIN_SafeCopy(code, reinterpret_cast<const VOID*>(only->pc), sizeof code);
  const bool is_system_call = code[0] == 0x0f && code[1] == 0x05;
  bool is_held;
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    state.stepping = only;
    state.is_stopped = false;
    is_held = state.held.count(only) != 0;
    if (is_held) {
      state.held[only].steps = true;
      state.held[only].may_go = true;
    }
  }
  is_stopped_ = false;
  if (!is_held) set_trap_flag(*only, kTrapFlag);
  if (is_system_call) {
    resume_other_threads();
  } else {
    let_one_go_on(only);
  }
  state.changed.notify_all();
}

// vCont's actions: the first one that is for a thread that steps, or else all go on.
void Session::resume(std::string_view actions) {
  ThreadContext* stepping = nullptr;
  ThreadContext* signalled = nullptr;
  uint64_t signal = 0;
  while (take(actions, ";")) {
    const bool steps = take(actions, "s") || (!actions.empty() && actions[0] == 'S');
    uint64_t number = 0;
    if (take(actions, "S") || take(actions, "C")) {
      if (!take_number(actions, number)) break;
    } else if (!steps && !take(actions, "c")) {
      break;
    }
    uint64_t id = 0;
    ThreadContext* thread = debugger().current;
    if (take(actions, ":") && take_number(actions, id)) thread = thread_of(id);
    if (steps && stepping == nullptr) stepping = thread;
    if (number != 0) signal = number, signalled = thread;
  }
  go(stepping != nullptr ? stepping : signalled, stepping != nullptr, static_cast<int>(signal));
}

std::string Session::read_memory(std::string_view text) {
  uint64_t address = 0, size = 0;
  if (!take_number(text, address) || !take(text, ",") || !take_number(text, size)) return "E16";
  std::string bytes(std::min<uint64_t>(size, kMostMemory), '\0');
  bytes.resize(PIN_SafeCopy(bytes.data(), reinterpret_cast<const VOID*>(address), bytes.size()));
  return bytes.empty() && size != 0 ? "E0e" : to_hex(bytes);
}

std::string Session::write_memory(std::string_view text) {
  uint64_t address = 0, size = 0;
  std::string bytes;
  if (!take_number(text, address) || !take(text, ",") || !take_number(text, size) || !take(text, ":") ||
      !from_hex(text, bytes) || bytes.size() != size)
    return "E16";
  if (PIN_SafeCopy(reinterpret_cast<VOID*>(address), bytes.data(), bytes.size()) != bytes.size())
    return "E0e";
  forget_translations(address, address + bytes.size());
  return "OK";
}

std::string Session::change_breakpoint(std::string_view text, bool insert) {
  // Hardware breakpoints are as good; there are no watchpoints.
  if (!take(text, "0,") && !take(text, "1,")) return "";
  uint64_t address = 0, kind = 0;
  if (!take_number(text, address) || !take(text, ",") || !take_number(text, kind)) return "E16";
  DebuggerState& state = debugger();
  for (const DebuggerState::Handler& handler : state.handlers) {
    if (handler.function(address, static_cast<UINT>(kind), insert, handler.value)) return "OK";
  }
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    if (insert && state.breakpoints.size() >= kMostBreakpoints) return "E1c";
    if (insert) {
      state.breakpoints.insert(address);
    } else {
      state.breakpoints.erase(address);
    }
  }
  forget_translations(address, address + 1);
  return "OK";
}

std::string Session::change_registers(std::string_view text, bool all) {
  if (selected_ == nullptr) return "E03";
  std::string bytes;
  uint64_t number = 0;
  CONTEXT* const context = as_context(*selected_);
  if (!all && (!take_number(text, number) || !take(text, "="))) return "E16";
  if (!from_hex(text, bytes)) return "E16";
  if (!(all ? set_all_registers(context, bytes) : set_register(context, number, bytes))) return "E16";
  DebuggerState& state = debugger();
  const std::lock_guard<std::mutex> guard(state.mutex);
  const auto held = state.held.find(selected_);
  if (held != state.held.end()) held->second.was_changed = true;
  return "OK";
}

std::string Session::interpret(std::string_view hex) {
  std::string command, reply;
  if (!from_hex(hex, command) || selected_ == nullptr) return "E16";
  DebuggerState& state = debugger();
  for (const DebuggerState::Interpreter& one : state.interpreters) {
    const bool is_known = one.function(static_cast<THREADID>(selected_->thread_id), as_context(*selected_),
                                       command, &reply, one.value);
    if (!is_known) continue;
    const std::lock_guard<std::mutex> guard(state.mutex);
    const auto held = state.held.find(selected_);
    if (held != state.held.end()) held->second.was_changed = true;
    return reply.empty() ? "OK" : to_hex(reply);
  }
  return to_hex("The tool has no command '" + command + "'.\n");
}

void Session::transfer(std::string_view text) {
  std::string whole;
  if (take(text, "features:read:target.xml:")) {
    whole = kTarget;
  } else if (take(text, "auxv:read::")) {
    whole = file_text("/proc/self/auxv", 4096);
  } else if (take(text, "exec-file:read:")) {
    uint64_t process = 0;
    take_number(text, process);
    if (!take(text, ":")) return send("E16");
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    if (size > 0) whole.assign(path, static_cast<size_t>(size));
  } else {
    return send("");
  }
  uint64_t offset = 0, most = 0;
  if (!take_number(text, offset) || !take(text, ",") || !take_number(text, most)) return send("E16");
  if (offset >= whole.size()) return send("l");
  const std::string part = whole.substr(offset, std::min<uint64_t>(most, kMostMemory));
  send((offset + part.size() < whole.size() ? "m" : "l") + part);
}

void Session::query(std::string_view text) {
  if (take(text, "Supported")) {
    send(
        "PacketSize=2000;swbreak+;QStartNoAckMode+;vContSupported+;qXfer:features:read+;qXfer:auxv:read+;"
        "qXfer:exec-file:read+");
  } else if (take(text, "Xfer:")) {
    transfer(text);
  } else if (take(text, "fThreadInfo")) {
    std::string list = "m";
    for (const ThreadContext* one : all_threads()) list += (list.size() > 1 ? "," : "") + thread_name(*one);
    send(list.size() > 1 ? list : "l");
  } else if (take(text, "sThreadInfo")) {
    send("l");
  } else if (take(text, "Attached")) {
    send("1");
  } else if (text == "C") {
    send(selected_ != nullptr ? "QC" + thread_name(*selected_) : "");
  } else if (take(text, "Symbol")) {
    send("OK");
  } else if (take(text, "Rcmd,")) {
    send(interpret(text));
  } else {
    send("");
  }
}

void Session::leave() {
  DebuggerState& state = debugger();
  std::set<uint64_t> were;
  bool has_stopped;
  {
    const std::lock_guard<std::mutex> guard(state.mutex);
    were.swap(state.breakpoints);
    has_stopped = state.is_stopped || state.stepping != nullptr;
    state.stepping = nullptr;
    state.is_connected = false;
  }
  for (const uint64_t address : were) forget_translations(address, address + 1);
  if (has_stopped) resume_all();
  state.changed.notify_all();
}

void Session::handle(const std::string& payload) {
  std::string_view text = payload;
  if (text.empty()) return send("");
  const char command = text[0];
  text.remove_prefix(1);
  uint64_t id = 0;
  switch (command) {
    case '?':
      is_stopped_ = false;
      return tell_stop();
    case 'q':
      return query(text);
    case 'Q':
      if (text != "StartNoAckMode") return send("");
      send("OK");
      acknowledges_ = false;
      return;
    case 'g':
      return send(selected_ != nullptr ? to_hex(all_registers(as_context(*selected_))) : "E03");
    case 'G':
      return send(change_registers(text, true));
    case 'P':
      return send(change_registers(text, false));
    case 'm':
      return send(read_memory(text));
    case 'M':
      return send(write_memory(text));
    case 'Z':
    case 'z':
      return send(change_breakpoint(text, command == 'Z'));
    case 'H': {
      const bool is_general = take(text, "g");
      if (is_general && take_number(text, id) && id != 0) {
        ThreadContext* const thread = thread_of(id);
        if (thread == nullptr) return send("E03");
        selected_ = thread;
      }
      return send("OK");
    }
    case 'T':
      return send(take_number(text, id) && thread_of(id) != nullptr ? "OK" : "E03");
    case 'c':
      return resume(";c");
    case 's':
      return resume(";s");
    case 'C':
      return resume(";C" + std::string(text));
    case 'v':
      if (text == "Cont?") return send("vCont;c;C;s;S");
      if (take(text, "Cont")) return resume(text);
      if (take(text, "Kill")) {
        send("OK");
        end_process(kToolFailed);
      }
      return send("");
    case 'D':
      // Before the program goes on, and perhaps ends.
      send("OK");
      leave();
      is_over_ = true;
      return;
    case 'k':
      end_process(kToolFailed);
    default:
      return send("");
  }
}

// A debugger expects a program that is stopped. False: the debugger has gone.
bool Session::wait_for_stop(int wake) {
  for (;;) {
    interrupt();
    {
      const std::lock_guard<std::mutex> guard(debugger().mutex);
      is_stopped_ = debugger().is_stopped;
      selected_ = debugger().current;
      if (is_stopped_) wants_stop_ = false;
      if (is_stopped_ || !debugger().end.empty()) return true;
    }
    pollfd both[2] = {{connection_, POLLRDHUP, 0}, {wake, POLLIN, 0}};
    if (poll(both, 2, wants_stop_ ? kAskAgainMs : -1) < 0 && errno != EINTR) return false;
    if (both[0].revents != 0) return false;
    char bytes[64];
    if ((both[1].revents & POLLIN) != 0 && read(wake, bytes, sizeof bytes) < 0 && errno != EINTR)
      return false;
  }
}

// Tells of stops meanwhile. False: the debugger has gone.
bool Session::wait_for_bytes(int wake) {
  char bytes[4096];
  for (;;) {
    if (wants_stop_ && !is_stopped_) interrupt();
    tell_stop();
    if (is_over_) return false;
    pollfd both[2] = {{connection_, POLLIN, 0}, {wake, POLLIN, 0}};
    if (poll(both, 2, wants_stop_ && !is_stopped_ ? kAskAgainMs : -1) < 0 && errno != EINTR) return false;
    if ((both[1].revents & POLLIN) != 0 && read(wake, bytes, sizeof bytes) < 0 && errno != EINTR)
      return false;
    if ((both[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t got = recv(connection_, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) reader_.add({bytes, static_cast<size_t>(got)});
    return got > 0;
  }
}

void Session::run(int wake) {
  is_over_ = !wait_for_stop(wake);
  std::string payload;
  while (!is_over_ && wait_for_bytes(wake)) {
    for (Kind kind = reader_.next(payload); kind != Kind::none && !is_over_; kind = reader_.next(payload)) {
      if (kind == Kind::again) send_raw(last_);
      if (kind == Kind::damaged) send_raw("-");
      if (kind == Kind::interruption && !is_stopped_) {
        interrupt();
        tell_stop();
      }
      if (kind != Kind::packet) continue;
      if (acknowledges_) send_raw("+");
      // While the program runs there is nothing to ask.
      if (is_stopped_ || payload[0] == 'q' || payload[0] == 'Q') handle(payload);
    }
  }
  leave();
}

}  // namespace isotach::dbi::api
