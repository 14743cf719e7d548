import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failpoint } from '../../base/failpoint.ts';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { ObjectStore } from '../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { specBytes } from '../../proto/model-spec.ts';
import { type Addresses, startCoordinatorProcess } from '../rig/coordinator-process.ts';
import { pauseWhileRunning, startMember } from '../rig/member.ts';
import { connectOperator, type Operator } from '../rig/operator.ts';

/** A user of the database that may read the journal, and nothing else. */
const reader = { user: 'door_reader', password: 'another password for tests alone' };

export type Stores = Readonly<{ database: PostgresServer; store: ObjectStore }>;

type DooredParts = Readonly<{
  stores: Stores;
  /** Of the schema and the prefix, so that one database and one bucket serve many. */
  name: string;
  /** Where its folder is made. */
  root: string;
  /** The command's program. */
  testudo: string;
  /** Runs `testudo …` to its end. */
  run: (...words: readonly string[]) => Promise<Readonly<{ code: number | null; error: string }>>;
  /** Of the journal: how long a standby waits for a sign of life. 2 unless given. */
  leaseSeconds?: number;
  /** What is opened here is closed by whoever asked for it, newest first. */
  later: (close: () => Promise<void>) => void;
}>;

export type SmallTrack = Readonly<{ values: number; policy: string }>;

type Start = Readonly<{ at: Addresses; failpoint: Failpoint; settings: object }>;

/** What a track of one flat tensor begins with: spec.json, model.bin and policy.yaml in a folder. */
export async function writeTrack(folder: string, { values, policy }: SmallTrack): Promise<void> {
  const spec = { architecture: 'histogram/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [values] }] };
  await writeFile(join(folder, 'spec.json'), specBytes(spec));
  await writeFile(join(folder, 'model.bin'), bytesOfValues(new Float32Array(values)));
  await writeFile(join(folder, 'policy.yaml'), policy);
}

/** A federation as its operator makes it: journal in a database, blobs in a bucket, `testudo doors add`; each part a process. */
export class DooredFederation {
  readonly folder: string;
  readonly #parts: DooredParts;

  private constructor(parts: DooredParts) {
    this.#parts = parts;
    this.folder = join(parts.root, parts.name);
  }

  /** `more`: settings that win over those of the configuration. */
  static async found(parts: DooredParts, track: SmallTrack, more: object = {}): Promise<DooredFederation> {
    const made = new DooredFederation(parts);
    const { folder } = made;
    const { database, store } = parts.stores;
    await mkdir(folder, { recursive: true });
    const { accessKeyId, secretAccessKey } = store.settings();
    const secrets = {
      'master.key': `${'ab'.repeat(32)}\n`,
      password: PostgresServer.password,
      'reader-password': reader.password,
      'key-id': accessKeyId,
      key: secretAccessKey,
    };
    for (const [file, text] of Object.entries(secrets)) await writeFile(join(folder, file), text, { mode: 0o600 });
    await writeTrack(folder, track);
    const settings = {
      federation: 'herd',
      dataDirectory: './data',
      listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
      serverNames: ['127.0.0.1'],
      masterKey: { file: './master.key' },
      journal: {
        postgres: {
          address: database.url,
          password: { file: './password' },
          schema: parts.name,
          leaseSeconds: parts.leaseSeconds ?? 2,
        },
      },
      blobs: { s3: made.#bucket() },
      tracks: [{ id: 'syscall', spec: './spec.json', model: './model.bin', policy: './policy.yaml' }],
      ...more,
    };
    await writeFile(join(folder, 'coordinator.yaml'), JSON.stringify(settings));
    const founded = await parts.run('coordinator', 'init', folder);
    if (founded.code !== 0) throw new Error(founded.error);
    await made.#letRead();
    return made;
  }

  /** A coordinator process; `at`: where it listens, for one whose address must be known before. */
  async startCoordinator(name = 'leader', { at, failpoint }: Pick<Partial<Start>, 'at' | 'failpoint'> = {}) {
    const logFile = `${this.folder}-${name}.log`;
    const config = join(this.folder, 'coordinator.yaml');
    // What the founding made lies in the first one's folder until it is started.
    const words = [...(name === 'leader' ? [] : this.#folderOf(name)), ...listenAt(at)];
    const started = await startCoordinatorProcess({
      testudo: this.#parts.testudo,
      config,
      logFile,
      env: dieAt(failpoint),
      words,
    });
    this.#parts.later(() => started.member.stop(600_000));
    return started;
  }

  /** A standby on a folder of its own, once it has read something. */
  async startStandby(name: string, at: Addresses) {
    const args = [this.#parts.testudo, 'coordinator', '--config', join(this.folder, 'coordinator.yaml'), '--standby'];
    const words = [...this.#folderOf(name), ...listenAt(at)];
    const logFile = `${this.folder}-${name}.log`;
    const standby = await startMember({ name, args: [...args, ...words], logFile });
    this.#parts.later(() => standby.stop(600_000));
    const reads = async () => {
      const page = await fetch(`http://${at.health}/readyz`).catch(() => undefined);
      return (await page?.text())?.includes('is read') ?? false;
    };
    while (!(await reads())) await pauseWhileRunning([standby]);
    return standby;
  }

  async operatorAt(federation: string): Promise<Operator> {
    const operator = connectOperator(unwrap(await readCredentials(join(this.folder, 'operator.json'))), federation);
    this.#parts.later(async () => operator.close());
    return operator;
  }

  /** Credentials for a door, as an admin makes them. `seen`: where the door finds the coordinator, if elsewhere. */
  async addDoor(door: string, leaders: readonly Addresses[], ...seen: readonly Addresses[]): Promise<string> {
    const out = join(this.folder, `${door}.json`);
    const at = (of: (addresses: Addresses) => string, where = leaders) => where.map(of).join(',');
    const ofDoor = seen.length === 0 ? leaders : seen;
    const ended = await this.#parts.run(
      ...['doors', 'add', door, '--out', out, '--reason', 'test', '--json', '--host', '127.0.0.1'],
      ...['--credentials', join(this.folder, 'operator.json'), '--address', at(({ federation }) => federation)],
      ...['--leader', at(({ federation }) => federation, ofDoor), '--enrol', at(({ enrolment }) => enrolment, ofDoor)],
    );
    if (ended.code !== 0) throw new Error(ended.error);
    return out;
  }

  /** A door process. `settings` win, where it is first started. */
  async startDoor(credentials: string, name = 'door', { at, failpoint, settings: more = {} }: Partial<Start> = {}) {
    const config = await this.writeDoor(credentials, name, more);
    const logFile = `${this.folder}-${name}.log`;
    const { testudo } = this.#parts;
    const start = { testudo, verb: 'door', config, logFile, env: dieAt(failpoint), words: listenAt(at) } as const;
    const started = await startCoordinatorProcess(start);
    this.#parts.later(() => started.member.stop(600_000));
    return started;
  }

  /** A door's configuration: its user of the database reads the journal, and its folder is its own. `databasePort`: of a line there. */
  async writeDoor(
    credentials: string,
    name: string,
    more: object = {},
    databasePort = this.#parts.stores.database.port,
  ): Promise<string> {
    const config = join(this.folder, `${name}.yaml`);
    const settings = {
      credentials,
      dataDirectory: `./${name}-data`,
      listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
      journal: {
        postgres: {
          address: `postgres://${reader.user}@127.0.0.1:${databasePort}/postgres`,
          password: { file: './reader-password' },
          schema: this.#parts.name,
        },
      },
      blobs: { s3: this.#bucket() },
      drainSeconds: 1,
      ...more,
    };
    if (!existsSync(config)) await writeFile(config, JSON.stringify(settings));
    return config;
  }

  #folderOf(name: string): string[] {
    return ['--set', `dataDirectory=${join(this.folder, `data-${name}`)}`];
  }

  #bucket() {
    const { endpoint, bucket } = this.#parts.stores.store.settings();
    const credentials = { accessKeyId: { file: './key-id' }, secretAccessKey: { file: './key' } };
    return { endpoint, bucket, prefix: `${this.#parts.name}/`, credentials };
  }

  /** As docs/operations.md says that an administrator does. */
  async #letRead(): Promise<void> {
    const { name: schema, stores } = this.#parts;
    await stores.database.sql(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${reader.user}') THEN
          CREATE ROLE ${reader.user} LOGIN PASSWORD '${reader.password}';
        END IF;
      END $$;
      GRANT USAGE ON SCHEMA ${schema} TO ${reader.user};
      GRANT SELECT ON ${schema}.layout, ${schema}.fence, ${schema}.entries TO ${reader.user};`);
  }
}

function listenAt(at: Addresses | undefined): string[] {
  if (at === undefined) return [];
  return [
    '--set',
    `listen.enrolment=${at.enrolment}`,
    `listen.federation=${at.federation}`,
    `listen.health=${at.health}`,
  ];
}

function dieAt(failpoint: Failpoint | undefined): Record<string, string> {
  return failpoint === undefined ? {} : { TESTUDO_FAILPOINT: failpoint };
}
