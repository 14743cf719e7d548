/** Pods of kwok's have an address and nothing behind it: here a network namespace and a process stand behind some of them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../../base/atomic-file.ts';

const prober = fileURLToPath(new URL('./prober.mjs', import.meta.url));
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
/** What every pod takes for its gateway: the node answers for it on each link. */
const gateway = '169.254.1.1';

export type Found = Readonly<{
  tried: readonly (readonly [atMs: number, stood: boolean])[];
  lastAnswerAt: number | null;
  answers: number;
  keptUntil: number | null;
  endedAt: number;
}>;

/** The node's side, in this process's network: it forwards from pod to pod, past the rules of whoever holds policies. */
export function prepareNode(): void {
  // Namespaces get their names here, and lose them with this process's own mounts.
  makeFolder('/run/netns');
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/run/netns']);
  ip('link', 'set', 'lo', 'up');
  ip('address', 'add', `${gateway}/32`, 'dev', 'lo');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

export class PodNetwork {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(address: string, child: ChildProcess) {
    this.address = address;
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** `number`: of this pod, from 0; its namespace and link are named after it. */
  static async of(address: string, number: number): Promise<PodNetwork> {
    const [name, link] = [`pod-${number}`, `veth-${number}`];
    ip('netns', 'add', name);
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'address', 'add', `${address}/32`, 'dev', 'eth0');
    ip('-n', name, 'route', 'add', gateway, 'dev', 'eth0', 'scope', 'link');
    ip('-n', name, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0');
    ip('link', 'set', link, 'up');
    ip('route', 'replace', `${address}/32`, 'dev', link); // kwok gives the address of a pod that is gone to another.
    const args = ['netns', 'exec', name, process.execPath, prober];
    const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const network = new PodNetwork(address, child);
    await network.#line();
    return network;
  }

  /** Connections from here to there, for so long. */
  async probe(to: PodNetwork, forMs: number): Promise<Found> {
    this.#child.stdin?.write(`${to.address} ${forMs}\n`);
    return JSON.parse(await this.#line()) as Found;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the process behind ${this.address} ended`);
    return value;
  }
}
