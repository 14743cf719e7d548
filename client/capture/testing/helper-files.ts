import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signLeaf, signRoot } from '../../../base/certificates/sign.ts';
import { exportPrivateKey, makeCertificateKeyPair, x509 } from '../../../base/certificates/x509.ts';

const dayMs = 86_400_000;

/** An authority of a test's own, and files of certificates that it signs for these names. */
export async function testAuthority(folder: string, name: string) {
  const keys = await makeCertificateKeyPair();
  const nowMs = Date.now();
  const times = { issuedAtMs: nowMs, expiresAtMs: nowMs + dayMs };
  const serial = () => `4${randomBytes(8).toString('hex')}`;
  const root = await signRoot({ serial: serial(), name: `CN=${name}`, keys, pathLength: 0, ...times });
  const authorityFile = join(folder, `${name}.pem`);
  await writeFile(authorityFile, root.toString('pem'));
  return {
    authorityFile,
    async files(of: string, usage: 'server' | 'client') {
      const own = await makeCertificateKeyPair();
      const leaf = await signLeaf(root, keys.privateKey, {
        ...{ serial: serial(), subject: `CN=${of}`, publicKey: own.publicKey, ...times },
        names: [{ type: 'dns', value: of }],
        usage: usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      });
      const [certificateFile, keyFile] = [join(folder, `${name}-${of}.crt`), join(folder, `${name}-${of}.key`)];
      await writeFile(certificateFile, leaf.toString('pem'));
      await writeFile(keyFile, await exportPrivateKey(own.privateKey), { mode: 0o600 });
      return { certificateFile, keyFile };
    },
  };
}
