// The only file that knows ncurses. What it takes from there: the terminal's abilities (terminfo),
// the optimised output of changes, and the decoding of keys. What it keeps from ncurses: signals
// (SignalWaiter's handlers stay in force) and the environment's COLUMNS and LINES, which would stop
// the view from following the terminal's real size.
#include "view/terminal/screen.h"

#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string>
#include <utility>

// ncurses would otherwise define macros named move, clear, timeout and many more.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef columns  // term.h has a macro even for this

namespace isotach::view {
namespace {

// A terminal may claim any size; a grid of this many cells is all that a person can look at.
constexpr int kColumnLimit = 1000;
constexpr int kRowLimit = 500;
// How long an escape character may stand alone before it is the Escape key.
constexpr int kEscapeDelayMs = 25;

// Colours that are readable on black and on white. `basic` is for terminals with 8 or 16 colours.
struct Look {
  short color_256;
  short basic;
  attr_t with_color;
  attr_t without_color;
};

constexpr short kDefault = -1;

Look look_of(Style style) {
  switch (style) {
    case Style::plain:
      return {kDefault, kDefault, A_NORMAL, A_NORMAL};
    case Style::dim:
      return {244, kDefault, A_NORMAL, A_DIM};
    case Style::bold:
      return {kDefault, kDefault, A_BOLD, A_BOLD};
    case Style::title:
      return {74, COLOR_CYAN, A_BOLD, A_BOLD};
    case Style::good:
      return {71, COLOR_GREEN, A_NORMAL, A_NORMAL};
    case Style::warning:
      return {178, COLOR_YELLOW, A_NORMAL, A_BOLD};
    case Style::bad:
      return {203, COLOR_RED, A_BOLD, A_BOLD | A_REVERSE};
    case Style::series_1:
      return {74, COLOR_BLUE, A_NORMAL, A_NORMAL};
    case Style::series_2:
      return {72, COLOR_GREEN, A_NORMAL, A_NORMAL};
    case Style::series_3:
      return {173, COLOR_YELLOW, A_NORMAL, A_NORMAL};
    case Style::series_4:
      return {139, COLOR_MAGENTA, A_NORMAL, A_NORMAL};
    case Style::series_5:
      return {79, COLOR_CYAN, A_NORMAL, A_NORMAL};
    case Style::series_6:
      return {168, COLOR_RED, A_NORMAL, A_NORMAL};
    case Style::selected:
      return {kDefault, kDefault, A_REVERSE, A_REVERSE};
  }
  return {kDefault, kDefault, A_NORMAL, A_NORMAL};
}

constexpr int kStyleCount = static_cast<int>(Style::selected) + 1;

// Whether the user's locale writes UTF-8. The program itself falls back to C.UTF-8 so that it can
// measure the width of characters, so the environment is asked, in the order of setlocale(3). Where
// it says nothing, as in most containers, the terminal around it is taken to be a modern one.
bool environment_is_utf8() {
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) return false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || value[0] == '\0') continue;
    return std::strcmp(value, "C") != 0 && std::strcmp(value, "POSIX") != 0;
  }
  return true;
}

// The Linux console and the old hardware terminals have no braille in their fonts.
bool terminal_has_braille(const std::string& term) {
  return term != "linux" && !term.starts_with("vt");
}

const char* capability(const char* name) {
  const char* text = ::tigetstr(name);
  return text == nullptr || text == reinterpret_cast<const char*>(-1) ? "" : text;
}

// A capability without its padding ("$<5>"): nobody waits between bytes in an emergency.
std::string without_padding(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "$<") {
      const std::size_t end = text.find('>', i);
      if (end != std::string_view::npos) {
        i = end;
        continue;
      }
    }
    plain += text[i];
  }
  return plain;
}

// Nothing where the terminal does not know, such as a serial line.
std::optional<winsize> window_size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
    return std::nullopt;
  return window;
}

// What terminals send for these keys differs from what TERM says more often than not, tmux with
// TERM=xterm included; no other key sends any of these.
void define_common_keys() {
  constexpr std::pair<const char*, int> kSequences[] = {
      {"\033[A", KEY_UP},     {"\033OA", KEY_UP},    {"\033[B", KEY_DOWN},  {"\033OB", KEY_DOWN},
      {"\033[C", KEY_RIGHT},  {"\033OC", KEY_RIGHT}, {"\033[D", KEY_LEFT},  {"\033OD", KEY_LEFT},
      {"\033[H", KEY_HOME},   {"\033OH", KEY_HOME},  {"\033[1~", KEY_HOME}, {"\033[7~", KEY_HOME},
      {"\033[F", KEY_END},    {"\033OF", KEY_END},   {"\033[4~", KEY_END},  {"\033[8~", KEY_END},
      {"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE}};
  for (const auto& [sequence, key] : kSequences) ::define_key(sequence, key);
}

Failure no_terminal(std::string text) {
  return failure(ErrorKind::not_supported, std::move(text),
                 "set TERM to the kind of your terminal, such as xterm-256color");
}

// ncurses takes signals over when it starts, where nobody has; these stay as they were.
class SignalKeeper {
 public:
  SignalKeeper() {
    for (std::size_t i = 0; i < kKept.size(); ++i) ::sigaction(kKept[i], nullptr, &actions_[i]);
  }
  ~SignalKeeper() {
    for (std::size_t i = 0; i < kKept.size(); ++i) ::sigaction(kKept[i], &actions_[i], nullptr);
  }
  SignalKeeper(const SignalKeeper&) = delete;
  SignalKeeper& operator=(const SignalKeeper&) = delete;

 private:
  // Not SIGTSTP: what ncurses does on Ctrl-Z (restore the terminal, stop, draw again) is wanted.
  static constexpr std::array kKept = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
  std::array<struct sigaction, kKept.size()> actions_;
};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The wheel comes as buttons 4 and 5.
Key mouse_key() {
  using Kind = Key::Kind;
  MEVENT event{};
  if (::getmouse(&event) != OK) return {Kind::other};
  Key key;
  key.column = event.x;
  key.row = event.y;
  if ((event.bstate & BUTTON4_PRESSED) != 0) key.kind = Kind::wheel_up;
  if ((event.bstate & BUTTON5_PRESSED) != 0) key.kind = Kind::wheel_down;
  if ((event.bstate & BUTTON1_PRESSED) != 0) key.kind = Kind::click;
  return key;
}

Key key_of(int result, wint_t code) {
  using Kind = Key::Kind;
  if (result == KEY_CODE_YES) {
    switch (static_cast<int>(code)) {
      case KEY_LEFT:
        return {Kind::left};
      case KEY_RIGHT:
        return {Kind::right};
      case KEY_UP:
        return {Kind::up};
      case KEY_DOWN:
        return {Kind::down};
      case KEY_PPAGE:
        return {Kind::page_up};
      case KEY_NPAGE:
        return {Kind::page_down};
      case KEY_HOME:
        return {Kind::home};
      case KEY_END:
        return {Kind::end};
      case KEY_ENTER:
        return {Kind::enter};
      case KEY_BACKSPACE:
        return {Kind::backspace};
      case KEY_BTAB:
        return {Kind::shift_tab};
      case KEY_MOUSE:
        return mouse_key();
      case KEY_RESIZE:
        return {Kind::resize};
      default:
        return {Kind::other};
    }
  }
  if (code == '\r' || code == '\n') return {Kind::enter};
  if (code == 27) return {Kind::escape};
  if (code == 8 || code == 127) return {Kind::backspace};
  return {Kind::character, static_cast<char32_t>(code)};
}

}  // namespace

struct Screen::State {
  explicit State(SignalWaiter& signal_waiter) : waiter(signal_waiter) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (screen == nullptr) return;
    ::endwin();
    ::delscreen(screen);
    waiter.keep_terminal_settings(-1);
    waiter.set_emergency_text({});
  }

  void follow_size() {
    const auto window = window_size();
    if (!window) return;
    const int columns = std::min<int>(window->ws_col, kColumnLimit);
    const int rows = std::min<int>(window->ws_row, kRowLimit);
    // Not resizeterm(), which would also put a key into the input.
    if (columns != COLS || rows != LINES) ::resize_term(rows, columns);
  }

  void choose_looks(bool wanted) {
    const bool color = wanted && ::has_colors();
    if (color) {
      ::start_color();
      ::use_default_colors();
    }
    for (int i = 0; i < kStyleCount; ++i) {
      const Look look = look_of(static_cast<Style>(i));
      const short foreground = COLORS >= 256 ? look.color_256 : look.basic;
      attr_t attributes = color ? look.with_color : look.without_color;
      if (color && foreground == kDefault && look.color_256 != kDefault) attributes = look.without_color;
      if (color && foreground != kDefault) {
        const auto pair = static_cast<short>(i + 1);
        ::init_pair(pair, foreground, kDefault);
        pairs[static_cast<std::size_t>(i)] = pair;
      }
      attributes_of[static_cast<std::size_t>(i)] = attributes;
    }
  }

  void put(int column, int row, const Cell& cell) {
    const auto style = static_cast<std::size_t>(cell.style);
    std::array<wchar_t, CCHARW_MAX + 1> characters{};
    std::size_t count = 0;
    std::mbstate_t state{};
    std::string_view rest = cell.text;
    while (!rest.empty() && count < CCHARW_MAX) {
      const std::size_t used = std::mbrtowc(&characters[count], rest.data(), rest.size(), &state);
      if (used == 0 || used > rest.size()) break;
      rest.remove_prefix(used);
      ++count;
    }
    // A locale without this character, or a control character that a view let through.
    if (count == 0 || ::wcwidth(characters[0]) < 1) {
      characters[0] = cell.text.empty() ? L' ' : L'?';
      characters[1] = L'\0';
    } else {
      characters[count] = L'\0';
    }
    cchar_t cell_to_draw;
    ::setcchar(&cell_to_draw, characters.data(), attributes_of[style], pairs[style], nullptr);
    ::mvadd_wch(row, column, &cell_to_draw);
  }

  SignalWaiter& waiter;
  std::unique_ptr<std::FILE, FileCloser> own_input;  // /dev/tty, where standard input is no terminal
  SCREEN* screen = nullptr;
  std::string emergency_text;
  bool unicode = false;
  int input_fd = STDIN_FILENO;
  std::array<short, kStyleCount> pairs{};
  std::array<attr_t, kStyleCount> attributes_of{};
  std::optional<Grid> drawn;  // what the terminal shows; nothing before the first draw() and after a resize
};

Screen::Screen(std::unique_ptr<State> state) : state_(std::move(state)) {}
Screen::~Screen() = default;

Result<std::unique_ptr<Screen>> Screen::open(const Options& options, SignalWaiter& waiter) {
  if (::isatty(STDOUT_FILENO) != 1) return no_terminal("the output is no terminal");
  const char* term = std::getenv("TERM");
  if (term == nullptr || term[0] == '\0') return no_terminal("TERM is not set");
  int known = 0;
  if (::setupterm(term, STDOUT_FILENO, &known) != OK)
    return no_terminal("no terminal of the kind TERM names is known here");
  const bool addressable = *capability("cup") != '\0';
  ::del_curterm(::cur_term);
  if (!addressable) return no_terminal("a terminal of the kind TERM names cannot place its cursor");

  auto state = std::make_unique<State>(waiter);
  std::FILE* input = stdin;
  if (::isatty(STDIN_FILENO) != 1) {
    state->own_input.reset(std::fopen("/dev/tty", "re"));
    input = state->own_input ? state->own_input.get() : stdin;
    state->input_fd = state->own_input ? ::fileno(input) : -1;
  }
  waiter.keep_terminal_settings(STDOUT_FILENO);
  {
    const SignalKeeper keeper;
    ::use_env(FALSE);
    // ncurses would allocate whatever size the terminal claims; a mad one is bounded by follow_size().
    const auto window = window_size();
    const bool mad = window && (window->ws_col > kColumnLimit || window->ws_row > kRowLimit);
    ::use_tioctl(mad ? FALSE : TRUE);
    state->screen = ::newterm(nullptr, stdout, input);
  }
  if (state->screen == nullptr) {
    waiter.keep_terminal_settings(-1);
    return no_terminal("the terminal could not be set up");
  }
  state->emergency_text = without_padding(std::string(capability("sgr0")) + capability("rmkx") +
                                          capability("cnorm") + capability("rmcup"));
  if (options.mouse) {
    // No waiting whether a press becomes a click: the press is what counts.
    ::mouseinterval(0);
    ::mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
    // As xterm and all that follow it turn the reports off; terminfo has no name for it.
    if (::has_mouse()) state->emergency_text = "\033[?1000l\033[?1006l" + state->emergency_text;
  }
  waiter.set_emergency_text(state->emergency_text);
  state->unicode = environment_is_utf8() && terminal_has_braille(term);
  state->choose_looks(options.color);
  state->follow_size();
  ::cbreak();
  ::noecho();
  ::nonl();
  ::set_escdelay(kEscapeDelayMs);
  ::keypad(::stdscr, TRUE);
  define_common_keys();
  ::nodelay(::stdscr, TRUE);
  ::curs_set(0);
  return std::unique_ptr<Screen>(new Screen(std::move(state)));
}

int Screen::columns() const {
  return COLS;
}
int Screen::rows() const {
  return LINES;
}
bool Screen::unicode() const {
  return state_->unicode;
}
int Screen::input_fd() const {
  return state_->input_fd;
}

void Screen::draw(const Grid& grid) {
  const std::optional<Grid>& before = state_->drawn;
  const bool comparable = before && before->columns() == grid.columns() && before->rows() == grid.rows();
  if (!comparable) ::werase(::stdscr);
  bool changed = !comparable;
  const int columns = std::min(grid.columns(), COLS);
  const int rows = std::min(grid.rows(), LINES);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const Cell& cell = grid.at(column, row);
      if (comparable) {
        const Cell& old = before->at(column, row);
        if (old.text == cell.text && old.style == cell.style) continue;
      }
      changed = true;
      // The right half of a double-width character is drawn with its left half.
      if (cell.text.empty()) continue;
      state_->put(column, row, cell);
    }
  }
  if (!changed) return;
  ::wrefresh(::stdscr);
  state_->drawn = grid;
}

void Screen::resized() {
  state_->follow_size();
  ::clearok(::stdscr, TRUE);  // the terminal may have moved what was on it
  state_->drawn.reset();
}

std::optional<Key> Screen::read_key() {
  if (state_->input_fd < 0) return std::nullopt;
  wint_t code = 0;
  const int result = ::wget_wch(::stdscr, &code);
  if (result != ERR) return key_of(result, code);
  // Input that is readable and yet gives no key has ended: whoever waits for it would never sleep.
  pollfd polled = {state_->input_fd, POLLIN, 0};
  if (::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
    state_->input_fd = -1;
  return std::nullopt;
}

}  // namespace isotach::view
