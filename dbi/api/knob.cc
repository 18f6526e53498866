// Command line switches of tools: the list of all, their parser and the summary.
#include <algorithm>
#include <set>

#include "pin.H"

namespace LEVEL_BASE {
namespace {

// Made on first use, since knobs are globals of the tool; never destroyed, since they outlive what exit()
// destroys.
std::vector<KNOB_BASE*>& all() {
  static auto* list = new std::vector<KNOB_BASE*>;
  return *list;
}

KNOB_BASE* find_knob(const std::string& word) {
  for (KNOB_BASE* knob : all()) {
    if (knob->Mode() == KNOB_MODE_COMMENT) continue;
    if (word == knob->Prefix() + knob->Name()) return knob;
    if (word.rfind("--", 0) == 0 && knob->Prefix() == "-" && word.substr(2) == knob->Name()) return knob;
  }
  return nullptr;
}

bool is_name(const std::string& word) {
  return find_knob(word) != nullptr;
}

}  // namespace

KNOB_BASE::KNOB_BASE(const std::string& prefix, const std::string& name, const std::string& default_value,
                     const std::string& family, const std::string& purpose, KNOB_MODE mode)
    : prefix_(prefix),
      name_(name),
      default_value_(default_value),
      family_(family),
      purpose_(purpose),
      mode_(mode),
      given_(0),
      enabled_(TRUE) {
  all().push_back(this);
}

KNOB_BASE::~KNOB_BASE() {
  auto& list = all();
  list.erase(std::remove(list.begin(), list.end(), this), list.end());
}

VOID KNOB_BASE::DisableKnobFamily(const CHAR* family) {
  for (KNOB_BASE* knob : all()) {
    if (knob->family_ == family) knob->enabled_ = FALSE;
  }
}

std::string KNOB_BASE::ParseCommandLine(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i], value;
    bool has_value = false;
    KNOB_BASE* knob = find_knob(word);
    const size_t equals = word.find('=');
    if (knob == nullptr && equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
      has_value = true;
      knob = find_knob(word);
    }
    if (knob == nullptr || !knob->enabled_) return "the tool has no option " + words[i];
    if (!has_value && knob->IsFlag()) {
      // "-b" alone means yes; "-b 0" is said too.
      value = "1";
      if (i + 1 < words.size() && !is_name(words[i + 1]) && !words[i + 1].empty() &&
          knob->Accepts(words[i + 1])) {
        value = words[++i];
      }
    } else if (!has_value) {
      if (i + 1 >= words.size()) return "option " + word + " needs a value (" + knob->TypeName() + ")";
      value = words[++i];
    }
    if (!knob->Accepts(value)) {
      return "option " + word + ": '" + value + "' is no value for it (" + knob->TypeName() + ")";
    }
    if (knob->Mode() == KNOB_MODE_WRITEONCE && knob->given_ > 0)
      return "option " + word + " is given more than once";
    ++knob->given_;
    knob->AddValue(value);
  }
  return "";
}

std::string KNOB_BASE::StringKnobSummary() {
  std::vector<std::string> families;
  for (const KNOB_BASE* knob : all()) {
    if (std::find(families.begin(), families.end(), knob->family_) == families.end())
      families.push_back(knob->family_);
  }
  std::string text;
  for (const std::string& family : families) {
    text += "\nOptions of " + family + ":\n\n";
    for (const KNOB_BASE* knob : all()) {
      if (knob->family_ != family || !knob->enabled_) continue;
      if (knob->mode_ == KNOB_MODE_COMMENT) {
        text += knob->purpose_ + "\n";
        continue;
      }
      std::string head = "  " + knob->prefix_ + knob->name_;
      if (!knob->IsFlag()) head += std::string(" ") + knob->TypeName();
      head += "  [default " + knob->default_value_ + "]";
      if (knob->mode_ == KNOB_MODE_APPEND) head += "  (may be repeated)";
      text += head + "\n        " + knob->purpose_ + "\n";
    }
  }
  return text;
}

}  // namespace LEVEL_BASE
