// Answers of the API: JSON documents, and errors as such.
#pragma once

#include <string_view>

#include "view/export/json_writer.h"
#include "view/web/http_server.h"

namespace isotach::view {

[[nodiscard]] HttpResponse json_response(const JsonWriter& json);
// An isotach.error.v1 document; `text` is a sentence without final stop.
[[nodiscard]] HttpResponse error_response(int status, std::string_view text);

}  // namespace isotach::view
