// Command line switches of a tool. A KNOB is a global of the tool; PIN_Init reads the tool's part of the
// command line into all of them, and a tool that finds it wrong prints KNOB_BASE::StringKnobSummary().
#pragma once

#include <deque>
#include <type_traits>

#include "pin/base.h"

namespace LEVEL_BASE {

enum KNOB_MODE {
  KNOB_MODE_INVALID,
  KNOB_MODE_COMMENT,     // only a head line of the summary
  KNOB_MODE_WRITEONCE,   // may be given once
  KNOB_MODE_OVERWRITE,   // the last one counts
  KNOB_MODE_ACCUMULATE,  // numbers are added up
  KNOB_MODE_APPEND,      // each one is kept: Value(0) to Value(NumberOfValues() - 1)
  KNOB_MODE_LAST
};

class ISOTACH_API KNOB_BASE {
 public:
  KNOB_BASE(const std::string& prefix, const std::string& name, const std::string& default_value,
            const std::string& family, const std::string& purpose, KNOB_MODE mode);
  virtual ~KNOB_BASE();
  KNOB_BASE(const KNOB_BASE&) = delete;
  KNOB_BASE& operator=(const KNOB_BASE&) = delete;

  std::string Name() const { return name_; }
  std::string Prefix() const { return prefix_; }
  std::string Family() const { return family_; }
  std::string Purpose() const { return purpose_; }
  std::string DefaultValue() const { return default_value_; }
  KNOB_MODE Mode() const { return mode_; }

  virtual UINT32 NumberOfValues() const = 0;
  virtual VOID AddValue(const std::string& value) = 0;
  virtual std::string ValueString(UINT32 index = 0) const = 0;
  // Whether the text can be a value at all; and whether the switch needs none ("-b").
  virtual BOOL Accepts(const std::string& value) const = 0;
  virtual BOOL IsFlag() const { return FALSE; }
  virtual const CHAR* TypeName() const = 0;
  // Whether it was given on the command line.
  BOOL WasGiven() const { return given_ > 0; }
  BOOL SetByUser() const { return WasGiven(); }
  BOOL Enabled() const { return enabled_; }

  static std::string StringKnobSummary();
  static std::string StringLongAll() { return StringKnobSummary(); }
  static std::string StringShortAll() { return StringKnobSummary(); }
  // Reads the words into the knobs. An empty result: all is well; else what is wrong.
  static std::string ParseCommandLine(const std::vector<std::string>& words);
  static VOID DisableKnobFamily(const CHAR* family);
  VOID Disable() { enabled_ = FALSE; }

 protected:
  std::string prefix_, name_, default_value_, family_, purpose_;
  KNOB_MODE mode_;
  UINT32 given_;
  BOOL enabled_;
};

class KNOB_COMMENT : public KNOB_BASE {
 public:
  KNOB_COMMENT(const std::string& family, const std::string& text)
      : KNOB_BASE("", "", "", family, text, KNOB_MODE_COMMENT) {}
  UINT32 NumberOfValues() const override { return 0; }
  VOID AddValue(const std::string&) override {}
  std::string ValueString(UINT32) const override { return ""; }
  BOOL Accepts(const std::string&) const override { return FALSE; }
  const CHAR* TypeName() const override { return ""; }
};

// An address or a range of them, "0x1000:0x2000".
class ADDRESS_RANGE {
 public:
  ADDRESS_RANGE() : _low(0), _high(0) {}
  ADDRESS_RANGE(ADDRINT low, ADDRINT high) : _low(low), _high(high) {}
  ADDRINT Low() const { return _low; }
  ADDRINT High() const { return _high; }
  BOOL Contains(ADDRINT address) const { return address >= _low && address <= _high; }
  ADDRINT _low, _high;
};

// How a value of each type is read from text. Of a type that is not here there can be no KNOB.
template <class T>
struct KNOB_TRAITS;

template <class T>
struct KNOB_INTEGER {
  static BOOL Parse(const std::string& text, T* value) {
    if (text.empty()) return FALSE;
    CHAR* end = nullptr;
    const CHAR* begin = text.c_str();
    *value = std::is_signed<T>::value ? static_cast<T>(std::strtoll(begin, &end, 0))
                                      : static_cast<T>(std::strtoull(begin, &end, 0));
    if (end != begin && (*end == 'k' || *end == 'm' || *end == 'g') && end[1] == '\0') {
      *value = static_cast<T>(*value * static_cast<T>(*end == 'k'   ? 1LL << 10
                                                      : *end == 'm' ? 1LL << 20
                                                                    : 1LL << 30));
      return TRUE;
    }
    return end != begin && *end == '\0';
  }
  static std::string Text(const T& value) { return std::to_string(value); }
  static const CHAR* Name() { return "number"; }
  static VOID Add(T* sum, const T& value) { *sum = static_cast<T>(*sum + value); }
};
#define ISOTACH_KNOB_INTEGER(type) \
  template <>                      \
  struct KNOB_TRAITS<type> : KNOB_INTEGER<type> {};
ISOTACH_KNOB_INTEGER(short)
ISOTACH_KNOB_INTEGER(unsigned short)
ISOTACH_KNOB_INTEGER(int)
ISOTACH_KNOB_INTEGER(unsigned int)
ISOTACH_KNOB_INTEGER(long)
ISOTACH_KNOB_INTEGER(unsigned long)
ISOTACH_KNOB_INTEGER(long long)
ISOTACH_KNOB_INTEGER(unsigned long long)
#undef ISOTACH_KNOB_INTEGER

template <>
struct KNOB_TRAITS<std::string> {
  static BOOL Parse(const std::string& text, std::string* value) {
    *value = text;
    return TRUE;
  }
  static std::string Text(const std::string& value) { return value; }
  static const CHAR* Name() { return "text"; }
  static VOID Add(std::string* sum, const std::string& value) { *sum += value; }
};
template <>
struct KNOB_TRAITS<bool> {
  static BOOL Parse(const std::string& text, bool* value) {
    *value = text == "1" || text == "true" || text == "yes" || text == "TRUE" || text == "on" || text == "t";
    return *value || text == "0" || text == "false" || text == "no" || text == "FALSE" || text == "off" ||
           text == "f" || text.empty();
  }
  static std::string Text(const bool& value) { return value ? "1" : "0"; }
  static const CHAR* Name() { return "0|1"; }
  static VOID Add(bool* sum, const bool& value) { *sum = *sum || value; }
};
template <class T>
struct KNOB_REAL {
  static BOOL Parse(const std::string& text, T* value) {
    CHAR* end = nullptr;
    *value = static_cast<T>(std::strtod(text.c_str(), &end));
    return end != text.c_str() && *end == '\0';
  }
  static std::string Text(const T& value) { return std::to_string(value); }
  static const CHAR* Name() { return "number"; }
  static VOID Add(T* sum, const T& value) { *sum += value; }
};
template <>
struct KNOB_TRAITS<float> : KNOB_REAL<float> {};
template <>
struct KNOB_TRAITS<double> : KNOB_REAL<double> {};
template <>
struct KNOB_TRAITS<ADDRESS_RANGE> {
  static BOOL Parse(const std::string& text, ADDRESS_RANGE* value) {
    const size_t colon = text.find(':');
    KNOB_INTEGER<ADDRINT> number;
    if (!number.Parse(text.substr(0, colon), &value->_low)) return FALSE;
    if (colon == std::string::npos) {
      value->_high = value->_low;
      return TRUE;
    }
    return number.Parse(text.substr(colon + 1), &value->_high);
  }
  static std::string Text(const ADDRESS_RANGE& value) {
    return hexstr(value._low) + ":" + hexstr(value._high);
  }
  static const CHAR* Name() { return "from:to"; }
  static VOID Add(ADDRESS_RANGE* sum, const ADDRESS_RANGE& value) { *sum = value; }
};

template <class T>
class KNOB : public KNOB_BASE {
 public:
  KNOB(KNOB_MODE mode, const std::string& family, const std::string& name, const std::string& default_value,
       const std::string& purpose, const std::string& prefix = "-")
      : KNOB_BASE(prefix, name, default_value, family, purpose, mode), first_() {
    KNOB_TRAITS<T>::Parse(default_value, &first_);
  }

  const T& Value() const { return values_.empty() ? first_ : values_[0]; }
  const T& Value(UINT32 index) const {
    if (index == 0) return Value();
    ASSERT(index < values_.size(), "KNOB -" + name_ + " has no value " + std::to_string(index));
    return values_[index];
  }
  operator const T&() const { return Value(); }
  // Of those given on the command line or added: 0 while Value() is the default.
  UINT32 NumberOfValues() const override { return static_cast<UINT32>(values_.size()); }
  VOID AddValue(const std::string& text) override {
    T value = T();
    KNOB_TRAITS<T>::Parse(text, &value);
    AddValue(value, 0);
  }
  VOID AddValue(const T& value, int) {
    if (mode_ == KNOB_MODE_APPEND || values_.empty()) {
      values_.push_back(value);
    } else if (mode_ == KNOB_MODE_ACCUMULATE) {
      T sum = values_[0];
      KNOB_TRAITS<T>::Add(&sum, value);
      values_[0] = sum;
    } else {
      values_[0] = value;
    }
  }
  VOID SetValue(const T& value) { values_.assign(1, value); }
  VOID ReplaceValue(const T& value) { values_.assign(1, value); }
  std::string ValueString(UINT32 index = 0) const override { return KNOB_TRAITS<T>::Text(Value(index)); }
  BOOL Accepts(const std::string& text) const override {
    T value = T();
    return KNOB_TRAITS<T>::Parse(text, &value);
  }
  BOOL IsFlag() const override { return std::is_same<T, bool>::value; }
  const CHAR* TypeName() const override { return KNOB_TRAITS<T>::Name(); }

 private:
  T first_;  // the default
  // A vector of bool would hand out no references.
  std::deque<T> values_;
};

}  // namespace LEVEL_BASE
