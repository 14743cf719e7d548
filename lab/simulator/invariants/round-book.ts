import type { AggregationJob } from '../../../coordinator/candidate/job.ts';
import type { Actor, JournalEvent } from '../../../coordinator/ledger/journal/events.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import type { Receipt } from '../../../proto/envelope/receipt.ts';
import type { Digest } from '../../../proto/ids.ts';
import { candidateOf, inputsOf } from '../players/aggregation.ts';
import type { Report } from '../violation.ts';
import { dawnMs } from '../world/world.ts';

export type KnownRound = {
  readonly round: string;
  phase: 'recruiting' | 'collecting' | 'aggregating' | 'candidate' | 'abandoned';
  /** By the coordinator's clock. */
  deadlineMs: number;
  readonly rules: Extract<JournalEvent, { kind: 'roundScheduled' }>['rules'];
  readonly accepted: Map<string, Readonly<{ digest: Digest; sequence: number; atMs: number }>>;
  readonly expelled: Set<string>;
  eligible: readonly string[];
  /** Digests that an update may start from. */
  bases: readonly Digest[];
  inputs: string | undefined;
  /** What its inputs give. */
  candidate: Digest | undefined;
};

/** What is known of rounds: what their lines say, what clusters meant, what receipts they hold. */
export class RoundBook {
  readonly rounds = new Map<string, KnownRound>();
  /** Every receipt that a cluster holds, by cluster, round and digest. */
  readonly #receipts = new Map<string, Receipt>();
  readonly #meant = new Set<string>();
  readonly #report: Report;
  readonly #freezes = new Map<string, Readonly<{ fromMs: number; untilMs: number }>>();
  #versions: Digest[] = [];
  #scheduledCount = 0;
  #latestMs = 0;
  #last: KnownRound | undefined;
  candidates = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  get open(): KnownRound | undefined {
    const last = this.#last;
    return last === undefined || last.phase === 'candidate' || last.phase === 'abandoned' ? undefined : last;
  }

  /** Signed by `header.cluster`, hostile or not. */
  meant(header: UpdateHeader): void {
    this.#meant.add(meaningOf(header.cluster, header.round, header.payload, header.base, header.exampleCount));
  }

  /** `entry`: what the journal holds at the place that the receipt names. */
  receipted(receipt: Receipt, entry: JournalEvent | undefined): void {
    const { cluster, round, payload, sequence } = receipt;
    const known = this.rounds.get(round)?.accepted.get(cluster);
    const isEntry =
      entry?.kind === 'roundStepped' &&
      entry.event.kind === 'updateArrived' &&
      entry.event.update.cluster === cluster &&
      entry.event.update.payloadDigest === payload;
    if (!isEntry || known?.sequence !== sequence) {
      this.#report('RECEIPT_WITHOUT_ENTRY', `${cluster} in ${round}: line ${sequence} accepts nothing of the kind`);
    }
    const name = `${cluster}/${round}/${payload}`;
    const before = this.#receipts.get(name);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(receipt)) {
      this.#report('RECEIPTS_DIFFER', `${name}: ${JSON.stringify(before)} and ${JSON.stringify(receipt)}`);
    }
    this.#receipts.set(name, receipt);
  }

  /** The updates of an open round that clusters hold receipts for. */
  receiptedOf(round: KnownRound): readonly Receipt[] {
    return [...this.#receipts.values()].filter((receipt) => receipt.round === round.round);
  }

  jobBegan(job: AggregationJob): void {
    const round = this.rounds.get(job.round);
    if (round === undefined) return;
    const inputs = inputsOf(job);
    if (round.inputs !== undefined && round.inputs !== inputs) {
      this.#report('CANDIDATE_INPUTS_DIFFER', `${job.round}: two runs of one aggregation differ`);
    }
    round.inputs = inputs;
    round.candidate = digestOf(candidateOf(job));
    const counted = job.updates.map(({ payloadDigest }) => payloadDigest);
    const wanted = [...round.accepted]
      .filter(([cluster]) => !round.expelled.has(cluster))
      .map(([, { digest }]) => digest)
      .sort();
    if (counted.join() !== wanted.join()) {
      this.#report('CANDIDATE_MISSES_UPDATE', `${job.round} counts ${counted.length} updates of ${wanted.length}`);
    }
    for (const receipt of this.receiptedOf(round)) {
      if (!round.accepted.has(receipt.cluster)) {
        this.#report('CANDIDATE_MISSES_UPDATE', `${job.round} lacks the receipted update of ${receipt.cluster}`);
      }
    }
  }

  read(event: JournalEvent, actor: Actor, sequence: number, atMs: number): void {
    switch (event.kind) {
      case 'trackCreated':
        this.#versions = [event.modelDigest];
        return;
      case 'freezeSet':
        this.#freezes.set(event.freezeId, event);
        return;
      case 'freezeLifted':
        this.#freezes.delete(event.freezeId);
        return;
      case 'roundScheduled':
        if (actor.kind === 'coordinator') this.#isDue(event.round, atMs);
        this.#schedule(event, atMs);
        return;
      case 'roundStepped': {
        const round = this.rounds.get(event.round);
        if (round !== undefined) this.#step(round, event, sequence, atMs);
        return;
      }
      default:
        return;
    }
  }

  /** By the coordinator's own clock an occurrence has come for every round that the schedule opened. */
  #isDue(round: string, atMs: number): void {
    this.#scheduledCount += 1;
    this.#latestMs = Math.max(this.#latestMs, atMs);
    const occurred = Math.floor((this.#latestMs - dawnMs - 30 * 60_000) / (6 * 3_600_000)) + 1;
    if (this.#scheduledCount > occurred) this.#report('ROUND_UNDUE', `${round} opens after ${occurred} occurrences`);
  }

  #schedule({ round, rules }: Extract<JournalEvent, { kind: 'roundScheduled' }>, atMs: number): void {
    if (round !== `r-${this.rounds.size + 1}` || this.open !== undefined) {
      this.#report('VERSION_OUT_OF_TURN', `${round} opens beside or out of turn`);
    }
    for (const { fromMs, untilMs } of this.#freezes.values()) {
      if (fromMs <= atMs && atMs < untilMs) this.#report('ROUND_IN_FREEZE', `${round} opens in a freeze`);
    }
    this.#last = {
      round,
      phase: 'recruiting',
      deadlineMs: atMs + rules.recruitForMs,
      rules,
      accepted: new Map(),
      expelled: new Set(),
      eligible: [],
      bases: [],
      inputs: undefined,
      candidate: undefined,
    };
    this.rounds.set(round, this.#last);
  }

  #step(
    round: KnownRound,
    { event, effects }: Extract<JournalEvent, { kind: 'roundStepped' }>,
    sequence: number,
    atMs: number,
  ): void {
    if (event.kind === 'counted' && effects.includes('invite')) {
      round.phase = 'collecting';
      round.deadlineMs = event.atMs + round.rules.collectForMs;
      round.eligible = event.eligible;
      round.bases = [...round.bases, ...event.olderBases.slice(0, round.rules.carryOver?.stalenessMax ?? 0)];
    }
    if (event.kind === 'opened') round.bases = [event.base.digest];
    if (event.kind === 'expelled') round.expelled.add(event.expelled.cluster);
    if (event.kind === 'updateArrived') this.#accept(round, event, sequence, atMs);
    if (effects.includes('aggregate')) {
      const counted = [...round.accepted.keys()].filter((cluster) => !round.expelled.has(cluster)).length;
      const { quorum, updatesMin } = round.rules;
      if (counted < Math.max(updatesMin, quorum.kind === 'count' ? quorum.updates : 1)) {
        this.#report('AGGREGATED_BELOW_QUORUM', `${round.round}: ${counted} updates`);
      }
      round.phase = 'aggregating';
      round.deadlineMs = event.atMs + round.rules.aggregateForMs;
    }
    // One that comes too late ends its round as well, without a candidate.
    const isCandidate = event.kind === 'aggregated' && !effects.includes('dropPartials');
    if (effects.includes('destroyKey')) round.phase = isCandidate ? 'candidate' : 'abandoned';
    if (event.kind === 'aggregationRefused' && event.reason === 'ROUND_KEY_LOST') {
      this.#report('ROUND_KEY_LOST', `${round.round}: its key was durable before anybody could learn of it`);
    }
    if (event.kind !== 'aggregated' || !isCandidate) return;
    const { version, digest } = event.candidate;
    if (version !== this.#versions.length) this.#report('VERSION_OUT_OF_TURN', `${round.round} makes ${version}`);
    this.#versions.push(digest);
    this.candidates += 1;
    if (digest !== round.candidate) {
      this.#report('CANDIDATE_NOT_OF_INPUTS', `${round.round}: ${digest} where its inputs give ${round.candidate}`);
    }
    if (atMs >= round.deadlineMs) this.#report('ROUND_OVERDUE', `${round.round} has a candidate after its deadline`);
  }

  #accept(
    round: KnownRound,
    { update }: Extract<Extract<JournalEvent, { kind: 'roundStepped' }>['event'], { kind: 'updateArrived' }>,
    sequence: number,
    atMs: number,
  ): void {
    const { cluster, payloadDigest: digest, baseDigest, exampleCount } = update;
    const where = `${cluster} in ${round.round}`;
    if (round.accepted.has(cluster)) this.#report('ACCEPTED_TWICE', where);
    if ([...round.accepted.values()].some((other) => other.digest === digest)) {
      this.#report('ACCEPTED_TWICE', `${where}: bytes that another sent`);
    }
    const isMeant = this.#meant.has(meaningOf(cluster, round.round, digest, baseDigest, exampleCount));
    if (!isMeant) this.#report('ACCEPTED_UNMEANT', where);
    if (round.phase !== 'collecting' || atMs >= round.deadlineMs) this.#report('ACCEPTED_LATE', where);
    if (!round.eligible.includes(cluster) || round.expelled.has(cluster)) this.#report('ACCEPTED_UNINVITED', where);
    if (!round.bases.includes(baseDigest)) this.#report('ACCEPTED_STALE', where);
    round.accepted.set(cluster, { digest, sequence, atMs });
  }
}

function meaningOf(cluster: string, round: string, payload: string, base: string, exampleCount: number): string {
  return [cluster, round, payload, base, exampleCount].join('/');
}
