// Where a rule starts to speak, and why there. All shares are 0..1.
#pragma once

namespace isotach::doctor {

// Memory. The kernel's own reserves and watermarks take about 1 to 3 %; below 10 % reclaim runs often,
// below 5 % a burst of allocations meets direct reclaim or the OOM killer.
inline constexpr double kMemoryAvailableLow = 0.10;
inline constexpr double kMemoryAvailableVeryLow = 0.05;
// Stalls shorter than 1 % of the time are noise: then little available memory is merely well used.
inline constexpr double kMemoryPressureFelt = 0.01;
// Tasks lose every tenth second: people notice. When all of them do, nothing gets done in that time.
inline constexpr double kMemoryPressureSome = 0.10;
inline constexpr double kMemoryPressureFull = 0.10;

// Swap. Pages moving both ways at once are wanted again soon after they were put away; 1 MiB/s of each
// is 256 pages a second, more than settling after start causes for long.
inline constexpr double kThrashingBytesPerSecond = 1048576;
inline constexpr double kThrashingPressureSome = 0.05;
inline constexpr double kThrashingPressureFull = 0.20;
// Where the kernel tells no pressure, only a plain flood counts.
inline constexpr double kThrashingBytesPerSecondAlone = 4 * 1048576;
// Program text and mapped files read again from disk, while tasks stall: thrashing without swap.
inline constexpr double kMajorFaultsPerSecond = 100;
inline constexpr double kSwapNearlyFull = 0.80;
inline constexpr double kSwapFull = 0.95;

// CPU. Pressure "some" of 50 % means that at any moment a runnable task waits with even odds.
inline constexpr double kCpuPressureSome = 0.50;
inline constexpr double kCpuBusySaturated = 0.90;
// Tasks running or ready for each CPU: with two, each gets half of what it asks for.
inline constexpr double kRunQueuePerCpu = 2;
// Time the hypervisor gave to others. 5 % is felt as jitter; at 20 % the host is oversold.
inline constexpr double kStealWarning = 0.05;
inline constexpr double kStealCritical = 0.20;
// iowait is idle time while a task waits for a disk; a fifth of all CPU time is work held up.
inline constexpr double kIowait = 0.20;

// Disks. With "some" at 40 % single tasks wait often, which a backup does too; "full" means that
// nothing else got done either.
inline constexpr double kIoPressureSome = 0.40;
inline constexpr double kIoPressureFullWarning = 0.20;
inline constexpr double kIoPressureFullCritical = 0.50;
// Busy alone says little about an SSD, which serves many requests at once; with 50 ms for a request
// even a spinning disk (about 10 ms) has a queue.
inline constexpr double kDiskBusy = 0.90;
inline constexpr double kDiskLatencyS = 0.050;
// The kernel throttles writers at 20 % of the available memory (vm.dirty_ratio); small machines
// reach shares quickly, so an amount that takes a disk seconds is needed too.
inline constexpr double kDirtyShareOfAvailable = 0.15;
inline constexpr double kDirtyBytes = 256.0 * 1048576;
inline constexpr double kWritebackBytes = 512.0 * 1048576;
inline constexpr double kWritebackIoPressureFull = 0.10;

// Network. TCP loses half of its speed to about 1e-4 of lost packets on long paths; single damaged
// packets happen on every cable, so ten in the time looked at are needed.
inline constexpr double kPacketsDamagedShare = 1e-4;
inline constexpr double kPacketsDamagedShareCritical = 1e-2;
inline constexpr double kPacketsDamagedAtLeast = 10;
// "Dropped" also counts packets of protocols nobody listens to, so it takes more of them.
inline constexpr double kPacketsDroppedShare = 1e-3;
inline constexpr double kPacketsDroppedAtLeast = 10;
// Since boot: what happened once may be repaired; it is told, not warned about.
inline constexpr double kSinceBootShare = 1e-3;
inline constexpr double kSinceBootAtLeast = 100;
inline constexpr double kSinceBootDroppedShare = 1e-2;
inline constexpr double kSinceBootDroppedAtLeast = 1000;
// Queues grow from about 85 % on.
inline constexpr double kLinkShareUsed = 0.85;
// 10 and 100 Mbit/s: two decades after gigabit became common this is mostly a damaged wire pair.
inline constexpr double kSlowLinkMbitS = 100;
// Collisions after the first 64 bytes happen on a rightly set half-duplex link never; one is enough.
inline constexpr double kLateCollisionsAtLeast = 1;
// Damaged frames that are also too short: pieces of frames, which a bad cable alone does not make.
inline constexpr double kRuntsAtLeast = 3;

// Protocols. One segment in a hundred sent again halves the rate of most transfers; single ones are usual on
// every path, and a machine that sends little has a few bad connections soon.
inline constexpr double kRetransmittedShare = 0.01;
inline constexpr double kRetransmittedShareCritical = 0.05;
inline constexpr double kRetransmittedAtLeast = 20;
// A listener that overflows turns clients away; one in the time looked at is one too many.
inline constexpr double kListenOverflowsAtLeast = 1;
inline constexpr double kListenOverflowsPerSecondCritical = 10;
inline constexpr double kListenOverflowsSinceBoot = 100;
inline constexpr double kSocketDropsAtLeast = 10;
// Packets are put together in full buffers now and then; many times a second the buffer is too small.
inline constexpr double kReceivePrunedPerSecond = 10;
inline constexpr double kDatagramsDroppedShare = 1e-3;
inline constexpr double kDatagramsDroppedAtLeast = 10;
inline constexpr double kSoftnetDropsAtLeast = 1;
// Squeezed: the budget of a round was spent while packets waited. It matters when it is the rule.
inline constexpr double kSqueezedPerSecond = 100;
inline constexpr double kTcpMemoryUsed = 0.90;
// A CPU that does nothing but packets drops them next.
inline constexpr double kSoftirqSaturated = 0.80;
inline constexpr double kConntrackUsed = 0.85;
inline constexpr double kConntrackFull = 0.97;

// Queues of this host. A queue discipline drops on purpose now and then (fq_codel does to keep delays short).
inline constexpr double kQdiscDroppedShare = 1e-3;
inline constexpr double kQdiscDroppedAtLeast = 10;
// A shaper that was over its limit so often holds traffic back all the time.
inline constexpr double kShapedPerSecond = 100;
// DNS. A page asks a dozen names; at 200 ms for each people wait for seconds.
inline constexpr double kNamesSlowMs = 200;
// A window of 1 MiB is enough for 100 Mbit/s over 80 ms; below, most long paths stay half empty.
inline constexpr double kBufferMostSmall = 1048576;

// KSM. The scanner compares or hashes roughly half a million pages a second on one core; asking for
// more keeps that core at 100 %.
inline constexpr double kKsmRunawayPagesPerSecond = 500000;

}  // namespace isotach::doctor
