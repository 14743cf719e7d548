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
  [/^evicted twice|was evicted twice$|put into quarantine \d+ times$/, 'POD_TAKEN_TWICE'],
  [/^evicted what was not ready/, 'POD_EVICTED_UNREADY'],
  [/^older than the bound/, 'POD_OVERDUE'],
  [/^left half rotated|is in quarantine by half$|evicted out of its workload$/, 'POD_BY_HALF'],
  [/nothing of it is on disk$/, 'QUARANTINE_UNRECORDED'],
  [/quarantines in a (?:hour|day)$/, 'QUARANTINE_OVER_BUDGET'],
  [/stayed beyond its time$/, 'QUARANTINE_ENDLESS'],
];

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
    const { world, draws, history, seed } = this.#ground;
    const { timers } = new SimulatedProcess('pods', world, { aheadMs: 0 });
    const pods = new RotationHistory(timers, draws.of('pods'), { seed });
    this.#standing = pods;
    let isCalm = false;
    const next = () => {
      const faultInMs = pods.nextFaultInMs();
      if (faultInMs === null) return;
      world.after(faultInMs, () => {
        if (isCalm) return;
        void pods.fault(async (milliseconds, act) => {
          world.after(milliseconds, () => {
            if (!isCalm) act();
          });
        });
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
    world.after(forMs + 15 * minuteMs, () => {
      pods.end();
      const { violations, rotations, putBack } = pods.verdict();
      for (const broken of violations) this.#report(broken);
      history.note('pods', `${rotations.surge} surged, ${rotations.evict} evicted, ${putBack} put back`);
    });
  }

  quarantine(forMs: number): void {
    const { world, draws, history } = this.#ground;
    const { timers } = new SimulatedProcess('pods', world, { aheadMs: 0 });
    const pods = new QuarantineHistory(timers, draws.of('pods'));
    this.#standing = pods;
    let isCalm = false;
    const next = () => {
      world.after(pods.suspect(), () => {
        if (isCalm) return;
        pods.fault();
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
    world.after(forMs + 40 * minuteMs, () => {
      pods.end();
      const { wrong, marked, spent } = pods.verdict();
      for (const broken of wrong) this.#report(broken);
      history.note('pods', `${marked} put into quarantine, budget spent ${spent} times`);
    });
  }

  #report(broken: string): void {
    const plain = broken.replace(/ at [\d.]+ s$/, '');
    const name = names.find(([pattern]) => pattern.test(plain))?.[1] ?? 'UNEXPECTED_ERROR';
    this.#ground.report(name, broken);
  }
}
