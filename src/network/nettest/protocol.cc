#include "network/nettest/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace isotach::nettest {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

constexpr std::pair<int, std::string_view> kErrors[] = {
    {kErrorDuration, "the duration is too long"},
    {kErrorStreams, "too many parallel streams"},
    {kErrorBlockSize, "the length of writes is out of range"},
    {kErrorBufferSize, "the socket buffer is too large"},
    {9, "the interval is out of range"},
    {kErrorMss, "the MSS is out of range"},
    {kErrorOmit, "the omitted time is too long"},
    {kErrorBurst, "the burst is too long"},
    {kErrorUdpBlockSize, "the datagrams are too small or too large"},
    {kErrorTos, "the type of service is out of range"},
    {kErrorUnsupported, "it lacks what was asked for"},
    {27, "the total rate is above its limit"},
    {37, "the duration is above its limit"},
    {kErrorParameters, "it could not read the parameters"},
    {kErrorResults, "it could not read the results"},
    {141, "its socket buffers cannot be that large; raise net.core.rmem_max and wmem_max there"},
    {kErrorNotAllowed, "it does not accept the user name and password"},
    {kErrorStreamLimit, "it has no room for these streams"},
};

}  // namespace

Cookie make_cookie(const std::array<std::uint8_t, kCookieBytes - 1>& random) {
  Cookie cookie{};
  for (std::size_t i = 0; i < random.size(); ++i) cookie[i] = kAlphabet[random[i] % kAlphabet.size()];
  return cookie;
}

std::optional<Cookie> read_cookie(std::string_view bytes) {
  if (bytes.size() != kCookieBytes || bytes.back() != '\0') return std::nullopt;
  for (const char c : bytes.substr(0, kCookieBytes - 1))
    if (c <= ' ' || c > '~') return std::nullopt;
  Cookie cookie{};
  std::copy(bytes.begin(), bytes.end(), cookie.begin());
  return cookie;
}

std::string_view cookie_text(const Cookie& cookie) {
  return {cookie.data(), kCookieBytes - 1};
}

std::string be32(std::uint32_t value) {
  std::string out(4, '\0');
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (24 - 8 * i));
  return out;
}

std::uint32_t read_be32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string framed(std::string_view json) {
  return be32(static_cast<std::uint32_t>(json.size())) + std::string(json);
}

std::string server_error_text(std::int32_t number, std::int32_t errno_value) {
  std::string text = fmt::format("error {} of iperf3", number);
  for (const auto& [known, meaning] : kErrors)
    if (known == number) text = meaning;
  if (errno_value > 0) text += fmt::format(" ({})", std::strerror(errno_value));
  return text;
}

}  // namespace isotach::nettest
