import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import type { Trace } from '../../client/events/trace.ts';
import { ExampleBuffer } from '../../client/learning/example-buffer.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';
import { JudgedModel } from '../../client/scoring/judged-model.ts';
import { loadModel } from '../../client/scoring/loaded-model.ts';
import { defaultWindowMax, shortWarmUp } from '../../client/scoring/thresholds/threshold.ts';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { gramTableSpec, initialGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import { saveModelFolder } from '../../client/tracks/syscall/offline/model-folder.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { trackKind } from '../../client/tracks/syscall/track.ts';
import { moduleOfKind } from '../../client/tracks/track-kinds.ts';
import { digestOf } from '../../proto/digest.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { runTestudo } from '../testing/command-line.ts';

/** 2026-11-02, midnight. */
const startS = 1_793_577_600;
const startOf = (minute: number) => `${new Date(1_000 * (startS + 60 * minute)).toISOString().slice(0, 19)}Z`;
/** The minute in which somebody guesses passwords, in its first seconds: minutes slide, and the next logins are past them. */
const attacked = 25;
const guesses = Array.from({ length: 40 }, (_, at) => startS + 60 * attacked + 2 + at);
/** Logins of every other minute: one or two. */
const logins = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at)
    .filter((minute) => minute !== attacked)
    .flatMap((minute) => [45, 55].slice(0, 1 + (minute % 2)).map((second) => startS + 60 * minute + second));

type Quality = { benign: number; hostile: number; auc: number; foundAt1: number };
type Rates = {
  intervalMs: number;
  overall: Quality;
  byFamily: Record<string, Quality>;
  alarms: Record<'benign' | 'hostile', { places: number; alone: number; withRates: number }>;
  minutes: Record<'alone' | 'withRates' | 'ratesAlone', Quality>;
  unusual: { minute: string; workload: string; labels: string[]; rates: { text: string }[] }[];
};

let folder = '';
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-rated-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('rates in testudo evaluate and score, of flows', () => {
  const common = () => ['--model', at('links'), '--normal', at('usual.csv'), '--input', at('judged.csv')];

  beforeAll(async () => {
    const spec = linkSpec('gcn');
    await saveFlowModel(at('links'), { spec, weights: initialLinkModel(spec, 1), clusters: new Map() });
    const header =
      'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
    const row = (start: number, family = 'normal') =>
      `${start},0.1,c01,client,sshd,22,tcp,900,1400,9,9,${family === 'normal' ? family : 'attack'},${family}`;
    await writeFile(at('usual.csv'), [header, ...logins(-60, 0).map((s) => row(s))].join('\n'));
    const guessed = guesses.map((s) => row(s, 'password_guessing'));
    await writeFile(at('judged.csv'), [header, ...logins(0, 40).map((s) => row(s)), ...guessed].join('\n'));
  });

  it('finds by how often it comes what no edge shows by itself, by the workload and the minute', async () => {
    const { code, out } = await runTestudo('evaluate', ...common(), '--json');
    expect(code).toBe(0);
    const { overall, rates } = JSON.parse(out) as { overall: Quality; rates: Rates };
    // One edge of one pair that everybody uses: alone it is as usual as the others.
    expect(overall).toMatchObject({ benign: 39, hostile: 1, auc: 0.5, foundAt1: 0 });
    expect(rates).toMatchObject({ intervalMs: 60_000, overall: { auc: 1, foundAt1: 1 } });
    expect(rates.byFamily).toMatchObject({ password_guessing: { hostile: 1, auc: 1 } });
    expect(rates.alarms.hostile).toEqual({ places: 1, alone: 0, withRates: 1 });
    expect(rates.alarms.benign).toEqual({ places: 39, alone: 0, withRates: 0 });
    expect(rates.minutes).toMatchObject({ alone: { auc: 0.5 }, withRates: { auc: 1 }, ratesAlone: { auc: 1 } });
    const [rarest] = rates.unusual;
    expect(rarest).toMatchObject({ minute: startOf(attacked), workload: '/sshd', labels: ['password_guessing'] });
    expect(rarest?.rates[0]?.text).toContain('40 sessions alike (port 22');
  });

  it('shows people a line for each, and says nothing of rates where they shall not count', async () => {
    const shown = await runTestudo('evaluate', ...common());
    expect(shown.out).toMatch(/^this model, with rates +39 +1 +1\.0000/m);
    expect(shown.out).toContain(
      'alarms, benign: 0 without rates and 0 with, of 39; hostile: 0 without rates and 1 with, of 1',
    );
    expect(shown.out).toMatch(new RegExp(`^${startOf(attacked)} +password_guessing .* /sshd: 40 sessions alike`, 'm'));
    const alone = await runTestudo('evaluate', ...common(), '--rates', '0', '--json');
    expect(JSON.parse(alone.out)).not.toHaveProperty('rates');
  });

  it('scores a workload and minute a line', async () => {
    const said = await runTestudo('score', ...common(), '--by', 'minute', '--output', at('minutes.tsv'));
    expect(said.code).toBe(0);
    const lines = (await readFile(at('minutes.tsv'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(lines).toHaveLength(40);
    const raised = lines.filter(([, , , risk]) => Number(risk) > 1);
    expect(raised.map(([minute, workload]) => [minute, workload])).toEqual([
      [new Date(1_000 * (startS + 60 * attacked)).toISOString(), '/sshd'],
    ]);
    expect(Number(raised[0]?.[2])).toBeLessThan(1);
    expect(Number(raised[0]?.[4])).toBeLessThan(1e-5);
  });

  it('refuses minutes without rates, and lengths that are none', async () => {
    const flags = [...common(), '--by', 'minute', '--output', at('none.tsv')];
    expect((await runTestudo('score', ...flags, '--rates', '0')).error).toContain('minutes are of rates');
    for (const wrong of ['x', '', '-1'])
      expect((await runTestudo('score', ...flags, '--rates', wrong)).error).toContain('expected 1 to 3600 seconds');
  });
});

describe('rates in testudo evaluate and score, of system calls', () => {
  const calls = (many: number) => Array.from({ length: many }, (_, n) => [0, 1, 3, 7][n % 4]).join(' ');
  const line = (split: string, family: string, name: string, endedS: number, many = 20) =>
    [split, 'c01', 'sshd', family, name, endedS, calls(many)].join('\t');
  const common = () => ['--model', at('grams'), '--input', at('traces.tsv')];

  beforeAll(async () => {
    const spec = gramTableSpec(new WorkloadClasses(['sshd']), 2 ** 12);
    const detector = await openDetector(spec);
    await saveModelFolder(at('grams'), { detector, weights: initialGramTable(spec), clusters: new Map() });
    // The attack's traces are what a failed login is: the same calls.
    const lines = [
      ...logins(-30, 0).map((s, n) => line('train', 'normal', `t${n}`, s, 20 + (n % 7))),
      ...logins(0, 40).map((s, n) => line('validation', 'normal', `n${n}`, s, 20 + (n % 7))),
      ...guesses.map((s, n) => line('attack', 'password_guessing', `g${n}`, s, 20 + (n % 7))),
    ];
    await writeFile(at('traces.tsv'), `${lines.join('\n')}\n`);
    // The last guess without its time, as where two recordings were put together.
    const mixed = lines.with(-1, lines.at(-1)?.split('\t').toSpliced(5, 1).join('\t') ?? '');
    await writeFile(at('mixed.tsv'), `${mixed.join('\n')}\n`);
    const timeless = lines.map((text) => text.split('\t').toSpliced(5, 1).join('\t'));
    await writeFile(at('timeless.tsv'), `${timeless.join('\n')}\n`);
  });

  it('finds guesses by their number, once some came, where traces have times', async () => {
    const { code, out } = await runTestudo('evaluate', ...common(), '--normal', at('traces.tsv'), '--json');
    expect(code).toBe(0);
    const { all, rates } = JSON.parse(out) as { all: { overall: Quality }; rates: Rates };
    expect(all.overall.auc).toBeLessThan(0.6);
    expect(rates.overall).toMatchObject({ benign: all.overall.benign, hostile: 40 });
    expect(rates.overall.auc).toBeGreaterThan(0.9);
    expect(rates.minutes).toMatchObject({ withRates: { auc: 1 } });
    expect(rates.alarms.benign.withRates).toBe(rates.alarms.benign.alone);
    expect(rates.unusual[0]).toMatchObject({ workload: 'c01 /sshd', minute: startOf(attacked) });
  });

  it('counts the sessions of flows beside', async () => {
    const header =
      'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
    const row = (s: number) => `${s},0.1,c01,client,sshd,22,tcp,900,1400,9,9,normal,normal`;
    await writeFile(at('flows.csv'), [header, ...[...logins(-30, 40), ...guesses].map(row)].join('\n'));
    const flags = ['--normal', at('traces.tsv'), '--flows', at('flows.csv'), '--json'];
    const { out } = await runTestudo('evaluate', ...common(), ...flags);
    const { unusual } = (JSON.parse(out) as { rates: Rates }).rates;
    expect(unusual[0]?.rates.map(({ text }) => text).join()).toContain('sessions alike (port 22');
  });

  it('says that nothing was counted where no trace has a time', async () => {
    const timeless = ['--model', at('grams'), '--input', at('timeless.tsv')];
    const { code, out, error } = await runTestudo('evaluate', ...timeless, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).not.toHaveProperty('rates');
    expect(error).toContain('no trace to judge has a time');
    const scored = await runTestudo('score', ...timeless, '--by', 'minute', '--output', at('none.tsv'));
    expect(scored).toMatchObject({ code: 1, error: expect.stringContaining('a column before the calls says when') });
  });

  it('counts what it judged: neither what is normal by its split nor what has no time', async () => {
    const words = [
      '--model',
      at('grams'),
      '--input',
      at('mixed.tsv'),
      '--by',
      'minute',
      '--output',
      at('mixed.out.tsv'),
    ];
    const { code, error } = await runTestudo('score', ...words);
    expect(code).toBe(0);
    const judged = logins(0, 40).length + guesses.length - 1;
    expect(error).toContain(`${judged} traces in 40 minutes of workloads scored; 1 without a time are in none`);
  });
});

describe('alarms that testudo evaluate tells', () => {
  const spec = gramTableSpec(new WorkloadClasses(['sshd', 'nginx']), 2 ** 12);
  const random = seededRandom(7);
  /** Runs of thirty calls, one in six of which is anything out of thirty: much of what comes is new to a memory. An hour apart. */
  const varied = (split: string, service: string, many: number) =>
    Array.from({ length: many }, (_, n) => {
      // Of attacks these are calls that nobody made before.
      const others = split === 'attack' ? 100 : 50;
      const callAt = (place: number) => (random() < 1 / 6 ? others + Math.floor(random() * 30) : place % 5);
      const calls = Array.from({ length: 30 }, (_, place) => callAt(place));
      const endedS = startS + 3_600 * (split === 'train' ? n - 500 : n);
      const family = split === 'attack' ? 'reverse_shell' : 'normal';
      return [split, 'c01', service, family, `${split}-${service}-${n}`, endedS, calls.join(' ')].join('\t');
    });
  const lines = [
    ...varied('train', 'sshd', 120),
    ...varied('train', 'nginx', 60),
    ...varied('validation', 'sshd', 300),
    ...varied('validation', 'nginx', 100),
    ...varied('attack', 'sshd', 20),
  ];

  /** What a client says of the traces that come in whose buffer are those that are normal. */
  async function alarmsOfClient(path: string): Promise<number> {
    const traces: Trace[] = [];
    for await (const item of readTraceFile(path)) if (item.kind === 'trace') traces.push(item.trace);
    const exampleOf = ({ service, calls }: Trace) => ({ workload: service, calls });
    const [known, coming] = [true, false].map((isKnown) =>
      traces.filter(({ split }) => (split === 'train') === isKnown),
    );
    const bytes = bytesOfValues(initialGramTable(spec));
    await writeFile(at('weights.bin'), bytes);
    const [dataKey, bufferPath] = [Buffer.alloc(32, 1), at('buffer.db')];
    const bufferSizes = { recent: 400, reservoir: 400, hard: 10, regression: 10 };
    const buffer = unwrap(ExampleBuffer.open(bufferPath, dataKey, trackKind.examples, bufferSizes));
    unwrap(buffer.add((known ?? []).map(exampleOf), 1));
    buffer.close();
    const model = {
      ...{ kindModule: moduleOfKind('syscall') as string, spec, version: 1, digest: digestOf(bytes) },
      ...{ weightsPath: at('weights.bin'), bufferPath, bufferSizes, dataKey },
    };
    const loaded = await loadModel(model, 1, []);
    const rule = { kind: 'quantile', alertRate: 0.001 } as const;
    const judged = new JudgedModel(model, loaded, { rule, warmUp: shortWarmUp, windowMax: defaultWindowMax });
    const inOrder = (coming ?? []).toSorted((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0));
    const scores = loaded.scorer.score(inOrder.map(exampleOf)).map(({ scores: [score] }) => score as number);
    loaded.scorer.close();
    return inOrder.filter(({ service }, n) => judged.of(service).judge(scores[n] as number).alarm).length;
  }

  it('are as many as a client raises whose buffer holds what is normal', async () => {
    const detector = await openDetector(spec);
    await saveModelFolder(at('varied'), { detector, weights: initialGramTable(spec), clusters: new Map() });
    await writeFile(at('varied.tsv'), `${lines.join('\n')}\n`);
    const files = ['--model', at('varied'), '--normal', at('varied.tsv'), '--input', at('varied.tsv'), '--json'];
    const { code, out } = await runTestudo('evaluate', ...files);
    expect(code).toBe(0);
    const { benign, hostile } = (JSON.parse(out) as { rates: Rates }).rates.alarms;
    expect(benign.alone + hostile.alone).toBe(await alarmsOfClient(at('varied.tsv')));
    // One in a thousand may be. By scores of what the memory had learnt nearly all were.
    expect(benign).toMatchObject({ places: 400 });
    expect(benign.alone).toBeLessThan(0.05 * 400);
    expect(hostile.alone).toBeGreaterThan(10);
  });
});
