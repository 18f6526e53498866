// Records of inspect as isotach web opens them: whole, cut short, none at all, and larger than the bounds.
#include "command/inspect/records_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "instrument/trace_fixture.h"

namespace isotach::command {
namespace {

using testing::HasSubstr;
using testing::Not;

class RecordsPage : public testing::Test {
 protected:
  ~RecordsPage() override { std::filesystem::remove(path_); }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  const std::string path_ = testing::TempDir() + "records-" + std::to_string(::getpid()) + ".inspect";
};

TEST_F(RecordsPage, HasRoutinesImagesTheMapAndTheCommand) {
  write(instrument::little_trace().bytes());
  EXPECT_EQ(records_title(path_), "ls -l");
  const auto page = records_page(path_);
  ASSERT_TRUE(page);
  for (const char* wanted : {"Inspected: ls -l", "memcpy", "libc.so.6", "Accesses over address and time",
                             "touched pages", "[stack]"})
    EXPECT_THAT(*page, HasSubstr(wanted));
  EXPECT_THAT(*page, Not(HasSubstr("Incomplete")));
}

TEST_F(RecordsPage, SaysWhatIsMissingOfOneThatWasCutShort) {
  const std::string bytes = instrument::little_trace().bytes();
  write(bytes.substr(0, bytes.size() - 5));
  const auto page = records_page(path_);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, HasSubstr("Incomplete"));
}

TEST_F(RecordsPage, RefusesOtherFiles) {
  write("PK\x03\x04 something else");
  EXPECT_EQ(records_title(path_), std::nullopt);
  const auto page = records_page(path_);
  ASSERT_FALSE(page);
  EXPECT_THAT(page.error().message(), HasSubstr("holds no records of isotach inspect"));
  EXPECT_EQ(records_title(path_ + ".gone"), std::nullopt);
}

// A page of memory for each access: the tables would grow without end.
TEST_F(RecordsPage, StopsWhereTheTablesGrowTooLarge) {
  instrument::TraceFixture trace = instrument::little_trace();
  constexpr std::uint64_t kPages = 600'000;
  for (std::uint64_t page = 0; page < kPages;) {
    trace.begin_events(0, 4'000'000, 5'000'000);
    for (int i = 0; i < 100'000; ++i, ++page) trace.read(1, page * 4096, "a");
    trace.end_events();
  }
  write(trace.bytes());
  const auto page = records_page(path_);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, HasSubstr("these are the first"));
  EXPECT_THAT(*page, HasSubstr("isotach inspect --read FILE --report"));
}

}  // namespace
}  // namespace isotach::command
