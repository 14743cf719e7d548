import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { loadDataKey } from './data-key.ts';
import { openRecord, recordKey, sealedOverheadBytes, sealRecord } from './sealed-record.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-storage-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('sealed records', () => {
  const key = recordKey(Buffer.alloc(32, 7), 'buffer');

  it('open to what was sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
        const sealed = sealRecord(key, plain, 'slot 3');
        expect(sealed.length).toBe(plain.length + sealedOverheadBytes);
        expect(unwrap(openRecord(key, sealed, 'slot 3'))).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('do not open when a bit, the place, the purpose or the length is another', () => {
    const sealed = sealRecord(key, Buffer.from('calls'), 'slot 3');
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const altered = Buffer.from(sealed);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(openRecord(key, altered, 'slot 3')).toMatchObject({ fault: { code: 'RECORD_NOT_OURS' } });
      }),
    );
    expect(openRecord(key, sealed, 'slot 4').ok).toBe(false);
    expect(openRecord(recordKey(Buffer.alloc(32, 7), 'keys'), sealed, 'slot 3').ok).toBe(false);
    expect(openRecord(key, sealed.subarray(0, 27), 'slot 3')).toMatchObject({ fault: { code: 'RECORD_SHORT' } });
  });
});

describe('loadDataKey', () => {
  it('makes a key once and then finds it', async () => {
    const first = unwrap(await loadDataKey({ kind: 'beside' }, folder));
    expect(first.length).toBe(32);
    expect(unwrap(await loadDataKey({ kind: 'beside' }, folder))).toEqual(first);
  });

  it('reads hexadecimal and base64, from a file, the environment and a command', async () => {
    const bytes = Buffer.alloc(32, 0xa5);
    const path = join(folder, 'given.key');
    await writeFile(path, bytes.toString('base64'), { mode: 0o600 });
    process.env.TESTUDO_TEST_DATA_KEY = bytes.toString('hex');
    expect(unwrap(await loadDataKey({ kind: 'file', path }, folder))).toEqual(bytes);
    expect(unwrap(await loadDataKey({ kind: 'environment', name: 'TESTUDO_TEST_DATA_KEY' }, folder))).toEqual(bytes);
    expect(unwrap(await loadDataKey({ kind: 'command', command: ['cat', path] }, folder))).toEqual(bytes);
    delete process.env.TESTUDO_TEST_DATA_KEY;
  });

  it('refuses a key that others can read, a missing one and a malformed one', async () => {
    const path = join(folder, 'open.key');
    await writeFile(path, 'aa'.repeat(32));
    await chmod(path, 0o644);
    expect(await loadDataKey({ kind: 'file', path }, folder)).toMatchObject({ fault: { code: 'DATA_KEY_EXPOSED' } });
    await writeFile(path, 'short');
    await chmod(path, 0o600);
    expect(await loadDataKey({ kind: 'file', path }, folder)).toMatchObject({ fault: { code: 'DATA_KEY_MALFORMED' } });
    expect(await loadDataKey({ kind: 'file', path: join(folder, 'none') }, folder)).toMatchObject({
      fault: { code: 'DATA_KEY_MISSING' },
    });
    expect(await loadDataKey({ kind: 'command', command: ['false'] }, folder)).toMatchObject({
      fault: { code: 'DATA_KEY_MISSING' },
    });
  });
});
