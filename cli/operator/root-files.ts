import { createPrivateKey } from 'node:crypto';
import { writeNewFile } from '../../base/atomic-file.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import { type SigningKeyPair, signingKeyPairOf, vetSigningPublicKey } from '../../proto/envelope/crypto/keys.ts';
import { wipe } from '../../proto/envelope/crypto/wipe.ts';
import type { ReleaseRoot } from '../../proto/release/documents/root.ts';
import { openRoot } from '../../proto/release/open.ts';
import { refuseExisting } from '../claimed-file.ts';
import { exitWith, orExit } from '../exit.ts';

/** A root's bytes and what they say. */
export type RootFile = Readonly<{ bytes: Buffer; root: ReleaseRoot }>;

/** A root from its file, or from the trust file that stands beside an operator's credentials. */
export function readRoot(path: string): RootFile {
  const text = readText(path);
  const bytes = Buffer.from(rootInTrust(text) ?? text, 'utf8');
  return { bytes, root: orExit(openRoot(bytes)) };
}

function rootInTrust(text: string): string | undefined {
  try {
    const { format, root } = JSON.parse(text) as { format?: unknown; root?: unknown };
    return format === 'testudo/release-trust/1' && typeof root === 'string' ? root : undefined;
  } catch {
    return undefined;
  }
}

/** The pair of an Ed25519 private key, PKCS #8 PEM. */
export function readKey(path: string): SigningKeyPair {
  const text = readText(path);
  const refused = () => exitWith({ code: 'FILE_REFUSED', message: `${path} holds no Ed25519 private key in PEM` });
  let d: string | undefined;
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType !== 'ed25519') return refused();
    d = key.export({ format: 'jwk' }).d;
  } catch {
    return refused();
  }
  const seed = Buffer.from(d ?? '', 'base64url');
  try {
    return signingKeyPairOf(seed);
  } finally {
    wipe(seed);
  }
}

/** An Ed25519 public key: 64 hexadecimal digits, or the path of its private key's file. */
export function publicKeyFrom(text: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(text)) return readKey(text).publicKey;
  return orExit(vetSigningPublicKey(new Uint8Array(Buffer.from(text, 'hex'))));
}

/** Into a new file; one that is there is somebody's only copy. */
export function writeNew(path: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    writeNewFile(path, content, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') refuseExisting(path);
    exitWith({ code: 'FILE_REFUSED', message: `${path} cannot be written (${code}); is the path right?` });
  }
}

export function readText(path: string): string {
  try {
    return readWholeText(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return exitWith({ code: 'FILE_REFUSED', message: `${path} cannot be read (${code})` });
  }
}
