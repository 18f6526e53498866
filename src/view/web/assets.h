// The files of the web page, built from web/ and embedded in the binary.
#pragma once

#include <span>
#include <string_view>

namespace isotach::view {

struct WebAsset {
  std::string_view path;  // "/", "/app-3FZKQ2.js"
  std::string_view content_type;
  std::string_view data;
  bool immutable = false;  // the path has a hash of the content: browsers may keep it for good
};

// Empty in a build without the page (ISOTACH_WEB=OFF).
[[nodiscard]] std::span<const WebAsset> web_assets();

}  // namespace isotach::view
