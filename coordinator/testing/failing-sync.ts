import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const code = join(dir, 'failing-sync.c');
  const library = join(dir, 'failing-sync.so');
  const flag = join(dir, 'disk-is-broken');
  writeFileSync(code, source);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, code, '-ldl']);
  return { env: { LD_PRELOAD: library, TESTUDO_TEST_BROKEN_DISK: flag }, flag };
}
