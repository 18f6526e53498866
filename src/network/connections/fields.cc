#include "network/connections/fields.h"

#include <array>
#include <string>
#include <type_traits>
#include <utility>

#include "network/connections/field_list.h"

namespace isotach::network {
namespace {

using field_list::kFields;

FieldValue value_of(field_list::Count count) {
  return count.is_there ? FieldValue(count.number) : FieldValue();
}
FieldValue value_of(const field_list::Rounded& rounded) {
  using Kind = field_list::Rounded::Kind;
  if (rounded.kind == Kind::none) return {};
  return rounded.kind == Kind::whole ? rounded.number : static_cast<double>(rounded.millionths) / 1e6;
}
FieldValue value_of(field_list::Seconds seconds) {
  return seconds.is_there ? FieldValue(static_cast<double>(seconds.ns) / field_list::kSecondNs)
                          : FieldValue();
}
FieldValue value_of(field_list::Pair pair) {
  return std::to_string(pair.one) + '/' + std::to_string(pair.two);
}
FieldValue value_of(field_list::Letters letters) {
  return std::string(letters.one) + letters.two;
}

template <std::size_t kIndex>
FieldValue value_at(const Connection& connection, const Direction& direction) {
  return value_of(std::get<kIndex>(kFields).value(connection, direction));
}

template <std::size_t... kIndex>
constexpr auto described(std::index_sequence<kIndex...> /*all*/) {
  return std::array{DirectionField{std::get<kIndex>(kFields).name, std::get<kIndex>(kFields).unit,
                                   std::get<kIndex>(kFields).label, std::get<kIndex>(kFields).group,
                                   value_at<kIndex>}...};
}

constexpr auto kDescribed = described(std::make_index_sequence<field_list::kFieldCount>());

}  // namespace

std::span<const DirectionField> direction_fields() {
  return kDescribed;
}

const char* field_group_name(FieldGroup group) {
  switch (group) {
    case FieldGroup::packets:
      return "packets";
    case FieldGroup::data:
      return "data";
    case FieldGroup::loss:
      return "loss and order";
    case FieldGroup::options:
      return "options";
    case FieldGroup::window:
      return "window advertised";
    case FieldGroup::outstanding:
      return "in flight";
    case FieldGroup::stream:
      return "stream";
    case FieldGroup::rtt:
      return "round-trip time";
    case FieldGroup::acks:
      break;
  }
  return "acknowledgements received";
}

const char* connection_state_name(ConnectionState state) {
  switch (state) {
    case ConnectionState::complete:
      return "complete";
    case ConnectionState::reset:
      return "reset";
    case ConnectionState::incomplete:
      break;
  }
  return "incomplete";
}

}  // namespace isotach::network
