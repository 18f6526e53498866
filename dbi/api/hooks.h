// What the API needs of the engine and gives to it, so that its files know neither cache nor dispatcher.
//
// Thread rules: each function says which lock it wants.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isotach::dbi {
struct ThreadContext;
}

namespace isotach::dbi::api {

// Exit code of a process whose tool failed.
inline constexpr int kToolFailed = 1;

// Ends the process at once, without the tool's Fini functions.
[[noreturn]] void end_process(int code);
// The calling thread's context; null on a thread that does not run the program.
ThreadContext* this_thread();
// A thread of the program by its dense number, or null.
ThreadContext* thread_by_number(uint32_t number);

// Translations of [low, high) are made anew when they are next needed. Takes the engine's lock if the calling
// thread does not hold it.
void forget_translations(uint64_t low, uint64_t high);

// Leaves what the calling thread does and goes on in the program at the context's registers.
[[noreturn]] void go_on_at(ThreadContext& context);

// The data of its keys is destroyed: the thread ends.
// Of a thread that ends: what has a destructor is given to it; the rest stays to be read.
void destroy_thread_data(ThreadContext& context);
void clear_thread_data(ThreadContext& context);

// The translation lock: PIN_LockClient. Each thread may take it more than once.
void lock_client();
void unlock_client();
bool holds_client_lock();
// The calling thread gives up the translation lock, however often it has taken it, and takes it as often
// again.
unsigned leave_client_lock();
void enter_client_lock(unsigned depth);

}  // namespace isotach::dbi::api
