// The processor that a thread with one flow, of transactions or of joined datagrams, runs on. Belongs to that
// thread, and ends with it.
//
// Who answers or receives tries the one where its packets come in (seat_trial.h). Who asks or sends stays
// where it began: otherwise the scheduler would move it away from an other end that has just come to it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "network/nettest/seat_trial.h"
#include "network/nettest/transfer.h"

namespace isotach::nettest {

// Those that this thread may use.
[[nodiscard]] std::vector<int> allowed_processors();

// Who asks for short turns gets them sooner: with others on the same processor a wake-up is late by a turn of
// ours and not by one of theirs (sched_setattr(2), for the usual policy since Linux 6.12; no privilege is
// needed).
void take_short_turns();

class Seat {
 public:
  explicit Seat(Transfer& transfer);

  // To be called often.
  void look() {
    if (!trial_ && !stays_) return;
    const std::int64_t now_ns = monotonic_ns();
    if (now_ns >= next_ns_) look_now(now_ns);
  }
  [[nodiscard]] bool follows() const { return trial_ && trial_->with_packets(); }

 private:
  void look_now(std::int64_t now_ns);
  void follow(std::int64_t now_ns, std::int64_t score);
  void stay(std::int64_t now_ns, std::uint64_t bytes);
  void sit(int processor);
  // -1: none have, or not where this thread may run.
  [[nodiscard]] int where_packets_come_in() const;

  Transfer& transfer_;
  std::vector<int> allowed_;
  std::optional<SeatTrial> trial_;
  std::int64_t next_ns_ = 0;
  int processor_ = -1;  // this one alone; -1: any that is allowed
  int moves_ = 0;
  // Of who stays.
  bool stays_ = false;
  std::int64_t from_ns_ = 0;
  std::uint64_t from_bytes_ = 0;
  double best_rate_ = 0;
  int bad_windows_ = 0;
};

}  // namespace isotach::nettest
