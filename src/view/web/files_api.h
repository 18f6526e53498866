// What the page asks about the folder of recordings and reports, and about files that viewers sent: the list
// of them, a report, and the series and history of a recording (docs/formats/web-api.md).
#pragma once

#include <string>

#include "view/web/http_server.h"
#include "view/web/shelf.h"
#include "view/web/uploads.h"
#include "view/web/web_api.h"

namespace isotach::view {

// What is said of a recording that is shown: `name` without folders.
[[nodiscard]] WebSession recorded_session(const RecordedFeed& recorded, std::string name,
                                          std::string program_version);

class FilesApi {
 public:
  // `shelf` is nothing where the server was told no folder, and `uploads` where viewers may send nothing;
  // they and `live` must outlive the API, and the API the server that it is added to.
  FilesApi(Shelf* shelf, Uploads* uploads, const WebApi& live, std::string program_version);

  // /api/files, /api/upload and /report; /api/series and /api/history of live data, or of a recording where
  // the request names one.
  void add_to(HttpServer& server) const;

  // The documents behind them, for tests.
  [[nodiscard]] HttpResponse files() const;
  [[nodiscard]] HttpResponse report(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse series(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse history(const HttpRequest& request) const;

 private:
  // The shelf on which a file lies, and its name there: what was sent is named "sent/NAME".
  struct Place {
    Shelf* shelf = nullptr;  // nothing where no such shelf is open
    std::string name;
  };
  [[nodiscard]] Place place_of(const std::string& name) const;
  [[nodiscard]] HttpResponse take(const HttpRequest& request, const BodyReader& body) const;
  template <class Answer>
  [[nodiscard]] HttpResponse answer(const HttpRequest& request, const Answer& of) const;

  Shelf* shelf_;
  Uploads* uploads_;
  const WebApi& live_;
  const std::string program_version_;
};

}  // namespace isotach::view
