import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where the key that encrypts everything at rest comes from. */
export type DataKeySource = Readonly<
  | { kind: 'file'; path: string }
  | { kind: 'environment'; name: string }
  | { kind: 'command'; command: readonly [string, ...string[]] }
  /**
   * Made at first start as `data.key` beside the data. Guards a buffer or an outbox that is copied away without it;
   * whoever can read the whole data directory can read everything.
   */
  | { kind: 'beside' }
>;

export type DataKeyFault = 'DATA_KEY_MISSING' | 'DATA_KEY_MALFORMED' | 'DATA_KEY_EXPOSED';

const run = promisify(execFile);

/** The 32-byte key: 64 hexadecimal digits or 44 characters of base64 in whatever the source yields. */
export async function loadDataKey(source: DataKeySource, dataDir: string): Promise<Result<Buffer, DataKeyFault>> {
  switch (source.kind) {
    case 'file':
      return await fromFile(source.path);
    case 'environment': {
      const text = process.env[source.name];
      return text === undefined
        ? refuse('DATA_KEY_MISSING', `data key: environment variable ${source.name} is not set`)
        : decode(text, `environment variable ${source.name}`);
    }
    case 'command': {
      const [program, ...args] = source.command;
      try {
        return decode((await run(program, args, { timeout: 30_000 })).stdout, `output of ${program}`);
      } catch (error) {
        const code = String((error as { code?: unknown }).code ?? 'unknown');
        return refuse('DATA_KEY_MISSING', `data key: ${program} failed (${code}); it must print the key and exit 0`);
      }
    }
    case 'beside': {
      const path = join(dataDir, 'data.key');
      const found = await fromFile(path);
      if (found.ok || found.fault.code !== 'DATA_KEY_MISSING') return found;
      const key = randomBytes(32);
      await writeFileAtomic(path, `${key.toString('hex')}\n`);
      return ok(key);
    }
  }
}

async function fromFile(path: string): Promise<Result<Buffer, DataKeyFault>> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8);
      return refuse('DATA_KEY_EXPOSED', `data key: ${path} has mode ${shown}, others can read it; chmod 600 it`);
    }
    return decode(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (isMissing(error)) return refuse('DATA_KEY_MISSING', `data key: ${path} does not exist`);
    throw error;
  }
}

function decode(text: string, from: string): Result<Buffer, DataKeyFault> {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return ok(Buffer.from(trimmed, 'hex'));
  if (/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return ok(Buffer.from(trimmed, 'base64'));
  return refuse(
    'DATA_KEY_MALFORMED',
    `data key: ${from} must hold 64 hexadecimal digits or 44 characters of base64 (32 bytes); make one with \`openssl rand -hex 32\``,
  );
}
