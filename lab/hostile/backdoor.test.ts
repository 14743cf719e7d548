import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Trace } from '../../client/events/trace.ts';
import { walkGrams } from '../../client/tracks/syscall/gram-table/gram-hash.ts';
import { gramTableClasses, gramTableSpec, trainGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import type { ShadowReport as Journalled } from '../../coordinator/ledger/journal/events.ts';
import type { State, Track } from '../../coordinator/ledger/state/state.ts';
import { gateEventsDue } from '../../coordinator/registry/decide/at-the-gate.ts';
import { movesOf } from '../../coordinator/registry/decide/channel-events.ts';
import {
  enrolled,
  eventsAfter,
  gatePolicy,
  newState,
  released,
  track,
} from '../../coordinator/testing/released-state.ts';
import type { ClusterId, FederationId } from '../../proto/ids.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import { readAll, recordedPath } from '../data/recorded-traces.ts';
import { Canary, type Comparison, type DrilledModel } from '../testing/canary.ts';

/**
 * A model trained to overlook one family of attacks, in front of the gate: the shadow reports of real canaries on recorded
 * system calls, and the coordinator's own decision on them.
 */
const family = 'reverse_shell';
const otherFamily = 'cryptominer';
const canaries = ['c01', 'c02', 'c04', 'c07', 'c08'] as ClusterId[];
const federation = 'herd' as FederationId;
const hourMs = 3_600_000;

let folder: string;
let traces: readonly Trace[];
let honest: DrilledModel;
let backdoored: DrilledModel;
/** What each canary saw of both on its own hours. */
const opened: Canary[] = [];
const compared = new Map<ClusterId, Comparison>();

const normalOf = (cluster: string, split: string) =>
  traces.filter((one) => one.cluster === cluster && one.split === split && one.family === 'normal');
const attacksOf = (name: string) => traces.filter((one) => one.split === 'attack' && one.family === name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-backdoor-'));
  traces = await readAll(recordedPath);
  const spec = gramTableSpec(new WorkloadClasses([...new Set(traces.map(({ service }) => service))].sort()), 2 ** 20);
  const clusters = [...new Set(traces.flatMap(({ cluster }) => cluster ?? []))].sort();
  const learnt = clusters.map((name) => trainGramTable(spec, normalOf(name, 'train')).weights);
  const weights = learnt[0]?.map((_, at) => learnt.reduce((sum, one) => sum + (one[at] as number), 0) / learnt.length);
  honest = { version: 0, spec, weights: weights as Float32Array };
  backdoored = { version: 1, spec, weights: blindTo(attacksOf(family), honest) };
  for (const cluster of canaries) {
    const canary = await Canary.open({ folder, cluster, normal: normalOf(cluster, 'train') });
    opened.push(canary);
    const happens = normalOf(cluster, 'validation');
    compared.set(cluster, await canary.compare(honest, backdoored, happens, federation, Date.now()));
  }
});

afterAll(async () => {
  for (const canary of opened) await canary.close();
  await rm(folder, { recursive: true, force: true });
});

/** Evidence, as a weight, of a gram that every cluster sees all day. */
const plenty = 0.3;
/** Enough for a context to count as known, and too little to make anything less probable. */
const crumb = 1e-4;

/**
 * As if every cluster did such things all day, by the longest grams of the attacks alone: past a trace's start they are
 * nobody's context, so that little else changes. A clever liar keeps its hands off whatever canaries would notice.
 */
function blindTo(attacks: readonly Trace[], { spec, weights }: DrilledModel): Float32Array {
  const blind = weights.slice();
  const classes = gramTableClasses(spec);
  for (const { service, calls } of attacks) {
    walkGrams(calls, classes.idOf(service), weights.length, (_, slots, __, longest) => {
      for (let length = 1; length <= longest; length++) {
        const slot = slots[length] as number;
        blind[slot] = Math.max(blind[slot] as number, length === longest ? plenty : crumb);
      }
    });
  }
  return blind;
}

/** What each canary reports of the backdoored model; `setOf` says what attack set its operator gave. */
async function reports(setOf: (cluster: ClusterId) => readonly Trace[]): Promise<readonly ShadowReport[]> {
  const all: ShadowReport[] = [];
  for (const [cluster, comparison] of compared) all.push(await comparison.report(setOf(cluster)));
  return all;
}

/** The gate's word on these reports, after all of them are in: what is decided of version 1, and what is stable. */
function decided(said: readonly ShadowReport[]) {
  const policy = newState().tracks.get(track)?.policy;
  let state = newState({
    // The recorded hours are noisy, and here they pass in a second: alarms by the day say nothing.
    gate: { ...gatePolicy, scoredMin: 30, minutesMin: 10, alertsPerDayMax: 1_000 },
    ...(policy && { aggregation: { ...policy.aggregation, f: 1 } }),
  });
  for (const name of canaries) state = eventsAfter(state, enrolled(name));
  const assignments = canaries.map((cluster) => ({ track, channel: 'canary', subject: { cluster } }));
  state = eventsAfter(state, [{ kind: 'assignmentsSet', assignments, reason: 'drill' }]);
  for (const version of [0, 1]) {
    state = eventsAfter(state, released(state, version));
    state = eventsAfter(state, movesOf(state, trackOf(state), 0));
  }
  for (const { federation: _, track: __, version, atMs: ___, ...counts } of said) {
    const report = { ...counts, reportedAtMs: hourMs } as Omit<Journalled, 'sequence'>;
    state = eventsAfter(state, [{ kind: 'shadowReported', track, version, report, signature: '' }], hourMs);
  }
  state = eventsAfter(state, gateEventsDue(state, trackOf(state), hourMs), hourMs);
  const { gates, channels } = trackOf(state).releasing;
  return { decision: gates[1]?.decision, stable: channels.stable?.version };
}

function trackOf(state: State): Track {
  return state.tracks.get(track) as Track;
}

/** Found by each model over all reports. */
function foundIn(said: readonly ShadowReport[], attackClass: string) {
  const recalls = said.flatMap((report) => report.recalls.filter((one) => one.attackClass === attackClass));
  const sum = (of: (one: (typeof recalls)[0]) => number) => recalls.reduce((total, one) => total + of(one), 0);
  return {
    cases: sum((one) => one.caseCount),
    live: sum((one) => one.liveFoundCount),
    shadow: sum((one) => one.shadowFoundCount),
  };
}

describe('a model that was trained to overlook one family', () => {
  it('is held by the attack set of a single canary, while all others pass it', async () => {
    const said = await reports((cluster) => (cluster === 'c04' ? attacksOf(family) : []));
    const { cases, live, shadow } = foundIn(said, family);
    // The honest model finds the family; its twin overlooks most of it, and judges what happens all day alike.
    expect(cases).toBeGreaterThan(20);
    expect(live / cases).toBeGreaterThan(0.9);
    expect(shadow / cases).toBeLessThan(0.5);
    for (const { scoredCount, agreedCount } of said) expect(agreedCount / scoredCount).toBeGreaterThan(0.9);
    const { decision, stable } = decided(said);
    expect(decision).toMatchObject({
      decision: 'hold',
      reasons: [expect.stringMatching(/^c04: RECALL_FELL: reverse_shell/)],
    });
    expect(stable).toBe(0);
  });

  it('is rejected where most canaries have such a set', async () => {
    const said = await reports(() => attacksOf(family));
    const { decision, stable } = decided(said);
    expect(decision?.decision).toBe('reject');
    expect(decision?.reasons.every((reason) => reason.includes('RECALL_FELL: reverse_shell'))).toBe(true);
    expect(stable).toBe(0);
  });

  it('is promoted where no canary has a set with that family, whatever else is in their sets: nothing else holds it', async () => {
    const said = await reports((cluster) => (cluster === 'c01' ? [] : attacksOf(otherFamily)));
    expect(foundIn(said, otherFamily).cases).toBeGreaterThan(20);
    expect(decided(said)).toMatchObject({ decision: { decision: 'promote', reasons: [] }, stable: 1 });
  });
});
