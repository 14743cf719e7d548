import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { readWholeText } from '../../../base/text/read-whole.ts';
import { type Order, wordOn } from './orders.ts';
import { type Outcome, outcomeOf, type Proposal, proposalsAfter, proposalsMax } from './proposals.ts';
import type { Seen } from './seen.ts';

const text = z.string().max(1_000);
const count = z.number().min(0);
const outcomes = ['approved', 'declined', 'enforced', 'lapsed', 'held', 'gone'] as const satisfies readonly Outcome[];
const proposal = z.strictObject({
  ...{ uid: text, namespace: text, pod: text, workload: text, risk: count, alerts: count },
  ...{ action: z.enum(['isolate', 'evict']), keepForMs: count, untilMs: count, sinceMs: count },
  tracks: z.array(text).max(64),
  decided: z.strictObject({ outcome: z.enum(outcomes), atMs: count, by: text, reason: text }).nullable(),
});
const shape = z.strictObject({
  format: z.literal('testudo/response-proposals/1'),
  proposals: z.array(proposal).max(2 * (proposalsMax.open + proposalsMax.decided)),
});

/** What somebody's word, or the agent's own deed, has decided: it holds whatever alerts this run has heard so far. */
const decisive: ReadonlySet<Outcome> = new Set(['approved', 'declined', 'enforced']);

/**
 * The proposals of this run and what became of those of earlier ones, in a file of the agent's folder: whoever approved one before the
 * agent was started again still learns what came of it. What waited then is asked for anew once its alerts are heard again;
 * until these would be enough no longer, nobody says that it lapsed.
 */
export class KeptProposals {
  readonly #file: string;
  readonly #trouble: (cause: string) => void;
  #all: readonly Proposal[] = [];
  /** That waited when an earlier run ended, by the pod's uid. */
  readonly #earlier = new Map<string, Proposal>();
  #written = '';
  #writing: Promise<void> | undefined;

  private constructor(file: string, trouble: (cause: string) => void) {
    this.#file = file;
    this.#trouble = trouble;
  }

  /** `trouble`: is told why the file cannot be read or written; nothing is done by it, so that the agent goes on. */
  static open(file: string, trouble: (cause: string) => void): KeptProposals {
    const kept = new KeptProposals(file, trouble);
    try {
      const { proposals } = shape.parse(JSON.parse(readWholeText(file)));
      kept.#all = proposals.filter(({ decided }) => decided !== null);
      for (const one of proposals) if (one.decided === null) kept.#earlier.set(one.uid, one);
    } catch (error) {
      if (!isMissing(error)) trouble(`${file} is not read: ${(error as Error).message}`);
    }
    return kept;
  }

  get all(): readonly Proposal[] {
    return this.#all;
  }

  look(seen: Seen, orders: readonly Order[], nowMs: number): void {
    if (seen.isBlind) return;
    const asked = new Set(seen.suspects.flatMap(({ pod, asks }) => (asks === undefined ? [] : [pod.uid])));
    const heard: Proposal[] = [];
    for (const one of this.#earlier.values()) {
      const isDecided = decisive.has(outcomeOf(one.uid, seen, wordOn(one.uid, orders)));
      if (!asked.has(one.uid) && !isDecided && nowMs < one.untilMs) continue;
      heard.push(one);
      this.#earlier.delete(one.uid);
    }
    this.#all = proposalsAfter([...this.#all, ...heard], seen, orders, nowMs);
    this.#write();
  }

  /** Resolves when what was looked at last is on disk. */
  async close(): Promise<void> {
    await this.#writing;
  }

  /** Once for each change of who waits and what was decided: risks change with every alert. */
  #write(): void {
    const proposals = [...this.#all, ...this.#earlier.values()];
    const said = JSON.stringify(proposals.map(({ uid, sinceMs, decided }) => [uid, sinceMs, decided]));
    if (said === this.#written) return;
    this.#written = said;
    this.#writing = (this.#writing ?? Promise.resolve()).then(async () => {
      if (said !== this.#written) return; // A later one says all of it.
      const bytes = canonicalJson({ format: 'testudo/response-proposals/1', proposals } as unknown as JsonValue);
      await writeFileAtomic(this.#file, bytes).catch((error: Error) =>
        this.#trouble(`${this.#file} is not written: ${error.message}`),
      );
    });
  }
}
