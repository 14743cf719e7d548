import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inject, onTestFinished } from 'vitest';
import { AdminCalls, type KubeObject, type Look } from './admin-calls.ts';
import type { ControlPlaneAddress } from './control-plane.ts';

/** How a program ended. */
type Ended = Readonly<{ code: number; out: string; error: string }>;

/** kubectl and Helm as a cluster's admin uses them, kept from the caller's own configuration. */
export class Kubectl {
  readonly address: ControlPlaneAddress;
  readonly #calls: AdminCalls;

  constructor(address: ControlPlaneAddress = inject('controlPlane')) {
    this.address = address;
    this.#calls = new AdminCalls(address);
  }

  /**
   * What a shell of the admin's would have, and what processes of tests load first: a vault made without it would open in none of
   * them (tools/testing/light-scrypt.mjs).
   */
  get environment(): NodeJS.ProcessEnv {
    const { programs, kubeconfig, folder } = this.address;
    const { NODE_OPTIONS, NODE_COMPILE_CACHE, TESTUDO_TEST_PACKAGES } = process.env;
    const helm = (name: string) => join(folder, 'helm', name);
    return {
      ...{ NODE_OPTIONS, NODE_COMPILE_CACHE, TESTUDO_TEST_PACKAGES },
      GOGC: 'off', // Both end before there is much to collect: an eighth of kubectl's time and a quarter of Helm's.
      PATH: `${programs}:${process.env.PATH}`,
      HOME: folder,
      KUBECONFIG: kubeconfig,
      KUBECACHEDIR: join(folder, 'kubectl-cache'),
      HELM_CACHE_HOME: helm('cache'),
      HELM_CONFIG_HOME: helm('config'),
      HELM_DATA_HOME: helm('data'),
    };
  }

  /** Runs it to its end, whatever that is. */
  try(program: 'kubectl' | 'helm', args: readonly string[], input = ''): Promise<Ended> {
    return new Promise((resolve) => {
      const options = { env: this.environment, maxBuffer: 1 << 26 };
      const child = execFile(join(this.address.programs, program), args, options, (error, out, errorText) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, error: errorText }),
      );
      child.stdin?.end(input);
    });
  }

  /** What kubectl says; throws when it is refused. */
  async run(args: readonly string[], input?: string): Promise<string> {
    return said('kubectl', args, await this.try('kubectl', args, input));
  }

  async helm(args: readonly string[], input?: string): Promise<string> {
    return said('helm', args, await this.try('helm', args, input));
  }

  /** What it prints of these words as JSON. A plain `get` is asked by this process itself. */
  async json<Value>(args: readonly string[]): Promise<Value> {
    const look = plainLook(args);
    const got = look === undefined ? undefined : await this.#calls.get(look);
    if (got !== undefined) return got as Value;
    return JSON.parse(await this.run([...args, '-o', 'json'])) as Value;
  }

  /** Makes these objects, one after the other. */
  create(objects: readonly KubeObject[]): Promise<void> {
    return this.#calls.create(objects);
  }

  /** A namespace of the test's own, removed when the test ends. */
  async namespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `t-${Math.random().toString(36).slice(2, 10)}`;
    await this.create([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
    onTestFinished(() => this.#calls.deleteNamespace(name));
    return name;
  }
}

/** `[-n NAMESPACE] get KIND [NAME] [-l SELECTOR]`, and nothing else. */
function plainLook(args: readonly string[]): Look | undefined {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: { namespace: { type: 'string', short: 'n' }, selector: { type: 'string', short: 'l' } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const isPlain = tokens.every((token) => token.kind !== 'option' || /^(?:namespace|selector)$/.test(token.name));
  const [verb, kind, name, ...more] = positionals;
  if (!isPlain || verb !== 'get' || kind === undefined || /[,/]/.test(kind) || more.length > 0) return undefined;
  const { namespace = 'default', selector } = values as { namespace?: string; selector?: string };
  return { kind, name, namespace, selector };
}

function said(program: string, args: readonly string[], { code, out, error }: Ended): string {
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${error}${out}`);
  return out;
}
