import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { unwrap } from '../../base/fault.ts';
import { type OperatorCredentials, readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import {
  type Addresses,
  foundCoordinator,
  listenAnywhere,
  startCoordinatorProcess,
} from '../../lab/rig/coordinator-process.ts';
import { lastLines, type Member, startMember } from '../../lab/rig/member.ts';
import { connectOperator, type Operator } from '../../lab/rig/operator.ts';
import { type Speaker, startSpeaker } from '../../lab/rig/speaker.ts';
import { checkout } from '../../tools/setup/places.mjs';

export const track = 'bench';
const testudo = join(checkout, 'cli', 'testudo.ts');

/** A coordinator or a relay as a process of its own, and the process that hosts its clients. */
export class Node {
  readonly name: string;
  readonly folder: string;
  readonly #credentials: OperatorCredentials;
  #started: Readonly<{ member: Member; addresses: Addresses; operator: Operator }> | undefined;
  readonly #clients: Speaker[] = [];

  private constructor(name: string, folder: string, credentials: OperatorCredentials) {
    this.name = name;
    this.folder = folder;
    this.#credentials = credentials;
  }

  /** Its folder as `testudo coordinator init` makes it, with one track of d values whose first model is all zeros. */
  static async found(root: string, name: string, d: number, policy: object): Promise<Node> {
    const folder = join(root, name);
    await mkdir(folder);
    const spec = { architecture: 'bench/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [d] }] };
    await writeFile(join(folder, 'spec.json'), JSON.stringify(spec));
    await writeFile(join(folder, 'model.bin'), new Uint8Array(4 * d));
    await writeFile(join(folder, 'policy.yaml'), stringify(policy));
    const tracks = [{ id: track, spec: './spec.json', model: './model.bin', policy: './policy.yaml' }];
    const enrolments = { burst: 100_000, perMinute: 100_000 };
    await foundCoordinator(testudo, folder, { listen: listenAnywhere, enrolments, tracks }, ['--federation', name]);
    return new Node(name, folder, unwrap(await readCredentials(join(folder, 'operator.json'))));
  }

  async start(verb: 'coordinator' | 'relay' = 'coordinator'): Promise<void> {
    const logFile = join(this.folder, 'log');
    const start = { testudo, verb, config: join(this.folder, `${verb}.yaml`), logFile };
    const { member, addresses } = await startCoordinatorProcess(start);
    this.#started = { member, addresses, operator: connectOperator(this.#credentials, addresses.federation) };
  }

  /** Makes it a region of that parent, as `testudo relay init` does. */
  async joins(parent: Node): Promise<void> {
    const { federation, enrolment } = parent.addresses;
    const words = ['relay', 'init', this.folder, '--parent', federation, '--enrol', enrolment, '--tracks', track];
    const init = await startMember({ name: 'init', args: [testudo, ...words], logFile: join(this.folder, 'init.log') });
    await init.exited;
    if (init.exitCode() !== 0) throw new Error(`${words.join(' ')}:\n${await lastLines(init)}`);
    const path = join(this.folder, 'relay.yaml');
    const settings = parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, stringify({ ...settings, health: { listen: null } })); // Several relays of one machine.
    const token = await parent.token(this.name, [{ key: 'relay', value: 'yes' }]);
    await writeFile(join(this.folder, 'parent-token'), token);
  }

  /** A process of so many clients that answer every round, each with a row of its own; resolves when all of them watch. */
  async startClients(count: number, firstSeed: number, values: number): Promise<void> {
    const tokens: string[] = [];
    for (let at = 0; at < count; at++) tokens.push(await this.token(`${this.name}-${at}`));
    const { authority } = this.#credentials;
    const program = fileURLToPath(new URL('../round/clients.ts', import.meta.url));
    const task = { addresses: this.addresses, authority, tokens, track, values, firstSeed };
    this.#clients.push(await startSpeaker({ program, task, ready: 'watching', onLine: () => {} }));
  }

  get addresses(): Addresses {
    return this.#running.addresses;
  }

  get member(): Member {
    return this.#running.member;
  }

  get operator(): Operator {
    return this.#running.operator;
  }

  async token(cluster: string, labels: { key: string; value: string }[] = []): Promise<string> {
    const { call, client } = this.operator;
    return (await call(client.createToken, { cluster, lifetimeSeconds: 3_600, labels })).token;
  }

  /** Ends its processes at once, and waits for the coordinator's. */
  async end(): Promise<void> {
    for (const clients of this.#clients) clients.kill();
    this.#started?.operator.close();
    this.#started?.member.kill();
    await this.#started?.member.exited;
  }

  get #running() {
    if (this.#started === undefined) throw new Error(`${this.name} was not started`);
    return this.#started;
  }
}
