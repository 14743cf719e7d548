// Loads TensorFlow's libraries without the note about oneDNN that it writes to stderr while loading, whatever
// TF_CPP_MIN_LOG_LEVEL says: with a coordinator and a dozen clients on one screen those lines drown the rest.
// stderr goes to memory for that moment; everything else found there is passed on, so nothing but the note is lost.

#include <dlfcn.h>
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace {

bool isNote(const std::string &line) {
  return line.find("oneDNN custom operations are on") != std::string::npos ||
         line.find("All log messages before absl::InitializeLog()") != std::string::npos;
}

std::string contentsOf(int fd) {
  std::string text;
  char chunk[4096];
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;) text.append(chunk, n);
  return text;
}

void loadQuietly(const char *library) {
  const int memory = memfd_create("stderr", MFD_CLOEXEC);
  const int kept = dup(STDERR_FILENO);
  if (memory < 0 || kept < 0) return;  // Then the note shows; the library is loaded by whoever needs it.
  std::fflush(stderr);
  dup2(memory, STDERR_FILENO);
  // Never unloaded: when a worker thread ends, Node closes its addons, and TensorFlow's own threads live on in this code.
  // A failure here is met again, and told, by the real load.
  dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  std::istringstream lines(contentsOf(memory));
  close(memory);
  for (std::string line; std::getline(lines, line);) {
    if (!isNote(line)) std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace

NAPI_MODULE_INIT() {
  // Set here as well as in JavaScript: a worker thread's process.env is a copy that native code does not see.
  setenv("TF_CPP_MIN_LOG_LEVEL", "2", /*overwrite=*/0);
  if (std::atoi(std::getenv("TF_CPP_MIN_LOG_LEVEL")) > 0) loadQuietly("libtensorflow_cc.so.2");
  return exports;
}
