import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AtomicFile, sweepLeftovers, writeFileAtomic } from './atomic-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-leftovers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('sweepLeftovers', () => {
  it('removes what the killed left half-written, wherever it lies, and nothing else', async () => {
    const data = join(folder, 'swept');
    await writeFileAtomic(join(data, 'outbox/syscall/r-1/update.json'), '{}');
    const abandoned = new AtomicFile(join(data, 'outbox/syscall/r-1/sealed.bin'));
    abandoned.write(Buffer.from('half'));
    await writeFile(join(data, 'identity.sealed.0123456789ab.tmp'), 'half');
    await writeFile(join(data, 'notes.tmp'), 'somebody else’s');
    expect(await sweepLeftovers(data)).toBe(2);
    expect(await readdir(join(data, 'outbox/syscall/r-1'))).toEqual(['update.json']);
    expect((await readdir(data)).sort()).toEqual(['notes.tmp', 'outbox']);
    abandoned.abandon(); // Closes its descriptor.
  });

  it('knows other names where it is given them, and finds nothing in a folder that is not there', async () => {
    const keys = join(folder, 'keys');
    for (const name of ['a', 'a.partial', 'b.new', 'c.next']) await writeFileAtomic(join(keys, name), 'k');
    expect(await sweepLeftovers(keys, /\.(?:new|partial)$/)).toBe(2);
    expect((await readdir(keys)).sort()).toEqual(['a', 'c.next']);
    expect(await sweepLeftovers(join(folder, 'none'))).toBe(0);
  });
});
