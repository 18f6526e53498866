// What routine_tool.cc instruments: see there. Prints what its functions gave.
#include <dlfcn.h>

#include <cstdio>

namespace shapes {
// Two returns, and a C++ name.
__attribute__((noinline, noclone)) int area(int width, int height) {
  asm volatile("");
  if (width < 0) return -1;
  return width * height;
}
}  // namespace shapes

extern "C" {
__attribute__((noinline, noclone)) int replaced(int a, int b) {
  asm volatile("");
  return a - b;
}
__attribute__((noinline, noclone)) int with_signature(int a, int b, int c) {
  asm volatile("");
  return a + b + c;
}
__attribute__((noinline, noclone)) int many(long a, long b, long c, long d, long e, long f, long g, long h) {
  asm volatile("");
  return static_cast<int>(a + b + c + d + e + f + g + h);
}
}

int main() {
  std::printf("area %d %d\n", shapes::area(3, 4), shapes::area(-1, 9));
  std::printf("replaced %d\n", replaced(10, 4));
  std::printf("with_signature %d\n", with_signature(1, 2, 3));
  std::printf("many %d\n", many(1, 2, 3, 4, 5, 6, 7, 8));
  void* const library = dlopen("libm.so.6", RTLD_NOW);
  auto* const cosine =
      library == nullptr ? nullptr : reinterpret_cast<double (*)(double)>(dlsym(library, "ceil"));
  if (cosine != nullptr) std::printf("ceil %.1f\n", cosine(0.5));
  if (library != nullptr) dlclose(library);
  return 0;
}
