import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backdateMs } from '../../../base/certificates/backdate.ts';
import {
  certificateAlgorithm,
  exportPrivateKey,
  makeCertificateKeyPair,
  x509,
} from '../../../base/certificates/x509.ts';

/** Certificates of a control plane that lives for one test run. */
const lifetimeMs = 2 * 86_400_000;

type Signer = Readonly<{ certificate: string; keys: CryptoKeyPair }>;
type CryptoKeyPair = Awaited<ReturnType<typeof makeCertificateKeyPair>>;
type Leaf = Readonly<{ name: string; subject: string; usage: string; names?: readonly string[] }>;

const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

/** Names and addresses of the API server's own certificate; kwok serves under it, too. */
const serverNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  '127.0.0.1',
  '10.96.0.1',
];

const leaves: readonly Leaf[] = [
  { name: 'apiserver', subject: 'CN=kube-apiserver', usage: serverAuth, names: serverNames },
  { name: 'kubelet-client', subject: 'O=system:masters, CN=kube-apiserver-kubelet-client', usage: clientAuth },
  { name: 'admin', subject: 'O=system:masters, CN=admin', usage: clientAuth },
  { name: 'controller-manager', subject: 'CN=system:kube-controller-manager', usage: clientAuth },
  { name: 'scheduler', subject: 'CN=system:kube-scheduler', usage: clientAuth },
];

/** Writes the keys and certificates of one control plane: `NAME.crt` and `NAME.key`, and the key pair `sa.*` for tokens. */
export async function writeAuthorities(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = async (name: string, { certificate, keys }: Signer) => {
    await writeFile(join(folder, `${name}.crt`), certificate);
    await writeFile(join(folder, `${name}.key`), await exportPrivateKey(keys.privateKey), { mode: 0o600 });
  };
  const authority = await makeAuthority();
  await write('ca', authority);
  for (const leaf of leaves) await write(leaf.name, await sign(authority, leaf));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(folder, 'sa.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
}

const validity = () => ({
  notBefore: new Date(Date.now() - backdateMs),
  notAfter: new Date(Date.now() + lifetimeMs),
  signingAlgorithm: certificateAlgorithm,
});
const serial = () => `40${randomBytes(8).toString('hex')}`; // Positive, whatever the draw.

async function makeAuthority(): Promise<Signer> {
  const keys = await makeCertificateKeyPair();
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: serial(),
    name: 'CN=ca',
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return { certificate: made.toString('pem'), keys };
}

async function sign(authority: Signer, { subject, usage, names = [] }: Leaf): Promise<Signer> {
  const keys = await makeCertificateKeyPair();
  const alternatives = names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value }) as const);
  const made = await x509.X509CertificateGenerator.create({
    ...validity(),
    serialNumber: serial(),
    subject,
    issuer: new x509.X509Certificate(authority.certificate).subject,
    publicKey: keys.publicKey as never,
    signingKey: authority.keys.privateKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
  return { certificate: made.toString('pem'), keys };
}
