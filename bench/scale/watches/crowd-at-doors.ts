import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Operator } from '../../../lab/rig/operator.ts';
import { type Speaker, startSpeaker } from '../../../lab/rig/speaker.ts';
import { tokensFor } from '../crowd-federation.ts';
import type { Standing } from './clients.ts';

const program = fileURLToPath(new URL('./clients.ts', import.meta.url));

type CrowdParts = Readonly<{
  folder: string;
  operator: Operator;
  clients: number;
  processes: number;
  enrolment: string;
  /** PEM. */
  authority: string;
  addresses: string;
  track: string;
}>;

/** What all clients together are at. */
export type CrowdStanding = Readonly<{
  watching: number;
  ended: number;
  invited: ReadonlyMap<number, number>;
  invitedAtMs: Standing['invitedAtMs'];
  why: ReadonlyMap<string, number>;
}>;

/** Clients by the thousand in a few processes of their own. */
export class CrowdAtDoors {
  readonly size: number;
  readonly #speakers: Speaker[] = [];
  readonly #standings: (Standing | undefined)[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(size: number) {
    this.size = size;
  }

  /** Resolves when all of them are members and watch. */
  static async start({ folder, operator, clients, processes, ...task }: CrowdParts): Promise<CrowdAtDoors> {
    const crowd = new CrowdAtDoors(clients);
    const names = Array.from({ length: clients }, (_, at) => `cluster-${at}`);
    const tokens = await tokensFor(operator, names);
    const each = Math.ceil(clients / processes);
    try {
      const starting: Promise<void>[] = [];
      for (let from = 0; from < clients; from += each) {
        const file = join(folder, `tokens-${from}`);
        await writeFile(file, tokens.slice(from, from + each).join('\n'), { mode: 0o600 });
        starting.push(crowd.#start({ ...task, tokens: file }));
      }
      await Promise.all(starting);
      return crowd;
    } catch (error) {
      crowd.kill();
      throw error;
    }
  }

  async #start(task: object): Promise<void> {
    const at = this.#standings.push(undefined) - 1;
    const onLine = (line: string) => {
      this.#standings[at] = JSON.parse(line) as Standing;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    this.#speakers.push(await startSpeaker({ program, task, ready: 'watching', onLine }));
  }

  /** Where every client goes the next time that it connects, addresses with commas between. */
  goTo(addresses: string): void {
    for (const speaker of this.#speakers) speaker.tell(addresses);
  }

  get standing(): CrowdStanding {
    const invited = new Map<number, number>();
    const why = new Map<string, number>();
    const all = this.#standings.filter((one) => one !== undefined);
    for (const one of all) {
      addUp(invited, Object.entries(one.invited), Number);
      addUp(why, Object.entries(one.why), String);
    }
    const sum = (of: (one: Standing) => number) => all.reduce((total, one) => total + of(one), 0);
    const most = (of: (one: Standing) => number) => Math.max(...all.map(of));
    return {
      watching: sum(({ watching }) => watching),
      ended: sum(({ ended }) => ended),
      invited,
      // Of the slowest process.
      invitedAtMs: {
        half: most(({ invitedAtMs }) => invitedAtMs.half),
        most: most(({ invitedAtMs }) => invitedAtMs.most),
        all: most(({ invitedAtMs }) => invitedAtMs.all),
      },
      why,
    };
  }

  /** Resolves when every client watches and has had so many invitations; throws where one has had more. */
  async invited(times: number): Promise<CrowdStanding> {
    for (;;) {
      const { standing } = this;
      const more = [...standing.invited].filter(([count]) => count > times);
      if (more.length > 0) throw new Error(`clients were invited too often: ${JSON.stringify(more)}`);
      if (standing.invited.get(times) === this.size && standing.watching === this.size) return standing;
      await this.#changed.promise;
    }
  }

  get pids(): readonly number[] {
    return this.#speakers.map(({ pid }) => pid);
  }

  kill(): void {
    for (const speaker of this.#speakers) speaker.kill();
  }
}

function addUp<Key>(sums: Map<Key, number>, counts: Iterable<[string, number]>, keyOf: (text: string) => Key): void {
  for (const [text, count] of counts) {
    const key = keyOf(text);
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
}
