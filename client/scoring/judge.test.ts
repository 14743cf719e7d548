import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { parseClientConfig } from '../config.ts';
import { openTracks } from '../learning/local-track.ts';
import { createMetrics } from '../observability/metrics.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import type { AssembledTrace } from '../tracks/syscall/traces/trace-assembler.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { type HeldModel, LiveScoring, scorerOptionsOf } from './live-scoring.ts';

const track = parseTrackId('syscall');
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);

let folder: string;
let scoring: LiveScoring;
let metrics: ReturnType<typeof createMetrics>;
let close: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-judge-'));
  process.env.TESTUDO_TEST_FRAGILE_MARK = join(folder, 'ended-once');
  const kind = dirname(fileURLToPath(new URL('./testing/fragile/track.ts', import.meta.url)));
  const text = JSON.stringify({
    dataDirectory: folder,
    coordinator: { addresses: ['127.0.0.1:1'] },
    tracks: [{ id: track, folder: kind }],
    scoring: { deviations: 100 },
  });
  const config = unwrap(parseClientConfig({ file: { path: join(folder, 'client.yaml'), text } }));
  const dataKey = Buffer.alloc(32, 1);
  const tracks = unwrap(await openTracks(config, dataKey, Date.now()));
  const local = tracks.get(track);
  if (local === undefined) throw new Error('the track was not opened');
  metrics = createMetrics();
  const log = pino({ level: 'silent' });
  scoring = new LiveScoring({
    config,
    track: local,
    dataKey,
    onRisk: () => undefined,
    metrics,
    log,
    timers: systemTimers,
  });
  close = async () => {
    await scoring.close();
    local.buffer.close();
  };
});

afterEach(async () => {
  delete process.env.TESTUDO_TEST_FRAGILE_MARK;
  await close();
  await rm(folder, { recursive: true, force: true });
});

async function held(version: number, second = 0): Promise<HeldModel> {
  const bytes = bytesOfValues(
    initialGramTable(spec).map((_, at) => (at === 1 ? second : at % (90 + version) === 0 ? 1 : 0)),
  );
  const weightsPath = join(folder, `weights-${version}`);
  await writeFile(weightsPath, bytes);
  return { version, digest: digestOf(bytes), spec, weightsPath };
}

async function install(version: number): Promise<void> {
  await scoring.install(await held(version));
}

function traceOf(number: number, first = 1): AssembledTrace {
  const process = { node: '', namespace: '', workload: '', pod: '', container: '', binary: '', pid: number };
  const calls = Uint16Array.from({ length: 20 }, (_, at) => (at === 0 ? first : (at * number) % 50));
  return {
    thread: `t${number}`,
    process: { ...process, workloadClass: 'nginx' },
    calls,
    argumentClasses: new Uint16Array(20),
    firstMs: number,
    lastMs: number,
    piece: 0,
    began: number,
  };
}

async function scored(): Promise<number> {
  return (await metrics.scored.get()).values[0]?.value ?? 0;
}

describe('scorerOptionsOf', () => {
  const told = (scoring: object) => {
    const settings = { dataDirectory: folder, coordinator: { addresses: ['127.0.0.1:1'] }, scoring };
    const text = JSON.stringify(settings);
    const config = unwrap(parseClientConfig({ file: { path: join(folder, 'client.yaml'), text } }));
    return scorerOptionsOf(config.scoring);
  };

  it('tells scorers what the operator said of alerts, and the default where nothing was said', () => {
    expect(told({ alertRate: 0.02, callWeights: 'tfidf' })).toEqual({ alertRate: 0.02, callWeights: 'tfidf' });
    expect(told({})).toEqual({ alertRate: 0.001, callWeights: 'none' });
  });

  it('tells the bound on what passes a threshold of so many deviations', () => {
    expect(told({ alertRate: 0.02, deviations: 3 }).alertRate).toBeCloseTo(0.1, 12);
  });
});

describe('Judge', () => {
  it('loses no trace and judges none twice when its thread ends under it', async () => {
    await install(1);
    const batches = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 5 }, (_, at) => traceOf(batch * 5 + at + 1, batch === 13 && at === 2 ? 77 : 1)),
    );
    // All at once: the thread ends with most of them on their way.
    const judged = await Promise.all(batches.map((batch) => scoring.judge(batch)));
    expect(existsSync(join(folder, 'ended-once'))).toBe(true);
    expect(judged.map((normal) => normal.length)).toEqual(batches.map(() => 5));
    expect(await scored()).toBe(200);
    expect(scoring.liveVersion).toBe(1);
  });

  it('goes on with the live model when its thread ends over the next one, and loads again what was lost with it', async () => {
    await install(1);
    const [next, fatal] = [await held(2), await held(3, 77)];
    const name = unwrap(await scoring.load(next));
    expect(await scoring.load(fatal)).toMatchObject({ fault: { code: 'SCORER_LOST' } });
    expect(existsSync(join(folder, 'ended-once'))).toBe(true);
    expect(await scoring.judge([traceOf(1), traceOf(2)])).toHaveLength(2);
    expect([await scored(), scoring.liveVersion]).toEqual([2, 1]);
    expect(await scoring.swap(name)).toMatchObject({ fault: { code: 'MODEL_NOT_LOADED' } });
    expect(await scoring.swap(unwrap(await scoring.load(next)))).toMatchObject({ ok: true });
    expect(await scoring.judge([traceOf(3)])).toHaveLength(1);
    expect([await scored(), scoring.liveVersion]).toEqual([3, 2]);
  });

  it.each([
    ['is loaded again', 88],
    ['scores', 99],
  ])('goes on without a model in shadow that ends the thread each time that it %s', async (_, sort) => {
    await install(1);
    let heard = 0;
    const name = unwrap(await scoring.load(await held(2, sort)));
    unwrap(await scoring.shadow(name, () => (heard += 1)));
    expect(await scoring.judge([traceOf(1, 77), traceOf(2)])).toHaveLength(2);
    expect(await scoring.judge([traceOf(3)])).toHaveLength(1);
    expect([heard, await scored(), scoring.liveVersion]).toEqual([0, 3, 1]);
    expect(await scoring.assess(name, [])).toMatchObject({ fault: { code: 'MODEL_NOT_LOADED' } });
    unwrap(await scoring.shadow(undefined));
    expect(await scoring.judge([traceOf(4)])).toHaveLength(1);
  });

  it('says whose work can raise no alarm yet, until it can', async () => {
    await install(1);
    expect(scoring.remarks).toEqual([]);
    const of = (number: number, workloadClass: string): AssembledTrace => {
      const trace = traceOf(number);
      return { ...trace, process: { ...trace.process, workloadClass } };
    };
    const seen = (many: number, workload: string) =>
      scoring.judge(Array.from({ length: many }, (_, at) => of(at + 1, workload)));
    await seen(5, 'nginx');
    for (const [at, workload] of ['a', 'b', 'c', 'd', 'e'].entries()) await seen(at + 1, workload);
    expect(scoring.remarks).toEqual([
      'no alarms yet for want of scores that say what is usual: e (195 more), nginx (195 more), d (196 more), c (197 more) and 2 others',
    ]);
    for (const workload of ['a', 'b', 'c', 'd', 'e']) await seen(200, workload);
    expect(scoring.remarks.join()).toMatch(/: nginx \(195 more\)$/);
    await seen(200, 'nginx');
    expect(scoring.remarks).toEqual([]);
  });

  it('keeps the live model when the next one does not load, and says which version scores', async () => {
    await install(1);
    const bytes = bytesOfValues(initialGramTable(spec).map((_, at) => (at === 7 ? Number.NaN : 0)));
    const weightsPath = join(folder, 'broken');
    await writeFile(weightsPath, bytes);
    const broken = { version: 2, digest: digestOf(bytes), spec, weightsPath };
    expect(await scoring.load(broken)).toMatchObject({ fault: { code: 'MODEL_NOT_FINITE' } });
    await writeFile(weightsPath, 'other bytes');
    expect(await scoring.load(broken)).toMatchObject({ fault: { code: 'MODEL_DIGEST_MISMATCH' } });
    expect(scoring.liveVersion).toBe(1);
    expect((await scoring.judge([traceOf(1)])).length).toBe(1);
  });

  it('judges every trace once while models are swapped under many judgements', async () => {
    await install(1);
    let swapping = true;
    let given = 0;
    let returned = 0;
    const feed = async () => {
      while (swapping) {
        const batch = Array.from({ length: 4 }, (_, at) => traceOf((given + at) % 200));
        given += batch.length;
        const normal = await scoring.judge(batch);
        returned += normal.length;
      }
    };
    const feeding = Promise.all([feed(), feed(), feed()]);
    for (let version = 2; version <= 12; version += 1) await install(version);
    swapping = false;
    await feeding;
    expect(given).toBeGreaterThan(40);
    expect(returned).toBe(given);
    expect(await scored()).toBe(given);
    expect(scoring.liveVersion).toBe(12);
  });
});
