import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where a secret of the operator's comes from. */
export type SecretSource = Readonly<
  | { kind: 'file'; path: string }
  | { kind: 'environment'; variable: string }
  /** Prints the key on its standard output: a vault's or a cloud key service's client. No shell is involved. */
  | { kind: 'command'; command: readonly [string, ...string[]] }
>;

const keyLengthMin = 16;
const commandTimeoutMs = 30_000;

/** The key that encrypts keys at rest: it never lies in the data directory. */
export type MasterKeySource = SecretSource;

/** The text of the key, without surrounding white space. Its cost of guessing is scrypt's (vault.ts) times its entropy. */
export async function readMasterKey(
  source: MasterKeySource,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Result<string, 'MASTER_KEY_UNAVAILABLE'>> {
  const found = await readSecret(source, environment);
  if (!found.ok) return refuse('MASTER_KEY_UNAVAILABLE', `master key from ${found.fault.message}`);
  if (found.value.length >= keyLengthMin) return found;
  const held = `it holds ${found.value.length} characters, at least ${keyLengthMin} are needed`;
  return refuse(
    'MASTER_KEY_UNAVAILABLE',
    `master key from ${placeOf(source)}: ${held}; make one with \`openssl rand -hex 32\``,
  );
}

/** A secret's text, without surrounding white space. What is said of a refusal begins with where it was looked for. */
export async function readSecret(
  source: SecretSource,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Result<string, 'SECRET_UNAVAILABLE'>> {
  const found = await readSource(source, environment);
  return found.ok ? ok(found.value.trim()) : found;
}

async function readSource(source: SecretSource, environment: NodeJS.ProcessEnv) {
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

async function readKeyFile(source: SecretSource & { kind: 'file' }) {
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

function unavailable(source: SecretSource, why: string): Result<never, 'SECRET_UNAVAILABLE'> {
  return refuse('SECRET_UNAVAILABLE', `${placeOf(source)}: ${why}`);
}

function placeOf(source: SecretSource): string {
  return source.kind === 'file'
    ? `file ${source.path}`
    : source.kind === 'environment'
      ? `environment variable ${source.variable}`
      : `command ${source.command[0]}`;
}
