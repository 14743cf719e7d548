import { X509Certificate } from 'node:crypto';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseFederationId } from '../../proto/ids.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { openCoordinatorKeys, replaceIssuer } from './coordinator-keys.ts';
import { type IdentityPlace, placeInFolder, type SecretPlace } from './key-place.ts';

const federation = parseFederationId('herd');
const nowMs = Date.parse('2026-12-01T12:00:00Z');

function open(folder: string) {
  return openCoordinatorKeys(placeInFolder(folder), federation, 'a master key for tests alone', nowMs);
}

/** Whether what the authority issues is signed by the key of the certificate that it sends along. */
async function issuesWell(folder: string): Promise<boolean> {
  const { authority } = unwrap(await open(folder));
  const plan = authority.plan(nowMs, 86_400_000, Buffer.alloc(9, 1));
  const publicKey = new X509Certificate(authority.rootCertificate).publicKey.export({ type: 'spki', format: 'der' });
  const [leaf, issuer] = await authority.issue({ kind: 'coordinator', federation }, publicKey, plan);
  return new X509Certificate(leaf as Buffer).verify(new X509Certificate(issuer as Buffer).publicKey);
}

const ends = [0, 1, 2, 3, 4];

it.each(ends.flatMap((first) => ends.map((second) => [first, second] as const)))(
  'renewals of the issuer that are ended after %i writes, and again after %i, leave an authority that issues',
  async (...renewals) => {
    const folder = tempDir();
    const place = placeInFolder(folder);
    let left = 0;
    const write = async (act: () => Promise<void>) => {
      if (left-- === 0) throw new Error('killed here');
      await act();
    };
    const dying: IdentityPlace = {
      ...place,
      writeCertificate: (name, pem) => write(() => place.writeCertificate(name, pem)),
    };
    const secrets: SecretPlace = {
      ...{ name: folder, read: (name: string) => place.secrets.read(name) },
      present: (names) => place.secrets.present(names),
      write: (name, sealed) => write(() => place.secrets.write(name, sealed)),
      add: (name, sealed) => place.secrets.add(name, sealed),
      erase: (name) => write(() => place.secrets.erase(name)),
    };
    for (const writes of renewals) {
      const keys = unwrap(await open(folder));
      left = writes;
      const renewed = replaceIssuer(dying, { ...keys, vault: keys.vault.reachedBy(secrets) }, undefined, nowMs);
      expect(await renewed.then(() => 'whole', String)).toMatch(left < 0 ? /killed here/ : /whole/);
      expect(await issuesWell(folder)).toBe(true);
    }
    unwrap(await replaceIssuer(place, unwrap(await open(folder)), undefined, nowMs));
    expect(await issuesWell(folder)).toBe(true);
  },
);

it("refuses an issuer's certificate beside the key of another, as a restore of one folder leaves them", async () => {
  const [folder, kept] = [tempDir(), tempDir()];
  const keys = unwrap(await open(folder));
  cpSync(join(folder, 'identity'), kept, { recursive: true });
  unwrap(await replaceIssuer(placeInFolder(folder), keys, undefined, nowMs));
  copyFileSync(join(kept, 'issuer.pem'), join(folder, 'identity', 'issuer.pem'));
  expect(await open(folder)).toMatchObject({
    fault: { code: 'AUTHORITY_DAMAGED', message: expect.stringContaining('do not belong together') },
  });
});
