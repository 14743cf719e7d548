import { hash } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { type SigningKeyPair, vetSigningPublicKey } from '../envelope/crypto/keys.ts';
import { signMessage, verifyMessage } from '../envelope/crypto/signature.ts';

/** C2SP signed-note v1: text that ends in a newline, an empty line, and one line for each signature. */
export type SignedNote = Readonly<{ text: string; signatures: readonly NoteSignature[] }>;

export type NoteSignature = Readonly<{ name: string; keyId: string; signature: Uint8Array }>;

/** Types of signatures that we know: a log's own Ed25519 signature, and a witness' timestamped one (tlog-cosignature). */
export const signatureTypes = { ed25519: 1, cosignature: 4 } as const;

/** Whose signatures count: a name, a type, and an Ed25519 key, written NAME+KEYID+BASE64 (signed-note, verifier keys). */
export type VerifierKey = Readonly<{
  name: string;
  type: (typeof signatureTypes)[keyof typeof signatureTypes];
  publicKey: Uint8Array;
  /** Eight hexadecimal digits. */
  keyId: string;
}>;

const noteBytesMax = 65_536;
const signaturesMax = 64;
const signatureLine = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/u;
const namePattern = /^[^\s+]{1,255}$/u;

export function verifierKey(name: string, type: VerifierKey['type'], publicKey: Uint8Array): VerifierKey {
  if (!namePattern.test(name)) throw new RangeError(`key name ${JSON.stringify(name)}: no spaces, no "+", at most 255`);
  return { name, type, publicKey, keyId: keyIdOf(name, type, publicKey) };
}

function keyIdOf(name: string, type: number, publicKey: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey]), 'hex').slice(0, 8);
}

export function verifierKeyText({ name, type, publicKey, keyId }: VerifierKey): string {
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(type), publicKey]).toString('base64')}`;
}

export function parseVerifierKey(text: string): Result<VerifierKey, 'KEY_INVALID'> {
  const [, name = '', keyId, base64 = ''] = /^([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/u.exec(text) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  const type = Object.values(signatureTypes).find((known) => known === bytes[0]);
  if (name === '' || type === undefined) {
    return refuse('KEY_INVALID', `${JSON.stringify(text)} is no verifier key: expected NAME+KEYID+BASE64`);
  }
  const publicKey = vetSigningPublicKey(new Uint8Array(bytes.subarray(1)));
  if (!publicKey.ok) return publicKey;
  const key = verifierKey(name, type, publicKey.value);
  return key.keyId === keyId ? ok(key) : refuse('KEY_INVALID', `${text}: key id and key do not belong together`);
}

/** The Ed25519 signature (type 1) of a note's text, by the key that `name` stands for. */
export function signNote(text: string, name: string, key: SigningKeyPair): NoteSignature {
  const { keyId } = verifierKey(name, signatureTypes.ed25519, key.publicKey);
  return { name, keyId, signature: signMessage(Buffer.from(text), key) };
}

export function noteText({ text, signatures }: SignedNote): string {
  return `${text}\n${signatures.map(signatureText).join('')}`;
}

function signatureText({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`;
}

/** Reads a note; says nothing of whether its signatures are true. */
export function parseNote(note: string): Result<SignedNote, 'NOTE_INVALID'> {
  const end = note.lastIndexOf('\n\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that a note has none is what is checked.
  if (note.length > noteBytesMax || end < 1 || !note.endsWith('\n') || /[\u0000-\u0009\u000b-\u001f]/.test(note)) {
    return refuse('NOTE_INVALID', 'not a signed note: expected text, an empty line, and lines of signatures');
  }
  const lines = note
    .slice(end + 2)
    .split('\n')
    .slice(0, -1);
  const signatures = lines.map(parseSignature);
  if (signatures.length === 0 || signatures.length > signaturesMax || signatures.includes(undefined)) {
    return refuse('NOTE_INVALID', `not a signed note: expected 1 to ${signaturesMax} lines of signatures`);
  }
  return ok({ text: note.slice(0, end + 1), signatures: signatures as NoteSignature[] });
}

/** One line of a signature, without its newline. */
function parseSignature(line: string): NoteSignature | undefined {
  const [, name, base64 = ''] = signatureLine.exec(line) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (name === undefined || bytes.byteLength <= 4 || bytes.toString('base64') !== base64) return undefined;
  return { name, keyId: bytes.subarray(0, 4).toString('hex'), signature: new Uint8Array(bytes.subarray(4)) };
}

/**
 * Whether the key signed the note: `true`, `false` where a signature of it is there and is wrong, and undefined where
 * there is none. A note with a wrong signature of a known key is to be refused as a whole.
 */
export function signedBy(note: SignedNote, key: VerifierKey): boolean | undefined {
  const own = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.keyId);
  if (own.length === 0) return undefined;
  return own.every(
    ({ signature }) => signature.byteLength === 64 && verifyMessage(Buffer.from(note.text), signature, key.publicKey),
  );
}
