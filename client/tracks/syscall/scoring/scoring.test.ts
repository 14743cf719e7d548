import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import type { Trace } from '../../../events/trace.ts';
import { readTraceFile } from '../../../recordings/trace-file.ts';
import { syscallDetector } from '../detectors.ts';
import { evaluate, withoutDuplicates } from '../offline/evaluation.ts';
import { loadModelFolder, saveModelFolder } from '../offline/model-folder.ts';
import { scoreTraceFile } from '../offline/score-file.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { learnClusterState, type SyscallModel, SyscallScorer } from './scoring.ts';

const recorded = new URL('../../../../data/recorded/syscalls.tsv.gz', import.meta.url).pathname;

let folder: string;
let traces: Trace[];
let model: SyscallModel;

/** Two clusters that share a service and have one each of their own: small, but real. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-scoring-'));
  traces = [];
  for await (const item of readTraceFile(recorded)) {
    if (item.kind === 'trace' && ['c01', 'c08'].includes(item.trace.cluster ?? '')) traces.push(item.trace);
  }
  const detector = syscallDetector('gram-table', new WorkloadClasses(new Set(traces.map(({ service }) => service))));
  const learnt = ['c01', 'c08'].map((cluster) => trainingOf(cluster));
  const locals = learnt.map((own) => detector.train(detector.init(1), own, { seed: 1, steps: 0 }).weights);
  const weights = (locals[0] as Float32Array).map((value, slot) => (value + (locals[1]?.[slot] ?? 0)) / 2);
  const clusters = new Map(
    ['c01', 'c08'].map((name, i) => [name, learnClusterState(detector, weights, learnt[i] ?? [])]),
  );
  model = { detector, weights, clusters };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function trainingOf(cluster: string): Trace[] {
  return traces.filter((trace) => trace.split === 'train' && trace.cluster === cluster);
}

function ofService(some: readonly Trace[], name: string): Trace[] {
  return some.filter(({ service }) => service === name);
}

function scored(of: SyscallModel) {
  const scorer = new SyscallScorer(of);
  const unseen = traces.filter((trace) => trace.split !== 'train');
  const scores = scorer.score(unseen);
  scorer.close();
  return unseen.map((trace, i) => ({ trace, score: scores[i] as number }));
}

describe('SyscallScorer', () => {
  it('tells recorded intrusions from unseen normal traces, better with what clusters know themselves', () => {
    const withLocal = evaluate(scored(model)).overall.auc;
    const alone = evaluate(scored({ ...model, clusters: new Map() })).overall.auc;
    expect(withLocal).toBeGreaterThan(0.99);
    expect(alone).toBeGreaterThan(0.93);
    expect(withLocal).toBeGreaterThan(alone);
  });

  it('still judges by the local memory when an attack drove the federated weights to NaN', () => {
    const weights = new Float32Array(model.weights.length).fill(Number.NaN);
    expect(evaluate(scored({ ...model, weights })).overall.auc).toBeGreaterThan(0.97);
  });

  it('does not take an unknown service name for an alarm: the class that explains a trace best judges it', () => {
    const scorer = new SyscallScorer({ ...model, clusters: new Map() });
    const normal = trainingOf('c01').slice(0, 40);
    const named = scorer.score(normal);
    const renamed = scorer.score(normal.map((trace) => ({ ...trace, service: 'never-heard-of' })));
    expect([...renamed].every((score, i) => score <= (named[i] as number) + 1e-9)).toBe(true);
    scorer.close();
  });

  it('judges a workload of a class that the model does not know by what its cluster learnt of it, saved and loaded too', async () => {
    const [known, missing] = [['nginx', 'php', 'gunicorn', 'memcached'], 'redis'];
    const detector = syscallDetector('gram-table', new WorkloadClasses(known));
    const own = trainingOf('c01');
    const { weights } = detector.train(detector.init(1), own, { seed: 1, steps: 0 });
    const quality = (some: readonly Trace[], of?: SyscallModel) => {
      const clusters = new Map([['c01', learnClusterState(detector, weights, some)]]);
      return evaluate(scored(of ?? { detector, weights, clusters })).byService[missing];
    };
    const few = [...own.filter(({ service }) => service !== missing), ...ofService(own, missing).slice(0, 9)];
    // Of too few it is judged by the class that explains it best.
    expect(quality(few)?.auc).toBeLessThan(0.9);
    expect(quality(own)?.foundAt1).toBe(1);
    const path = join(folder, 'classless');
    await saveModelFolder(path, {
      detector,
      weights,
      clusters: new Map([['c01', learnClusterState(detector, weights, own)]]),
    });
    expect(quality(own, unwrap(await loadModelFolder(path)))).toEqual(quality(own));
  });

  it('scores traces without calls as usual, of one call with a number, and windows in order', () => {
    const scorer = new SyscallScorer(model);
    const [trace] = traces as [Trace];
    const scores = scorer.score([
      { ...trace, calls: new Uint16Array(0) },
      { ...trace, calls: trace.calls.slice(0, 1) },
    ]);
    expect(scores[0]).toBe(0);
    expect(Number.isFinite(scores[1])).toBe(true);
    const windows = scorer.scoreWindows({ ...trace, calls: trace.calls.slice(0, 45) });
    expect([...windows.starts]).toEqual([0, 10, 20, 25]);
    expect(windows.scores.every(Number.isFinite)).toBe(true);
    scorer.close();
  });
});

describe('a model folder', () => {
  it('scores the same after it was saved and loaded', async () => {
    const path = join(folder, 'model');
    await saveModelFolder(path, model);
    const loaded = await loadModelFolder(path);
    if (!loaded.ok) throw new Error(loaded.fault.message);
    const again = scored(loaded.value);
    for (const [i, { score }] of scored(model).entries()) expect(again[i]?.score).toBeCloseTo(score, 4);
  });

  it.each(['weights.bin', 'clusters/c01.bin', 'spec.json'])('is refused when %s was changed or lost', async (name) => {
    const path = join(folder, 'damaged');
    await saveModelFolder(path, model);
    const bytes = await readFile(join(path, name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(join(path, name), bytes);
    expect(await loadModelFolder(path)).toMatchObject({ ok: false, fault: { code: 'MODEL_DAMAGED' } });
    await rm(join(path, name));
    expect(await loadModelFolder(path)).toMatchObject({ ok: false, fault: { code: 'MODEL_UNREADABLE' } });
  });

  it('is refused when it is none, or of an architecture this version does not know', async () => {
    expect(await loadModelFolder(folder)).toMatchObject({ fault: { code: 'MODEL_UNREADABLE' } });
    const path = join(folder, 'foreign');
    const detector = { ...model.detector, spec: { ...model.detector.spec, architecture: 'flow-graph/9' } };
    await saveModelFolder(path, { detector, weights: model.weights, clusters: new Map() });
    expect(await loadModelFolder(path)).toMatchObject({ fault: { code: 'MODEL_UNKNOWN' } });
  });
});

describe('scoreTraceFile', () => {
  const lines = [
    'attack\tc01\tnginx\tx\tone\t0 1 2 3',
    'garbage',
    'attack\tNormal\tshort\t1',
    'attack\tc99\tnobody\tx\tstranger\t59 2147483648 59',
    'attack\tc01\tnginx\tx\tempty\t',
  ];

  it('writes one line per input line, in order, whatever stands there', async () => {
    const [input, output] = [join(folder, 'in.tsv.gz'), join(folder, 'out.tsv')];
    await writeFile(input, gzipSync(lines.join('\n')));
    const scorer = new SyscallScorer(model);
    const summary = await scoreTraceFile(scorer, input, output);
    expect(summary).toMatchObject({
      ok: true,
      value: { traces: 4, malformed: 1, malformedLines: [2], unknownCalls: 1 },
    });
    const rows = (await readFile(output, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t'));
    expect(rows.map(([name]) => name)).toEqual(['one', 'line-2', 'short', 'stranger', 'empty']);
    expect(rows.every(([, score]) => Number.isFinite(Number(score)))).toBe(true);
    scorer.close();
  });

  it('scores what a cut file still holds, and says that it was cut', async () => {
    const [input, output] = [join(folder, 'cut.tsv.gz'), join(folder, 'cut-out.tsv')];
    const whole = gzipSync(
      Array.from({ length: 2_000 }, (_, i) => `train\tc01\tnginx\tnormal\tt${i}\t${i % 300} 1 2`).join('\n'),
    );
    await writeFile(input, whole.subarray(0, whole.length / 2));
    const scorer = new SyscallScorer(model);
    const summary = await scoreTraceFile(scorer, input, output);
    if (!summary.ok) throw new Error(summary.fault.message);
    expect(summary.value.broken).toMatch(/ends? too early/);
    expect(summary.value.traces).toBeGreaterThan(100);
    expect((await readFile(output, 'utf8')).trimEnd().split('\n')).toHaveLength(summary.value.traces);
    scorer.close();
  });

  it('refuses an input that is not there and an output that cannot be written, leaving nothing behind', async () => {
    const scorer = new SyscallScorer(model);
    const output = join(folder, 'none.tsv');
    const missing = await scoreTraceFile(scorer, join(folder, 'missing'), output);
    expect(missing).toMatchObject({ ok: false, fault: { code: 'INPUT_UNREADABLE' } });
    const unwritable = await scoreTraceFile(scorer, recorded, join(folder, 'no', 'such', 'folder.tsv'));
    expect(unwritable).toMatchObject({ ok: false, fault: { code: 'OUTPUT_UNWRITABLE' } });
    expect([output, `${output}.partial`].map((path) => existsSync(path))).toEqual([false, false]);
    scorer.close();
  });
});

describe('evaluate', () => {
  const trace = (split: string, family: string, name: string, calls: number[]): Trace => ({
    split,
    family,
    name,
    cluster: 'c01',
    service: 'web',
    calls: Uint16Array.from(calls),
  });

  it('counts drift beside the benign, judges runs by their highest trace and drops repeats when asked', () => {
    const all = [
      { trace: trace('train', 'normal', 'learnt', [1]), score: 99 },
      ...Array.from({ length: 20 }, (_, i) => ({ trace: trace('validation', 'normal', `n${i}`, [i]), score: i / 20 })),
      { trace: trace('validation', 'drift', 'd', [5, 5]), score: 3 },
      { trace: trace('attack', 'scan', 'a1.x.r1', [7, 7]), score: 5 },
      { trace: trace('attack', 'scan', 'a1.x.c2', [8, 7]), score: 0.01 },
      { trace: trace('attack', 'scan', 'a2.x.r1', [7, 7]), score: 0.02 },
    ];
    const result = evaluate(all);
    expect(result.overall).toMatchObject({ benign: 20, hostile: 3, foundAt5: 1 / 3 });
    expect(result.withDrift.benign).toBe(21);
    expect(result.driftAlarms).toBe(1);
    expect(result.runs).toMatchObject({ count: 2, foundAt5: 0.5 });
    // The second [7, 7], and n1, whose only call is what was learnt.
    expect(withoutDuplicates(all)).toHaveLength(all.length - 2);
  });
});
