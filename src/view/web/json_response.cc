#include "view/web/json_response.h"

namespace isotach::view {

HttpResponse json_response(const JsonWriter& json) {
  HttpResponse response;
  response.content_type = "application/json; charset=utf-8";
  response.body = json.text() + "\n";
  return response;
}

HttpResponse error_response(int status, std::string_view text) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.error.v1");
  json.key("error").string(text);
  json.end_object();
  HttpResponse response = json_response(json);
  response.status = status;
  return response;
}

}  // namespace isotach::view
