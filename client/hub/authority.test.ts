import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { openHubAuthority } from './authority.ts';

const dataKey = Buffer.alloc(32, 1);

it('leaves no authority behind whose certificate sensors cannot read, and says the same of it at every start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-authority-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const open = () => openHubAuthority(folder, undefined, dataKey, Date.now());
  const pem = join(folder, 'hub', 'authority.pem');
  await mkdir(pem, { recursive: true });
  await expect(open()).rejects.toThrow();
  expect(await readdir(join(folder, 'hub'))).toEqual(['authority.pem']);

  await rm(pem, { recursive: true });
  const { certificate } = unwrap(await open());
  expect((await readFile(pem, 'utf8')).trim()).toBe(certificate.trim());
  expect(unwrap(await open()).certificate).toBe(certificate);
});
