// Late data judged: was it sent again, or was it overtaken on its way? And why was it sent again?
//
// A capture shows what passed, not what the sender thought. What is said here follows from what the sender
// could know when it sent: acknowledgements, SACK, and how long it had waited. Pure.
#pragma once

#include "network/connections/segment.h"
#include "network/connections/sent_record.h"
#include "network/connections/statistics.h"

namespace isotach::network {

// The segment fills a hole. True when it was sent after the segment above the hole, and so is the
// retransmission of one that was lost before it reached the capture; false when it was overtaken.
//
// Told by the IP id where the sender numbers its packets one after the other, else by the TCP timestamps, its
// own and the one that it echoes, else by time: a retransmission cannot come before the other side has told
// of the hole.
[[nodiscard]] bool sent_later(const Direction& me, const Direction& peer, const Placement& placement,
                              const SeenSegment& segment, std::int64_t handshake_ns);

// The segment filled a hole, and was sent_later().
void note_filler(Direction& me, const SentSegment& above, const SeenSegment& segment);

// The segment came late because others had overtaken it.
void note_overtaken(Direction& me, const SeenSegment& segment);

// The segment was entered as the next in order. True when its first transmission was lost before the capture
// all the same, with a hole that was filled just now: of the packets that the sender has numbered, one before
// the filler is missing, and it can only have been new data.
[[nodiscard]] bool was_sent_and_lost(Direction& me, const Direction& peer, const SeenSegment& segment,
                                     std::int64_t handshake_ns);

// The segment repeats what was seen. True when a filler was seen of it, and was sent after it: then this is
// the original, which its retransmission has overtaken. Told by IP ids and timestamps alone.
[[nodiscard]] bool is_late_original(Direction& me, const SeenSegment& segment);

// Why it was sent again. `end` is that of the segment, SYN and FIN included.
[[nodiscard]] Retransmission kind_of(Direction& me, const Direction& peer, const Placement& placement,
                                     const SeenSegment& segment, std::uint32_t end);

}  // namespace isotach::network
