import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededMoments } from '../testing/moments.ts';
import { ended } from '../testing/scratch-checkout.ts';
import { libraryIsWhole } from './tensorflow-library.mjs';

const script = fileURLToPath(new URL('../testing/unpack-once.mjs', import.meta.url));
const libraryBytes = 96 * 2 ** 20; // Large enough that a kill lands inside the unpacking.

let root: string;
let wheel: string;
let sha256: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'testudo-unpack-'));
  const tree = join(root, 'tree');
  for (const folder of ['include/tensorflow/c', 'include/unwanted']) {
    mkdirSync(join(tree, 'tensorflow', folder), { recursive: true });
  }
  writeFileSync(join(tree, 'tensorflow', 'libtensorflow_cc.so.2'), randomFillSync(Buffer.alloc(libraryBytes)));
  writeFileSync(join(tree, 'tensorflow', 'libtensorflow_framework.so.2'), randomFillSync(Buffer.alloc(2 ** 20)));
  writeFileSync(join(tree, 'tensorflow', 'include', 'tensorflow', 'c', 'c_api.h'), '// C API\n');
  writeFileSync(join(tree, 'tensorflow', 'include', 'unwanted', 'huge.h'), '// not for us\n');
  wheel = join(root, 'fixture.whl');
  const zip = `import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as archive:
    for folder, _, names in os.walk(sys.argv[2]):
        for name in names:
            path = os.path.join(folder, name)
            archive.write(path, os.path.relpath(path, sys.argv[2]))
`;
  execFileSync('python3', ['-c', zip, wheel, tree]);
  sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = (cache: string, hash = sha256) => {
  const env = { ...process.env, TESTUDO_CACHE: cache };
  return spawn(process.execPath, [script, wheel, hash], { env, stdio: ['ignore', 'pipe', 'pipe'] });
};
const entries = (cache: string) => (existsSync(join(cache, 'library')) ? readdirSync(join(cache, 'library')) : []);

describe('ensureLibrary', () => {
  it('holds no part of a library after five kills at random moments, or all of it, and completes afterwards', async () => {
    const cache = join(root, 'killed');
    for (const momentMs of seededMoments({ seed: 7, count: 5, fromMs: 40, toMs: 900 })) {
      const child = start(cache);
      const end = ended(child);
      await Promise.race([delay(momentMs), end]); // The random moment itself: nothing is awaited by it.
      child.kill('SIGKILL');
      await end;
      for (const name of entries(cache)) expect(libraryIsWhole(join(cache, 'library', name))).toBe(true);
    }
    const { code, stdout, stderr } = await ended(start(cache));
    expect(code, stderr).toBe(0);
    expect(libraryIsWhole(stdout)).toBe(true);
    const original = readFileSync(join(root, 'tree', 'tensorflow', 'libtensorflow_cc.so.2'));
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow.so', 'libtensorflow.so.2.9.1']) {
      expect(readFileSync(join(stdout, 'lib', name)).equals(original)).toBe(true);
    }
    expect(readdirSync(join(stdout, 'include'))).toEqual(['tensorflow']);
    expect(readdirSync(cache).sort()).toEqual(['library', 'lock']);
  });

  it('unpacks once when two set-ups start together', async () => {
    const cache = join(root, 'together');
    const both = await Promise.all([ended(start(cache)), ended(start(cache))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(({ stderr }) => stderr.includes('unpack the native library: done'))).toHaveLength(1);
  });

  it('refuses a wheel whose hash is not the pinned one, and keeps nothing of it', async () => {
    const cache = join(root, 'forged');
    const { code, stderr } = await ended(start(cache, '0'.repeat(64)));
    expect(code).not.toBe(0);
    expect(stderr).toContain(`has sha256 ${sha256}, expected 000000`);
    expect(entries(cache)).toEqual([]);
  });

  it('unpacks again when the cached library has lost its end', async () => {
    const cache = join(root, 'shrunk');
    const { stdout } = await ended(start(cache));
    truncateSync(join(stdout, 'lib', 'libtensorflow_cc.so.2'), libraryBytes - 1);
    expect(libraryIsWhole(stdout)).toBe(false);
    expect((await ended(start(cache))).code).toBe(0);
    expect(libraryIsWhole(stdout)).toBe(true);
  });
});
