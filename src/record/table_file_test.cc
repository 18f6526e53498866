#include "record/table_file.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>
#include <string>
#include <vector>

namespace isotach::record {
namespace {

TEST(TableFile, HoldsWhatWasWritten) {
  const std::string path = testing::TempDir() + "table_file_test.sqlite";
  std::remove(path.c_str());
  std::vector<TableFile::Column> columns = {{"conn", TableFile::Type::integer},
                                            {"a \"b\"", TableFile::Type::text},
                                            {"Conn", TableFile::Type::real}};
  {
    auto file = TableFile::create(path, "connections", columns);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    ASSERT_TRUE((*file)->add({std::int64_t{1}, std::string("x'y"), 2.5}));
    ASSERT_TRUE((*file)->add({std::int64_t{2}, std::monostate{}, std::monostate{}}));
    ASSERT_TRUE((*file)->finish());
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(
                database, "SELECT count(*), sum(conn), max(\"a \"\"b\"\"\"), sum(Conn_2) FROM connections",
                -1, &statement, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 2);
  EXPECT_EQ(sqlite3_column_int(statement, 1), 3);
  EXPECT_STREQ(reinterpret_cast<const char*>(sqlite3_column_text(statement, 2)), "x'y");
  EXPECT_EQ(sqlite3_column_double(statement, 3), 2.5);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  const auto again = TableFile::create(path, "connections", columns);
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().message().find("exists"), std::string::npos) << again.error().message();
  std::remove(path.c_str());
}

}  // namespace
}  // namespace isotach::record
