import { join } from 'node:path';
import { preloaded } from '../../../base/testing/preloaded.ts';

const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
static int broken(off64_t at) {
  const char *flag = getenv("TESTUDO_TEST_UNREADABLE");
  FILE *file = flag == NULL ? NULL : fopen(flag, "r");
  if (file == NULL) return 0;
  long long from = -1;
  int read = fscanf(file, "%lld", &from);
  fclose(file);
  if (read != 1 || at < from) return 0;
  errno = EIO;
  return 1;
}
#define POSITIONED(name) \\
  ssize_t name(int fd, void *buffer, size_t length, off64_t at) { \\
    return broken(at) ? -1 : ((ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, #name))(fd, buffer, length, at); \\
  }
#define POSITIONED_PARTS(name) \\
  ssize_t name(int fd, const struct iovec *parts, int count, off64_t at) { \\
    return broken(at) ? -1 : ((ssize_t (*)(int, const struct iovec *, int, off64_t))dlsym(RTLD_NEXT, #name))(fd, parts, count, at); \\
  }
POSITIONED(pread)
POSITIONED(pread64)
POSITIONED_PARTS(preadv)
POSITIONED_PARTS(preadv64)
`;

/**
 * Real reads that fail: a library put in front of the C library, whose reads at a position answer EIO from the byte on that
 * stands in the file `flag`, while it exists. Returns the environment for a child process and the flag's path.
 */
export function failingRead(dir: string): { env: Record<string, string>; flag: string } {
  const flag = join(dir, 'unreadable-from');
  return { env: { ...preloaded(dir, 'failing-read', source), TESTUDO_TEST_UNREADABLE: flag }, flag };
}
