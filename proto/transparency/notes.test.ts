import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newSigningKeyPair, signingKeyPairOf } from '../envelope/crypto/keys.ts';
import { checkSigned, parseCheckpoint, signCheckpoint } from './checkpoint.ts';
import { cosign, cosignedAt } from './cosignature.ts';
import { leafHash } from './merkle.ts';
import { inclusionText, parseInclusion, parseWitnessRequest, witnessRequestText } from './proof-files.ts';
import { consistencyProof, inclusionProof, treeHead } from './proofs.ts';
import {
  noteText,
  parseNote,
  parseVerifierKey,
  signatureTypes,
  signedBy,
  signNote,
  verifierKey,
  verifierKeyText,
} from './signed-note.ts';
import { answerRequest } from './witness.ts';

/** The example of Go's golang.org/x/mod/sumdb/note, which the format comes from. */
const example = {
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  seed: 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  note:
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

const origin = 'testudo/herd/journal';
const logPair = signingKeyPairOf(Buffer.alloc(32, 7));
const logKey = verifierKey(origin, signatureTypes.ed25519, logPair.publicKey);
const leavesOf = (salt: string) => (index: number) => leafHash(Buffer.from(`${index < 5 ? '' : salt}${index}`));
const leaves = leavesOf('');
const head = (size: number, of = leaves) => ({ size, root: new Uint8Array(treeHead(of, 0, size)) });

describe('a signed note', () => {
  it('is the same, to the byte, as the one that the format was published with', () => {
    const key = unwrap(parseVerifierKey(example.verifier));
    expect(verifierKeyText(key)).toBe(example.verifier);
    const note = unwrap(parseNote(example.note));
    expect(signedBy(note, key)).toBe(true);
    const pair = signingKeyPairOf(Buffer.from(example.seed, 'base64').subarray(1));
    expect(noteText({ text: note.text, signatures: [signNote(note.text, 'PeterNeumann', pair)] })).toBe(example.note);
    expect(signedBy({ ...note, text: note.text.replace('answer', 'Answer') }, key)).toBe(false);
    expect(signedBy({ ...note, signatures: [] }, key)).toBeUndefined();
  });

  it('is refused in every other form, and so are keys whose parts do not belong together', () => {
    const bad = [
      '',
      'text\n',
      'text\n\nno signature\n',
      example.note.slice(0, -1),
      example.note.replace('you', 'y\tu'),
    ];
    for (const text of [...bad, `\n${example.note.slice(example.note.indexOf('\u2014'))}`]) {
      expect(parseNote(text)).toMatchObject({ fault: { code: 'NOTE_INVALID' } });
    }
    for (const text of [example.verifier.replace('c74f', 'c74e'), 'name', example.verifier.replace('+A', '+B')]) {
      expect(parseVerifierKey(text)).toMatchObject({ fault: { code: 'KEY_INVALID' } });
    }
    expect(() => verifierKey('two words', 1, logPair.publicKey)).toThrow('no spaces');
  });
});

describe('a checkpoint', () => {
  it('is a note of origin, size and root that its log signed', () => {
    const text = signCheckpoint(origin, head(3), logPair);
    expect(text.split('\n').slice(0, 4)).toEqual([origin, '3', Buffer.from(head(3).root).toString('base64'), '']);
    const read = unwrap(parseCheckpoint(text));
    expect(read).toMatchObject({ origin, ...head(3) });
    expect(checkSigned(read, [logKey]).ok).toBe(true);
    const other = verifierKey(origin, 1, newSigningKeyPair().publicKey);
    expect(checkSigned(read, [other])).toMatchObject({ fault: { code: 'CHECKPOINT_UNSIGNED' } });
    expect(checkSigned(read, [other, logKey]).ok).toBe(true);
    const forged = unwrap(parseCheckpoint(text.replace('\n3\n', '\n4\n')));
    expect(checkSigned(forged, [logKey])).toMatchObject({ fault: { code: 'CHECKPOINT_FORGED' } });
    for (const damaged of [
      text.replace('\n3\n', '\n03\n'),
      text.replace('\n3\n', '\n-3\n'),
      text.replace(origin, ''),
    ]) {
      expect(parseCheckpoint(damaged)).toMatchObject({ fault: { code: 'NOTE_INVALID' } });
    }
  });

  it('is cosigned by a witness over the message that tlog-cosignature says', () => {
    const pair = newSigningKeyPair();
    const key = verifierKey('witness.example/w1', signatureTypes.cosignature, pair.publicKey);
    const note = unwrap(parseNote(signCheckpoint(origin, head(3), logPair)));
    const line = cosign(note.text, key.name, pair, 1_679_315_147);
    expect(Buffer.from(line.signature.subarray(0, 8)).toString('hex')).toBe('00000000641850cb');
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(pair.publicKey).toString('base64url') };
    const message = Buffer.from(
      `cosignature/v1\ntime 1679315147\n${origin}\n3\n${Buffer.from(head(3).root).toString('base64')}\n`,
    );
    expect(verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), line.signature.subarray(8))).toBe(true);
    const cosigned = { ...note, signatures: [...note.signatures, line] };
    expect(cosignedAt(cosigned, key)).toBe(1_679_315_147);
    expect(cosignedAt(note, key)).toBeUndefined();
    expect(cosignedAt({ ...cosigned, text: note.text.replace('\n3\n', '\n4\n') }, key)).toBe(false);
    const later = { ...line, signature: Buffer.from(line.signature.map((byte, at) => (at === 7 ? byte ^ 1 : byte))) };
    expect(cosignedAt({ ...note, signatures: [later] }, key)).toBe(false);
    expect(unwrap(parseVerifierKey(verifierKeyText(key)))).toEqual(key);
  });
});

describe('proof files', () => {
  it('are read as they were written, and refused when a line is damaged', () => {
    const checkpoint = signCheckpoint(origin, head(11), logPair);
    const inclusion = inclusionText(
      { extra: Buffer.from('{}'), index: 4, proof: inclusionProof(leaves, 4, 11) },
      checkpoint,
    );
    expect(inclusion.split('\n').slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', 'extra e30=', 'index 4']);
    expect(unwrap(parseInclusion(inclusion))).toMatchObject({ index: 4, proof: inclusionProof(leaves, 4, 11) });
    const request = witnessRequestText(7, consistencyProof(leaves, 7, 11), checkpoint);
    expect(unwrap(parseWitnessRequest(request))).toMatchObject({ old: 7, proof: consistencyProof(leaves, 7, 11) });
    for (const damaged of [inclusion.replace('index 4', 'index 04'), inclusion.replace('=\n', '\n'), checkpoint]) {
      expect(parseInclusion(damaged)).toMatchObject({ fault: { code: 'NOTE_INVALID' } });
    }
    expect(parseWitnessRequest(request.replace('old 7', 'old x'))).toMatchObject({ fault: { code: 'NOTE_INVALID' } });
  });
});

describe('a witness', () => {
  const pair = newSigningKeyPair();
  const witness = { name: 'witness.example/w1', key: pair, logKeys: [logKey] };
  const key = verifierKey(witness.name, signatureTypes.cosignature, pair.publicKey);
  const request = (old: number, size: number, of = leaves, signer = logPair) =>
    unwrap(
      parseWitnessRequest(
        witnessRequestText(old, consistencyProof(of, old, size), signCheckpoint(origin, head(size, of), signer)),
      ),
    );

  it('cosigns the first head that it sees, and every one that goes on from the last', () => {
    for (const [last, asked] of [
      [undefined, request(0, 7)],
      [head(7), request(7, 11)],
      [head(7), request(7, 7)],
    ] as const) {
      const line = unwrap(answerRequest(witness, last, asked, 1_000));
      expect(cosignedAt({ ...asked.checkpoint.note, signatures: [line] }, key)).toBe(1_000);
    }
  });

  it('refuses forks, rollbacks, other logs and other signers, and says which', () => {
    const codeOf = (last: Parameters<typeof answerRequest>[1], asked: ReturnType<typeof request>) => {
      const answer = answerRequest(witness, last, asked, 1_000);
      return answer.ok ? 'cosigned' : answer.fault.code;
    };
    const forked = leavesOf('forked ');
    expect(codeOf(head(7), request(7, 11, forked))).toBe('LOG_FORKED');
    expect(codeOf(head(7), request(7, 7, forked))).toBe('LOG_FORKED');
    expect(codeOf(head(11), request(7, 7))).toBe('LOG_ROLLED_BACK');
    expect(codeOf(head(7), request(5, 11))).toBe('PROOF_STARTS_ELSEWHERE');
    expect(codeOf(head(5), request(5, 11, forked))).toBe('cosigned'); // They part only after the fifth.
    expect(codeOf(undefined, request(0, 7, leaves, newSigningKeyPair()))).toBe('CHECKPOINT_UNSIGNED');
    const elsewhere = { ...witness, logKeys: [verifierKey('other', 1, logPair.publicKey)] };
    expect(answerRequest(elsewhere, undefined, request(0, 7), 1)).toMatchObject({ fault: { code: 'LOG_UNKNOWN' } });
    const shortened = { ...request(7, 11), proof: [] };
    expect(codeOf(head(7), shortened)).toBe('LOG_FORKED');
  });
});
