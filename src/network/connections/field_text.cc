#include "network/connections/field_text.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/number_text.h"
#include "network/connections/field_list.h"

namespace isotach::network {
namespace {

using field_list::kFieldCount;
using field_list::kFields;

char* write(char* at, field_list::Count count) {
  return count.is_there ? write_unsigned(at, count.number) : at;
}
char* write(char* at, const field_list::Rounded& rounded) {
  using Kind = field_list::Rounded::Kind;
  if (rounded.kind == Kind::none) return at;
  return rounded.kind == Kind::whole ? write_real(at, rounded.number)
                                     : write_millionths(at, rounded.millionths);
}
char* write(char* at, field_list::Seconds seconds) {
  return seconds.is_there ? write_billionths(at, seconds.ns) : at;
}
char* write(char* at, field_list::Pair pair) {
  at = write_unsigned(at, pair.one);
  *at++ = '/';
  return write_unsigned(at, pair.two);
}
char* write(char* at, field_list::Letters letters) {
  for (const char* text : {letters.one, letters.two})
    while (*text != '\0') *at++ = *text++;
  return at;
}

template <std::size_t kIndex>
char* write_both(char* at, const Connection& one) {
  const auto& field = std::get<kIndex>(kFields);
  at = write(at, field.value(one, one.a()));
  *at++ = ',';
  at = write(at, field.value(one, one.b()));
  *at++ = ',';
  return at;
}

template <std::size_t... kIndex>
constexpr auto are_of_troubles(std::index_sequence<kIndex...> /*all*/) {
  return std::array{std::get<kIndex>(kFields).of_troubles...};
}
constexpr auto kOfTroubles = are_of_troubles(std::make_index_sequence<kFieldCount>());

// Where the fields end that are alike from `begin` on: all of them follow from troubles, or none does.
constexpr std::size_t end_of_run(std::size_t begin) {
  std::size_t end = begin;
  while (end < kFieldCount && kOfTroubles[end] == kOfTroubles[begin]) ++end;
  return end;
}

template <std::size_t kBegin, std::size_t... kOffset>
char* write_run(char* at, const Connection& one, std::index_sequence<kOffset...> /*run*/) {
  ((at = write_both<kBegin + kOffset>(at, one)), ...);
  return at;
}

// What a run is where neither side had any trouble, which is so with nearly all.
template <std::size_t kBegin>
const std::string& untroubled_run() {
  static const std::string kText = [] {
    constexpr std::size_t kSize = end_of_run(kBegin) - kBegin;
    std::array<char, kSize * 2 * (kLongestNumber + 1)> text;
    return std::string(text.data(),
                       write_run<kBegin>(text.data(), Connection(), std::make_index_sequence<kSize>()));
  }();
  return kText;
}

template <std::size_t kBegin>
[[gnu::always_inline]] inline char* write_from(char* at, const Connection& one, bool untroubled) {
  if constexpr (kBegin == kFieldCount) {
    return at;
  } else {
    constexpr std::size_t kEnd = end_of_run(kBegin);
    if (kOfTroubles[kBegin] && untroubled) {
      const std::string& text = untroubled_run<kBegin>();
      std::memcpy(at, text.data(), text.size());
      at += text.size();
    } else {
      at = write_run<kBegin>(at, one, std::make_index_sequence<kEnd - kBegin>());
    }
    return write_from<kEnd>(at, one, untroubled);
  }
}

}  // namespace

std::size_t most_field_text() {
  // The longest field is a pair of numbers of 32 bits.
  return field_text_count() * (kLongestNumber + 1);
}

std::size_t field_text_count() {
  return kFieldCount * 2;
}

char* write_field_texts(char* at, const Connection& connection) {
  // Without the last comma.
  return write_from<0>(at, connection, !connection.a().trouble && !connection.b().trouble) - 1;
}

}  // namespace isotach::network
