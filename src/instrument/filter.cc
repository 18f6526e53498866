#include "instrument/filter.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace isotach::instrument {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return parse_unsigned(text);
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

}  // namespace

Result<AddressRange> parse_address_range(std::string_view text) {
  const auto bad = [&] {
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no range of addresses",
                   "write 0x7f0000000000-0x7f0000001000, or 0x7f0000000000+4096");
  };
  const std::size_t middle = text.find_first_of("-+");
  if (middle == std::string_view::npos) return bad();
  const auto low = number_of(text.substr(0, middle));
  const std::string_view rest = text.substr(middle + 1);
  if (!low) return bad();
  AddressRange range{*low, 0};
  if (text[middle] == '-') {
    const auto high = number_of(rest);
    if (!high) return bad();
    range.high = *high;
  } else {
    auto size = number_of(rest);
    if (!size)
      if (const auto with_unit = parse_size(rest)) size = *with_unit;
    if (!size || *size > ~*low) return bad();
    range.high = *low + *size;
  }
  if (range.high <= range.low) return bad();
  return range;
}

bool is_image_named(std::string_view path, std::string_view wanted) {
  if (path == wanted) return true;
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name == wanted) return true;
  return name.size() > wanted.size() && name.substr(0, wanted.size()) == wanted && wanted.size() > 3 &&
         wanted.substr(wanted.size() - 3) == ".so" && name[wanted.size()] == '.';
}

bool TraceFilter::wants_code(const TraceProgram& program, std::uint32_t number) {
  if (choice_.images.empty() && choice_.routines.empty()) return true;
  if (wanted_.size() < program.instructions.size()) wanted_.resize(program.instructions.size(), 0);
  std::uint8_t& known = wanted_[number];
  if (known == 0) {
    const TraceInstruction& instruction = program.instructions[number];
    const std::string_view image = program.images[instruction.image].name;
    // The first image is the program, which may be known by the name of a link: sh, not dash.
    const std::string_view typed = instruction.image == 1 && !program.head.command.empty()
                                       ? std::string_view(program.head.command.front())
                                       : std::string_view();
    const std::string_view routine = program.routine_name(instruction);
    const bool image_wanted =
        choice_.images.empty() ||
        std::any_of(choice_.images.begin(), choice_.images.end(), [&](const auto& name) {
          return is_image_named(image, name) || is_image_named(typed, name);
        });
    const bool routine_wanted =
        choice_.routines.empty() ||
        std::find(choice_.routines.begin(), choice_.routines.end(), routine) != choice_.routines.end();
    known = image_wanted && routine_wanted ? 2 : 1;
  }
  return known == 2;
}

void TraceFilter::executed(const TraceProgram& program, std::uint32_t thread, std::uint32_t first,
                           std::uint32_t count, std::int64_t time_ns) {
  if (!choice_.instructions || is_full() || !wants_code(program, first)) {
    left_out_ += count;
    return;
  }
  ++passed_;
  next_.executed(program, thread, first, count, time_ns);
}

void TraceFilter::access(const TraceProgram& program, const TraceAccess& access) {
  const bool kind = access.written ? choice_.writes : choice_.reads;
  const bool address =
      choice_.addresses.empty() ||
      std::any_of(choice_.addresses.begin(), choice_.addresses.end(),
                  [&](const auto& range) { return range.meets(access.address, access.size); });
  if (!kind || !address || is_full() || !wants_code(program, access.instruction)) {
    ++left_out_;
    return;
  }
  ++passed_;
  next_.access(program, access);
}

}  // namespace isotach::instrument
