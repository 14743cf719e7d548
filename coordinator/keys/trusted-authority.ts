import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** PEM of whose certificates a server must show; undefined: those that this machine trusts. `setting`: where the path stands. */
export async function readTrustedAuthority(
  setting: string,
  path: string | undefined,
): Promise<Result<string | undefined, 'SECRET_UNAVAILABLE'>> {
  if (path === undefined) return ok(undefined);
  try {
    const text = await readFile(path, 'utf8');
    // TLS would take anything else for an authority that signed nobody, and blame the server.
    if (text.includes('-----BEGIN CERTIFICATE-----')) return ok(text);
    return refuse('SECRET_UNAVAILABLE', `${setting}: ${path} holds no certificate (PEM)`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return refuse('SECRET_UNAVAILABLE', `${setting}: ${path} cannot be read (${code})`);
  }
}
