import { hash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { ObjectStore, rclone } from '../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { findBrokenChain } from '../../coordinator/testing/rounds-on-database.ts';
import type { Addresses } from '../../lab/rig/coordinator-process.ts';
import type { Member } from '../../lab/rig/member.ts';
import type { Operator } from '../../lab/rig/operator.ts';
import { DooredFederation } from '../../lab/testing/doored-federation.ts';
import { smallTrack, startSmallClient } from '../../lab/testing/small-client.ts';
import { RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { commandIn, testudo } from '../harness/commands.ts';
import { freePlace } from '../harness/places.ts';
import { residentMiB } from '../harness/process-figures.ts';

/** One look at what a process holds. */
type Held = Readonly<{ minute: number; rssMiB: number; descriptors: number }>;

export type SoakTally = Readonly<{
  minutes: number;
  rounds: number;
  takeovers: number;
  /** Receipted digests, and how often it was looked whether the bytes of all of them were there. */
  receipted: number;
  looks: number;
  /** Of the door that stood all the time, each minute. */
  door: readonly Held[];
  /** Of each coordinator that led, when it was killed. */
  leaders: readonly Held[];
  broken: readonly string[];
}>;

const names = ['north', 'south', 'west'];
const track = 'syscall';
const schema = 'soak';
const minuteMs = 60_000;
const never = new AbortController().signal;

/**
 * A leader, a standby, a door and three whole clients on a database and a bucket: rounds one after another, the leader killed whenever
 * `killEveryMs` are over, whatever it was at, and another standby started then. Each minute everything that was ever receipted must have
 * its bytes in the bucket: a day has not passed since, so nothing may have removed them.
 */
export async function soak(minutes: number, killEveryMs: number, say: (line: string) => void): Promise<SoakTally> {
  const root = mkdtempSync(join(tmpdir(), 'testudo-soak-'));
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
    closing.push(() => Promise.all([database.remove(), store.remove()]));
    const later = (close: () => Promise<void>) => void closing.push(close);
    const own = { stores: { database, store }, name: schema, root, later, leaseSeconds: 4 };
    const parts = { ...own, testudo, run: commandIn(root) };
    const federation = await DooredFederation.found(parts, smallTrack(names.length));
    return await new Soak(federation, database, store, say).run(minutes, killEveryMs);
  } finally {
    for (const close of closing.reverse()) await close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Soak {
  readonly #federation: DooredFederation;
  readonly #database: PostgresServer;
  readonly #objects: string;
  readonly #say: (line: string) => void;
  readonly #broken: string[] = [];
  readonly #door: Held[] = [];
  readonly #leaders: Held[] = [];
  /** Whose bytes were read and had their digest. */
  readonly #read = new Set<string>();
  #operators: readonly Operator[] = [];
  #startedMs = 0;
  #rounds = 0;
  #looks = 0;

  constructor(federation: DooredFederation, database: PostgresServer, store: ObjectStore, say: (line: string) => void) {
    this.#federation = federation;
    this.#database = database;
    this.#objects = join(store.folder, schema, 'blobs');
    this.#say = say;
  }

  async run(minutes: number, killEveryMs: number): Promise<SoakTally> {
    const federation = this.#federation;
    const places = [await freePlace(), await freePlace()] as const;
    let leads: Readonly<{ member: Member; at: Addresses }> = {
      member: (await federation.startCoordinator('leader', { at: places[0] })).member,
      at: places[0],
    };
    let stands = { member: await federation.startStandby('standby-0', places[1]), at: places[1] };
    this.#operators = await Promise.all(places.map(({ federation: at }) => federation.operatorAt(at)));
    const door = await federation.startDoor(await federation.addDoor('edge', places));
    const clients = [];
    for (const name of names) {
      clients.push(await startSmallClient(federation.folder, name, this.#operators[0] as Operator, [door.addresses]));
    }
    this.#startedMs = performance.now();
    const isOver = () => performance.now() - this.#startedMs >= minutes * minuteMs;
    const rounds = this.#openRounds(isOver);
    try {
      for (let takeovers = 0, next = 1; ; ) {
        this.#door.push(this.#heldBy(door.member.pid));
        await this.#look();
        this.#say(
          `minute ${this.#minute}: ${this.#rounds} rounds, ${takeovers} takeovers, ${this.#broken.length} broken, ${JSON.stringify(this.#door.at(-1))}`,
        );
        if (isOver()) {
          await rounds;
          return await this.#tally(minutes, takeovers);
        }
        const endsMs = next * minuteMs;
        while (performance.now() - this.#startedMs < endsMs) {
          if (performance.now() - this.#startedMs >= (takeovers + 1) * killEveryMs) {
            takeovers += 1;
            this.#leaders.push(this.#heldBy(leads.member.pid));
            leads.member.kill();
            await leads.member.exited;
            await ready(stands.at);
            const freed = leads.at;
            leads = stands;
            stands = { member: await federation.startStandby(`standby-${takeovers}`, freed), at: freed };
          }
          await pause(systemTimers, 200, never);
        }
        next += 1;
      }
    } finally {
      for (const client of clients) await client.close();
    }
  }

  get #minute(): number {
    return Math.round((performance.now() - this.#startedMs) / minuteMs);
  }

  #heldBy(pid: number): Held {
    return { minute: this.#minute, rssMiB: residentMiB(pid), descriptors: readdirSync(`/proc/${pid}/fd`).length };
  }

  /** One after another; each must count every cluster once. Ends with the round that is open when the time is over. */
  async #openRounds(isOver: () => boolean): Promise<void> {
    const page = { size: 1, token: '' };
    while (!isOver()) {
      // A round whose opening was not answered is open all the same, perhaps: whoever leads says.
      const round = await this.#asked(async ({ call, client }) => {
        const { rounds } = await call(client.listRounds, { track, page });
        const [newest] = rounds;
        if (newest !== undefined && newest.endedAtMs === 0n) return newest.round;
        return (await call(client.openRound, { track, reason: 'soak' })).round;
      });
      const ended = await this.#asked(async ({ call, client }) => {
        const answer = await call(client.getRound, { track, round });
        return answer.summary?.endedAtMs === 0n ? undefined : answer;
      });
      const fates = ended.participations.map(({ cluster, fate }) => `${cluster} ${fate}`).sort();
      const isWhole =
        ended.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE &&
        fates.join() === names.map((name) => `${name} ${UpdateFate.UPDATE_FATE_SELECTED}`).join();
      if (!isWhole) this.#broken.push(`${round} ended with ${fates.join(', ')}`);
      this.#rounds += 1;
    }
  }

  /** Whatever one of the two coordinators answers; who does not lead does not listen. */
  async #asked<Value>(ask: (operator: Operator) => Promise<Value | undefined>): Promise<Value> {
    for (;;) {
      for (const operator of this.#operators) {
        const answer = await ask(operator).catch(() => undefined);
        if (answer !== undefined) return answer;
      }
      await pause(systemTimers, 100, never);
    }
  }

  /** That the bytes of everything that was receipted are in the bucket, and are what their digest says. */
  async #look(): Promise<void> {
    const hexes = await this.#receipted();
    for (const hex of hexes) {
      const path = join(this.#objects, hex);
      if (this.#read.has(hex) && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) continue;
      const found = this.#read.has(hex) ? undefined : bytesAt(path);
      if (found === undefined || hash('sha256', found) !== hex) {
        this.#broken.push(
          `minute ${this.#minute}: ${hex} is receipted, and ${found === undefined ? 'gone' : 'another'}`,
        );
      } else this.#read.add(hex);
    }
    this.#looks += 1;
  }

  async #receipted(): Promise<readonly string[]> {
    const rows = await this.#database.sql(`SELECT body FROM ${schema}.entries WHERE body LIKE '%updateArrived%'`);
    return rows.map(({ body }) => {
      const [, hex] = /"payloadDigest":"sha256:([0-9a-f]{64})"/.exec(String(body)) ?? [];
      if (hex === undefined) throw new Error(`an entry of an update names no bytes: ${body}`);
      return hex;
    });
  }

  async #tally(minutes: number, takeovers: number): Promise<SoakTally> {
    const receipted = await this.#receipted();
    if (receipted.length !== this.#rounds * names.length || new Set(receipted).size !== receipted.length) {
      this.#broken.push(`${receipted.length} updates were accepted in ${this.#rounds} rounds of ${names.length}`);
    }
    const chain = await findBrokenChain(this.#database.settings({ schema }), this.#federation.folder);
    if (chain !== undefined) this.#broken.push(chain);
    return {
      ...{ minutes, rounds: this.#rounds, takeovers, receipted: receipted.length, looks: this.#looks },
      ...{ door: this.#door, leaders: this.#leaders, broken: this.#broken },
    };
  }
}

function bytesAt(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

async function ready({ health }: Addresses): Promise<void> {
  for (;;) {
    const page = await fetch(`http://${health}/readyz`).catch(() => undefined);
    if (page?.ok === true) return;
    await pause(systemTimers, 50, never);
  }
}
