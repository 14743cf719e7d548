import { z } from 'zod';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import { replaceCredentialsFile } from './credentials-file.ts';

/** What an operator's command line needs, in one private file: who, where, whom to trust, with what. PEM texts. */
export type OperatorCredentials = Readonly<{
  federation: string;
  name: string;
  role: OperatorRole;
  /** host:port of the mTLS listener. */
  address: string;
  /** host:port of the enrolment listener, where that is not the usual port of the same host: for what clusters start with. */
  enrolAddress?: string | undefined;
  authority: string;
  certificateChain: string;
  key: string;
  /** Signs pins (Ed25519): made on the operator's machine, in no other place. Absent for who has made none. */
  pinKey?: string | undefined;
}>;

/** What a newer build wrote beside these is passed over, and stays in the file. */
const schema = z.looseObject({
  federation: z.string(),
  name: z.string(),
  role: z.enum(['viewer', 'operator', 'admin']),
  address: z.string(),
  enrolAddress: z.string().optional(),
  authority: z.string().startsWith('-----BEGIN CERTIFICATE-----'),
  certificateChain: z.string().startsWith('-----BEGIN CERTIFICATE-----'),
  key: z.string().startsWith('-----BEGIN PRIVATE KEY-----'),
  pinKey: z.string().startsWith('-----BEGIN PRIVATE KEY-----').optional(),
});

/** A fresh key and a request for a certificate for it. */
export async function newOperatorKey(): Promise<Readonly<{ key: string; request: Buffer }>> {
  // Only here: a command that merely reads its credentials should not wait for a certificate library to load.
  const { certificateAlgorithm, exportPrivateKey, makeCertificateKeyPair, x509 } = await import(
    '../../base/certificates/x509.ts'
  );
  const keys = await makeCertificateKeyPair();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=testudo-operator',
    keys: keys as never,
    signingAlgorithm: certificateAlgorithm,
  });
  return { key: await exportPrivateKey(keys.privateKey), request: Buffer.from(request.rawData) };
}

/** In place of what is there; at no time is there half a file. */
export function replaceCredentials(path: string, credentials: OperatorCredentials): Promise<void> {
  return replaceCredentialsFile(path, credentials);
}

export async function readCredentials(path: string): Promise<Result<OperatorCredentials, 'CREDENTIALS_INVALID'>> {
  try {
    const parsed = schema.safeParse(JSON.parse(readWholeText(path)));
    if (parsed.success) return ok(parsed.data);
    const fields = parsed.error.issues.map(({ path: at }) => at.join('.')).join(', ');
    return refuse('CREDENTIALS_INVALID', `${path}: not an operator's credentials (${fields || 'shape'})`);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'not JSON';
    return refuse('CREDENTIALS_INVALID', `${path} cannot be read (${why}); give --credentials or TESTUDO_CREDENTIALS`);
  }
}
