// One measured number, or the reason why there is none.
#pragma once

#include <cstdint>
#include <string_view>

namespace isotach {

// Why there is no value. A missing value is never written as 0.
enum class Missing : std::uint8_t {
  not_supported,  // this kernel does not offer it
  not_permitted,  // reading needs a right this process lacks
  vanished,       // the device, process or file went away
  malformed,      // the kernel's text could not be understood
};

[[nodiscard]] std::string_view missing_text(Missing reason);  // "not supported by this kernel"

// A 64-bit number of one of three types, or the reason why there is none. 16 bytes, trivially copyable.
class Value {
 public:
  enum class Type : std::uint8_t { missing, unsigned_integer, signed_integer, real };

  constexpr Value() : Value(Missing::not_supported) {}
  constexpr Value(Missing reason) : type_(Type::missing), unsigned_(static_cast<std::uint8_t>(reason)) {}

  [[nodiscard]] static constexpr Value of(std::uint64_t value) {
    Value result;
    result.type_ = Type::unsigned_integer;
    result.unsigned_ = value;
    return result;
  }
  [[nodiscard]] static constexpr Value of_signed(std::int64_t value) {
    Value result;
    result.type_ = Type::signed_integer;
    result.signed_ = value;
    return result;
  }
  [[nodiscard]] static constexpr Value of_real(double value) {
    Value result;
    result.type_ = Type::real;
    result.real_ = value;
    return result;
  }

  [[nodiscard]] constexpr Type type() const { return type_; }
  [[nodiscard]] constexpr bool is_missing() const { return type_ == Type::missing; }
  [[nodiscard]] constexpr Missing reason() const { return static_cast<Missing>(unsigned_); }
  // Exact for counters; 0 when missing or of another type.
  [[nodiscard]] constexpr std::uint64_t as_unsigned() const {
    return type_ == Type::unsigned_integer ? unsigned_ : 0;
  }
  [[nodiscard]] constexpr std::int64_t as_signed() const {
    return type_ == Type::signed_integer ? signed_ : 0;
  }
  // Any number as a double; 0 when missing.
  [[nodiscard]] constexpr double as_real() const {
    switch (type_) {
      case Type::unsigned_integer:
        return static_cast<double>(unsigned_);
      case Type::signed_integer:
        return static_cast<double>(signed_);
      case Type::real:
        return real_;
      case Type::missing:
        break;
    }
    return 0;
  }
  friend bool operator==(const Value& a, const Value& b) {
    return a.type_ == b.type_ && a.unsigned_ == b.unsigned_;
  }

 private:
  Type type_;
  union {
    std::uint64_t unsigned_;
    std::int64_t signed_;
    double real_;
  };
};

}  // namespace isotach
