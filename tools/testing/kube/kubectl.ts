import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { ControlPlaneAddress } from './control-plane.ts';

/** How a program ended. */
type Ended = Readonly<{ code: number; out: string; error: string }>;

/** kubectl and Helm as a cluster's admin uses them, kept from the caller's own configuration. */
export class Kubectl {
  readonly address: ControlPlaneAddress;

  constructor(address: ControlPlaneAddress = inject('controlPlane')) {
    this.address = address;
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

  async json<Value>(args: readonly string[]): Promise<Value> {
    return JSON.parse(await this.run([...args, '-o', 'json'])) as Value;
  }

  /** A namespace of the test's own, removed when the test ends. */
  async namespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = `t-${Math.random().toString(36).slice(2, 10)}`;
    await this.run(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
    );
    onTestFinished(() => this.run(['delete', 'namespace', name, '--wait=false']).then(() => undefined));
    return name;
  }
}

function said(program: string, args: readonly string[], { code, out, error }: Ended): string {
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${error}${out}`);
  return out;
}
