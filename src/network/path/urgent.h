// While such an object lives its thread runs before all ordinary ones, where this process may ask for that: a
// sender that loses its processor in the middle of a stream has sent another stream, and an echo that waits
// for one is late. For threads that sleep most of the time.
#pragma once

#include <sched.h>

namespace isotach::path {

class Urgent {
 public:
  Urgent() {
    sched_param parameters{};
    before_ = ::sched_getscheduler(0);
    parameters.sched_priority = 1;
    changed_ = before_ >= 0 && ::sched_setscheduler(0, SCHED_RR, &parameters) == 0;
  }
  ~Urgent() {
    if (!changed_) return;
    const sched_param parameters{};
    ::sched_setscheduler(0, before_, &parameters);
  }
  Urgent(const Urgent&) = delete;
  Urgent& operator=(const Urgent&) = delete;

 private:
  int before_ = -1;
  bool changed_ = false;
};

}  // namespace isotach::path
