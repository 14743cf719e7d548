import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';

/** What the system says to a number that no user has, in a process without HOME. */
const homeless = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
os.homedir = () => { throw new Error('uv_os_homedir returned ENOENT'); }; syncBuiltinESMExports();`;

function version(env: NodeJS.ProcessEnv, ...flags: readonly string[]) {
  const cwd = tempDir(afterAll);
  const started = fileURLToPath(new URL('./testudo.mjs', import.meta.url));
  const words = ['--disable-warning=ExperimentalWarning', ...flags, started, '--version'];
  const { status, stderr } = spawnSync(process.execPath, words, { cwd, encoding: 'utf8', env });
  return { status, stderr, left: readdirSync(cwd) };
}

it('what was compiled lies in the folder that TESTUDO_CACHE names', () => {
  const cache = tempDir(afterAll);
  expect(version({ TESTUDO_CACHE: cache })).toEqual({ status: 0, stderr: '', left: [] });
  const kept = readdirSync(join(cache, 'compiled'), { recursive: true, withFileTypes: true });
  // The library that reads command lines, six files, is most of what `--help` compiles: it is loaded after the cache is asked for.
  expect(kept.filter((entry) => entry.isFile()).length).toBeGreaterThan(6);
});

it('nothing is kept where this user has no home: neither an end of the command, nor a folder where it happens to stand', () => {
  const done = { status: 0, stderr: '', left: [] };
  expect(version({}, '--import', `data:text/javascript,${encodeURIComponent(homeless)}`)).toEqual(done);
  expect(version({ HOME: '' })).toEqual(done);
});
