import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestFederation } from '../../../coordinator/testing/federation.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../../testing/command-line.ts';

it('a backup of bytes that are not what their names say is told as such, and ends with 1', async () => {
  const folder = tempDir();
  const { config, coordinator } = await TestFederation.start({ values: 300, dataDirectory: folder });
  await coordinator.close();
  const { federation, dataDirectory } = config;
  const path = join(folder, 'kept.yaml');
  writeFileSync(path, JSON.stringify({ federation, dataDirectory, masterKey: { file: './master' } }));
  const backUp = (name: string) => runTestudo('coordinator', 'backup', '-c', path, '--to', join(folder, name));
  expect(await backUp('whole')).toMatchObject({ code: 0, error: '' });

  const blobs = join(dataDirectory, 'blobs');
  const [name = ''] = readdirSync(blobs).filter((each) => /^[0-9a-f]{64}$/.test(each));
  const bytes = readFileSync(join(blobs, name));
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  writeFileSync(join(blobs, name), bytes);
  const told = `BLOBS_DAMAGED: ${join(folder, 'damaged')} holds the journal up to entry`;
  expect(await backUp('damaged')).toMatchObject({ code: 1, out: '', error: expect.stringContaining(told) });
  expect((await backUp('again')).error).toContain(
    `1 of its blobs are not what their names say, beginning with ${name}`,
  );
}, 600_000);
