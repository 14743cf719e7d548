import { join } from 'node:path';
import { preloaded } from '../../base/testing/preloaded.ts';

const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int broken(void) {
  const char *flag = getenv("TESTUDO_TEST_BROKEN_DISK");
  if (flag == NULL || access(flag, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}
int fsync(int fd) { return broken() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { return broken() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
`;

/**
 * A real fsync that fails: a library put in front of the C library, whose fsync and fdatasync answer EIO while the
 * file `flag` exists. Returns the environment for a child process and the flag's path.
 */
export function failingSync(dir: string): { env: Record<string, string>; flag: string } {
  const flag = join(dir, 'disk-is-broken');
  return { env: { ...preloaded(dir, 'failing-sync', source), TESTUDO_TEST_BROKEN_DISK: flag }, flag };
}
