// Runs a fuzz target without libFuzzer, so that every test run goes through the corpus and a fixed
// set of mutations of it: `NAME_replay FOLDER`. The same inputs come in the same order on every machine;
// only how many of them fit into the time limit differs. `NAME_replay FOLDER COUNT [SEED]` makes COUNT
// mutations of the files of any folder, however long that takes, others with each seed, and tells which took
// longest.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMutations = 20000;
constexpr std::size_t kSizeLimitBytes = 65536;
constexpr auto kTimeLimit = std::chrono::seconds(2);

// Marsaglia's xorshift64*: small, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit); }

 private:
  std::uint64_t state_;
};

// What has broken parsers of numbers and lines before.
constexpr const char* kTokens[] = {"18446744073709551615",
                                   "18446744073709551616",
                                   "-1",
                                   "0",
                                   "99999999999999999999999999",
                                   "\n",
                                   "\n\n",
                                   " ",
                                   "\t",
                                   ":",
                                   "=",
                                   ")",
                                   "(",
                                   "\"",
                                   "\\",
                                   "\xff\xfe",
                                   "1e999",
                                   "nan",
                                   "cpu",
                                   "kB",
                                   ".",
                                   "\r\n",
                                   "[",
                                   "]",
                                   "%",
                                   "\xf0\x9f\x98\x80"};

void mutate(std::string& text, Random& random) {
  const std::size_t at = random.below(text.size() + 1);
  switch (random.below(7)) {
    case 0:  // one bit
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 1:  // one byte
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
      break;
    case 2:  // cut off
      text.resize(at);
      break;
    case 3:  // a piece gone
      text.erase(at, random.below(32));
      break;
    case 4:  // a piece twice
      text.insert(at, text.substr(random.below(text.size() + 1), random.below(64)));
      break;
    case 5:
      text.insert(at, kTokens[random.below(std::size(kTokens))]);
      break;
    default: {  // over what stands there
      const std::string token = kTokens[random.below(std::size(kTokens))];
      text.replace(at, std::min(token.size(), text.size() - at), token);
      break;
    }
  }
  if (text.size() > kSizeLimitBytes) text.resize(kSizeLimitBytes);
}

void run(const std::string& text) {
  // A copy of exactly this size on the heap: reading past its end is seen by the sanitizers.
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// Of this thread: on the clock the slowest input is the one during which the machine did something else.
double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

struct Plan {
  std::size_t mutations = kMutations;
  std::uint64_t seed = 0x15074c6a5eed / 2;
  bool has_time_limit = true;
};

bool read_plan(int argc, char** argv, Plan& plan) {
  if (argc < 2 || argc > 4) return false;
  if (argc == 2) return true;
  char* end = nullptr;
  plan.has_time_limit = false;
  plan.mutations = std::strtoull(argv[2], &end, 10);
  if (*end != '\0' || plan.mutations == 0) return false;
  if (argc == 4) plan.seed = std::strtoull(argv[3], &end, 10);
  return *end == '\0';
}

std::vector<std::string> read_folder(const char* folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string& text = texts.emplace_back(kSizeLimitBytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  return texts;
}

}  // namespace

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  Plan plan;
  if (!read_plan(argc, argv, plan)) {
    std::fprintf(stderr, "usage: %s FOLDER [COUNT [SEED]]\n", argv[0]);
    return 2;
  }
  const std::vector<std::string> corpus = read_folder(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no files\n", argv[1]);
    return 1;
  }

  run({});
  for (const std::string& text : corpus) run(text);

  const auto end = Clock::now() + kTimeLimit;
  double longest_ms = 0;
  std::size_t longest_at = 0;
  Random random(plan.seed);
  std::size_t done = 0;
  for (; done < plan.mutations && (!plan.has_time_limit || Clock::now() < end); ++done) {
    std::string text = corpus[done % corpus.size()];
    for (std::size_t steps = 1 + random.below(8); steps > 0; --steps) mutate(text, random);
    const double begin_ms = cpu_ms();
    run(text);
    const double took_ms = cpu_ms() - begin_ms;
    if (took_ms <= longest_ms) continue;
    longest_ms = took_ms;
    longest_at = done;
  }
  std::printf("%zu files, %zu mutations; number %zu took longest: %.1f ms of CPU\n", corpus.size(), done,
              longest_at, longest_ms);
  return 0;
}
