import { beginOnDatabase } from './database-deeds.ts';
import { clusters, federation, honestCount, operator, track } from './found.ts';
import type { Disk, DiskMood } from './ground/disk.ts';
import type { Stage } from './invariants/stage.ts';
import type { Deed } from './plan.ts';
import type { SimulatedCoordinator } from './players/coordinator.ts';
import { operate } from './players/operator.ts';
import type { Link } from './world/network.ts';

const badnesses = {
  loss: { lossShare: 0.3 },
  twice: { twiceShare: 0.5 },
  delay: { delayMsMax: 8_000 },
  trickle: { trickleMs: 30_000 },
} as const;
const wellAgain = { lossShare: 0, twiceShare: 0, delayMsMax: 80, trickleMs: 0 } as const;

/** Does what a plan says, and undoes it when its time is over, or when the calm begins. */
export class Deeds {
  /** How often each kind came to pass: what waited for a moment that never came, or met nobody, is not in it. */
  readonly done = new Map<string, number>();
  readonly #stage: Stage;
  /** Wait for the next round that comes so far. */
  #armed: Readonly<{ deed: Extract<Deed, { kind: 'clockPastDeadline' }>; came: () => void }>[] = [];
  /** The last round, and how far it was. */
  #seen: Readonly<{ round: string; phase: string }> | undefined;
  #isCalm = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  do(deed: Deed): void {
    if (this.#isCalm) return;
    const { history, world } = this.#stage;
    const { kind, ...rest } = deed;
    history.note('deed', `${kind} ${Object.values(rest).join(' ')}`);
    const counted = deed.kind === 'database' || deed.kind === 'pods' ? `${kind} ${deed.act}` : kind;
    const came = () => void this.done.set(counted, (this.done.get(counted) ?? 0) + 1);
    const undo = this.#begin(deed, came);
    if (undo !== undefined && 'forMs' in deed) {
      world.after(deed.forMs, () => {
        history.note('deed', `${kind} is over`);
        undo();
      });
    }
  }

  /** After every step: what waits for a round to come so far. */
  look(): void {
    const { open } = this.#stage.journal.rounds;
    if (open?.round === this.#seen?.round && open?.phase === this.#seen?.phase) return;
    this.#seen = open && { round: open.round, phase: open.phase };
    const due = this.#armed.find(({ deed }) => deed.of === open?.phase);
    if (due === undefined || this.#isCalm) return;
    this.#armed = this.#armed.filter((other) => other !== due);
    this.#stage.world.after(due.deed.afterMs, () => this.#passDeadline(due.deed.byMs, due.came));
  }

  /** Everything works from now on, and everybody is started again where he was not. */
  calm(): void {
    const { members, memberDisks, disk, links, coordinators, tampers, history } = this.#stage;
    this.#isCalm = true;
    history.note('deed', 'calm');
    this.#stage.database?.heal();
    for (const one of [disk, ...memberDisks]) {
      one.mood = 'well';
      one.kills = undefined;
      one.fails = undefined;
    }
    for (const link of links) heal(link);
    tampers.clear();
    this.#stage.clock.aheadMs = 0;
    coordinators[1]?.stop();
    coordinators[0]?.kill();
    coordinators[0]?.start();
    for (const member of members) member.process?.resume();
    // Enough refusals in the last life for some of them to be summed up.
    this.#stage.world.after(2 * 3_600_000, () => this.#stage.hostile.act('flood'));
    this.#quietly('release', 60_000);
    this.#quietly('liftFreeze', 120_000);
    this.#quietly('openRound', 3 * 3_600_000);
  }

  /** What an operator does in the calm, until it is done. */
  #quietly(what: 'release' | 'liftFreeze' | 'openRound', delayMs: number): void {
    const { world, coordinators, history } = this.#stage;
    world.after(delayMs, () => {
      const host = coordinators[0]?.host;
      if (host === undefined) {
        this.#quietly(what, 10_000);
        return;
      }
      const { engine } = host.services;
      const run = async () => {
        if (what === 'openRound') return engine.openRound(operator, { track, reason: 'calm' });
        const state = engine.state();
        const lifted = [...state.freezes.keys()].map(
          (freezeId) => ({ kind: 'freezeLifted', freezeId, reason: 'calm' }) as const,
        );
        const released = clusters
          .filter((cluster) => state.clusters.get(cluster)?.quarantined === true)
          .map((cluster) => ({ kind: 'quarantineSet', cluster, quarantined: false, reason: 'calm' }) as const);
        const events = what === 'release' ? released : lifted;
        return engine.commit(operator, () => ({ ok: true as const, value: { events, value: undefined } }));
      };
      void run().then((result) => {
        history.note('operator', `${what} in the calm: ${result.ok ? 'done' : result.fault.code}`);
        if (!result.ok && result.fault.code !== 'ROUND_OPEN') this.#quietly(what, 60_000);
      });
    });
  }

  /** `came`: told when it comes to pass, at once or later. Gives how to undo it. */
  #begin(deed: Deed, came: () => void): (() => void) | undefined {
    const { coordinators, members, memberDisks, memberClocks, links, tampers, disk, clock } = this.#stage;
    const first = coordinators[0] as SimulatedCoordinator;
    switch (deed.kind) {
      case 'killCoordinator':
        if (first.process?.isAlive === true) came();
        first.kill();
        return undefined;
      case 'killAtWrite':
        disk.kills = { in: deed.writes, of: deed.of, came };
        return undefined;
      case 'failWrite':
        disk.fails = { in: deed.writes, of: deed.of, mood: deed.mood, came };
        return undefined;
      case 'pauseCoordinator':
        if (first.process?.isAlive === true) came();
        first.process?.pause(deed.forMs);
        return undefined;
      case 'setCoordinatorClock':
        clock.aheadMs += deed.byMs;
        came();
        return undefined;
      case 'clockPastDeadline':
        this.#armed.push({ deed, came });
        return undefined;
      case 'coordinatorDisk':
        came();
        return this.#mood(disk, deed.mood);
      case 'flipJournal':
        return void this.#flipJournal(first, came);
      case 'flipUpdate':
        return void this.#flipUpdate(came);
      case 'duel': {
        const rival = coordinators[1] as SimulatedCoordinator;
        if (rival.process?.isAlive === true) return undefined;
        rival.how = 'force';
        rival.start();
        came();
        return () => rival.stop();
      }
      case 'killCluster':
        if (members[deed.cluster]?.process?.isAlive === true) came();
        members[deed.cluster]?.kill();
        return undefined;
      case 'pauseCluster':
        if (members[deed.cluster]?.process?.isAlive === true) came();
        members[deed.cluster]?.process?.pause(deed.forMs);
        return undefined;
      case 'setClusterClock': {
        const own = memberClocks[deed.cluster];
        if (own !== undefined) own.aheadMs += deed.byMs;
        came();
        return undefined;
      }
      case 'clusterDisk':
        came();
        return this.#mood(memberDisks[deed.cluster] as Disk, deed.mood);
      case 'flipModel':
        return void this.#flipModel(deed.cluster, came);
      case 'cutLink': {
        const link = links[deed.cluster] as Link;
        link.cut();
        came();
        return () => {
          link.isCut = false;
        };
      }
      case 'badLink': {
        const link = links[deed.cluster] as Link;
        Object.assign(link, badnesses[deed.how]);
        came();
        return () => void Object.assign(link, wellAgain);
      }
      case 'tamper': {
        const link = links[deed.cluster] as Link;
        tampers.set(link, deed.how);
        came();
        return () => void tampers.delete(link);
      }
      case 'operator':
        return void this.#operate(deed.act, came);
      case 'hostile':
        this.#stage.hostile.act(deed.act);
        came();
        return undefined;
      case 'pods':
        came();
        if (deed.act === 'rotation') this.#stage.pods.rotate(deed.forMs);
        else this.#stage.pods.quarantine(deed.forMs);
        return undefined;
      case 'database':
        return beginOnDatabase(deed, this.#stage, came);
    }
  }

  #passDeadline(byMs: number, came: () => void): void {
    const { clock, world, history, journal } = this.#stage;
    const { open } = journal.rounds;
    const jumpMs = open === undefined ? 0 : open.deadlineMs + byMs - (world.nowMs + clock.aheadMs);
    if (this.#isCalm || jumpMs <= 0) return;
    history.note('deed', `the clock jumps past the deadline of ${open?.round}`);
    clock.aheadMs += jumpMs;
    came();
    world.after(15 * 60_000, () => {
      if (!this.#isCalm) clock.aheadMs -= jumpMs;
    });
  }

  #mood(disk: Disk, mood: DiskMood): () => void {
    disk.mood = mood;
    return () => {
      disk.mood = 'well';
    };
  }

  #operate(act: Parameters<typeof operate>[0], came: () => void): void {
    const { coordinators, draws, pinKey, history } = this.#stage;
    const hosts = coordinators.flatMap(({ host }) => host ?? []);
    const host = hosts.length === 0 ? undefined : draws.pick('which coordinator', hosts);
    if (host === undefined) return;
    const parts = { draws, actor: operator, federation, track, honest: clusters.slice(0, honestCount), pinKey };
    host.process.deliver(5, () => {
      came();
      void operate(act, host.services, host.process.timers.now(), parts).then(
        (result) => history.note('operator', `${act}: ${result.ok ? 'done' : result.fault.code}`),
        (error: unknown) => history.note('operator', `${act} throws ${String(error)}`),
      );
    });
  }

  /** A line of the journal rots while the coordinator is down: it must not start. Then the old bytes come back. */
  #flipJournal(first: SimulatedCoordinator, came: () => void): void {
    const { image, draws, world, database, coordinators } = this.#stage;
    // A standby that has walked the lines does not walk them again.
    if (database !== undefined && (coordinators[1]?.process?.isAlive === true || !database.isWell)) return;
    const { rows } = database?.database.primary.journal ?? image.journal;
    const at = draws.between('flip', 0, rows.length - 1);
    const row = rows[at];
    if (row === undefined) return;
    const damaged = { ...row, body: row.body.replace('"seq":', '"sea":') };
    if (damaged.body === row.body) return;
    rows[at] = damaged;
    came();
    this.#stage.damaged = { epoch: image.journal.epoch };
    first.kill();
    world.after(5 * 60_000, () => {
      this.#stage.damaged = undefined;
      if (rows[at] === damaged) rows[at] = row;
    });
  }

  #flipUpdate(came: () => void): void {
    const { image, journal, flipped, draws } = this.#stage;
    const digests = [...(journal.rounds.open?.accepted.values() ?? [])].map(({ digest }) => digest);
    const digest = digests.length === 0 ? undefined : draws.pick('flip', digests);
    const bytes = digest && image.blobs.get(digest);
    if (digest === undefined || bytes === undefined) return;
    flipped.add(digest);
    came();
    image.blobs.set(digest, flip(bytes, draws.between('flip', 0, bytes.byteLength - 1)));
  }

  #flipModel(cluster: number, came: () => void): void {
    const { members, draws } = this.#stage;
    const files = members[cluster]?.image.files;
    if (files === undefined || files.size === 0) return;
    const digest = draws.pick('flip', [...files.keys()]);
    const bytes = files.get(digest) as Uint8Array;
    came();
    files.set(digest, flip(bytes, draws.between('flip', 0, bytes.byteLength - 1)));
  }
}

function heal(link: Link): void {
  link.isCut = false;
  Object.assign(link, wellAgain);
}

function flip(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const flipped = new Uint8Array(bytes);
  flipped[at] = (flipped[at] as number) ^ 0x10;
  return flipped;
}
