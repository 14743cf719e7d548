import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { exposureOf } from './attacker.ts';
import { entropyBits, foretelling } from './foretelling.ts';
import { hottestFirst } from './hottest-first.ts';
import { idle } from './idle.ts';
import { packets } from './packets/packets.ts';
import { pieceNames, writePage } from './page.ts';
import { measurePiece } from './pieces.ts';
import { proof } from './proof.ts';
import { callsOfQuarantine } from './real-calls.ts';
import { realPlane } from './real-plane.ts';
import { realQuarantine } from './real-quarantine.ts';
import { type Actor, type Kind, rotateUnder } from './schedules.ts';
import { planSpeed, type Speed } from './speed.ts';
import { watching } from './watching.ts';
import { weight } from './weight.ts';

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
  const { small, only } = options;
  for (const name of pieceNames) {
    const measure = parts[name];
    if (measure === undefined || (only !== undefined && !name.includes(only))) continue;
    if (small) await smallParts[name]?.(report);
    else await measurePiece(name, measure, report);
  }
  if (!small && (only === undefined || only === 'page')) writePage(report);
}

type Measure = (report: Report) => Promise<void> | void;

/** By the names of pieces. */
const parts: Readonly<Record<string, Measure>> = {
  availability: (report) => availability(false, report),
  attacker: (report) => attacker(false, report),
  foretelling: (report) => foretelling(false, report),
  proof: (report) => proof(false, report),
  hottest: (report) => hottestFirst(false, report),
  plan: (report) => plan(false, report),
  real: realPlane,
  idle: (report) => idle(8, report),
  weight,
  watching: (report) => watching({ cuts: 1_000, kills: 50 }, report),
  quarantine: (report) => realQuarantine(200, report),
  calls: (report) => callsOfQuarantine(10, report),
  packets: (report) => packets(20, report),
};

/** Those that take seconds: they run with the tests. */
const smallParts: typeof parts = {
  availability: (report) => availability(true, report),
  attacker: (report) => attacker(true, report),
  foretelling: (report) => foretelling(true, report),
  proof: (report) => proof(true, report),
  hottest: (report) => hottestFirst(true, report),
  plan: (report) => plan(true, report),
};

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
    const bits = entropyBits(lifetimesMs);
    report.record({
      case: `attacker ${actor}`,
      pods: lifetimesMs.length,
      bits,
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
      bits.toFixed(1),
    ]);
  }
  report.text(
    '## What it leaves to an attacker\n\nThe times in which pods of the runs ran: from when they were ready to when they were told to end. An attacker who knows the schedule, sees how old each pod is and begins at ' +
      'the best of the ages that a quarter of all pods reach succeeds with an attack of 10 or 20 minutes in this share of cases; one who begins at any moment stays for so long in ' +
      'the mean. Unpredictability has its price in the fifth column: a schedule that is fixed leaves the unwatchful less.',
  );
  report.table(
    [
      'schedule',
      'ran, min, in the mean',
      '10 min attack',
      '20 min attack',
      'unwatchful stays, min',
      'longest, min',
      'bits at 1 s',
    ],
    rows,
  );
}

function plan(small: boolean, report: Report): void {
  const [looks, rounds] = small ? [5, 1] : [300, 5];
  // A machine that others use lets a look wait for them, and a collection of garbage for threads that get no turn.
  const leastDisturbed = (anew: boolean) =>
    Array.from({ length: rounds }, () => planSpeed(looks, anew)).sort((a, b) => a.p99Ms - b.p99Ms)[0] as Speed;
  const [usual, first] = [leastDisturbed(false), leastDisturbed(true)];
  report.record({ case: `plan pods=${usual.pods}`, rounds, ...usual });
  report.record({ case: `plan pods=${first.pods} anew`, rounds, ...first });
  report.text(
    `## The plan\n\nOne look at ${usual.pods} pods of 100 workloads with a budget each, half of the pods due: ` +
      `${usual.p50Ms.toFixed(1)} ms at the median, ${usual.p99Ms.toFixed(1)} ms at p99 (${usual.p99CpuMs.toFixed(1)} ms of the processor's time); where every due time ` +
      `is drawn anew, as in a leader's first look, ${first.p50Ms.toFixed(1)} and ${first.p99Ms.toFixed(1)} ms (${first.p99CpuMs.toFixed(1)}). Of ${rounds} rounds of ${looks} looks the one that was disturbed least by others on the machine.`,
  );
}
