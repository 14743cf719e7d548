import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newCertificateRequest } from '../link/certificate-request.ts';
import { HubAuthority, makeHubAuthority, openHubAuthority } from './authority.ts';

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

it('gives no certificate a longer life than its own, and says when it ends', async () => {
  const nowMs = Date.parse('2026-12-01T00:00:00Z');
  const [hourMs, dayMs] = [3_600_000, 86_400_000];
  // Ten years less an hour ago.
  const authority = unwrap(await HubAuthority.of(await makeHubAuthority(nowMs + hourMs - 3_650 * dayMs)));
  const { der } = await newCertificateRequest();
  const issue = (lifetimeMs: number) => authority.issue({ kind: 'sensor', name: 'n' }, der, { nowMs, lifetimeMs });
  for (const [lifetimeMs, heldMs] of [
    [dayMs, hourMs],
    [hourMs / 2, hourMs / 2],
  ] as const) {
    const { chain, expiresAtMs } = unwrap(await issue(lifetimeMs));
    expect(expiresAtMs).toBe(nowMs + heldMs);
    expect(Date.parse(new X509Certificate(chain[0] as Buffer).validTo)).toBe(expiresAtMs);
  }
});
