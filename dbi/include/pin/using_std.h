// Names of the standard library that tools for old kits use without std::, opened for all. A using-directive
// would make each of its thousands of names ambiguous with a tool's own `end`, `flush` or `count`.
#pragma once

#include "pin/base.h"

// clang-format off
using std::string; using std::wstring; using std::vector; using std::list; using std::map;
using std::multimap; using std::set; using std::multiset; using std::deque; using std::queue;
using std::priority_queue; using std::stack; using std::pair; using std::make_pair; using std::cin;
using std::cout; using std::cerr; using std::clog; using std::endl; using std::ends; using std::hex;
using std::dec; using std::oct; using std::setw; using std::setfill; using std::setprecision;
using std::showbase; using std::noshowbase; using std::uppercase; using std::nouppercase; using std::fixed;
using std::scientific; using std::boolalpha; using std::setbase; using std::left; using std::right;
using std::internal; using std::ios; using std::ios_base; using std::streambuf; using std::streampos;
using std::streamsize; using std::streamoff; using std::istream; using std::ostream; using std::iostream;
using std::fstream; using std::ifstream; using std::ofstream; using std::stringstream;
using std::istringstream; using std::ostringstream; using std::stringbuf; using std::filebuf;
using std::getline; using std::exception; using std::bad_alloc; using std::numeric_limits;
using std::nothrow; using std::min; using std::max; using std::swap; using std::sort;
using std::stable_sort; using std::find; using std::find_if; using std::transform; using std::copy;
using std::fill; using std::reverse; using std::unique; using std::lower_bound; using std::upper_bound;
using std::flush; using std::showpoint;
using std::noshowpoint; using std::for_each;
using std::less; using std::greater; using std::to_string;
// clang-format on
