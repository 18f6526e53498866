// Accepts connections and hands each to one of a fixed number of workers. What does not fit into the
// queue is told so and closed at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::view {

struct ListeningSocket {
  Fd fd;
  std::uint16_t port = 0;
  bool loopback = false;  // as the address resolved
};
// Fails with what is in the way: the port is in use, not permitted, the address is another machine's.
[[nodiscard]] Result<ListeningSocket> listen_on(const std::string& address, std::uint16_t port);

class Listener {
 public:
  // `serve` runs on a worker and closes the socket by letting go of it. `refuse` runs on the accepting
  // thread and must not wait.
  struct Callbacks {
    std::function<void(Fd)> serve;
    std::function<void(const Fd&)> refuse;
  };
  Listener(Fd listening, int worker_count, Callbacks callbacks);
  ~Listener();  // stops
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Shuts all connections down, so that waits on them end, and joins the threads.
  void stop();
  [[nodiscard]] bool stopping() const;
  // Whether connections wait for a worker.
  [[nodiscard]] bool crowded() const;

 private:
  static constexpr std::size_t kQueueLimit = 32;

  void accept_loop();
  void work_loop();

  Fd listening_;
  Fd wake_;  // an eventfd that becomes readable when the listener stops
  Callbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Fd> queue_;
  std::set<int> open_;  // sockets that workers hold
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace isotach::view
