// The threads that move a test's data: at most one for each processor, whatever the number of streams.
//
// One stream alone in its thread blocks in the kernel: nothing is as cheap. Several share a thread by epoll,
// registered once, edge-triggered. Threads look at TransferControl at least every 20 ms, never at a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {

struct CpuUse {
  std::int64_t user_ns = 0;
  std::int64_t system_ns = 0;

  CpuUse& operator+=(const CpuUse& other) {
    user_ns += other.user_ns;
    system_ns += other.system_ns;
    return *this;
  }
};

// Of the calling thread since its start.
[[nodiscard]] CpuUse thread_cpu();
[[nodiscard]] CpuUse process_cpu();

class Workers {
 public:
  // `notify_fd`: an eventfd that is written to when a thread ends or its senders have; not owned.
  explicit Workers(int notify_fd) : notify_fd_(notify_fd) {}
  ~Workers();  // stops and waits
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] TransferControl& control() { return control_; }
  void add(std::unique_ptr<Transfer> transfer) { transfers_.push_back(std::move(transfer)); }
  // `most_threads` 0: as many as there are processors.
  [[nodiscard]] Result<void> start(int most_threads);
  void stop_senders() { control_.stop_sending.store(true, std::memory_order_relaxed); }
  void stop() { control_.stop_all.store(true, std::memory_order_relaxed); }

  [[nodiscard]] bool senders_ended() const { return senders_left_.load(std::memory_order_acquire) == 0; }
  [[nodiscard]] bool ended() const { return threads_left_.load(std::memory_order_acquire) == 0; }
  // After stop(), or once ended().
  void join();

  [[nodiscard]] std::vector<std::unique_ptr<Transfer>>& transfers() { return transfers_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Transfer>>& transfers() const { return transfers_; }

  // After join().
  [[nodiscard]] CpuUse cpu() const;
  // Of all streams that send, or all that receive; nothing where they are not paced.
  [[nodiscard]] std::optional<DatagramTiming> timing(bool senders) const;
  // Share of its time, 0..1, that the busiest thread worked.
  [[nodiscard]] double busiest_thread() const;

 private:
  struct Worker {
    std::vector<Transfer*> transfers;
    std::thread thread;
    CpuUse cpu;
    std::int64_t wall_ns = 0;
  };

  void run(Worker& worker);
  void run_alone(Transfer& transfer);
  void run_many(Worker& worker);
  void spin(Transfer& transfer);
  void notify() const;
  [[nodiscard]] bool is_over(const Transfer& transfer) const;
  void ended_one(Transfer& transfer);

  int notify_fd_;
  TransferControl control_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<int> threads_left_{0};
  std::atomic<int> senders_left_{0};
};

}  // namespace isotach::nettest
