import { rm, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { FetchModelResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import { openFileBlobStore } from '../../blobs/file-blob-store.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { ReadyFiles } from './models.ts';

it('keeps what a disk gave ready only where it has its digest', async () => {
  const blobs = await openFileBlobStore(tempDir());
  const whole = Buffer.from('the weights of a model');
  const digest = unwrap(await blobs.put(whole));
  const ready = new ReadyFiles(blobs);
  const served = async () => {
    const messages = (await ready.messages(digest, whole.length)) ?? [];
    return Buffer.concat(messages.map((message) => FetchModelResponse.decode(message).chunk)).toString();
  };

  await writeFile(blobs.path(digest), 'the weights of a modem');
  expect(await served()).toBe('the weights of a modem'); // Whoever asked checks it, and refuses it.
  await writeFile(blobs.path(digest), whole);
  expect(await served()).toBe(whole.toString());
  await rm(blobs.path(digest));
  expect(await served()).toBe(whole.toString());
});
