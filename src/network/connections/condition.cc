#include "network/connections/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "network/connections/condition_node.h"

namespace isotach::network {
namespace {

constexpr int kDeepest = 64;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '#';
}

// Recursive descent; the first error wins.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<std::size_t> parse() {
    const auto root = disjunction();
    if (!root) return std::nullopt;
    skip();
    if (at_ < text_.size())
      return wrong(std::isalpha(static_cast<unsigned char>(text_[at_])) != 0
                       ? "an operator such as && is expected here; a unit stands right behind its number: 5s"
                       : "an operator such as && is expected here");
    if (!is_condition(*root)) return wrong("a comparison is missing, such as > 10", text_.size());
    return root;
  }

  [[nodiscard]] Error error() const {
    return {ErrorKind::usage, 0,
            fmt::format("the condition is wrong at character {}: {}", error_at_ + 1, message_),
            remedy_.empty() ? "write such as: retransmits > 10 && duration > 5s; --fields lists the names"
                            : remedy_};
  }
  std::vector<ConditionNode> nodes;
  bool needs_limits = false;

 private:
  std::optional<std::size_t> wrong(std::string message, std::optional<std::size_t> at = std::nullopt) {
    if (message_.empty()) {
      message_ = std::move(message);
      error_at_ = at.value_or(at_);
    }
    return std::nullopt;
  }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  // An operator of signs, or a word such as "and".
  bool take(std::string_view sign) {
    skip();
    if (text_.substr(at_, sign.size()) != sign) return false;
    const std::size_t end = at_ + sign.size();
    if (is_word(sign.front()) && end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  std::size_t add(ConditionNode node) {
    nodes.push_back(std::move(node));
    return nodes.size() - 1;
  }
  std::size_t join(ConditionOp op, std::size_t left, std::size_t right) {
    ConditionNode node;
    node.op = op;
    node.left = left;
    node.right = right;
    node.has_time = nodes[left].has_time || nodes[right].has_time;
    return add(std::move(node));
  }

  [[nodiscard]] bool is_condition(std::size_t index) const {
    return nodes[index].op <= ConditionOp::contains;
  }

  std::optional<std::size_t> disjunction() {
    if (++depth_ > kDeepest) return wrong("it is nested too deeply");
    auto left = conjunction();
    while (left) {
      const std::size_t begin = at_;
      if (!take("||") && !take("or")) break;
      left = combine(ConditionOp::either_of, *left, begin, conjunction());
    }
    --depth_;
    return left;
  }

  std::optional<std::size_t> conjunction() {
    auto left = comparison();
    while (left) {
      const std::size_t begin = at_;
      if (!take("&&") && !take("and")) break;
      left = combine(ConditionOp::both_of, *left, begin, comparison());
    }
    return left;
  }

  std::optional<std::size_t> combine(ConditionOp op, std::size_t left, std::size_t begin,
                                     std::optional<std::size_t> right) {
    if (!right) return std::nullopt;
    if (!is_condition(left)) return wrong("before it a comparison is missing, such as > 10", begin);
    if (!is_condition(*right)) return wrong("behind it a comparison is missing, such as > 10", begin);
    return join(op, left, *right);
  }

  std::optional<std::size_t> comparison() {
    skip();
    if (text_.substr(at_, 2) != "!=" && (take("!") || take("not"))) {
      if (++depth_ > kDeepest) return wrong("it is nested too deeply");
      const std::size_t begin = at_;
      const auto inner = comparison();
      --depth_;
      if (!inner) return std::nullopt;
      if (!is_condition(*inner)) return wrong("only a comparison can be negated", begin);
      return join(ConditionOp::negation, *inner, *inner);
    }
    const std::size_t begin = at_;
    const auto left = sum();
    if (!left) return std::nullopt;
    static constexpr std::pair<std::string_view, ConditionOp> kSigns[] = {
        {"<=", ConditionOp::less_equal}, {">=", ConditionOp::greater_equal}, {"==", ConditionOp::equal},
        {"!=", ConditionOp::unequal},    {"<", ConditionOp::less},           {">", ConditionOp::greater},
        {"=", ConditionOp::equal},       {"~", ConditionOp::contains}};
    for (const auto& [sign, op] : kSigns) {
      if (!take(sign)) continue;
      if (is_condition(*left)) return wrong("a comparison cannot be compared", begin);
      const auto right = sum();
      if (!right) return std::nullopt;
      if (is_condition(*right)) return wrong("a comparison cannot be compared", begin);
      return check_kinds(join(op, *left, *right), begin);
    }
    return left;
  }

  // Both sides are numbers, or both text.
  std::optional<std::size_t> check_kinds(std::size_t index, std::size_t begin) {
    ConditionNode& node = nodes[index];
    const bool text = nodes[node.left].is_text;
    if (text != nodes[node.right].is_text) return wrong("a number and a text are compared", begin);
    const bool orders = node.op >= ConditionOp::less && node.op <= ConditionOp::greater_equal;
    if (text && orders) return wrong("texts can be compared only by =, != and ~", begin);
    if (!text && node.op == ConditionOp::contains)
      return wrong("~ looks into texts, not into numbers", begin);
    for (const auto& [field, content] : {std::pair(node.left, node.right), std::pair(node.right, node.left)})
      if (text && !check_content(nodes[field], nodes[content], node.op, begin)) return std::nullopt;
    bool either = false;
    bool both = false;
    note_sides(index, either, both);
    if (either && both) return wrong("one comparison cannot ask for either and for both directions", begin);
    node.side = both ? ConditionSide::both : either ? ConditionSide::either : ConditionSide::none;
    return index;
  }

  // What a field can never be would hold for none, without a word.
  bool check_content(const ConditionNode& field, ConditionNode& content, ConditionOp op, std::size_t begin) {
    if (field.op != ConditionOp::field || content.op != ConditionOp::text) return true;
    const std::vector<std::string>& values = condition_values(field.special);
    if (values.empty()) return true;
    std::replace(content.text.begin(), content.text.end(), ' ', '_');
    if (op == ConditionOp::contains || std::count(values.begin(), values.end(), content.text) > 0)
      return true;
    remedy_ = fmt::format("write one of: {}", fmt::join(values, ", "));
    static_cast<void>(wrong(fmt::format("that is never '{}'", printable(content.text)), begin));
    return false;
  }

  void note_sides(std::size_t index, bool& either, bool& both) const {
    const ConditionNode& node = nodes[index];
    if (node.op == ConditionOp::field) {
      either = either || node.side == ConditionSide::either;
      both = both || node.side == ConditionSide::both;
    } else if (node.op != ConditionOp::number && node.op != ConditionOp::text) {
      note_sides(node.left, either, both);
      note_sides(node.right, either, both);
    }
  }

  std::optional<std::size_t> sum() {
    auto left = product();
    while (left) {
      const std::size_t begin = at_;
      const bool plus = take("+");
      if (!plus && !take("-")) break;
      left = arithmetic(plus ? ConditionOp::add : ConditionOp::subtract, *left, begin, product());
    }
    return left;
  }

  std::optional<std::size_t> product() {
    auto left = atom();
    while (left) {
      const std::size_t begin = at_;
      const bool times = take("*");
      if (!times && !take("/")) break;
      left = arithmetic(times ? ConditionOp::multiply : ConditionOp::divide, *left, begin, atom());
    }
    return left;
  }

  std::optional<std::size_t> arithmetic(ConditionOp op, std::size_t left, std::size_t begin,
                                        std::optional<std::size_t> right) {
    if (!right) return std::nullopt;
    for (const std::size_t side : {left, *right})
      if (nodes[side].is_text || is_condition(side)) return wrong("only numbers can be reckoned with", begin);
    return join(op, left, *right);
  }

  std::optional<std::size_t> atom() {
    skip();
    if (at_ == text_.size()) return wrong("it ends where a name or a number is expected");
    if (take("(")) {
      const std::size_t begin = at_ - 1;
      const auto inner = disjunction();
      if (!inner) return std::nullopt;
      if (!take(")")) return wrong("the parenthesis is not closed", begin);
      return inner;
    }
    const char c = text_[at_];
    if (c == '"' || c == '\'') return quoted(c);
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) return number();
    if (is_word(c)) return name();
    return wrong(fmt::format("'{}' is not expected here", printable(text_.substr(at_, 1))));
  }

  std::optional<std::size_t> quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return wrong("the quotation is not closed");
    return text(text_.substr(at_ + 1, end - at_ - 1), end + 1);
  }

  std::optional<std::size_t> text(std::string_view content, std::size_t end) {
    ConditionNode node;
    node.op = ConditionOp::text;
    node.is_text = true;
    node.text = std::string(content);
    at_ = end;
    return add(std::move(node));
  }

  // A word that is compared with a text needs no quotes: state = reset, host ~ 10.0.
  [[nodiscard]] bool wants_text() const {
    return !nodes.empty() && nodes.back().is_text && nodes.back().op == ConditionOp::field;
  }
  std::optional<std::size_t> bare_text() {
    std::size_t end = at_;
    while (end < text_.size() &&
           (is_word(text_[end]) || std::string_view(".:-/").find(text_[end]) != std::string_view::npos))
      ++end;
    return text(text_.substr(at_, end - at_), end);
  }

  std::optional<std::size_t> number() {
    if (wants_text()) return bare_text();
    std::size_t end = at_;
    while (end < text_.size() && (is_word(text_[end]) || text_[end] == '.' || text_[end] == ':')) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    const std::size_t digits = std::min(word.find_first_not_of("0123456789."), word.size());
    const auto value = parse_real(word.substr(0, digits));
    const std::string_view unit = word.substr(digits);
    static constexpr std::pair<std::string_view, double> kTimes[] = {{"s", 1},     {"ms", 1e-3}, {"us", 1e-6},
                                                                     {"ns", 1e-9}, {"m", 60},    {"min", 60},
                                                                     {"h", 3600},  {"d", 86400}};
    static constexpr std::pair<std::string_view, double> kSizes[] = {
        {"", 1},      {"K", 1e3},     {"k", 1e3},      {"M", 1e6},      {"G", 1e9},
        {"Ki", 1024}, {"Mi", 0x1p20}, {"Gi", 0x1p30},  {"KB", 1e3},     {"MB", 1e6},
        {"GB", 1e9},  {"KiB", 1024},  {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"B", 1}};
    ConditionNode node;
    if (value) {
      for (const auto& [name, factor] : kSizes)
        if (unit == name) return finish_number(node, *value * factor, end);
      node.has_time = true;
      for (const auto& [name, factor] : kTimes)
        if (unit == name) return finish_number(node, *value * factor, end);
    }
    // An address begins with a digit, too.
    if (word.find_first_of(".:") != std::string_view::npos && !(value && unit.empty()))
      return text(word, end);
    return wrong(fmt::format("'{}' is no number with a unit", printable(word)));
  }

  std::size_t finish_number(ConditionNode& node, double value, std::size_t end) {
    node.op = ConditionOp::number;
    node.number = value;
    at_ = end;
    return add(std::move(node));
  }

  std::optional<std::size_t> name() {
    if (wants_text()) return bare_text();
    const std::size_t begin = at_;
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    std::string_view word = text_.substr(begin, end - begin);
    ConditionSide side = ConditionSide::either;
    if (end < text_.size() && text_[end] == '.') {
      if (!take_side(word, side))
        return wrong(fmt::format("'{}.' is no direction: a2b., b2a. or both.", printable(word)));
      const std::size_t from = ++end;
      while (end < text_.size() && is_word(text_[end])) ++end;
      word = text_.substr(from, end - from);
    }
    std::optional<NamedField> found = find_condition_name(word);
    if (!found && word.size() > 2 && word[1] == '_' && take_letter(word.front(), side))
      found = find_condition_name(word.substr(2));
    if (!found) found = find_with_suffix(word, side);
    if (!found) {
      std::vector<std::string> candidates;
      for (const ConditionName& one : condition_names()) candidates.push_back(one.name);
      const auto nearest = nearest_word(word.substr(0, 64), candidates);
      if (nearest) remedy_ = fmt::format("did you mean {}? --fields lists all names", *nearest);
      return wrong(fmt::format("there is no field '{}'", printable(word)), begin);
    }
    ConditionNode node;
    node.op = ConditionOp::field;
    node.field = found->field;
    node.special = found->special;
    node.is_text = found->is_text;
    node.side = found->has_sides ? side : ConditionSide::none;
    needs_limits = needs_limits || found->special == SpecialField::limit;
    at_ = end;
    return add(std::move(node));
  }

  // As in the head of the CSV: rexmt_data_pkts_a2b, host_b.
  static std::optional<NamedField> find_with_suffix(std::string_view word, ConditionSide& side) {
    const std::size_t end = word.rfind('_');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view suffix = word.substr(end + 1);
    const auto found = find_condition_name(word.substr(0, end));
    const bool is_end =
        found && (found->special == SpecialField::host || found->special == SpecialField::port);
    if (!found || !found->has_sides || is_end != (suffix.size() == 1)) return std::nullopt;
    if (suffix != "a" && suffix != "b" && suffix != "a2b" && suffix != "b2a") return std::nullopt;
    return take_side(suffix, side) ? found : std::nullopt;
  }

  static bool take_side(std::string_view word, ConditionSide& side) {
    if (word == "a2b" || word == "a") {
      side = ConditionSide::a;
    } else if (word == "b2a" || word == "b") {
      side = ConditionSide::b;
    } else if (word == "both") {
      side = ConditionSide::both;
    } else {
      return word == "either";
    }
    return true;
  }

  // As tcptrace writes it: c_ of the client, s_ of the server, b_ both, e_ either.
  static bool take_letter(char letter, ConditionSide& side) {
    const std::string_view word = letter == 'c'   ? "a2b"
                                  : letter == 's' ? "b2a"
                                  : letter == 'b' ? "both"
                                  : letter == 'e' ? "either"
                                                  : "";
    return !word.empty() && take_side(word, side);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string message_;
  std::string remedy_;
  std::size_t error_at_ = 0;
};

class Evaluation {
 public:
  Evaluation(const std::vector<ConditionNode>& nodes, const ConditionSubject& subject)
      : nodes_(nodes), subject_(subject) {}

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the expression, which is bounded
  [[nodiscard]] bool holds(std::size_t index) const {
    const ConditionNode& node = nodes_[index];
    switch (node.op) {
      case ConditionOp::either_of:
        return holds(node.left) || holds(node.right);
      case ConditionOp::both_of:
        return holds(node.left) && holds(node.right);
      case ConditionOp::negation:
        return !holds(node.left);
      default:
        break;
    }
    if (node.side == ConditionSide::both) return compare(node, 0) && compare(node, 1);
    return compare(node, 0) || (node.side == ConditionSide::either && compare(node, 1));
  }

 private:
  [[nodiscard]] int side_of(const ConditionNode& node, int side) const {
    return node.side == ConditionSide::a ? 0 : node.side == ConditionSide::b ? 1 : side;
  }

  [[nodiscard]] bool compare(const ConditionNode& node, int side) const {
    if (nodes_[node.left].is_text) return compare_texts(node, side);
    const auto left = number(node.left, side, node.has_time);
    const auto right = number(node.right, side, node.has_time);
    if (!left || !right) return false;
    switch (node.op) {
      case ConditionOp::less:
        return *left < *right;
      case ConditionOp::less_equal:
        return *left <= *right;
      case ConditionOp::greater:
        return *left > *right;
      case ConditionOp::greater_equal:
        return *left >= *right;
      case ConditionOp::unequal:
        return *left != *right;
      default:
        return *left == *right;
    }
  }

  [[nodiscard]] bool compare_texts(const ConditionNode& node, int side) const {
    const auto left = text(node.left, side);
    const auto right = text(node.right, side);
    if (!left || !right) return false;
    if (node.op == ConditionOp::contains) return left->find(*right) != std::string::npos;
    return (*left == *right) == (node.op == ConditionOp::equal);
  }

  [[nodiscard]] std::optional<std::string> text(std::size_t index, int side) const {
    const ConditionNode& node = nodes_[index];
    if (node.op == ConditionOp::text) return node.text;
    const FieldValue value = condition_value(node, subject_, side_of(node, side), false);
    if (const auto* found = std::get_if<std::string>(&value)) return *found;
    return std::nullopt;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  [[nodiscard]] std::optional<double> number(std::size_t index, int side, bool in_seconds) const {
    const ConditionNode& node = nodes_[index];
    if (node.op == ConditionOp::number) return node.number;
    if (node.op == ConditionOp::field) {
      const FieldValue value = condition_value(node, subject_, side_of(node, side), in_seconds);
      if (const auto* real = std::get_if<double>(&value)) return *real;
      if (const auto* whole = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*whole);
      return std::nullopt;
    }
    const auto left = number(node.left, side, in_seconds);
    const auto right = number(node.right, side, in_seconds);
    if (!left || !right) return std::nullopt;
    double result = 0;
    switch (node.op) {
      case ConditionOp::add:
        result = *left + *right;
        break;
      case ConditionOp::subtract:
        result = *left - *right;
        break;
      case ConditionOp::multiply:
        result = *left * *right;
        break;
      default:
        result = *left / *right;
        break;
    }
    if (!std::isfinite(result)) return std::nullopt;
    return result;
  }

  const std::vector<ConditionNode>& nodes_;
  const ConditionSubject& subject_;
};

}  // namespace

Condition::Condition() = default;
Condition::Condition(Condition&&) noexcept = default;
Condition& Condition::operator=(Condition&&) noexcept = default;
Condition::~Condition() = default;

Result<Condition> Condition::parse(std::string_view text) {
  if (text.size() > kMostCharacters)
    return failure(ErrorKind::usage,
                   fmt::format("the condition is longer than {} characters", kMostCharacters));
  Parser parser(text);
  const auto root = parser.parse();
  if (!root) return tl::make_unexpected(parser.error());
  Condition condition;
  condition.nodes_ = std::move(parser.nodes);
  condition.needs_limits_ = parser.needs_limits;
  // The root is the last: joined from all others.
  if (*root + 1 != condition.nodes_.size()) condition.nodes_.resize(*root + 1);
  return condition;
}

bool Condition::holds(const ConditionSubject& subject) const {
  return Evaluation(nodes_, subject).holds(nodes_.size() - 1);
}

}  // namespace isotach::network
