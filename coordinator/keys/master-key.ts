import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where the key that encrypts keys at rest comes from. It never lies in the data directory. */
export type MasterKeySource = Readonly<
  | { kind: 'file'; path: string }
  | { kind: 'environment'; variable: string }
  /** Prints the key on its standard output: a vault's or a cloud key service's client. No shell is involved. */
  | { kind: 'command'; command: readonly [string, ...string[]] }
>;

const keyLengthMin = 16;
const commandTimeoutMs = 30_000;

/** The text of the key, without surrounding white space. Its cost of guessing is scrypt's (vault.ts) times its entropy. */
export async function readMasterKey(
  source: MasterKeySource,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Result<string, 'MASTER_KEY_UNAVAILABLE'>> {
  const found = await readSource(source, environment);
  if (!found.ok) return found;
  const text = found.value.trim();
  if (text.length >= keyLengthMin) return ok(text);
  return unavailable(
    source,
    `it holds ${text.length} characters, at least ${keyLengthMin} are needed; make one with \`openssl rand -hex 32\``,
  );
}

async function readSource(source: MasterKeySource, environment: NodeJS.ProcessEnv) {
  switch (source.kind) {
    case 'file':
      return readKeyFile(source);
    case 'environment': {
      const text = environment[source.variable];
      return text === undefined ? unavailable(source, 'the variable is not set') : ok(text);
    }
    case 'command': {
      const [file, ...args] = source.command;
      try {
        const { stdout } = await promisify(execFile)(file, args, { timeout: commandTimeoutMs, maxBuffer: 65_536 });
        return ok(stdout);
      } catch (error) {
        const { code, killed } = error as { code?: number | string; killed?: boolean };
        // Not the error's own message: it may repeat what the command printed.
        return unavailable(source, killed ? `no answer within ${commandTimeoutMs} ms` : `it failed with ${code}`);
      }
    }
  }
}

async function readKeyFile(source: MasterKeySource & { kind: 'file' }) {
  try {
    const { mode } = await stat(source.path);
    if ((mode & 0o007) !== 0) {
      return unavailable(source, 'every user of this machine may read it; `chmod o-rwx` it first');
    }
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    return unavailable(source, `it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function unavailable(source: MasterKeySource, why: string): Result<never, 'MASTER_KEY_UNAVAILABLE'> {
  const where =
    source.kind === 'file'
      ? `file ${source.path}`
      : source.kind === 'environment'
        ? `environment variable ${source.variable}`
        : `command ${source.command[0]}`;
  return refuse('MASTER_KEY_UNAVAILABLE', `master key from ${where}: ${why}`);
}
