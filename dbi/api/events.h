// What happens to the program, told to the tool.
#pragma once

namespace isotach::dbi {
struct ThreadContext;
}

namespace isotach::dbi::api {

// Has the engine tell the API of threads, system calls, forks and the end. Once, before the program runs.
void listen_to_engine();
// The program's first thread is about to run.
void program_starts(ThreadContext& context, bool attaches);

// The tool's globals are destroyed and its files written. The last thing a process does.
void end_tool(bool others_wait);
bool tool_is_loaded();

}  // namespace isotach::dbi::api
