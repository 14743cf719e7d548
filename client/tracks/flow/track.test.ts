import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import type { FlowEnd, ObservedFlow } from '../../events/flow-record.ts';
import { trainLocally } from '../../learning/train-locally.ts';
import { featureSpec, initialFeatures } from '../neural/features/autoencoder.ts';
import { learnFlowCluster } from './cluster-state.ts';
import { sliceColumns } from './features/slice-rows.ts';
import { FlowIntake, riskOfScore, scoreOfRisk } from './flow-intake.ts';
import { loadFlowModel, saveFlowModel } from './flow-model-folder.ts';
import { FlowScorer } from './flow-scorer.ts';
import { nodeFeatureNames } from './graph/feature-names.ts';
import type { NamedSlice } from './graph/slice.ts';
import { initialLinkModel, linkSpec } from './link/link-model.ts';
import { type WorkloadRisk, workloadRisk } from './local/workload-risk.ts';
import { sampleCalls, sampleWindows, windowOf } from './testing/sample-windows.ts';
import { trackKind } from './track.ts';

const calls = sampleCalls(9, 12);
const normal = sampleWindows(calls, 12, seededRandom(2), 0.95);
const intruded = windowOf([...calls, { client: 'w9-1', server: 'w9-11', port: 6379 }], 30);
const strange = intruded.slice.edgeCount - 1;
const linkModel = linkSpec('gcn');

describe('the flow track', () => {
  it('keeps a window as bytes and reads it back equal; other bytes are refused', () => {
    const bytes = trackKind.examples.encode(intruded);
    expect(trackKind.examples.decode(bytes)).toEqual({ ok: true, value: intruded });
    expect(trackKind.examples.encode(intruded)).toEqual(bytes);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (cut) => {
        expect(trackKind.examples.decode(bytes.subarray(0, cut)).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (any) => {
        expect(trackKind.examples.decode(any).ok).toBe(false);
      }),
    );
  });

  it.each([
    ['a node of no kind', '["workload"', '["workloads"'],
    ['a workload without a name', '"w9-1"', '9     '],
    ['a port that there is none of', ',6379,', ',-379,'],
    ['a protocol that is an object', '"tcp"', '{   }'],
  ])('refuses a window that names %s', (_, written, forged) => {
    const bytes = trackKind.examples.encode(intruded);
    const at = bytes.indexOf(written);
    expect(at).toBeGreaterThan(0);
    expect(trackKind.examples.decode(bytes.fill(forged, at, at + forged.length)).ok).toBe(false);
  });

  it('learns no edge that raised an alarm, and keeps it alone for feedback', () => {
    const rest = trackKind.withoutPlaces?.(intruded, [strange]);
    expect(rest?.slice.edgeCount).toBe(intruded.slice.edgeCount - 1);
    const only = trackKind.onlyPlace?.(intruded, strange);
    expect(only?.names.edges).toEqual([intruded.names.edges[strange]]);
    expect(trackKind.withoutPlaces?.(only ?? intruded, [0])).toBeUndefined();
  });

  it('says whom an alarm is about', () => {
    expect(trackKind.subjectOf(intruded, strange)).toMatchObject({ namespace: 'shop', workload: 'w9-1' });
    const description = trackKind.describe(intruded, strange);
    expect(description.detail).toMatchObject({ server: { workload: 'w9-11' }, port: 6379 });
    expect(trackKind.describe(intruded, strange).identity).toBe(description.identity);
    expect(trackKind.describe(intruded, 0).identity).not.toBe(description.identity);
  });

  it.each([
    ['flow-gcn/1', linkModel, initialLinkModel(linkModel, 1)],
    ['flow-gat/1', linkSpec('gat'), initialLinkModel(linkSpec('gat'), 1)],
    ['flow-feature-autoencoder/1', featureSpec(sliceColumns), initialFeatures(featureSpec(sliceColumns), 1)],
  ] as const)(
    'trains %s in a round: a finite delta, the same bits again, and a lower loss',
    async (architecture, spec, base) => {
      expect(spec.architecture).toBe(architecture);
      const plan = {
        seed: 5,
        epochs: 6,
        stepsMax: 24,
        batchSize: 16,
        learningRate: 0.01,
        proximalMu: 0,
        clipNorm: 0,
        noiseMultiplier: 0,
      };
      const run = () =>
        trainLocally({
          spec,
          base,
          examples: normal,
          hard: [],
          hardRepeats: 0,
          gradientClipNorm: 1,
          plan: plan as never,
          kind: trackKind,
          unit: () => 0.5,
          mayGoOn: async () => true,
        });
      const [first, again] = [await run(), await run()];
      if (!first.ok || !again.ok) throw new Error(JSON.stringify([first, again]));
      expect(first.value.delta).toEqual(again.value.delta);
      expect(first.value.deltaNorm).toBeGreaterThan(0);
      expect(first.value.lastLoss).toBeLessThan(first.value.firstLoss);
    },
  );

  it('scores an edge that was never there above all others, by its client, and explains it', async () => {
    const scorer = await trackKind.openScorer(linkModel, initialLinkModel(linkModel, 1), normal);
    const [scored] = scorer.score([intruded]);
    if (scored === undefined) throw new Error('one window, one answer');
    expect(scored.scores.indexOf(Math.max(...scored.scores))).toBe(strange);
    expect(scored.groups[strange]).toBe('workload shop/w9-1');
    const { detail, text } = scorer.explain(intruded, strange);
    expect(text).toContain('w9-11');
    expect(detail.svg).toMatch(/^<svg/);
    scorer.close();
  });

  it.each([
    ['the operator’s alert rate', { alertRate: 0.05 }, 0.05],
    ['another one', { alertRate: 0.3 }, 0.3],
    ['the default of the client’s thresholds', undefined, 0.001],
  ])('reads the other track’s risk by %s', async (_name, options, alertRate) => {
    const scorer = await trackKind.openScorer(linkModel, initialLinkModel(linkModel, 1), normal, options);
    const pValueOf = (window: NamedSlice) => {
      scorer.score([window]);
      return (scorer.explain(window, strange).detail.workloadRisk as WorkloadRisk).pValue;
    };
    // Once without the other track: what the flows alone say of the workload.
    const flows = pValueOf(intruded);
    const nodeFeatures = Float32Array.from(intruded.slice.nodeFeatures);
    const row = (intruded.slice.clients[strange] as number) * nodeFeatureNames.length;
    nodeFeatures[row + nodeFeatureNames.indexOf('syscall:given')] = 1;
    nodeFeatures[row + nodeFeatureNames.indexOf('syscall:score')] = scoreOfRisk(1);
    const both = pValueOf({ ...intruded, slice: { ...intruded.slice, nodeFeatures } });
    // A risk of 1 is the other track's threshold, which so many normal workloads pass.
    expect(both / (workloadRisk([{ pValue: flows }, { pValue: alertRate }])?.pValue ?? 0)).toBeCloseTo(1, 6);
    scorer.close();
  });

  it('scores by the memory alone where the model is no number any more', async () => {
    const scorer = await trackKind.openScorer(linkModel, initialLinkModel(linkModel, 1).fill(Number.NaN), normal);
    const scores = scorer.score([intruded])[0]?.scores ?? new Float64Array(1);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect(scores.indexOf(Math.max(...scores))).toBe(strange);
    scorer.close();
  });

  it('refuses architectures of other tracks', async () => {
    const other = { ...linkModel, architecture: 'syscall-gram-table/1' };
    expect(await trackKind.openLearner(other, new Float32Array(1), { seed: 1, stepsMax: 1 })).toMatchObject({
      ok: false,
      fault: { code: 'MODEL_UNUSABLE' },
    });
    await expect(trackKind.openScorer(other, new Float32Array(1), [])).rejects.toThrow(/flow-gcn\/1/);
  });
});

describe('FlowIntake', () => {
  const end = (workload: string): FlowEnd => ({ kind: 'workload', namespace: 'shop', workload });
  const flow = (atMs: number): ObservedFlow => ({
    atMs,
    node: '',
    id: '',
    source: end('web'),
    destination: end('db'),
    sourcePort: 40_000,
    destinationPort: 5432,
    protocol: 'tcp',
    isReply: false,
    seenAt: 'unknown',
    verdict: 'forwarded',
    l7: undefined,
    count: 1,
    volume: undefined,
  });
  const source = { name: 'test', recorded: true, skipped: () => undefined, coarsened: () => undefined };
  const options = { intervalMs: 60_000, windowIntervals: 1, latenessMs: 0 };

  it('gives windows that carry the other track’s risk, and says from where to read again', () => {
    const intake = new FlowIntake(
      {
        riskOf: (watched, _, workload) => (watched === 'system calls' && workload === 'web' ? 3 : undefined),
        salt: new Uint8Array(32),
        now: () => 0,
      },
      options,
    );
    const part = intake.from(source);
    const windows = [0, 30_000, 70_000, 130_000].flatMap((atMs, order) =>
      part.push({ kind: 'flow', flow: flow(atMs) }, order, atMs),
    );
    expect(windows.map(({ slice }) => slice.startMs)).toEqual([0, 60_000]);
    expect(part.oldest()).toBeGreaterThanOrEqual(2);
    expect(part.flush()).toHaveLength(1);
    expect(riskOfScore(scoreOfRisk(3))).toBeCloseTo(3, 9);
  });
});

describe('a flow model folder', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flow-model-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('scores the same before and after it lay on a disk; a changed byte is refused', async () => {
    const weights = initialLinkModel(linkModel, 3);
    const scorer = new FlowScorer(linkModel, weights, (reader) => learnFlowCluster(reader, normal));
    const path = join(folder, 'model');
    await saveFlowModel(path, { spec: linkModel, weights, clusters: new Map([['here', scorer.state]]) });
    const loaded = await loadFlowModel(path);
    if (!loaded.ok) throw new Error(loaded.fault.message);
    const again = new FlowScorer(loaded.value.spec, loaded.value.weights, loaded.value.clusters.get('here'));
    const [before, after] = [scorer.score(intruded), again.score(intruded)];
    for (const [edge, { total, pValue }] of before.entries()) {
      expect(after[edge]?.total).toBeCloseTo(total, 6);
      expect(after[edge]?.pValue).toBeCloseTo(pValue as number, 6);
    }
    scorer.close();
    again.close();
    const bytes = await readFile(join(path, 'weights.bin'));
    bytes[5] = (bytes[5] as number) ^ 1;
    await writeFile(join(path, 'weights.bin'), bytes);
    expect(await loadFlowModel(path)).toMatchObject({ ok: false, fault: { code: 'MODEL_DAMAGED' } });
    expect(await loadFlowModel(join(folder, 'none'))).toMatchObject({ ok: false, fault: { code: 'MODEL_UNREADABLE' } });
  });
});
