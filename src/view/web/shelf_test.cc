#include "view/web/shelf.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "record/recorder.h"
#include "view/graph/graph.h"
#include "view/web/files_api.h"

namespace isotach::view {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kSecondNs = kNanosecondsPerSecond;

class ShelfTest : public ::testing::Test {
 public:
  ~ShelfTest() override { std::filesystem::remove_all(folder_); }

 protected:
  ShelfTest() : folder_(testing::TempDir() + "shelf-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }

  void record(const std::string& name, int samples) const {
    record::SeriesTable table;
    const record::SeriesId id = *table.intern({.name = "memory_used_bytes",
                                               .unit = Unit::bytes,
                                               .kind = record::MetricKind::gauge,
                                               .help = "",
                                               .title = "used"});
    record::RecordingInfo info;
    info.command = "record";
    info.host = "db1";
    info.interval_ns = kSecondNs;
    info.start = {0, 1'700'000'000 * kSecondNs};
    const std::string path = folder_ + "/" + name;
    std::filesystem::remove(path);
    auto recorder = record::Recorder::create(path, info, table);
    ASSERT_TRUE(recorder);
    for (int i = 0; i < samples; ++i) {
      record::Sample sample;
      sample.time = {i * kSecondNs, info.start.wall_ns + i * kSecondNs};
      sample.points.push_back({id, Value::of(static_cast<std::uint64_t>(i))});
      (*recorder)->append(sample);
    }
    (*recorder)->append(
        record::Event{{kSecondNs, info.start.wall_ns + kSecondNs}, record::EventKind::mark, "deploy"});
    ASSERT_TRUE((*recorder)->finish());
  }
  void write(const std::string& name, const std::string& text, int seconds) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    set_time(name, seconds);
  }
  void set_time(const std::string& name, int seconds) const {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ + "/" + name).c_str(), times, 0), 0);
  }
  static std::vector<std::string> names(const ShelfList& list) {
    std::vector<std::string> names;
    names.reserve(list.files.size());
    for (const ShelfFile& file : list.files) names.push_back(file.name);
    return names;
  }

  std::string folder_;
};

TEST_F(ShelfTest, ListsRecordingsAndReportsTheNewestFirst) {
  record("old.isotach", 4);
  set_time("old.isotach", 1000);
  write("sort.html", "<html><head><TITLE>sort &amp; &#39;find&#39;\n\x1b[1m</title>", 2000);
  write("broken.isotach", "no recording", 3000);
  write("notes.txt", "no", 3000);
  write(".hidden.html", "<title>no</title>", 3000);
  std::filesystem::create_symlink("/etc/passwd", folder_ + "/link.html");
  std::filesystem::create_directory(folder_ + "/folder.html");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe.isotach").c_str(), 0600), 0);

  Shelf shelf(folder_);
  const auto list = shelf.list();
  ASSERT_TRUE(list);
  ASSERT_THAT(names(*list), ElementsAre("sort.html", "old.isotach"));
  EXPECT_EQ(list->files[0].title, "sort & 'find' ?[1m");
  EXPECT_EQ(list->files[1].host, "db1");
  EXPECT_EQ(list->files[1].command, "record");
  EXPECT_EQ(list->files[1].samples, 4u);
  EXPECT_DOUBLE_EQ(list->files[1].duration_s, 3);
  EXPECT_EQ(list->left_out, 0u);
}

TEST_F(ShelfTest, TellsHowManyItLeavesOut) {
  for (std::size_t i = 0; i < Shelf::kListLimit + 3; ++i) write("r" + std::to_string(i) + ".html", "", 5);
  Shelf shelf(folder_);
  const auto list = shelf.list();
  ASSERT_TRUE(list);
  EXPECT_EQ(list->files.size(), Shelf::kListLimit);
  EXPECT_EQ(list->left_out, 3u);
}

TEST_F(ShelfTest, NothingOutsideTheFolderIsOpened) {
  std::filesystem::create_directory(folder_ + "/inner");
  std::ofstream(folder_ + ".html") << "outside";
  std::filesystem::create_symlink(folder_ + ".html", folder_ + "/link.html");
  Shelf shelf(folder_ + "/inner");
  for (const std::string name :
       {"../link.html", "/etc/passwd", "", ".", "..", "link.html", "../shelf.html", "a\nb.html"}) {
    EXPECT_FALSE(shelf.report(name)) << name;
    EXPECT_FALSE(shelf.open(name)) << name;
  }
  EXPECT_FALSE(Shelf(folder_).report("link.html")) << "a link";
  EXPECT_FALSE(shelf.report(std::string("a\0.html", 7)));
  std::filesystem::remove(folder_ + ".html");
}

TEST_F(ShelfTest, AMissingFolderIsAnError) {
  const auto list = Shelf(folder_ + "/none").list();
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message(), HasSubstr("none"));
}

TEST_F(ShelfTest, ARecordingStaysOpenAndIsReadAgainWhenItHasChanged) {
  record("a.isotach", 3);
  Shelf shelf(folder_);
  const auto first = shelf.open("a.isotach");
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->feed->news().samples, 3u);
  EXPECT_EQ(*shelf.open("a.isotach"), *first);
  record("a.isotach", 5);
  const auto again = shelf.open("a.isotach");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->feed->news().samples, 5u);
  EXPECT_EQ((*first)->feed->news().samples, 3u) << "who holds the old one keeps it";
  // The last few stay, the one that was not used longest goes.
  for (std::size_t i = 0; i < Shelf::kOpenLimit; ++i) {
    const std::string name = "b" + std::to_string(i) + ".isotach";
    record(name, 2);
    ASSERT_TRUE(shelf.open(name));
  }
  EXPECT_NE(*shelf.open("a.isotach"), *again);
}

TEST_F(ShelfTest, TheApiAnswersForARecordingThatIsNamed) {
  record("a.isotach", 3);
  write("r.html", "<title>report</title>", 5);
  record::SeriesTable table;
  const LiveFeed feed(table, 10);
  const WebApi live({.id = "live", .host = "here", .kernel = {}, .program_version = {}, .recording = {}},
                    feed);
  Shelf shelf(folder_);
  const FilesApi api(&shelf, nullptr, live, "0.1.0");

  EXPECT_THAT(api.series({}).body, HasSubstr(R"("id":"live")"));
  HttpRequest request;
  request.query["recording"] = "a.isotach";
  const std::string series = api.series(request).body;
  EXPECT_THAT(series, HasSubstr(R"("host":"db1")"));
  EXPECT_THAT(series, HasSubstr(R"("mode":"recording","recording":"a.isotach")"));
  const std::string history = api.history(request).body;
  EXPECT_THAT(history, HasSubstr(R"("memory_used_bytes":[0,1,2])"));
  EXPECT_THAT(history, HasSubstr(R"("kind":"mark","text":"deploy")"));
  EXPECT_THAT(api.files().body, HasSubstr(R"("name":"a.isotach","kind":"recording")"));
  request.query["recording"] = "b.isotach";
  EXPECT_EQ(api.series(request).status, 404);

  request.query["name"] = "r.html";
  const HttpResponse report = api.report(request);
  EXPECT_EQ(report.status, 200);
  EXPECT_EQ(report.body, "<title>report</title>");
  EXPECT_THAT(testing::PrintToString(report.headers), HasSubstr("sandbox"));
  EXPECT_EQ(api.report({}).status, 400);
  write("d.html",
        "<style>:root{color-scheme:light dark}@media screen and (prefers-color-scheme: dark){}</style>", 6);
  HttpRequest dark;
  dark.query = {{"name", "d.html"}, {"scheme", "dark"}};
  EXPECT_EQ(api.report(dark).body,
            "<style>:root{color-scheme:dark}@media screen and (min-width: 0){}</style>");
  dark.query["scheme"] = "light";
  EXPECT_EQ(api.report(dark).body,
            "<style>:root{color-scheme:light}@media screen and (max-width: 0){}</style>");
  dark.query["scheme"] = "no such";
  EXPECT_THAT(api.report(dark).body, HasSubstr("prefers-color-scheme"));

  const FilesApi without(nullptr, nullptr, live, "0.1.0");
  EXPECT_EQ(without.series(request).status, 404);
  EXPECT_EQ(without.report(request).status, 404);
  EXPECT_THAT(without.files().body, HasSubstr(R"("folder":"","files":[])"));
}

TEST(HtmlTitle, IsReadFromThePage) {
  EXPECT_EQ(html_title("<title> a &lt;b&gt; &unknown; &#x41; &#65;&#0; & c</title>"),
            "a <b> &unknown; &#x41; A&#0; & c");
  EXPECT_EQ(html_title("<title>no end"), "");
  EXPECT_EQ(html_title("</title><title>"), "");
  EXPECT_EQ(html_title(""), "");
}

TEST_F(ShelfTest, RecordsOfProgramsAreListedByCommandAndReadOnceForAll) {
  write("ls.inspect", "records of ls", 10);
  write("other.zst", "something else", 20);
  int pages = 0;
  const ShelfReaders reader{
      [](const std::string& path) {
        return path.ends_with("ls.inspect") ? std::optional<std::string>("ls -l") : std::nullopt;
      },
      [&pages](const std::string&) { return Result<std::string>("<title>" + std::to_string(++pages)); },
      {}};
  Shelf shelf(folder_, reader);
  const auto list = shelf.list();
  ASSERT_TRUE(list);
  ASSERT_THAT(names(*list), ElementsAre("ls.inspect"));
  EXPECT_EQ(list->files[0].title, "ls -l");
  EXPECT_EQ(list->files[0].kind, ShelfKind::records);

  EXPECT_EQ(**shelf.report("ls.inspect"), "<title>1");
  EXPECT_EQ(**shelf.report("ls.inspect"), "<title>1") << "what was made is kept";
  write("ls.inspect", "more records of ls", 30);
  EXPECT_EQ(**shelf.report("ls.inspect"), "<title>2");
  EXPECT_FALSE(shelf.report("gone.inspect"));
  EXPECT_FALSE(Shelf(folder_).report("ls.inspect")) << "without a reader";
}

TEST_F(ShelfTest, CapturesAreListedByHowTheyBeginAndReadFromTheirBeginning) {
  const std::string pcap("\xd4\xc3\xb2\xa1 and more", 13);
  write("a.pcap", pcap, 50);
  write("b.pcapng.gz", "\x1f\x8b packed", 40);
  write("c.cap.zst", "\x28\xb5\x2f\xfd packed", 30);
  write("d.pcap", "no capture", 20);
  write("e.gz", "\x1f\x8b of what?", 10);
  std::string made_of;
  ShelfReaders readers;
  readers.capture_page = [&](const std::string& name, int fd) {
    std::string text(64, '\0');
    text.resize(static_cast<std::size_t>(::read(fd, text.data(), text.size())));
    made_of = text;
    return name == "a.pcap" ? Result<std::string>("page") : failure(ErrorKind::failed, "it is damaged");
  };
  Shelf shelf(folder_, readers);
  const auto list = shelf.list();
  ASSERT_TRUE(list);
  EXPECT_THAT(names(*list), ElementsAre("a.pcap", "b.pcapng.gz", "c.cap.zst"));
  EXPECT_EQ(list->files[0].kind, ShelfKind::capture);
  EXPECT_EQ(**shelf.report("a.pcap"), "page");
  EXPECT_EQ(made_of, pcap);
  EXPECT_EQ(shelf.report("c.cap.zst").error().message(), "it is damaged");
  EXPECT_FALSE(shelf.report("gone.pcap"));
  EXPECT_FALSE(Shelf(folder_).report("a.pcap")) << "without a reader";
}

TEST_F(ShelfTest, GraphsOfOurReportsMayRunTheirScriptAndNoOther) {
  GraphPage graphs;
  graphs.title = "TCP connections";
  const std::string ours = graph_page_of(graphs);
  write("ours.html", ours, 20);
  write("other.html", "<script>\nalert(1)</script>", 10);
  Shelf shelf(folder_);
  record::SeriesTable table;
  const LiveFeed feed(table, 10);
  const WebApi live({}, feed);
  const FilesApi api(&shelf, nullptr, live, "1");
  const auto policy_and_page = [&](const std::string& name) {
    HttpRequest request;
    request.query["name"] = name;
    const HttpResponse response = api.report(request);
    return std::pair(response.headers.at(0).second, response.body);
  };
  const auto [policy, page] = policy_and_page("ours.html");
  const std::size_t at = policy.find("script-src 'nonce-");
  ASSERT_NE(at, std::string::npos) << policy;
  EXPECT_THAT(policy, HasSubstr("sandbox allow-scripts;"));
  const std::string nonce = policy.substr(at + 18, 32);
  EXPECT_THAT(page, HasSubstr("<script nonce=\"" + nonce + "\">"));
  EXPECT_NE(policy_and_page("ours.html").first, policy) << "each answer has a nonce of its own";
  const auto [other_policy, other] = policy_and_page("other.html");
  EXPECT_THAT(other_policy, AllOf(HasSubstr("sandbox;"), Not(HasSubstr("script"))));
  EXPECT_EQ(other, "<script>\nalert(1)</script>");
}

TEST_F(ShelfTest, ABrowserIsToldInAPageWhatCannotBeShown) {
  Shelf shelf(folder_);
  record::SeriesTable table;
  const LiveFeed feed(table, 10);
  const WebApi live({}, feed);
  const FilesApi api(&shelf, nullptr, live, "1");
  HttpRequest request;
  request.query["name"] = "<gone>.html";
  EXPECT_THAT(api.report(request).body, HasSubstr("isotach.error.v1"));
  request.accept = "text/html,application/xhtml+xml";
  const HttpResponse response = api.report(request);
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("there is no &lt;gone&gt;.html"));
  EXPECT_THAT(response.headers.at(0).second, HasSubstr("sandbox;"));
}

TEST_F(ShelfTest, WhoAsksWhileRecordsAreReadIsToldToComeAgain) {
  write("ls.inspect", "records of ls", 10);
  Shelf* again = nullptr;
  int status = 0;
  ShelfReaders reader;
  reader.records_page = [&](const std::string&) {
    // Somebody else asks while this is being made.
    std::thread([&] {
      record::SeriesTable table;
      const LiveFeed feed(table, 10);
      const WebApi live({}, feed);
      const FilesApi api(again, nullptr, live, "1");
      HttpRequest request;
      request.query["name"] = "ls.inspect";
      status = api.report(request).status;
    }).join();
    return Result<std::string>("page");
  };
  Shelf shelf(folder_, reader);
  again = &shelf;
  EXPECT_EQ(**shelf.report("ls.inspect"), "page");
  EXPECT_EQ(status, 503);
}

}  // namespace
}  // namespace isotach::view
