import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { decodeExample, type Example, encodeExample } from '../tracks/syscall/traces/example.ts';
import { type BufferSizes, ExampleBuffer } from './example-buffer.ts';

const key = Buffer.alloc(32, 9);
const sizes: BufferSizes = { recent: 10, reservoir: 20, hard: 3, regression: 3 };
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-buffer-'));
  path = join(folder, 'examples.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function numbered(index: number): Example {
  return { workload: 'nginx', calls: Uint16Array.from([index & 0xffff, index >> 16, 7]) };
}

function numbers(examples: readonly Example[]): number[] {
  return examples.map(({ calls }) => (calls[0] ?? 0) + ((calls[1] ?? 0) << 16)).sort((a, b) => a - b);
}

const codec = { encode: encodeExample, decode: decodeExample };

function open(over: Partial<BufferSizes> = {}, seed = 1): ExampleBuffer<Example> {
  return unwrap(ExampleBuffer.open(path, key, codec, { ...sizes, ...over }, seed));
}

describe('examples', () => {
  const examples = fc.record({
    workload: fc.string({ maxLength: 40 }),
    calls: fc.uint16Array({ minLength: 1, maxLength: 60 }),
    arguments: fc.boolean(),
  });

  it('read back as they were written, with and without argument classes', () => {
    fc.assert(
      fc.property(examples, (given) => {
        if (!given.workload.isWellFormed()) return;
        const example: Example = {
          workload: given.workload,
          calls: given.calls,
          ...(given.arguments ? { argumentClasses: given.calls.map((call) => call ^ 1) } : {}),
        };
        expect(unwrap(decodeExample(encodeExample(example)))).toEqual(example);
      }),
    );
  });

  it('are refused, not misread, when the bytes are others', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const decoded = decodeExample(bytes);
        if (decoded.ok) expect(encodeExample(decoded.value).length).toBe(bytes.length);
        else expect(decoded.fault.code).toBe('EXAMPLE_MALFORMED');
      }),
    );
  });
});

describe('ExampleBuffer', () => {
  it('keeps the newest, and a sample of the older that has its bound', () => {
    const buffer = open();
    for (let index = 0; index < 500; index += 1) unwrap(buffer.add([numbered(index)], index));
    expect(numbers(buffer.read(['recent']).examples)).toEqual(Array.from({ length: 10 }, (_, at) => 490 + at));
    const older = numbers(buffer.read(['reservoir']).examples);
    expect(older.length).toBe(20);
    expect(new Set(older).size).toBe(20);
    expect(Math.max(...older)).toBeLessThan(490);
    expect(buffer.counts()).toMatchObject({ recent: 10, reservoir: 20, seen: 500, repeated: 0 });
    buffer.close();
  });

  it('samples the older ones uniformly', () => {
    const perTenth = new Array<number>(10).fill(0);
    const buffer = open({ reservoir: 400 });
    unwrap(
      buffer.add(
        Array.from({ length: 4_010 }, (_, index) => numbered(index)),
        0,
      ),
    );
    for (const index of numbers(buffer.read(['reservoir']).examples)) {
      const tenth = Math.floor(index / 400);
      perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
    }
    buffer.close();
    // Hypergeometric with mean 40 and standard deviation 5.7: five of them.
    for (const count of perTenth) expect(Math.abs(count - 40)).toBeLessThan(29);
  });

  it('goes on after a restart as if there had been none', () => {
    const whole = open();
    unwrap(
      whole.add(
        Array.from({ length: 300 }, (_, index) => numbered(index)),
        0,
      ),
    );
    const expected = numbers(whole.read(['recent', 'reservoir']).examples);
    whole.close();
    path = join(folder, 'restarted.db');
    for (let from = 0; from < 300; from += 100) {
      const part = open();
      unwrap(
        part.add(
          Array.from({ length: 100 }, (_, index) => numbered(from + index)),
          0,
        ),
      );
      part.close();
    }
    const restarted = open();
    expect(numbers(restarted.read(['recent', 'reservoir']).examples)).toEqual(expected);
    restarted.close();
  });

  it('keeps equal examples once and counts the rest', () => {
    const buffer = open();
    unwrap(buffer.add([numbered(1), numbered(2), numbered(1), numbered(1)], 0));
    expect(buffer.counts()).toMatchObject({ recent: 2, seen: 2, repeated: 2 });
    buffer.close();
  });

  it('moves marked examples out of what training takes for normal', () => {
    const buffer = open();
    unwrap(buffer.add([numbered(1), numbered(2), numbered(3)], 0));
    unwrap(buffer.addHard(numbered(2), 1));
    unwrap(buffer.addRegression(numbered(3), 1));
    unwrap(buffer.add([numbered(3)], 2));
    expect(numbers(buffer.read(['recent', 'reservoir']).examples)).toEqual([1]);
    expect(numbers(buffer.read(['hard']).examples)).toEqual([2]);
    expect(numbers(buffer.read(['regression']).examples)).toEqual([3]);
    for (let index = 10; index < 20; index += 1) unwrap(buffer.addHard(numbered(index), 3));
    expect(buffer.counts().hard).toBe(3);
    buffer.close();
  });

  it('takes a word that is said again for one word, and gives it no place of others', () => {
    const buffer = open();
    for (const at of [1, 2, 3]) unwrap(buffer.addRegression(numbered(at), at));
    for (let again = 0; again < 10; again += 1) unwrap(buffer.addRegression(numbered(2), 10 + again));
    expect(numbers(buffer.read(['regression']).examples).toSorted()).toEqual([1, 2, 3]);
    unwrap(buffer.addHard(numbered(2), 30));
    expect(numbers(buffer.read(['regression']).examples).toSorted()).toEqual([1, 3]);
    expect(numbers(buffer.read(['hard']).examples)).toEqual([2]);
    buffer.close();
  });

  it('holds nothing readable on disk, and nothing that opens with another key', async () => {
    const secret: Example = { workload: 'very-secret-workload', calls: Uint16Array.from([65, 65, 65, 65, 65, 65]) };
    const buffer = open();
    unwrap(buffer.add([secret], 0));
    buffer.close();
    const bytes = await readFile(path, 'latin1');
    expect(bytes).not.toContain('very-secret-workload');
    expect(bytes).not.toContain('A\0A\0A\0');
    const stolen = unwrap(ExampleBuffer.open(path, Buffer.alloc(32, 8), codec, sizes));
    expect(stolen.read(['recent'])).toEqual({ examples: [], unreadable: 1 });
    stolen.close();
  });

  it('says when the disk is full, and loses nothing that was readable', () => {
    const small = open({ recent: 100_000 });
    unwrap(small.add([numbered(1)], 0));
    small.close();
    // SQLite's own limit: the same error as a full disk, from the same code.
    const database = new Database(path);
    const pages = database.pragma('page_count', { simple: true }) as number;
    database.close();
    const buffer = open({ recent: 100_000 });
    buffer.limitPages(pages + 4);
    const batches = Array.from({ length: 40 }, (_, at) =>
      buffer.add(
        Array.from({ length: 50 }, (_, index) => numbered(2 + at * 50 + index)),
        0,
      ),
    );
    const refused = batches.filter((result) => !result.ok);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ fault: { code: 'BUFFER_DISK_FULL' } });
    const stored = batches.length - refused.length;
    expect(numbers(buffer.read(['recent']).examples)).toEqual(
      Array.from({ length: 1 + stored * 50 }, (_, at) => at + 1),
    );
    buffer.close();
  });

  it('refuses a file that is no buffer', async () => {
    await writeFile(path, Buffer.alloc(5_000, 0x5a));
    expect(ExampleBuffer.open(path, key, codec, sizes)).toMatchObject({ fault: { code: 'BUFFER_UNUSABLE' } });
  });
});
