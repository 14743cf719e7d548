import type { ReleaseMessage } from '../../client/releases/release-calls.ts';
import type { AggregationJob } from '../../coordinator/candidate/job.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import type { Receipt } from '../../proto/envelope/receipt.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { Deeds } from './deeds.ts';
import { clusters, federation, foundedWith, honestCount, track } from './found.ts';
import { DatabaseGround } from './ground/database/database-ground.ts';
import { type CoordinatorImage, Disk } from './ground/disk.ts';
import { openOnDisk } from './ground/journal-disk.ts';
import type { Opening } from './ground/opened.ts';
import { AgentWatch } from './invariants/agent-watch.ts';
import { checkCalm } from './invariants/calm.ts';
import { JournalWatch } from './invariants/journal-watch.ts';
import type { Stage } from './invariants/stage.ts';
import { StandingWatch } from './invariants/standing-watch.ts';
import { dayMs, type Plan } from './plan.ts';
import { SimulatedCluster } from './players/cluster.ts';
import { SimulatedCoordinator } from './players/coordinator.ts';
import { HostileCluster } from './players/hostile.ts';
import { SimulatedPods } from './players/pods.ts';
import type { Services } from './players/services.ts';
import { type Tampering, tampered } from './players/tampering.ts';
import type { Witness } from './players/witness.ts';
import type { InvariantName, Violation } from './violation.ts';
import { holdAmbient } from './world/ambient.ts';
import { Draws } from './world/draws.ts';
import { History } from './world/history.ts';
import { Link, Network } from './world/network.ts';
import { SimulatedProcess } from './world/process.ts';
import { dawnMs, World } from './world/world.ts';

export type Outcome = Readonly<{
  seed: number;
  /** The first rule that was broken; undefined where all held. */
  violation: Violation | undefined;
  /** SHA-256 of the history: the same for the same plan, on every machine. */
  digest: string;
  lines: readonly string[];
  acts: number;
  candidates: number;
  /** How often each kind of deed came to pass. */
  done: Readonly<Record<string, number>>;
}>;

const calmAtMs = 17.5 * 3_600_000;

/** One federation for one simulated day. */
class Simulation implements Stage {
  readonly world = new World();
  readonly draws: Draws;
  readonly history: History;
  readonly plan: Plan;
  readonly troubles: string[] = [];
  readonly secrets = new Set<string>();
  readonly refused = new Map<number, number>();
  image!: CoordinatorImage;
  disk!: Disk;
  database: DatabaseGround | undefined;
  pods!: SimulatedPods;
  coordinators: SimulatedCoordinator[] = [];
  members: SimulatedCluster[] = [];
  memberDisks: Disk[] = [];
  memberClocks: { aheadMs: number }[] = [];
  links: Link[] = [];
  hostile!: HostileCluster;
  readonly clock: { aheadMs: number };
  journal!: JournalWatch;
  agents!: AgentWatch;
  standing!: StandingWatch;
  readonly flipped = new Set<string>();
  damaged: Stage['damaged'];
  readonly tampers = new Map<Link, Tampering>();
  pinKey!: Awaited<ReturnType<typeof foundedWith>>['pinKey'];
  violation: Violation | undefined;
  readonly deeds = new Deeds(this);

  constructor(plan: Plan, keepsLines: boolean) {
    this.plan = plan;
    this.draws = new Draws(plan.seed);
    this.history = new History(this.world, keepsLines);
    this.clock = { aheadMs: this.draws.between('skew', -30_000, 30_000) };
    holdAmbient(this.draws);
  }

  readonly report = (name: InvariantName, detail: string): void => {
    if (this.violation !== undefined) return;
    this.violation = { name, detail, atMs: this.world.nowMs };
    this.history.note('BROKEN', `${name}: ${detail}`);
  };

  async run(): Promise<Outcome> {
    const stopOnError = (error: unknown) => {
      this.world.failed = error;
      this.report('UNEXPECTED_ERROR', error instanceof Error ? (error.stack ?? error.message) : String(error));
    };
    process.on('unhandledRejection', stopOnError);
    const { deeds } = this;
    try {
      const founded = await this.#begin(); // One that cannot even be founded is caught as well.
      for (const { atMs, deed } of this.plan.deeds) this.world.after(atMs, () => deeds.do(deed));
      await this.world.run(dawnMs + calmAtMs, this.#afterAct);
      if (this.violation === undefined) {
        deeds.calm();
        await this.world.run(dawnMs + dayMs, this.#afterAct);
      }
      if (this.violation === undefined) await checkCalm(this, track, founded.keys);
    } catch (error) {
      stopOnError(error);
    } finally {
      process.off('unhandledRejection', stopOnError);
    }
    return this.#outcome(Object.fromEntries(deeds.done));
  }

  #outcome(done: Outcome['done']): Outcome {
    const { history, violation, world, plan } = this;
    return {
      seed: plan.seed,
      violation,
      digest: history.digest(),
      lines: history.lines,
      acts: world.acts,
      candidates: this.journal?.rounds.candidates ?? 0,
      done,
    };
  }

  readonly #afterAct = (): boolean => {
    this.journal.look();
    this.deeds.look();
    this.standing.look();
    this.pods.look();
    return this.violation !== undefined;
  };

  async #begin() {
    const hasGate = this.draws.chance('gate', 0.5);
    const founded = await foundedWith({ hasGate, hasGrace: this.draws.chance('grace', 0.5) });
    holdAmbient(this.draws);
    const { world, draws, history } = this;
    this.image = founded.image.copy();
    this.pinKey = founded.pinKey;
    this.disk = new Disk('coordinator', draws);
    this.journal = new JournalWatch(this.image, this.report);
    this.agents = new AgentWatch(this.report, this.journal.releases, track);
    this.pods = new SimulatedPods({ world, draws, history, report: this.report, seed: this.plan.seed });
    const names = ['coordinator', 'rival'];
    const { database: planned } = this.plan;
    if (planned !== undefined) {
      this.database = new DatabaseGround(world, draws, this.image, names, planned.isReplicated);
    }
    const network = new Network<Services>(world, draws, () => this.coordinators.map(({ host }) => host));
    const ground = {
      world,
      draws,
      history,
      image: this.image,
      disk: this.disk,
      clock: this.clock,
      federation,
      receiptKey: founded.receiptKey,
      trouble: (code: string, message: string) => void this.troubles.push(`${code}: ${message}`),
      keyPut: (secret: Uint8Array) => void this.secrets.add(Buffer.from(secret).toString('base64')),
      jobBegan: (job: AggregationJob) => this.journal.rounds.jobBegan(job),
      openLedger: (name: string, process: SimulatedProcess, opening: Opening) =>
        this.database?.open(name, process, opening) ?? openOnDisk(this.image, this.disk, process, opening),
      acknowledged: (seq: number, chain: string) => this.#acknowledged(seq, chain),
    };
    this.coordinators = names.map((name) => new SimulatedCoordinator(name, ground));
    this.links = clusters.map((name) => new Link(name));
    const witness = this.#witness();
    const common = { world, draws, history, network, federation, track, addresses: 2, witness };
    for (const [index, cluster] of clusters.entries()) {
      const disk = new Disk(cluster, draws);
      const clock = { aheadMs: draws.between('skew', -60_000, 60_000) };
      this.memberDisks.push(disk);
      this.memberClocks.push(clock);
      const key = founded.keys[index] as (typeof founded.keys)[number];
      const link = this.links[index] as Link;
      const own = { ...common, disk, clock, cluster, key, link, receiptKey: founded.receiptKey.publicKey };
      if (index < honestCount) this.members.push(new SimulatedCluster(own));
      else {
        const process_ = new SimulatedProcess(cluster, world, clock);
        this.hostile = new HostileCluster({ ...own, process: process_ }, () => this.#overheard());
      }
    }
    this.standing = new StandingWatch(this);
    (this.coordinators[0] as SimulatedCoordinator).start();
    for (const member of this.members) member.start();
    return founded;
  }

  /** P1, P2: on two servers where two are asked for. */
  #acknowledged(seq: number, chain: string): void {
    if (this.image.journal.rows[seq - 1]?.chain === chain) return;
    this.report('ACKNOWLEDGED_NOT_DURABLE', `line ${seq} is not where it would outlive its server`);
  }

  #overheard() {
    const kept = this.members.map(({ image }) => image.update).find((update) => update !== undefined);
    return kept && { header: kept.kept.header, signature: kept.kept.signature, sealed: kept.sealed };
  }

  #witness(): Witness {
    const earlier = new Map<Link, ReleaseMessage>();
    return {
      meant: (header: UpdateHeader) => this.journal.rounds.meant(header),
      receipted: (receipt: Receipt) => {
        const { rounds } = this.journal;
        rounds.receipted(receipt, this.journal.entry(receipt.sequence));
      },
      stepped: (cluster: ClusterId, ...rest) => this.agents.stepped(cluster, ...rest),
      refused: (epoch) => void this.refused.set(epoch, (this.refused.get(epoch) ?? 0) + 1),
      onTheWire: (link, message) => {
        const before = earlier.get(link);
        earlier.set(link, message);
        return tampered(this.tampers.get(link), message, before, federation, this.draws);
      },
    };
  }
}

/** Runs one plan. The same plan gives the same outcome, to the digest. */
export async function simulate(plan: Plan, keepsLines = false): Promise<Outcome> {
  return new Simulation(plan, keepsLines).run();
}
