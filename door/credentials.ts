import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { ok, type Result, refuse } from '../base/fault.ts';
import { readWholeText } from '../base/text/read-whole.ts';
import { parseAddress } from '../client/link/address.ts';
import { replaceCredentialsFile } from '../coordinator/keys/credentials-file.ts';
import { type FederationId, isFederationId } from '../proto/ids.ts';

const pem = (kind: string) => z.string().startsWith(`-----BEGIN ${kind}-----`);

const place = z.string().refine((text) => parseAddress(text).ok, 'expected host:port');

/** What a newer build wrote beside these is passed over, and stays in the file. */
const schema = z.looseObject({
  federation: z.string().refine(isFederationId, 'expected a federation id'),
  name: z.string().min(1),
  /** host:port of the coordinator's mTLS listener, and of its standbys'. */
  addresses: z.array(place).min(1).max(8),
  /** host:port of their enrolment listeners, in the same order. */
  enrolAddresses: z.array(place).min(1).max(8),
  authority: pem('CERTIFICATE'),
  /** By which the door calls the coordinator. */
  certificateChain: pem('CERTIFICATE'),
  /** By which clusters know it; for the same key. */
  serverChain: pem('CERTIFICATE'),
  key: pem('PRIVATE KEY'),
});

/** What makes a process a door of its federation, in one private file. PEM texts. */
export type DoorCredentials = Readonly<{
  [Field in keyof typeof schema.shape]: Field extends 'federation'
    ? FederationId
    : z.infer<(typeof schema.shape)[Field]>;
}>;

export function readDoorCredentials(path: string): Result<DoorCredentials, 'CREDENTIALS_INVALID'> {
  try {
    const parsed = schema.safeParse(JSON.parse(readWholeText(path)));
    if (!parsed.success) {
      const fields = new Set(parsed.error.issues.map(({ path: at }) => at.join('.')));
      return refuse('CREDENTIALS_INVALID', notOurs(path, [...fields].join(', ')));
    }
    const unusable = unusableIn(parsed.data);
    return unusable === undefined
      ? ok(parsed.data as DoorCredentials)
      : refuse('CREDENTIALS_INVALID', notOurs(path, unusable));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'not JSON';
    return refuse('CREDENTIALS_INVALID', `${path} cannot be read (${why}); \`testudo doors add\` makes one`);
  }
}

function notOurs(path: string, what: string): string {
  return `${path}: not a door's credentials (${what || 'shape'}); \`testudo doors add\` makes them`;
}

/** The first text that is no certificate, no key, or not of the same key: found here, not amid a handshake. */
function unusableIn({ authority, certificateChain, serverChain, key }: z.infer<typeof schema>): string | undefined {
  const chains = { authority, certificateChain, serverChain };
  for (const [field, text] of Object.entries(chains)) if (!isRead(() => new X509Certificate(text))) return field;
  if (!isRead(() => createPrivateKey(key))) return 'key';
  const isOfKey = (chain: string) => new X509Certificate(chain).checkPrivateKey(createPrivateKey(key));
  return isOfKey(certificateChain) && isOfKey(serverChain) ? undefined : 'key: of another certificate';
}

function isRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** In place of what is there; at no time is there half a file. */
export function replaceDoorCredentials(path: string, credentials: DoorCredentials): Promise<void> {
  return replaceCredentialsFile(path, credentials);
}
