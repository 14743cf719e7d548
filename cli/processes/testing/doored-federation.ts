import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Failpoint } from '../../../base/failpoint.ts';
import { unwrap } from '../../../base/fault.ts';
import { readCredentials } from '../../../coordinator/keys/operator-credentials.ts';
import { ObjectStore, rclone } from '../../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../../coordinator/testing/postgres-server.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { type Addresses, startCoordinatorProcess } from '../../../lab/rig/coordinator-process.ts';
import { startMember } from '../../../lab/rig/member.ts';
import { connectOperator, type Operator } from '../../../lab/rig/operator.ts';
import { RoundPhase } from '../../../proto/generated/testudo/v1/operator.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { runTestudo } from '../../testing/command-line.ts';
import { until, writeSmallTrack } from './small-node.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));
/** A user of the database that may read the journal, and nothing else. */
const reader = { user: 'door_reader', password: 'another password for tests alone' };

export type Stores = Readonly<{ database: PostgresServer; store: ObjectStore }>;

/** A database and a bucket for the tests of a file; given once they have begun. */
export function useStores(): () => Stores {
  let stores: Stores;
  beforeAll(async () => {
    const [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
    stores = { database, store };
  }, 600_000);
  afterAll(() => Promise.all([stores.database.remove(), stores.store.remove()]));
  return () => stores;
}

/** Resolves when so many clusters are connected. */
export async function connected(operator: Operator, count: number): Promise<void> {
  await until(async () => {
    const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
    return clusters.filter((one) => one.connected).length === count || undefined;
  });
}

/** What became of each update of a round, once it has a candidate. */
export async function fatesOf(operator: Operator, round: string) {
  const { participations } = await until(async () => {
    const answer = await operator.call(operator.client.getRound, { track: 'syscall', round });
    return answer.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? answer : undefined;
  });
  return participations.map(({ cluster, fate }) => [cluster, fate]).sort();
}

type Start = Readonly<{ at: Addresses; failpoint: Failpoint }>;

/** A federation as its operator makes it: journal in a database, blobs in a bucket, `testudo doors add`; each part a process. */
export class DooredFederation {
  readonly folder: string;
  readonly #stores: Stores;
  readonly #name: string;

  private constructor(stores: Stores, name: string) {
    this.#stores = stores;
    this.#name = name;
    this.folder = join(tempDir(), name);
  }

  /** `name`: of the schema and the prefix, so that one database and one bucket serve many. */
  static async found(stores: Stores, name: string, updates: number): Promise<DooredFederation> {
    const made = new DooredFederation(stores, name);
    const { folder } = made;
    await mkdir(folder, { recursive: true });
    const { accessKeyId, secretAccessKey } = stores.store.settings();
    const secrets = {
      'master.key': `${'ab'.repeat(32)}\n`,
      password: PostgresServer.password,
      'reader-password': reader.password,
      'key-id': accessKeyId,
      key: secretAccessKey,
    };
    for (const [file, text] of Object.entries(secrets)) await writeFile(join(folder, file), text, { mode: 0o600 });
    await writeSmallTrack(folder, updates);
    const settings = {
      federation: 'herd',
      dataDirectory: './data',
      listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
      serverNames: ['127.0.0.1'],
      masterKey: { file: './master.key' },
      journal: {
        postgres: {
          address: stores.database.url,
          password: { file: './password' },
          schema: name,
          leaseSeconds: 2,
        },
      },
      blobs: { s3: made.#bucket() },
      tracks: [{ id: 'syscall', spec: './spec.json', model: './model.bin', policy: './policy.yaml' }],
    };
    await writeFile(join(folder, 'coordinator.yaml'), JSON.stringify(settings));
    const founded = await runTestudo('coordinator', 'init', folder);
    if (founded.code !== 0) throw new Error(founded.error);
    await made.#letRead();
    return made;
  }

  /** A coordinator process; `at`: where it listens, for one whose address must be known before. */
  async startCoordinator(name = 'leader', { at, failpoint }: Partial<Start> = {}) {
    const logFile = `${this.folder}-${name}.log`;
    const config = join(this.folder, 'coordinator.yaml');
    // What the founding made lies in the first one's folder until it is started.
    const words = [...(name === 'leader' ? [] : this.#folderOf(name)), ...listenAt(at)];
    const started = await startCoordinatorProcess({ testudo, config, logFile, env: dieAt(failpoint), words });
    onTestFinished(() => started.member.stop(600_000));
    return started;
  }

  /** A standby on a folder of its own, once it has read something. */
  async startStandby(name: string, at: Addresses): Promise<void> {
    const args = [testudo, 'coordinator', '--config', join(this.folder, 'coordinator.yaml'), '--standby'];
    const words = [...this.#folderOf(name), ...listenAt(at)];
    const logFile = `${this.folder}-${name}.log`;
    const standby = await startMember({ name, args: [...args, ...words], logFile });
    onTestFinished(() => standby.stop(600_000));
    await until(async () => {
      const page = await fetch(`http://${at.health}/readyz`).catch(() => undefined);
      return (await page?.text())?.includes('is read') || undefined;
    });
  }

  async operatorAt(federation: string): Promise<Operator> {
    const operator = connectOperator(unwrap(await readCredentials(join(this.folder, 'operator.json'))), federation);
    onTestFinished(() => operator.close());
    return operator;
  }

  /** Credentials for a door, as an admin makes them. `seen`: where the door finds the coordinator, if elsewhere. */
  async addDoor(door: string, leaders: readonly Addresses[], ...seen: readonly Addresses[]): Promise<string> {
    const out = join(this.folder, `${door}.json`);
    const at = (of: (addresses: Addresses) => string, where = leaders) => where.map(of).join(',');
    const ofDoor = seen.length === 0 ? leaders : seen;
    const ended = await runTestudo(
      ...['doors', 'add', door, '--out', out, '--reason', 'test', '--json', '--host', '127.0.0.1'],
      ...['--credentials', join(this.folder, 'operator.json'), '--address', at(({ federation }) => federation)],
      ...['--leader', at(({ federation }) => federation, ofDoor), '--enrol', at(({ enrolment }) => enrolment, ofDoor)],
    );
    if (ended.code !== 0) throw new Error(ended.error);
    return out;
  }

  /** A door process: its user of the database reads the journal, and its folder is its own. */
  async startDoor(credentials: string, name = 'door', { failpoint }: Pick<Partial<Start>, 'failpoint'> = {}) {
    const config = join(this.folder, `${name}.yaml`);
    const { database } = this.#stores;
    const settings = {
      credentials,
      dataDirectory: `./${name}-data`,
      listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
      journal: {
        postgres: {
          address: `postgres://${reader.user}@127.0.0.1:${database.port}/postgres`,
          password: { file: './reader-password' },
          schema: this.#name,
        },
      },
      blobs: { s3: this.#bucket() },
      drainSeconds: 1,
    };
    if (!existsSync(config)) await writeFile(config, JSON.stringify(settings));
    const logFile = `${this.folder}-${name}.log`;
    const started = await startCoordinatorProcess({ testudo, verb: 'door', config, logFile, env: dieAt(failpoint) });
    onTestFinished(() => started.member.stop(600_000));
    return started;
  }

  #folderOf(name: string): string[] {
    return ['--set', `dataDirectory=${join(this.folder, `data-${name}`)}`];
  }

  #bucket() {
    const { endpoint, bucket } = this.#stores.store.settings();
    const credentials = { accessKeyId: { file: './key-id' }, secretAccessKey: { file: './key' } };
    return { endpoint, bucket, prefix: `${this.#name}/`, credentials };
  }

  /** As docs/operations.md says that an administrator does. */
  async #letRead(): Promise<void> {
    const schema = this.#name;
    await this.#stores.database.sql(`
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
