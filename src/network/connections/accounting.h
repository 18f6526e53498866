// Enters one segment into the statistics of its connection. Pure: no time, no input but the segment.
//
// What each statistic means is written in docs/tcptrace.md, beside what tcptrace makes of it.
#pragma once

#include "network/connections/connection.h"
#include "network/connections/observer.h"
#include "network/connections/segment.h"
#include "network/connections/sent_record.h"

namespace isotach::network {

// `side` is 0 when the segment goes from a to b. Says what the segment turned out to be.
SegmentVerdict account(Connection& connection, int side, Rules rules, const SeenSegment& segment);

// The same without the short way that plain segments may go (plain_segment.h).
SegmentVerdict account_fully(Connection& connection, int side, Rules rules, const SeenSegment& segment);

// The capture has ended at `end_ns`: silence until then counts as idle where nothing has closed the
// connection, and a window that is shut as shut.
void finish(Connection& connection, Rules rules, std::int64_t end_ns);

}  // namespace isotach::network
