import { execFileSync } from 'node:child_process';
import { openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWhole, readWholeText } from './read-whole.ts';

/** The disk keeps none of it. */
function makeGiant(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, 5 * 2 ** 30);
}

describe('readWhole', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whole-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])(
    'gives all of a file of %i bytes, and of one that says it has none',
    (length) => {
      const path = join(folder, `of-${length}`);
      writeFileSync(path, Buffer.alloc(length, 'ä'));
      expect(readWhole(path, Math.max(length, 1)).equals(readFileSync(path))).toBe(true);
      expect(readWhole(openSync(path, 'r')).equals(readFileSync(path))).toBe(true);
    },
  );

  it('reads what has no size: /proc, and a pipe', () => {
    expect(readWholeText('/proc/self/status')).toMatch(/^Name:/);
    const program = `import { readWholeText } from ${JSON.stringify(new URL('./read-whole.ts', import.meta.url).href)};
      process.stdout.write([0, '/dev/stdin'].map((file) => readWholeText(file).length).join(' '));`;
    const piped = ['-c', 'head -c 300000 /dev/zero | "$0" --input-type=module -e "$1"', process.execPath, program];
    expect(execFileSync('sh', piped).toString()).toBe('300000 0');
  });

  it.each([
    ['a file of 5 GiB', '5-gib', (path: string) => makeGiant(path)],
    ['a device without an end', '/dev/zero', () => {}],
  ])('refuses as the system does, with a number, and without reading on: %s', (_, name, make) => {
    const path = name.startsWith('/') ? name : join(folder, name);
    make(path);
    const before = process.memoryUsage().rss;
    expect(() => readWhole(path)).toThrow(/^EFBIG: file too large, at most 16 MiB are read of '/);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1_048_576);
    try {
      readWhole(path);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EFBIG', errno: expect.any(Number) });
    }
  });

  it('throws what the system says of a file that is not there, or a folder', () => {
    expect(() => readWhole(join(folder, 'none'))).toThrow('ENOENT');
    expect(() => readWhole(folder)).toThrow('EISDIR');
  });
});
