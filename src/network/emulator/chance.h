// Chance for the emulator: the same seed gives the same path on every machine and with every library.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace isotach::emulator {

// xorshift128+ (S. Vigna: Further scramblings of Marsaglia's xorshift generators), seeded by splitmix64.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
      mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
      word = mixed ^ (mixed >> 31);
    }
  }

  // Above 0 and below 1.
  double uniform() {
    constexpr double kScale = 1.0 / 9007199254740992.0;  // 2^-53
    return (static_cast<double>(next() >> 11) + 0.5) * kScale;
  }
  bool happens(double probability) { return probability > 0 && uniform() < probability; }
  double exponential(double mean) { return -mean * std::log(uniform()); }
  // Of shape 1.5: finite mean, infinite variance, as sizes of transfers are.
  double pareto(double mean) {
    constexpr double kShape = 1.5;
    return mean * (kShape - 1) / kShape / std::pow(uniform(), 1 / kShape);
  }

 private:
  std::uint64_t next() {
    std::uint64_t a = state_[0];
    const std::uint64_t b = state_[1];
    state_[0] = b;
    a ^= a << 23;
    state_[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return state_[1] + b;
  }

  std::array<std::uint64_t, 2> state_{};
};

}  // namespace isotach::emulator
