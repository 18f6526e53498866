// The server that a debugger is connected to: one connection at a time, one thread.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <mutex>

#include "api/debugger/session.h"
#include "api/debugger/state.h"
#include "api/hooks.h"
#include "engine/os/private_fds.h"

namespace isotach::dbi::api {
namespace {

int listen_or_connect(const DebugOptions& options) {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  if (made < 0 || inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) return -1;
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (options.connects) return connect(made, where, sizeof address) == 0 ? made : -1;
  const int yes = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(made, where, sizeof address) != 0 || listen(made, 1) != 0) return -1;
  return made;
}

void serve_one(int connection, int wake) {
  const int yes = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  {
    const std::lock_guard<std::mutex> guard(debugger().mutex);
    debugger().is_connected = true;
  }
  debugger().changed.notify_all();
  Session(connection).run(wake);
  close(connection);
}

struct Ends {
  int socket, wake;
};

VOID serve(VOID* pointer) {
  const Ends ends = *static_cast<Ends*>(pointer);
  if (debug_options().connects) return serve_one(ends.socket, ends.wake);
  for (;;) {
    const int connection = accept4(ends.socket, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0 && errno != EINTR && errno != ECONNABORTED) return;
    if (connection >= 0) serve_one(make_private_fd(connection), ends.wake);
  }
}

}  // namespace

void start_debugger() {
  const DebugOptions& options = debug_options();
  if (!options.is_wanted) return;
  static Ends ends;
  ends.socket = listen_or_connect(options);
  int pipe_ends[2];
  if (ends.socket < 0 || pipe(pipe_ends) != 0) {
    std::fprintf(stderr, "pin: cannot %s %s:%u for a debugger: %s\n",
                 options.connects ? "connect to" : "listen at", options.host.c_str(), options.port,
                 std::strerror(errno));
    end_process(kToolFailed);
  }
  ends.wake = pipe_ends[0];
  DebuggerState& state = debugger();
  state.wake = pipe_ends[1];
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(ends.socket, reinterpret_cast<sockaddr*>(&address), &size);
  state.port = options.connects ? options.port : ntohs(address.sin_port);
  if (PIN_SpawnInternalThread(serve, &ends, 0, nullptr) == INVALID_THREADID) {
    std::fprintf(stderr, "pin: no thread can be made for a debugger\n");
    end_process(kToolFailed);
  }
  state.is_running = true;
  if (options.is_silent || options.connects) return;
  std::fprintf(stderr, "Start GDB, then issue this command at the (gdb) prompt:\n  target remote :%u\n",
               state.port);
}

}  // namespace isotach::dbi::api
