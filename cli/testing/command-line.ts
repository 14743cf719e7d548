import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import type { CoordinatorConfig } from '../../coordinator/config/config.ts';
import { makeLocalOperator } from '../../coordinator/founding.ts';
import { pemOfChain } from '../../coordinator/keys/authority.ts';
import { newOperatorKey, type OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { OperatorRole } from '../../coordinator/ledger/journal/events.ts';
import {
  environment,
  type FederationOptions,
  operator as founder,
  TestFederation,
} from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { exitCodes } from '../exit.ts';
import { newPinKey, pinKeyPair } from '../operator/pin-key.ts';
import { commandProcess, type Ended } from './command-process.ts';
import { holdToSchema } from './held-to-schema.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

export type { Ended } from './command-process.ts';

/**
 * Runs `testudo …` to its end, and what it prints for programs must be what its schema says. In a process that a file's commands
 * share, so only what ends by itself: `spawnTestudo` is for who needs one of its own.
 */
export async function runTestudo(...words: readonly string[]): Promise<Ended> {
  const isAlone = commandProcess.isBusy || namesFolderOfKind(words);
  const ended = isAlone ? await spawnTestudo(...words) : await commandProcess.run(words);
  if (isAnswered(words, ended)) holdToSchema(words, ended.out);
  return ended;
}

/** Kinds are loaded once, before a process reads its command line: one that is named by its folder with them. */
function namesFolderOfKind(words: readonly string[]): boolean {
  return words.some((word, at) => words[at - 1] === '--track' && /[/\\]/.test(word));
}

/** The same, one after the other. */
export async function runEach(lines: readonly (readonly string[])[]): Promise<readonly Ended[]> {
  const all: Ended[] = [];
  for (const words of lines) all.push(await runTestudo(...words));
  return all;
}

/** A refusal is told as text, whatever was asked for. */
function isAnswered(words: readonly string[], { code, out }: Ended): boolean {
  return words.includes('--json') && out !== '' && (code === exitCodes.done || code === exitCodes.attention);
}

/** Runs `testudo …` as a process of its own. */
export async function spawnTestudo(...words: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.error += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...texts };
}

/** A real coordinator on loopback, and the command line as real processes beside it. */
export class CommandLine {
  readonly federation: TestFederation;
  readonly folder: string;

  private constructor(federation: TestFederation, folder: string) {
    this.federation = federation;
    this.folder = folder;
  }

  /** With `admin`, whose key root names for pins, as `testudo coordinator init` makes it. */
  static async start(options: FederationOptions = {}): Promise<CommandLine> {
    const folder = tempDir();
    const pinKey = newPinKey();
    const credentials: OperatorCredentials[] = [];
    const makeAdmin = async (config: CoordinatorConfig) => {
      const wanted = { name: 'admin', role: 'admin', address: '', pin: pinKeyPair(pinKey) } as const;
      const made = unwrap(await makeLocalOperator(config, wanted, environment));
      if (!made.pinIsNamed) throw new Error('root does not name the first pin key');
      credentials.push({ ...made.credentials, pinKey });
    };
    const federation = await TestFederation.start({ dataDirectory: folder, before: makeAdmin, ...options });
    const line = new CommandLine(federation, folder);
    for (const one of credentials) await line.#write(one);
    // A first model is released, and that is signed, beside the start.
    await federation.until(({ tracks }) => [...tracks.values()].every(({ releasing }) => releasing.channels.stable));
    await federation.coordinator.registry.settled();
    return line;
  }

  credentials(name: string): string {
    return join(this.folder, `${name}.json`);
  }

  /** A further operator. Its key for pins is one of its own that root does not name yet. */
  async hire(name: string, role: OperatorRole): Promise<void> {
    const { membership, authority } = this.federation.coordinator;
    const { key, request } = await newOperatorKey();
    const { chain } = unwrap(await membership.addOperator(founder, { name, role, request }));
    await this.#write({
      federation: authority.federation,
      name,
      role,
      address: '',
      authority: authority.rootCertificate,
      certificateChain: pemOfChain(chain.slice(0, 2)),
      key,
      pinKey: newPinKey(),
    });
  }

  /** Runs `testudo …` as admin. */
  run(...words: readonly string[]): Promise<Ended> {
    return this.runAs('admin', ...words);
  }

  runAs(name: string, ...words: readonly string[]): Promise<Ended> {
    return this.offline(...this.addressed(words, name));
  }

  /** A command line of an operator's, with his credentials and the coordinator's address. */
  addressed(words: readonly string[], name = 'admin'): readonly string[] {
    const address = this.federation.coordinator.addresses.federation;
    return [...words, '--credentials', this.credentials(name), '--address', address];
  }

  /** Runs `testudo …` without a coordinator. */
  offline(...words: readonly string[]): Promise<Ended> {
    return runTestudo(...words);
  }

  /** The one JSON value that a command prints; it must have gone well. */
  async json<Value>(...words: readonly string[]): Promise<Value> {
    const { code, out, error } = await this.run(...words, '--json');
    if (code !== 0) throw new Error(`testudo ${words.join(' ')}: exit ${code}: ${error}`);
    return JSON.parse(out) as Value;
  }

  async #write(credentials: OperatorCredentials): Promise<void> {
    await writeFile(this.credentials(credentials.name), `${JSON.stringify(credentials)}\n`, { mode: 0o600 });
  }
}
