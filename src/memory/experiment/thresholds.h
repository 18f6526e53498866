// The bounds by which a memory curve is judged, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isotach::memory {

// Fewer samples, or less time, show no shape: at 100 samples a second a loader alone fills the first ten.
inline constexpr std::size_t kLeastSamples = 20;
inline constexpr std::int64_t kLeastDurationNs = 200'000'000;

// Growth below this is what an interpreter takes for itself: Python's own start reaches 10 to 14 MiB.
inline constexpr double kLeastGrowthBytes = 16.0 * 1024 * 1024;
// And below this share of the peak it changes nothing for the machine.
inline constexpr double kLeastGrowthShare = 0.1;

// A turn of the curve counts when it undoes this share of the whole range: noise of allocators and of the
// sampler stays far below, and a tooth that a person sees in the picture is above.
inline constexpr double kTurnShare = 0.2;

// "Gave it back": what remains of 1/5 is below the turn share, so that both agree.
inline constexpr double kReturnedShare = 0.8;
// "At once": free() of a large list takes tens of ms, and a noisy machine stretches it.
inline constexpr std::int64_t kAtOnceNs = 150'000'000;

// A start that takes less than this share of the run is a start; more is growth worth a name.
inline constexpr double kStartShare = 0.2;
// Level for this share of the run, up to its end: the growth is over.
inline constexpr double kLevelShare = 0.25;

// Two rises are two steps when this share of the run lies level between them: shorter breaks are a busy
// machine's.
inline constexpr double kStepPauseShare = 0.08;
inline constexpr double kStepShare = 0.15;  // of the range, for one step

// Repeated work that leaves something behind. Five similar steps with pauses for most of the time are no
// chance; a vector that doubles takes up to twice what it keeps, so that three times is more than building.
inline constexpr std::size_t kLeakSteps = 5;
inline constexpr double kLeakPauseShare = 0.5;
inline constexpr double kLeakChurn = 3;
inline constexpr double kRisingFloorShare = 0.25;  // of the range, over at least three teeth

// What the program itself said: cycle garbage, or free memory in its allocators, above this share of what
// is resident at its end.
inline constexpr double kLeastFactsBytes = 8.0 * 1024 * 1024;
inline constexpr double kFactsShare = 0.3;

// Experiments that use the same memory: peaks within this share of each other.
inline constexpr double kSameShare = 0.1;

}  // namespace isotach::memory
