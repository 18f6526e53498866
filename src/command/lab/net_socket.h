// The socket of an emulated path's process: one request a connection, a line; the answer is "ok\n" and text,
// or "error\n" and two lines, what is wrong and what to do.
#pragma once

#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::command {

[[nodiscard]] Result<Fd> listen_net(const std::string& name);
// Accepts one who waits; somebody who is neither root nor our user is not heard.
void answer_net(int listener, const std::function<Result<std::string>(const std::string&)>& answer);
[[nodiscard]] Result<std::string> request_net(const std::string& name, const std::string& request);
// The names of all that listen in this network namespace.
[[nodiscard]] std::vector<std::string> listening_nets();

}  // namespace isotach::command
