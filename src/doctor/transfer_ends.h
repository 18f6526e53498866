// Which end of a watched connection sends, and which receives.
#pragma once

#include "network/connections/transfer_watch.h"

namespace isotach::doctor {

class TransferEnds {
 public:
  explicit TransferEnds(bool we_send) : we_send_(we_send) {}

  [[nodiscard]] bool we_send() const { return we_send_; }
  // Null where that end was not seen.
  [[nodiscard]] const kernel::SocketDetail* sender(const network::TransferMoment& moment) const {
    if (we_send_) return &moment.ours;
    return moment.theirs ? &*moment.theirs : nullptr;
  }
  [[nodiscard]] const kernel::SocketDetail* receiver(const network::TransferMoment& moment) const {
    return TransferEnds(!we_send_).sender(moment);
  }
  [[nodiscard]] kernel::Activity sender_activity(const network::TransferMoment& moment) const {
    return we_send_ ? moment.our_activity : moment.their_activity;
  }
  [[nodiscard]] kernel::Activity receiver_activity(const network::TransferMoment& moment) const {
    return TransferEnds(!we_send_).sender_activity(moment);
  }

 private:
  bool we_send_;
};

}  // namespace isotach::doctor
