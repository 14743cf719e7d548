import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestFederation } from './testing/federation.ts';
import { tempDir } from './testing/temp-dir.ts';

it('a start without identity/ makes no other authority over the keys of the one that clusters trust, unless they are moved away', async () => {
  const [folder, kept] = [tempDir(), join(tempDir(), 'identity')];
  const [identity, keys] = [join(folder, 'data', 'identity'), join(folder, 'data', 'keys')];
  const start = () => TestFederation.start({ values: 300, dataDirectory: folder });
  const first = await start();
  await first.coordinator.close();
  const sealed = () => readdirSync(keys).map((name) => [name, readFileSync(join(keys, name), 'base64')]);
  const before = sealed();
  cpSync(identity, kept, { recursive: true });
  rmSync(identity, { recursive: true });
  await expect(start()).rejects.toThrow('AUTHORITY_DAMAGED');
  expect(sealed()).toEqual(before);

  cpSync(kept, identity, { recursive: true });
  const restored = await start();
  expect(restored.authority).toBe(first.authority);
  await restored.coordinator.close();

  rmSync(identity, { recursive: true });
  rmSync(join(keys, 'issuer-key'));
  const anew = await start();
  expect(anew.authority).not.toBe(first.authority);
}, 600_000);
