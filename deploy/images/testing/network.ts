import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = (...args: string[]) => run('ip', args);

/**
 * A network for containers: a bridge in a namespace of its own, and for each container a namespace that a veth pair joins to
 * it. Nothing of it touches the machine's own network. Needs root.
 */
export class ContainerNetwork {
  readonly #name = `testudo-${randomBytes(4).toString('hex')}`;
  readonly #namespaces: string[] = [];

  static async create(): Promise<ContainerNetwork> {
    const network = new ContainerNetwork();
    const { switchName } = network;
    await network.#addNamespace(switchName);
    await ip('-netns', switchName, 'link', 'add', 'bridge', 'type', 'bridge');
    await ip('-netns', switchName, 'address', 'add', '10.98.0.1/24', 'dev', 'bridge');
    await ip('-netns', switchName, 'link', 'set', 'bridge', 'up');
    return network;
  }

  private constructor() {}

  /** The namespace of the bridge, from which every container can be reached. */
  get switchName(): string {
    return `${this.#name}-0`;
  }

  /** A namespace for one more container. `path` is what a runtime takes, `address` where others reach it. */
  async join(): Promise<Readonly<{ path: string; address: string }>> {
    const number = this.#namespaces.length;
    const name = `${this.#name}-${number}`;
    const address = `10.98.0.${number + 1}`;
    await this.#addNamespace(name);
    const port = `port${number}`;
    await ip('-netns', this.switchName, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await ip('-netns', this.switchName, 'link', 'set', port, 'master', 'bridge', 'up');
    await ip('-netns', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) await ip('-netns', name, 'link', 'set', device, 'up');
    return { path: `/var/run/netns/${name}`, address };
  }

  /** What a URL answers, asked from the bridge's namespace as a kubelet would ask. */
  async get(url: string): Promise<Readonly<{ status: number; body: string }>> {
    const code = `const r = await fetch(${JSON.stringify(url)}); console.log(JSON.stringify({ status: r.status, body: await r.text() }));`;
    const node = [process.execPath, '--input-type=module', '--eval', code];
    const { stdout } = await ip('netns', 'exec', this.switchName, ...node);
    return JSON.parse(stdout) as { status: number; body: string };
  }

  /** Takes it all away again; with the last namespace of a pair its devices go too. May be called twice. */
  async close(): Promise<void> {
    for (const name of this.#namespaces.splice(0).reverse()) await ip('netns', 'delete', name);
  }

  async #addNamespace(name: string): Promise<void> {
    await ip('netns', 'add', name);
    this.#namespaces.push(name);
  }
}
