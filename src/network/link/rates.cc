#include "network/link/rates.h"

#include <algorithm>

#include "base/counter.h"

namespace isotach::network {

using kernel::LinkCounter;

std::optional<std::uint64_t> grown(const Link& before, const Link& now, LinkCounter counter) {
  if (!before.route.counters_told || !now.route.counters_told) return std::nullopt;
  return counter_growth(before.route[counter], now.route[counter]);
}

std::optional<std::uint64_t> grown(const Link& before, const Link& now, std::string_view statistic) {
  const auto value = [&](const Link& link) -> std::optional<std::uint64_t> {
    for (const kernel::NamedNumber& number : link.standard)
      if (number.name == statistic) return number.value;
    return std::nullopt;
  };
  const auto first = value(before);
  const auto second = value(now);
  return first && second ? counter_growth(*first, *second) : std::nullopt;
}

LinkRates rates_between(const LinkSnapshot& before, const LinkSnapshot& now, const Link& link) {
  LinkRates rates;
  const Link* earlier = find_same(before, link);
  const double seconds = static_cast<double>(now.time.monotonic_ns - before.time.monotonic_ns) / 1e9;
  if (earlier == nullptr || seconds <= 0) return rates;
  const auto rate = [&](LinkCounter counter, double scale) -> std::optional<double> {
    const auto growth = grown(*earlier, link, counter);
    if (!growth) return std::nullopt;
    return static_cast<double>(*growth) * scale / seconds;
  };
  rates.rx_bits_s = rate(LinkCounter::rx_bytes, 8);
  rates.tx_bits_s = rate(LinkCounter::tx_bytes, 8);
  rates.rx_packets_s = rate(LinkCounter::rx_packets, 1);
  rates.tx_packets_s = rate(LinkCounter::tx_packets, 1);
  if (!link.modes || !link.modes->speed_mbit_s || !rates.rx_bits_s || !rates.tx_bits_s) return rates;
  const double used = link.modes->duplex == kernel::Duplex::half
                          ? *rates.rx_bits_s + *rates.tx_bits_s
                          : std::max(*rates.rx_bits_s, *rates.tx_bits_s);
  rates.share = used / (*link.modes->speed_mbit_s * 1e6);
  return rates;
}

}  // namespace isotach::network
