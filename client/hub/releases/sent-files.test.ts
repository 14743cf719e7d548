import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { digestOf } from '../../../proto/digest.ts';
import { ChunkEncoding, FetchFileResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import { SentFiles } from './sent-files.ts';

const bytes = Buffer.alloc(1 << 19, 'light form');

it('gives nothing for a chunk that cannot be read whole, and gives it once it can', async () => {
  const path = join(tempDir(onTestFinished), 'file');
  await writeFile(path, bytes);
  const file = await new SentFiles(() => path).open(digestOf(bytes));
  onTestFinished(() => file.release());
  const second = () => file.messageAt(1 << 18, ChunkEncoding.CHUNK_ENCODING_UNSPECIFIED);
  await truncate(path, bytes.length - 1);
  await expect(second()).rejects.toThrow('it ends at 524287');
  await writeFile(path, bytes);
  const { message, next } = await second();
  expect(FetchFileResponse.decode(message).chunk.equals(bytes.subarray(1 << 18))).toBe(true);
  expect(next).toBe(bytes.length);
});
