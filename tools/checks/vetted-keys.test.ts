import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';

/** What of the contract brings a public key from a peer, and the line that vets it before anything is done with it. */
const vettedAt: Readonly<Record<string, Readonly<{ file: string; line: string }>>> = {
  'EnrolRequest.signing_key': {
    file: 'coordinator/members/membership.ts',
    line: 'const proven = verifyEnrolment(request, proof, signingKey);',
  },
  'EnrolResponse.receipt_key': { file: 'client/link/enrol.ts', line: '!vetSigningPublicKey(receiptKey).ok' },
  'RoundInvitation.round_key': { file: 'client/rounds/invitation.ts', line: 'vetRoundPublicKey(' },
  'JournalEvidenceRequest.signer': {
    file: 'coordinator/grpc/releases/responses-service.ts',
    line: 'const vetted = vetSigningPublicKey(signer);',
  },
  'JournalEvidenceResponse.receipt_key': {
    file: 'client/response/quarantine/teller.ts',
    line: 'verifyEvidenceReceipt(checked.value, signature, receiptKey)',
  },
};

/** Who verifies with a key that was vetted when it was read; `verifyBytes` vets by itself. */
const withVettedKeys = [
  'client/posture/images/image-key.ts',
  'proto/envelope/crypto/ed25519.ts',
  'proto/envelope/crypto/signature.ts',
  'proto/release/documents/root.ts',
  'proto/transparency/cosignature.ts',
  'proto/transparency/signed-note.ts',
];

function textOf(file: string): string {
  return readFileSync(join(checkout, file), 'utf8');
}

it('every field of the contract that brings a public key is vetted where it is said here', () => {
  const folder = join(checkout, 'proto', 'testudo', 'v1');
  const found: string[] = [];
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.proto'))) {
    let message = '';
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      message = /^message (\w+) \{/.exec(line)?.[1] ?? message;
      const field = /^\s+(?:repeated )?bytes (\w*_keys?|keys?|signers?) = \d+;/.exec(line)?.[1];
      if (field !== undefined) found.push(`${message}.${field}`);
    }
  }
  expect(found.sort()).toEqual(Object.keys(vettedAt).sort());
  for (const { file, line } of Object.values(vettedAt)) expect(textOf(file), file).toContain(line);
  expect(textOf('proto/envelope/crypto/signature.ts')).toContain('const checked = vetSigningPublicKey(publicKey);');
});

it('nobody else verifies with a raw key, and nobody else asks a certificate request for its key', () => {
  const using = (call: RegExp) =>
    ['base', 'proto', 'coordinator', 'client', 'relay', 'door', 'cli']
      .flatMap((room) => readdirSync(join(checkout, room), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/\.test\.ts$/.test(entry.name))
      .map(({ parentPath, name }) => relative(checkout, join(parentPath, name)).split(sep).join('/'))
      .filter((file) => !file.includes('/testing/') && call.test(textOf(file)))
      .sort();
  expect(using(/\b(?:verifyMessage|ed25519PublicKeyOf)\(/)).toEqual(withVettedKeys);
  expect(using(/\bpublicKeyOfRequest\(/)).toEqual([
    'base/certificates/certificate-request.ts',
    'client/hub/authority.ts', // On P-256 alone.
    'coordinator/members/vetted-request.ts',
  ]);
});
