import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aggregate } from '../../aggregation/aggregate.ts';
import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { parsePolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { pauseWhileRunning } from '../../lab/rig/member.ts';
import type { Operator } from '../../lab/rig/operator.ts';
import { RoundPhase } from '../../proto/generated/testudo/v1/operator.ts';
import { lcgMatrix } from '../harness/lcg.ts';
import { Node, track } from './node.ts';

/** Regions, clusters of each, values of an update. */
export type Shape = Readonly<{ regions: number; clusters: number; d: number }>;

export type RoundTimes = Readonly<{
  /** From the root's invitation to its candidate. */
  seconds: number;
  /** Of the slowest region: from its own invitation to its own candidate. */
  regionSeconds: number;
}>;

const all = { page: { size: 100, token: '' } };
/** The rule for regions, as docs/relays.md has it, on both levels. */
const mixed = (members: number) => ({
  f: Math.floor((members - 1) / 5), // Of ten and of twenty: one and three.
  admission: { normMax: 1e6, zeroUpdate: 'refuse' },
  before: [{ kind: 'nearestNeighbourMixing' }],
  rule: { kind: 'trimmedMean' },
});
const policyOf = (members: number, more: object) => ({
  aggregation: mixed(members),
  rounds: {
    goal: { kind: 'share', ofEnrolled: 1 },
    overSelection: 1,
    quorum: { kind: 'count', updates: members },
    recruitForMs: 600_000,
    collectForMs: 600_000,
  },
  ...more,
});

/** A root, its relays and their clients, each coordinator a process of its own. */
export class Tree {
  readonly shape: Shape;
  readonly root: Node;
  readonly regions: Node[] = [];

  private constructor(shape: Shape, root: Node) {
    this.shape = shape;
    this.root = root;
  }

  static async start(folder: string, shape: Shape): Promise<Tree> {
    const { regions, clusters, d } = shape;
    const root = await Node.found(folder, 'root', d, policyOf(regions, {}));
    const tree = new Tree(shape, root);
    try {
      await root.start();
      for (let at = 0; at < regions; at++) {
        const region = await Node.found(folder, `region-${at}`, d, policyOf(clusters, { upward: true }));
        tree.regions.push(region);
        await region.joins(root);
        await region.start('relay');
        await region.startClients(clusters, 1 + at * clusters, d);
      }
      await tree.#until(async () => {
        const { clusters: members } = await root.operator.call(root.operator.client.listClusters, all);
        return members.filter(({ connected }) => connected).length === regions || undefined;
      });
      return tree;
    } catch (error) {
      await tree.end();
      throw error;
    }
  }

  /** One round of the whole tree. Throws where anybody's update is missing in it. */
  async round(): Promise<RoundTimes> {
    const { operator } = this.root;
    const { round } = await operator.call(operator.client.openRound, { track, reason: 'benchmark' });
    const ended = await this.#until(async () => {
      const { summary, participations } = await operator.call(operator.client.getRound, { track, round });
      return summary !== undefined && summary.endedAtMs !== 0n ? { summary, participations } : undefined;
    });
    const { phase, openedAtMs, endedAtMs } = ended.summary;
    if (phase !== RoundPhase.ROUND_PHASE_CANDIDATE) throw new Error(`${round} of the root gave no candidate`);
    if (ended.participations.length !== this.shape.regions) throw new Error(`${round} lacks regions`);
    let regionMs = 0n;
    for (const { name, operator: its } of this.regions) {
      const { rounds } = await its.call(its.client.listRounds, { track, ...all });
      const own = rounds.find((one) => one.round === round); // Opened by the root alone, so numbered alike.
      if (own?.acceptedCount !== this.shape.clusters) throw new Error(`${round} of ${name} lacks clusters`);
      const took = own.endedAtMs - own.openedAtMs;
      if (took > regionMs) regionMs = took;
    }
    return { seconds: Number(endedAtMs - openedAtMs) / 1_000, regionSeconds: Number(regionMs) / 1_000 };
  }

  /** Resolves when every region has what the root released last, from which its next round starts. */
  async settled(): Promise<void> {
    const digest = await headAt(this.root.operator);
    for (const { operator } of this.regions) {
      await this.#until(async () => {
        return (await headAt(operator)) === digest || undefined;
      });
    }
  }

  /**
   * Throws where the root's first model is further than float32 rounds from what the rules give on the same rows in one process.
   * Sums are taken in the order of sealed payloads' digests, which nobody can know before.
   */
  async checkFirst(): Promise<number> {
    const { regions, clusters, d } = this.shape;
    const results: Float32Array<SharedArrayBuffer>[] = [];
    for (let at = 0; at < regions; at++) {
      const rows = Array.from({ length: clusters }, (_, row) => lcgMatrix(1, 0, d, 1 + at * clusters + row)[0]);
      results.push(await ruled(clusters, rows as Float32Array<SharedArrayBuffer>[]));
    }
    const expected = await ruled(regions, results);
    const hex = (await headAt(this.root.operator)).slice('sha256:'.length);
    const bytes = await readFile(join(this.root.folder, 'data', 'blobs', hex));
    const found = new Float32Array(new Uint8Array(bytes).buffer);
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] as number))), 0);
    if (!(worst < 1e-6)) throw new Error(`the root's model is ${worst} from what the rules give`);
    return worst;
  }

  async end(): Promise<void> {
    await Promise.all([this.root, ...this.regions].map((node) => node.end()));
  }

  async #until<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      await pauseWhileRunning([this.root, ...this.regions].map(({ member }) => member));
    }
  }
}

/** The digest of the model from which a coordinator's next round starts. */
async function headAt({ call, client }: Operator): Promise<string> {
  const { tracks } = await call(client.listTracks, {});
  return tracks[0]?.model?.digest as string;
}

async function ruled(members: number, rows: readonly Float32Array<SharedArrayBuffer>[]) {
  const policy = unwrap(parsePolicy(mixed(members)));
  const sink = memorySink((rows[0] as Float32Array).length);
  unwrap(await aggregate(policy, unwrap(memoryBlocks(rows)), twinAlgebra(), sink));
  const shared = new Float32Array(new SharedArrayBuffer(4 * sink.values.length));
  shared.set(sink.values);
  return shared;
}
