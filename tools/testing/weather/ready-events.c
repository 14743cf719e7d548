/*
 * Stands in front of the C library in Node's processes (LD_PRELOAD): the weather of sockets, pipes and threads' messages, below
 * everything that Node promises of them. What the kernel may do, it does more often:
 * - of what is ready in a turn of the event loop, some is left for a later turn, and the rest comes in another order;
 * - a read from a socket brings, and a write to one takes, fewer bytes than it could.
 * Drawn from TESTUDO_WEATHER, for each thread anew. Other programs, and whatever is no socket, are left as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Of a hundred: descriptors that are left for a later turn, reads and writes that are cut. */
enum { left_share = 25, cut_share = 8, descriptors_max = 65536, pause_us_max = 2000 };

/* A descriptor that is told of once, when it becomes ready: it would never be told again. */
static _Atomic unsigned char told_once[descriptors_max];
static _Atomic uint32_t threads;
static _Thread_local uint32_t state;

static int (*real_pwait)(int, struct epoll_event *, int, int, const sigset_t *);
static int (*real_ctl)(int, int, int, struct epoll_event *);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static uint32_t seed;

/* Other libraries call these from constructors that run before ours. */
#define REAL(name, symbol) \
  if (real_##name == NULL) *(void **)&real_##name = dlsym(RTLD_NEXT, symbol)

__attribute__((constructor)) static void begin(void) {
  char program[4096];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length < 0 ? 0 : length] = '\0';
  const char *name = strrchr(program, '/');
  const char *text = getenv("TESTUDO_WEATHER");
  if (name == NULL || strcmp(name, "/node") != 0 || text == NULL || *text == '\0') return;
  /* FNV-1a. */
  uint32_t digest = 2166136261u;
  for (; *text; text++) digest = (digest ^ (unsigned char)*text) * 16777619u;
  seed = digest | 1u;
}

/* xorshift32 (Marsaglia, 2003), 0..below-1. */
static uint32_t draw(uint32_t below) {
  if (state == 0) state = (seed ^ (atomic_fetch_add(&threads, 1) * 2654435761u)) | 1u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

static int is_told_once(int descriptor) {
  return descriptor < 0 || descriptor >= descriptors_max || atomic_load(&told_once[descriptor]);
}

int epoll_ctl(int group, int act, int descriptor, struct epoll_event *event) {
  if (descriptor >= 0 && descriptor < descriptors_max && event != NULL)
    atomic_store(&told_once[descriptor], (event->events & (EPOLLET | EPOLLONESHOT)) != 0);
  REAL(ctl, "epoll_ctl");
  return real_ctl(group, act, descriptor, event);
}

static int leave_some(struct epoll_event *events, int ready) {
  int kept = 0;
  for (int i = 0; i < ready; i++) {
    int once = is_told_once(events[i].data.fd);
    if (!once && draw(100) < left_share) continue;
    /* libuv takes a short read from who has hung up for the last one. The hang-up is told again when all is read. */
    if (!once && (events[i].events & EPOLLIN)) events[i].events &= ~(uint32_t)EPOLLHUP;
    events[kept++] = events[i];
  }
  return kept;
}

static void mix(struct epoll_event *events, int ready) {
  for (int i = ready - 1; i > 0; i--) {
    int other = (int)draw((uint32_t)i + 1);
    struct epoll_event event = events[i];
    events[i] = events[other];
    events[other] = event;
  }
}

int epoll_pwait(int group, struct epoll_event *events, int max, int timeout, const sigset_t *mask) {
  REAL(pwait, "epoll_pwait");
  int ready = real_pwait(group, events, max, timeout, mask);
  if (seed == 0 || ready <= 0) return ready;
  int kept = leave_some(events, ready);
  if (kept == 0 && timeout != 0) {
    /* Who waits is told of something: what has become ready a little later. */
    struct timespec pause = {0, (long)draw(pause_us_max) * 1000};
    nanosleep(&pause, NULL);
    ready = real_pwait(group, events, max, 0, mask);
    if (ready < 0) return ready;
    kept = leave_some(events, ready);
    if (kept == 0) return epoll_pwait(group, events, max, timeout, mask);
  }
  mix(events, kept);
  return kept;
}

static int is_cut(int descriptor, size_t bytes) {
  if (seed == 0 || bytes < 2 || draw(100) >= cut_share) return 0;
  int error = errno, type = 0;
  socklen_t length = sizeof type;
  int is_stream = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
  errno = error;
  return is_stream;
}

/* Whoever may wait for room is never told that less was written. */
static int may_be_short(int descriptor, size_t bytes) {
  if (!is_cut(descriptor, bytes)) return 0;
  int error = errno, flags = fcntl(descriptor, F_GETFL);
  errno = error;
  return flags != -1 && (flags & O_NONBLOCK) != 0;
}

/* 1..bytes: half of the cuts leave next to nothing. */
static size_t cut(size_t bytes) {
  uint32_t most = bytes > 65536 ? 65536 : (uint32_t)bytes;
  return 1 + draw(draw(2) && most > 16 ? 16 : most);
}

ssize_t read(int descriptor, void *into, size_t bytes) {
  REAL(read, "read");
  return real_read(descriptor, into, is_cut(descriptor, bytes) ? cut(bytes) : bytes);
}

ssize_t write(int descriptor, const void *from, size_t bytes) {
  REAL(write, "write");
  return real_write(descriptor, from, may_be_short(descriptor, bytes) ? cut(bytes) : bytes);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  REAL(writev, "writev");
  REAL(write, "write");
  if (count < 1 || !may_be_short(descriptor, parts[0].iov_len)) return real_writev(descriptor, parts, count);
  return real_write(descriptor, parts[0].iov_base, cut(parts[0].iov_len));
}
