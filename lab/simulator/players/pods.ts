import { QuarantineHistory } from '../../../client/response/simulation/quarantine-history.ts';
import { RotationHistory } from '../../../client/response/simulation/rotation-history.ts';
import type { InvariantName, Report } from '../violation.ts';
import type { Draws } from '../world/draws.ts';
import type { History } from '../world/history.ts';
import { SimulatedProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

const minuteMs = 60_000;
const standsAfterMs = 2 * minuteMs;

export type PodsGround = Readonly<{ world: World; draws: Draws; history: History; report: Report; seed: number }>;

/** What a history of pods says was broken, by name. */
const names: readonly (readonly [RegExp, InvariantName])[] = [
  [/^capacity lost|^below the/, 'PODS_BELOW_FLOOR'],
  [/^more in flight/, 'PODS_IN_FLIGHT'],
  [/^touched what|^took local|was touched$/, 'POD_UNTOUCHABLE'],
  [/was evicted twice$|put into quarantine \d+ times$/, 'POD_TAKEN_TWICE'],
  [/^evicted what was not ready/, 'POD_EVICTED_UNREADY'],
  [/^older than the bound/, 'POD_OVERDUE'],
  [/^left half rotated|is in quarantine by half$|evicted out of its workload$/, 'POD_BY_HALF'],
  [/nothing of it is on disk$/, 'QUARANTINE_UNRECORDED'],
  [/quarantines in a (?:hour|day)$/, 'QUARANTINE_OVER_BUDGET'],
  [/stayed beyond its time$/, 'QUARANTINE_ENDLESS'],
];

type Pods = Readonly<{ broken: string | undefined; begin(): void; calm(): void; end(): void }>;
type Acts = Readonly<{
  fault(isCalm: () => boolean): void;
  verdict(): Readonly<{ broken: readonly string[]; told: string }>;
}>;

/**
 * The pods of a cluster and their agent, for some hours: the response's own simulated API server, controllers and kubelets, by this
 * world's clock and this seed's draws. What it does wrong is what its own histories hold against it.
 */
export class SimulatedPods {
  readonly #ground: PodsGround;
  #standing: { readonly broken: string | undefined } | undefined;

  constructor(ground: PodsGround) {
    this.#ground = ground;
  }

  /** Looked at after every act. */
  look(): void {
    const broken = this.#standing?.broken;
    if (broken !== undefined) this.#report(broken);
  }

  rotate(forMs: number): void {
    const { world, seed } = this.#ground;
    const pods = new RotationHistory(this.#timers(), this.#ground.draws.of('pods'), { seed });
    this.#live(pods, { forMs, settleMs: 15 * minuteMs }, () => pods.nextFaultInMs(), {
      fault: (isCalm) => {
        void pods.fault(async (milliseconds, act) => {
          world.after(milliseconds, () => {
            if (!isCalm()) act();
          });
        });
      },
      verdict: () => {
        const { violations, rotations, putBack } = pods.verdict();
        const told = `${rotations.surge} surged, ${rotations.evict} evicted, ${putBack} put back`;
        return { broken: violations, told };
      },
    });
  }

  quarantine(forMs: number): void {
    const pods = new QuarantineHistory(this.#timers(), this.#ground.draws.of('pods'));
    this.#live(pods, { forMs, settleMs: 40 * minuteMs }, () => pods.suspect(), {
      fault: () => pods.fault(),
      verdict: () => {
        const { wrong, marked, spent } = pods.verdict();
        return { broken: wrong, told: `${marked} put into quarantine, budget spent ${spent} times` };
      },
    });
  }

  #timers() {
    return new SimulatedProcess('pods', this.#ground.world, { aheadMs: 0 }).timers;
  }

  /** Begins once the others stand; one fault follows another for `forMs`, none where `nextInMs` is null; judged `settleMs` later. */
  #live(
    pods: Pods,
    { forMs, settleMs }: Readonly<{ forMs: number; settleMs: number }>,
    nextInMs: () => number | null,
    { fault, verdict }: Acts,
  ): void {
    const { world, history } = this.#ground;
    this.#standing = pods;
    let isCalm = false;
    const next = () => {
      const inMs = nextInMs();
      if (inMs === null) return;
      world.after(inMs, () => {
        if (isCalm) return;
        fault(() => isCalm);
        next();
      });
    };
    world.after(standsAfterMs, () => {
      pods.begin();
      next();
    });
    world.after(forMs, () => {
      isCalm = true;
      pods.calm();
    });
    world.after(forMs + settleMs, () => {
      pods.end();
      const { broken, told } = verdict();
      for (const one of broken) this.#report(one);
      history.note('pods', told);
    });
  }

  #report(broken: string): void {
    const plain = broken.replace(/ at [\d.]+ s$/, '');
    const name = names.find(([pattern]) => pattern.test(plain))?.[1] ?? 'UNEXPECTED_ERROR';
    this.#ground.report(name, broken);
  }
}
