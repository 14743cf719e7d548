import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { copyOf, readKeptTwice, setAsideOf, writeTwice } from './kept-twice.ts';

/** As an owner reads: whole JSON with a floor. */
function readsBack(text: string): boolean {
  try {
    return typeof JSON.parse(text).floor === 'number';
  } catch {
    return false;
  }
}

const written = JSON.stringify({ floor: 7 });

function place(): string {
  return join(tempDir(), 'state.json');
}

describe('a file that is kept twice', () => {
  it('is none before its first write, and what was written afterwards', async () => {
    const path = place();
    expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'none' });
    await writeTwice(path, written);
    expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'whole', text: written });
    expect(await setAsideOf(path)).toEqual([]);
  });

  it('is its copy wherever it was cut, and what was there is kept, once', async () => {
    const path = place();
    for (let length = 0; length < written.length; length++) {
      await writeTwice(path, written);
      writeFileSync(path, written.slice(0, length));
      const found = await readKeptTwice(path, readsBack);
      expect(found).toMatchObject({ kind: 'copied', text: written });
      const aside = found.kind === 'copied' ? found.setAside : undefined;
      expect(readFileSync(aside ?? expect.fail('nothing was kept'), 'utf8')).toBe(written.slice(0, length));
      // Mended: the next start finds nothing amiss.
      expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'whole', text: written });
    }
    expect(await setAsideOf(path)).toHaveLength(written.length);
    writeFileSync(path, '');
    await readKeptTwice(path, readsBack);
    expect(await setAsideOf(path)).toHaveLength(written.length);
  });

  it('is its copy where it has gone, or holds bytes that are no text', async () => {
    const path = place();
    await writeTwice(path, written);
    rmSync(path);
    expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'copied', text: written, setAside: undefined });
    writeFileSync(
      path,
      Uint8Array.from({ length: 64 }, (_, at) => 255 - at),
    );
    expect(await readKeptTwice(path, readsBack)).toMatchObject({ kind: 'copied', text: written });
  });

  it('is what it says itself where the copy is ahead, behind, damaged or gone; the copy follows', async () => {
    const path = place();
    for (const copy of ['{"floor":8}', '{"floor":6}', '', undefined]) {
      await writeTwice(path, written);
      if (copy === undefined) rmSync(copyOf(path));
      else writeFileSync(copyOf(path), copy);
      expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'whole', text: written });
      expect(readFileSync(copyOf(path), 'utf8')).toBe(written);
    }
  });

  it('is damaged where neither reads back, and both stay as they are', async () => {
    const path = place();
    await writeTwice(path, written);
    writeFileSync(path, '{"flo');
    writeFileSync(copyOf(path), 'or":7}');
    expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'damaged', text: '{"flo' });
    expect([readFileSync(path, 'utf8'), readFileSync(copyOf(path), 'utf8')]).toEqual(['{"flo', 'or":7}']);
    rmSync(path);
    expect(await readKeptTwice(path, readsBack)).toEqual({ kind: 'damaged', text: 'or":7}' });
    expect(existsSync(path)).toBe(false);
  });

  it('has its copy before itself: a write that fails in between leaves no copy that is older', async () => {
    const path = place();
    await writeTwice(path, written);
    rmSync(path);
    // A folder in its place: the rename onto it fails, as on a disk that has just filled up.
    mkdirSync(join(path, 'in-the-way'), { recursive: true });
    await expect(writeTwice(path, '{"floor":9}')).rejects.toThrow();
    expect(readFileSync(copyOf(path), 'utf8')).toBe('{"floor":9}');
    expect(readdirSync(join(path, '..')).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});
