// Where the rules about transfers start to speak, and why there: measured over 90 transfers of known cause
// on emulated paths, of 5 to 500 Mbit/s and 1 to 100 ms, with reno, cubic and bbr. All shares are 0..1.
#pragma once

namespace isotach::doctor {

// The receiver's queue: it stood at 0.37 to 0.63 of the buffer with slow readers, at 0 with all others.
inline constexpr double kReceiveQueueStands = 0.20;
inline constexpr double kReceiveMemoryFull = 0.60;
// With bbr a full window is counted as such for a third of the time.
inline constexpr double kWindowLimitedSome = 0.20;
// One that reads late held the sender for 0.19 of the time by the kernel's account, for nearly all of it by
// the late answers. Its window was less than half of what it had been.
inline constexpr double kWindowLimitedLittle = 0.10;
inline constexpr double kWindowOftenShrunk = 0.3;
// A window that is full and keeps its size is one of a buffer that is too small; one that shrinks and
// grows is one of a reader that does not read.
inline constexpr double kWindowSteady = 0.80;
inline constexpr double kWindowUsed = 0.60;
// Seen from the sender alone, a reader that reads slowly but evenly keeps a window full and steady too. But
// its answers come late: round trips were 0.43 to 7 times their least longer, of small windows at most 0.06;
// and each least round trip carried 0.89 and more of a small window, 0.04 to 0.77 of that of a slow reader.
inline constexpr double kWindowAnsweredLate = 0.25;
inline constexpr double kWindowAnsweredLateMs = 1;
inline constexpr double kWindowFilled = 0.85;
// A thread that computed at 8 of 10 looks has no time left.
inline constexpr double kThreadAlways = 0.80;
// The kernel wakes a writer when a third of the buffer is free.
inline constexpr double kBufferWritable = 0.55;
inline constexpr double kBufferFull = 0.90;
// A queue of three round trips holds the buffer, not the other way round.
inline constexpr double kQueueDeep = 3.0;
// Pacing: the flight is well below what window and congestion window allow, though data waits.
inline constexpr double kWindowSeldomFull = 0.30;
inline constexpr double kFlightHeldBack = 0.75;
inline constexpr double kPacingReached = 0.90;
// Loss: random loss of 0.04 % and more slowed reno and cubic; less was found at the ends of slow starts.
inline constexpr double kLossFelt = 0.0004;
inline constexpr double kQueueNone = 0.5;
// Around losses the round trips of policers were 0.08 to 0.21 times their least longer, those of queues that
// others fill in bursts 0.98 to 1.01.
inline constexpr double kQueueSome = 0.3;
inline constexpr double kQueueSomeMs = 10;
inline constexpr double kReorderedPerSecond = 20;
inline constexpr double kReorderedShare = 0.001;  // of all segments
inline constexpr double kDsackMany = 0.30;
// A transfer of its own fills a path steadily; where others send too, the rate varies.
inline constexpr double kRateSteady = 1.15;
// Payload is 0.93 to 0.97 of what a link carries.
inline constexpr double kPathFilled = 0.85;
inline constexpr double kPathShared = 0.70;
inline constexpr double kLinkFilled = 0.85;
// A queue that delays all else by a tenth of a second is felt in calls and on pages.
inline constexpr double kBloatMs = 100;
// A policer drops packets behind the first of a train that follow at the speed of the link.
inline constexpr double kBurstLost = 0.10;
inline constexpr double kBurstLostMore = 3;
// Random losses of 0.5 to 2 % were 0.94 to 0.96, those of policers 1.6 to 6.7, of queues that others fill 3
// to 13.
inline constexpr double kLossesInClumps = 1.45;
// Fewer losses say nothing of how they come.
inline constexpr double kLossesToJudge = 8;
// A narrow link was 0 to 0.05, one that others use at random 0.5 to 7.
inline constexpr double kUneven = 0.4;
// A busy machine looks late and makes deliveries seem uneven; the rates that TCP measures itself do not mind:
// 1.00 to 1.01 on a narrow link, 1.03 and more with others.
inline constexpr double kRateVaries = 1.02;
// A cause with less of the time than this is not worth an action.
inline constexpr double kShareTold = 0.10;

}  // namespace isotach::doctor
