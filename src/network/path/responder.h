// The server's end of path measurements: a thread for each client, which records probes and answers echoes.
// Bounded: few at a time, each ends with its connection, when it has been silent for long, or with the
// server.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <thread>

#include "base/fd.h"
#include "kernel/socket.h"

namespace isotach::path {

class Responders {
 public:
  Responders();
  ~Responders();  // ends and waits for all
  Responders(const Responders&) = delete;
  Responders& operator=(const Responders&) = delete;

  // Takes over a connection that began with a cookie of ours. Closes it where too many are there already.
  void start(Fd control);

  static constexpr std::size_t kMost = 16;

 private:
  struct Worker {
    std::thread thread;
    std::atomic<bool> ended{false};
  };
  void remove_ended();

  Fd stop_;
  std::list<Worker> workers_;
};

}  // namespace isotach::path
