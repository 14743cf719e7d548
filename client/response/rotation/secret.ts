import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';

const bytesMin = 32;

/**
 * What draws lifetimes: of the file that is named, or made once in the data directory. All agents that may lead for one
 * another need the same, or each draws lifetimes of its own.
 */
export async function loadRotationSecret(
  secretFile: string | undefined,
  dataDirectory: string,
): Promise<Result<Buffer, 'ROTATION_SECRET_UNUSABLE'>> {
  const path = secretFile ?? join(dataDirectory, 'rotation.secret');
  try {
    return rotationSecretOf(readFileSync(path), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || secretFile !== undefined) {
      return refuse('ROTATION_SECRET_UNUSABLE', `${path} cannot be read (${code}); check that it is mounted`);
    }
  }
  const made = randomBytes(bytesMin);
  await writeFileAtomic(path, made);
  return ok(made);
}

/** What a file holds, where it is enough to draw from. */
export function rotationSecretOf(secret: Buffer, path: string): Result<Buffer, 'ROTATION_SECRET_UNUSABLE'> {
  if (secret.length >= bytesMin) return ok(secret);
  return refuse(
    'ROTATION_SECRET_UNUSABLE',
    `${path} holds ${secret.length} bytes, fewer than ${bytesMin}: write random ones into it (openssl rand 32)`,
  );
}
