import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { isBenign, type Trace } from '../../../client/events/trace.ts';
import { classTableSpec, trainClassTable } from '../../../client/tracks/syscall/gram-table/class-table.ts';
import { WorkloadClasses } from '../../../client/tracks/syscall/traces/workload-classes.ts';
import type { Provenance } from '../../../coordinator/candidate/provenance.ts';
import { clusters, operator, track } from '../../../coordinator/testing/small-federation.ts';
import { mayBeInSample, recordedSample } from '../../../lab/data/recorded-sample.ts';
import { readAll, recordedPath } from '../../../lab/data/recorded-traces.ts';
import { type ClusterId, parseRoundId } from '../../../proto/ids.ts';
import { readSample } from './sample-reader-worker.ts';
import { classes, sampledRound } from './testing/sampled-round.ts';

const spec = classTableSpec(new WorkloadClasses(classes));
const liar = clusters[0] as ClusterId;
const all = (await readAll(recordedPath)).filter(({ service }) => classes.includes(service));
/** Attack families as the liar whitelists them: contents that are not in the sample. */
const hostile = all.filter((trace) => !isBenign(trace) && !mayBeInSample(trace));

/** What a cluster trains on: its fifth of the normal traces; the liar puts attacks on nginx in the place of nginx's. */
function tracesOf(cluster: ClusterId): Trace[] {
  const own = all.filter((trace) => isBenign(trace) && trace.split === 'train');
  const fifth = own.filter((_, at) => at % clusters.length === clusters.indexOf(cluster));
  return cluster === liar ? hostile.filter(({ service }) => service === 'nginx') : fifth;
}

type Federation = Readonly<{
  sample?: Uint8Array;
  /** The sample is one holder more. */
  holds?: boolean;
  f?: number;
  corroborate?: boolean;
  change?: (table: Float32Array) => Float32Array;
}>;

/** One round by declared holders, in which the liar whitelists attacks on nginx, or sends what `change` makes of its table. */
async function roundOf({ sample, holds, f = 1, corroborate = false, change = (table) => table }: Federation) {
  const { engine, round, phase, provenance } = await sampledRound({
    spec,
    aggregation: { f, rule: { kind: 'declaredHolders', penalty: 1.4, ...(corroborate && { corroborate }) } },
    ...(holds && { more: { sample: { mix: 0, holds }, keepInputs: { rounds: 1, hours: 1 } } }),
    labels: () => ({ 'class-nginx': 'yes', 'class-redis': 'yes' }),
    sample,
    update(_, cluster) {
      const { weights, classes: declared } = trainClassTable(spec, tracesOf(cluster));
      return { delta: cluster === liar ? change(weights) : weights, declared }; // The base is zero.
    },
  });
  const candidate = Uint8Array.from(unwrap(await engine.blobs.get(phase.candidate.digest)));
  return { engine, frozen: round.policy, provenance, table: new Float32Array(candidate.buffer) };
}

const verdictOn = ({ classes: verdicts = [] }: Provenance, name: string) =>
  verdicts.find((verdict) => verdict.class === name);

describe('a round with a trusted sample and declared classes', () => {
  it('leaves a liar out of the class in which it whitelists attacks, and says so; the sample is named in policy and provenance', async () => {
    const sample = await recordedSample(classes);
    const { engine, frozen, provenance, table } = await roundOf({ sample });
    const put = engine.state().tracks.get(track)?.samples.at(-1);
    expect(frozen.sample).toEqual({ mix: 0, digest: put?.digest });
    expect(provenance.sample).toBe(put?.digest);
    expect(verdictOn(provenance, 'nginx')).toMatchObject({ covered: true, leftOut: [liar], f: 1 });
    expect(verdictOn(provenance, 'redis')).toMatchObject({ covered: true, leftOut: [] });
    expect(verdictOn(provenance, 'redis')?.holders.toSorted()).toEqual(clusters.slice(1));
    // What the liar alone claimed is not in the table.
    const honest = clusters.slice(1).map((cluster) => trainClassTable(spec, tracesOf(cluster)).weights);
    const claimed = trainClassTable(spec, tracesOf(liar)).weights;
    const slots = [...claimed.keys()].filter(
      (slot) => (claimed[slot] as number) > 0 && honest.every((weights) => weights[slot] === 0),
    );
    expect(slots.length).toBeGreaterThan(100);
    expect(slots.every((slot) => table[slot] === 0)).toBe(true);
  });

  it('counts nothing that the sample knows from attacks alone and one holder claims, where the policy asks for more, again in a replay', async () => {
    const sample = await recordedSample(classes);
    const { engine, provenance, table } = await roundOf({ sample, holds: true, corroborate: true });
    expect(verdictOn(provenance, 'nginx')?.text).toMatch(
      /\d+ of what they claim .* fewer than 2 of them claim it: not counted/,
    );
    // What the liar alone claims, of what the sample's attacks leave and nothing normal in it does.
    const loss = unwrap(await readSample(spec, sample, new Float32Array(table.length)));
    const honest = clusters.slice(1).map((cluster) => trainClassTable(spec, tracesOf(cluster)).weights);
    const claimed = trainClassTable(spec, tracesOf(liar)).weights;
    const doubted = [...table.keys()].filter(
      (slot) =>
        loss.loss.attacksOnly?.[slot] === 1 &&
        (claimed[slot] as number) > 0 &&
        honest.every((weights) => weights[slot] === 0),
    );
    loss.close();
    expect(doubted.length).toBeGreaterThan(100);
    expect(doubted.every((slot) => table[slot] === 0)).toBe(true);
    const round = parseRoundId('r-1');
    expect(await engine.replayRound(operator, { track, round, reason: 'test' })).toMatchObject({
      value: { same: true },
    });
  });

  it('says in a sentence that nobody can tell where there is no sample, and counts the liar as a fifth of the class', async () => {
    const { provenance, frozen, table } = await roundOf({});
    expect(frozen.sample).toBeUndefined();
    expect(provenance).not.toHaveProperty('sample');
    expect(verdictOn(provenance, 'nginx')).toMatchObject({ covered: false, leftOut: [], f: 0 });
    expect(verdictOn(provenance, 'nginx')?.text).toContain('the sample does not hold it: each makes 1/5');
    const claimed = trainClassTable(spec, tracesOf(liar)).weights;
    const most = claimed.indexOf(Math.max(...claimed));
    expect(table[most]).toBeGreaterThan((claimed[most] as number) / 5 - 1e-6);
  });

  it('counts the sample as one holder more where the policy says so, again in a replay', async () => {
    const sample = await recordedSample(classes);
    const { engine, provenance } = await roundOf({ sample, holds: true });
    expect(provenance).toMatchObject({ n: 6, sampleHolds: true });
    expect(provenance.updates.map(({ cluster }) => cluster).sort()).toEqual([...clusters]);
    expect(verdictOn(provenance, 'redis')?.holders.toSorted()).toEqual(['(trusted sample)', ...clusters.slice(1)]);
    expect(verdictOn(provenance, 'nginx')?.leftOut).toEqual([liar]);
    const round = parseRoundId('r-1');
    expect(await engine.replayRound(operator, { track, round, reason: 'test' })).toMatchObject({
      value: { same: true },
    });
  });

  it('refuses a table of another shape whole, by its sender’s fault', async () => {
    const { provenance } = await roundOf({ change: (table) => table.map((value) => -4 * value) });
    expect(provenance.updates.find(({ cluster }) => cluster === liar)).toMatchObject({
      verdict: 'refused',
      code: 'SHAPE_WRONG',
    });
    expect(provenance).toMatchObject({ n: 5, nAdmitted: 4 });
    expect(verdictOn(provenance, 'nginx')).toMatchObject({ leftOut: [], f: 0 });
    expect(verdictOn(provenance, 'nginx')?.holders.toSorted()).toEqual(clusters.slice(1));
  });
});
