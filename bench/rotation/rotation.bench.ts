import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { exposureOf } from './attacker.ts';
import { rotationHistories } from './histories.ts';
import { hottestFirst } from './hottest-first.ts';
import { packets } from './packets/packets.ts';
import { realPlane } from './real-plane.ts';
import { realQuarantine } from './real-quarantine.ts';
import { type Actor, type Kind, rotateUnder } from './schedules.ts';
import { planSpeed } from './speed.ts';

export const bench: Bench = {
  name: 'rotation',
  summary:
    'What replacing pods costs their services, and what it leaves to an attacker, beside schedules that delete, go by age or by an interval.',
  run,
};

const kinds: readonly Kind[] = ['Deployment, surge', 'Deployment, evict', 'StatefulSet', 'one replica, minAvailable 1'];
const actors: readonly Actor[] = [
  'ours, bound 60',
  'ours, bound 120',
  'delete at 20-40 min',
  'evict by age 30 min',
  'delete one at an interval',
];

async function run(options: BenchOptions, report: Report): Promise<void> {
  const wants = (part: string) => options.only === undefined || part.includes(options.only);
  if (wants('availability')) await availability(options.small, report);
  if (wants('attacker')) await attacker(options.small, report);
  if (wants('hottest first')) await hottestFirst(options.small, report);
  if (wants('plan')) plan(options.small, report);
  if (wants('real') && !options.small) await realPlane(report);
  if (wants('quarantine') && !options.small) await realQuarantine(200, report);
  if (wants('packets') && !options.small) await packets(20, report);
  if (wants('histories')) await histories(options.small, report);
}

async function availability(small: boolean, report: Report): Promise<void> {
  const rows: string[][] = [];
  for (const kind of small ? kinds.slice(0, 1) : kinds) {
    for (const actor of actors) {
      if (actor === 'ours, bound 120') continue;
      const wanted = small ? 12 : kind === 'one replica, minAvailable 1' ? 50 : 200;
      // Nothing can be evicted by age from under such a budget, and the run would never end.
      if (actor === 'evict by age 30 min' && kind === 'one replica, minAvailable 1') {
        rows.push([kind, actor, '0', 'never', 'never', '']);
        continue;
      }
      const { rotations, below, lostSeconds, workloadHours, callsPerRotation } = await rotateUnder(
        actor,
        kind,
        wanted,
        11,
      );
      report.record({
        case: `availability ${kind} / ${actor}`,
        rotations,
        below,
        lostSeconds,
        workloadHours,
        callsPerRotation,
      });
      if (actor.startsWith('ours') && below > 0) throw new Error(`${kind}: ${below} instants below the budget`);
      const lost = (lostSeconds / (workloadHours * 3_600)) * 100;
      const calls = actor.startsWith('ours') ? callsPerRotation.toFixed(2) : '';
      rows.push([kind, actor, String(rotations), String(below), `${lost.toFixed(2)} %`, calls]);
    }
  }
  report.text(
    '## What it costs a service\n\nA simulated cluster of 8 workloads (three replicas and a budget of `maxUnavailable: 1`, or one replica and ' +
      '`minAvailable: 1`), pods that start in 2 to 30 s and end in up to 20 s, watches that are up to 0.4 s late. *Below budget* counts ' +
      'changes after which a workload had fewer ready pods than its budget asks for; *capacity lost* is the share of time with fewer than ' +
      'its replicas. The others are done as the named tools do it: Phoenix deletes at a random age, descheduler evicts by age, chaoskube ' +
      'deletes by chance; all replace a pod every 30 minutes in the mean.',
  );
  report.table(['workload', 'schedule', 'rotations', 'below budget', 'capacity lost', 'calls per rotation'], rows);
}

async function attacker(small: boolean, report: Report): Promise<void> {
  const rows: string[][] = [];
  for (const actor of actors) {
    const { ranMs: lifetimesMs } = await rotateUnder(actor, 'Deployment, surge', small ? 40 : 12_000, 12);
    const { strategic10, strategic20, unwatchfulMs, maxMs, meanMs } = exposureOf(lifetimesMs);
    const minutes = (ms: number) => (ms / 60_000).toFixed(1);
    report.record({
      case: `attacker ${actor}`,
      pods: lifetimesMs.length,
      strategic10,
      strategic20,
      unwatchfulMs,
      maxMs,
      meanMs,
    });
    rows.push([
      actor,
      minutes(meanMs),
      strategic10.toFixed(2),
      strategic20.toFixed(2),
      minutes(unwatchfulMs),
      minutes(maxMs),
    ]);
  }
  report.text(
    '## What it leaves to an attacker\n\nThe times in which pods of the runs ran: from when they were ready to when they were told to end. An attacker who knows the schedule, sees how old each pod is and begins at ' +
      'the best of the ages that a quarter of all pods reach succeeds with an attack of 10 or 20 minutes in this share of cases; one who begins at any moment stays for so long in ' +
      'the mean. Unpredictability has its price in the last column but one: a schedule that is fixed leaves the unwatchful less.',
  );
  report.table(
    ['schedule', 'ran, min, in the mean', '10 min attack', '20 min attack', 'unwatchful stays, min', 'longest, min'],
    rows,
  );
}

function plan(small: boolean, report: Report): void {
  const looks = small ? 5 : 300;
  const [usual, first] = [planSpeed(looks, false), planSpeed(looks, true)];
  report.record({ case: `plan pods=${usual.pods}`, ...usual });
  report.record({ case: `plan pods=${first.pods} anew`, ...first });
  report.text(
    `## The plan\n\nOne look at ${usual.pods} pods of 100 workloads with a budget each, half of the pods due: ` +
      `${usual.p50Ms.toFixed(1)} ms at the median, ${usual.p99Ms.toFixed(1)} ms at p99 (${usual.p99CpuMs.toFixed(1)} ms of the processor's time); where every due time ` +
      `is drawn anew, as in a leader's first look, ${first.p50Ms.toFixed(1)} and ${first.p99Ms.toFixed(1)} ms (${first.p99CpuMs.toFixed(1)}).`,
  );
}

async function histories(small: boolean, report: Report): Promise<void> {
  const { wrong, faults, ...done } = await rotationHistories({ count: small ? 5 : 1_000, seed: 1_000 });
  for (const violation of wrong) report.record({ case: `history ${violation}`, violation });
  report.record({ case: 'histories', ...done, violations: wrong.length });
  report.text(
    `## Histories with faults\n\n${done.histories} histories of 80 simulated minutes and a bound of 60, each with faults of its seed's choice: ` +
      `${faults}. ${done.rotations} rotations, ${done.putBack} put back. Broken promises (below budget or floor, capacity lost in surge ` +
      'mode, a pod older than the bound without a reason, evicted twice or unready, more in flight than may be, left half done, a kind that must not ' +
      `be touched): ${wrong.length}. Pods beyond the bound were named for: ${Object.keys(done.overBound).sort().join(', ')}. ` +
      'More of them, those of quarantine, and agents and API servers that are killed on a real control plane are in [response-faults.md](response-faults.md).',
  );
}
