#include "base/json_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace isotach {

class JsonParser {
 public:
  JsonParser(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Result<JsonValue> parse() {
    JsonValue value;
    if (read_value(value, 0)) {
      skip_blanks();
      if (at_ == text_.size()) return value;
      problem_ = "something follows the value";
    }
    return failure(ErrorKind::failed, fmt::format("no JSON at byte {}: {}", at_, problem_));
  }

 private:
  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  bool skip(char wanted) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool read_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("no value");
    at_ += word.size();
    return true;
  }

  bool read_value(JsonValue& value, std::size_t depth) {
    if (++values_ > limits_.values) return fail("too many values");
    if (depth > limits_.depth) return fail("nested too deeply");
    skip_blanks();
    if (at_ >= text_.size()) return fail("it ends too early");
    switch (text_[at_]) {
      case '{':
        return read_object(value, depth);
      case '[':
        return read_array(value, depth);
      case '"':
        value.type_ = JsonValue::Type::string;
        return read_string(value.text_);
      case 't':
      case 'f':
        value.type_ = JsonValue::Type::boolean;
        value.boolean_ = text_[at_] == 't';
        return read_word(value.boolean_ ? "true" : "false");
      case 'n':
        return read_word("null");
      default:
        return read_number(value);
    }
  }

  bool read_object(JsonValue& value, std::size_t depth) {
    value.type_ = JsonValue::Type::object;
    ++at_;
    if (skip('}')) return true;
    do {
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] != '"') return fail("no name of a member");
      value.names_.emplace_back();
      if (!read_string(value.names_.back())) return false;
      if (!skip(':')) return fail("no : after a name");
      value.values_.emplace_back();
      if (!read_value(value.values_.back(), depth + 1)) return false;
    } while (skip(','));
    return skip('}') || fail("no , or } after a member");
  }

  bool read_array(JsonValue& value, std::size_t depth) {
    value.type_ = JsonValue::Type::array;
    ++at_;
    if (skip(']')) return true;
    do {
      value.values_.emplace_back();
      if (!read_value(value.values_.back(), depth + 1)) return false;
    } while (skip(','));
    return skip(']') || fail("no , or ] after an element");
  }

  bool read_number(JsonValue& value) {
    const std::size_t start = at_;
    const auto digits = [this] {
      const std::size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - first;
    };
    const auto accept = [this](std::string_view any) {
      if (at_ >= text_.size() || any.find(text_[at_]) == std::string_view::npos) return false;
      ++at_;
      return true;
    };
    accept("-");
    const bool zero = at_ < text_.size() && text_[at_] == '0';
    const std::size_t whole_digits = digits();
    if (whole_digits == 0 || (zero && whole_digits > 1)) return fail("no value");
    bool whole = true;
    if (accept(".")) {
      whole = false;
      if (digits() == 0) return fail("no digit after the point");
    }
    if (accept("eE")) {
      whole = false;
      accept("+-");
      if (digits() == 0) return fail("no digit in the exponent");
    }
    const char* const first = text_.data() + start;
    const char* const last = text_.data() + at_;
    if (whole && std::from_chars(first, last, value.integer_).ec == std::errc()) {
      value.type_ = JsonValue::Type::integer;
      return true;
    }
    std::uint64_t large = 0;
    if (whole && std::from_chars(first, last, large).ec == std::errc()) value.large_ = large;
    value.type_ = JsonValue::Type::real;
    if (std::from_chars(first, last, value.real_).ec != std::errc()) return fail("a number out of range");
    return true;
  }

  bool read_string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string");
      if (c == '\\') {
        if (!read_escape(out)) return false;
        continue;
      }
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0) return fail("no UTF-8");
      out.append(text_.substr(at_, length));
      at_ += length;
    }
    return fail("a string without an end");
  }

  bool read_escape(std::string& out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (at_ + 1 >= text_.size()) return fail("a string without an end");
    const char letter = text_[at_ + 1];
    at_ += 2;
    if (const auto found = kLetters.find(letter); found != std::string_view::npos) {
      out.push_back(kMeanings[found]);
      return true;
    }
    std::uint32_t code = 0;
    if (letter != 'u' || !read_hex(code)) return fail("an unknown escape");
    if (code >= 0xd800 && code < 0xdc00) {
      std::uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u") return fail("half a surrogate pair");
      at_ += 2;
      if (!read_hex(low) || low < 0xdc00 || low > 0xdfff) return fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return fail("half a surrogate pair");
    }
    append_utf8(out, code);
    return true;
  }

  bool read_hex(std::uint32_t& code) {
    if (text_.size() - at_ < 4) return false;
    const char* const first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, first + 4, code, 16);
    if (error != std::errc() || end != first + 4) return false;
    at_ += 4;
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f))); };
    if (code < 0x80) {
      out.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      out.push_back(static_cast<char>(0xc0 | (code >> 6)));
      tail(0);
    } else if (code < 0x10000) {
      out.push_back(static_cast<char>(0xe0 | (code >> 12)));
      tail(6);
      tail(0);
    } else {
      out.push_back(static_cast<char>(0xf0 | (code >> 18)));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view text_;
  const JsonLimits& limits_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
  const char* problem_ = "";
};

std::optional<bool> JsonValue::boolean() const {
  if (type_ != Type::boolean) return std::nullopt;
  return boolean_;
}

std::optional<std::int64_t> JsonValue::integer() const {
  if (type_ == Type::integer) return integer_;
  // Beyond 2^53 a real number no longer tells which integer was meant.
  constexpr double kExact = 9007199254740992.0;
  if (type_ != Type::real || std::floor(real_) != real_ || std::abs(real_) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(real_);
}

std::optional<std::uint64_t> JsonValue::unsigned_integer() const {
  if (large_) return large_;
  const auto value = integer();
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<double> JsonValue::real() const {
  if (type_ == Type::integer) return static_cast<double>(integer_);
  if (type_ == Type::real) return real_;
  return std::nullopt;
}

const std::vector<JsonValue>& JsonValue::elements() const {
  static const std::vector<JsonValue> none;
  return type_ == Type::array ? values_ : none;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  if (type_ != Type::object) return nullptr;
  for (std::size_t i = names_.size(); i > 0; --i)
    if (names_[i - 1] == name) return &values_[i - 1];
  return nullptr;
}

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
  return JsonParser(text, limits).parse();
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out + "\"";
}

}  // namespace isotach
