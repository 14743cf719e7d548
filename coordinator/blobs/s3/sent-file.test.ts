import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { tempDir } from '../../testing/temp-dir.ts';
import { sendFile } from './sent-file.ts';

const never = new AbortController().signal;

it('gives the bytes of the file, and what sending them came to', async () => {
  const path = join(tempDir(), 'blob');
  writeFileSync(path, 'a blob');
  expect(await sendFile(path, never, (body) => buffer(body))).toEqual(Buffer.from('a blob'));
  await expect(sendFile(path, never, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});

it.each([
  ['is gone', 'BLOB_NOT_FOUND', (folder: string) => join(folder, 'gone')],
  ['cannot be read', 'BLOB_IO', (folder: string) => folder],
])('blames this machine where the file %s, also when nobody reads it yet', async (_, code, pathIn) => {
  const sending = sendFile(pathIn(tempDir()), never, async (body, signal) => {
    body.resume();
    await once(signal, 'abort');
    throw new Error('the store hung up');
  });
  await expect(sending).rejects.toMatchObject({ fault: { code } });
});

it('ends with the signal of who waits for it', async () => {
  const path = join(tempDir(), 'blob');
  writeFileSync(path, 'a blob');
  const leaving = new AbortController();
  const sending = sendFile(path, leaving.signal, async (_, signal) => {
    leaving.abort();
    expect(signal.aborted).toBe(true);
    throw new Error('too late');
  });
  await expect(sending).rejects.toThrow('too late');
});
