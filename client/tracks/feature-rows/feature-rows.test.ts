import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import { checkSpec } from '../../../proto/model-spec.ts';
import { readStoredModel, writeModelFiles } from '../model-files.ts';
import { featureColumns } from '../neural/features/autoencoder.ts';
import { decodeRow, encodeRow } from './feature-row.ts';
import { featureRowsOffline as verbs } from './offline/verbs.ts';
import { columnsOf, valuesOf } from './row-columns.ts';
import { readRows } from './row-table.ts';
import { trackKind } from './track.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function rowsOf(text: string, name = 'rows.csv.gz') {
  const path = join(folder, name);
  await writeFile(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return await Array.fromAsync(readRows(path));
}

describe('readRows', () => {
  it.each([
    [
      'UNSW-NB15',
      'id,dur,proto,service,sbytes,attack_cat,label\n1,0.1,udp,-,496,Normal,0\n2,0.2,tcp,http,70,Fuzzers,1\n',
      [
        { label: '', row: { group: 'udp/-', fields: { dur: '0.1', proto: 'udp', service: '-', sbytes: '496' } } },
        {
          label: 'Fuzzers',
          row: { group: 'tcp/http', fields: { dur: '0.2', proto: 'tcp', service: 'http', sbytes: '70' } },
        },
      ],
    ],
    [
      'CIC-IDS2017',
      ' Destination Port, Flow Duration, Label\n22,45,SSH-Patator\n443,9,BENIGN\n',
      [
        { label: 'SSH-Patator', row: { group: '22', fields: { 'Destination Port': '22', 'Flow Duration': '45' } } },
        { label: '', row: { group: '443', fields: { 'Destination Port': '443', 'Flow Duration': '9' } } },
      ],
    ],
    [
      'NSL-KDD',
      'duration,protocol_type,service,src_bytes,attack,difficulty\n0,tcp,ftp_data,491,normal,20\n0,tcp,private,0,neptune,19\n',
      [
        {
          label: '',
          row: {
            group: 'tcp/ftp_data',
            fields: { duration: '0', protocol_type: 'tcp', service: 'ftp_data', src_bytes: '491' },
          },
        },
        {
          label: 'neptune',
          row: {
            group: 'tcp/private',
            fields: { duration: '0', protocol_type: 'tcp', service: 'private', src_bytes: '0' },
          },
        },
      ],
    ],
    [
      'KubAnomaly',
      'scenario,row,label,udp,select\nDVWA_Normal,0,normal,0,40\nBrute,1,attack,3,1\n',
      [
        { label: '', row: { group: 'DVWA_Normal', fields: { udp: '0', select: '40' } } },
        { label: 'Brute', row: { group: 'Brute', fields: { udp: '3', select: '1' } } },
      ],
    ],
  ])('tells features, labels and groups of %s apart', async (_, text, expected) => {
    const items = await rowsOf(text);
    expect(items.map((item) => (item.kind === 'row' ? { label: item.label, row: item.row } : item))).toEqual(expected);
  });

  it('passes over what is no row, and says where reading ended', async () => {
    const items = await rowsOf('a,b,label\n1,2,normal\n1,2\n3,4,normal\n', 'rows.csv');
    expect(items.map((item) => [item.kind, 'line' in item ? item.line : 0])).toEqual([
      ['row', 2],
      ['malformed', 3],
      ['row', 4],
    ]);
    const [broken] = await Array.fromAsync(readRows(join(folder, 'nowhere.csv')));
    expect(broken).toMatchObject({ kind: 'broken', message: expect.stringContaining('nowhere.csv') });
  });
});

describe('columns', () => {
  const row = (fields: Record<string, string>) => ({ group: '', fields });

  it('are numbers, and one for each common word; constants say nothing', () => {
    const rows = [
      row({ a: '1', b: 'x', c: '5' }),
      row({ a: '2.5', b: 'y', c: '5' }),
      row({ a: 'NaN', b: 'x', c: '5' }),
    ];
    expect(columnsOf(rows)).toEqual(['a', 'b=x', 'b=y']);
    expect(columnsOf(rows, ['b'])).toEqual(['a']);
    // What reads as a number in JavaScript alone is a word.
    expect(columnsOf([row({ a: '0x10' }), row({ a: '1' })])).toEqual(['a=0x10', 'a=1']);
    expect([...valuesOf(rows, ['a', 'b=y', 'gone'])]).toEqual([1, 0, 0, 2.5, 1, 0, 0, 0, 0]);
  });

  it('of many and long names still make a legal spec, and come back', async () => {
    const names = Array.from({ length: 90 }, (_, at) => `a rather long name of a column, no ${at}`.replace(',', ''));
    const text = [0, 1, 2].map((value) => names.map((_, at) => String(value * at + value)).join(','));
    await writeFile(
      join(folder, 'wide.csv'),
      `${names.join(',')},label\n${text.map((line) => `${line},normal`).join('\n')}\n`,
    );
    const start = unwrap((await verbs.init?.run({ settings: { scaleFrom: join(folder, 'wide.csv') } })) as never) as {
      spec: Parameters<typeof featureColumns>[0];
    };
    expect(checkSpec(start.spec).ok).toBe(true);
    expect(featureColumns(start.spec)).toEqual(names);
  });

  it('stay with their rows in the buffer', () => {
    const one = { group: 'tcp/http', fields: { a: '1', b: 'é' } };
    expect(decodeRow(encodeRow(one))).toEqual({ ok: true, value: one });
    expect(decodeRow(Buffer.from('[1,{}]'))).toMatchObject({ fault: { code: 'EXAMPLE_MALFORMED' } });
    expect(decodeRow(Buffer.from('{'))).toMatchObject({ fault: { code: 'EXAMPLE_MALFORMED' } });
  });
});

describe('the verbs on files of feature rows', () => {
  /** Bytes follow packets and time in normal rows; in hostile ones nothing follows anything. */
  function table(normal: number, hostile: number, seed: number): string {
    const random = seededRandom(seed);
    const lines = Array.from({ length: normal + hostile }, (_, at) => {
      const packets = 1 + Math.floor(random() * 50);
      const isHostile = at >= normal;
      const bytes = isHostile ? Math.floor(random() * 40_000) : packets * 400 + Math.floor(random() * 40);
      const seconds = isHostile ? random() * 5 : packets / 10;
      return [packets, bytes, seconds.toFixed(3), at % 2 ? 'tcp' : 'udp', isHostile ? 'flood' : 'normal'].join(',');
    });
    return `packets,bytes,seconds,proto,label\n${lines.join('\n')}\n`;
  }
  const file = (name: string) => join(folder, name);
  const complain = () => undefined;

  it('begin, learn, measure, score and explain', async () => {
    await writeFile(file('learn.csv'), table(600, 40, 1));
    await writeFile(file('judge.csv'), table(200, 100, 2));
    const start = unwrap((await verbs.init?.run({ settings: { scaleFrom: file('learn.csv') } })) as never) as {
      spec: Parameters<typeof featureColumns>[0];
      init(seed: number): Float32Array;
    };
    const untrained = { where: 'new', spec: start.spec, weights: start.init(1), files: new Map<string, Uint8Array>() };
    const trained = await verbs.train?.run({
      model: untrained,
      inputs: [file('learn.csv')],
      output: file('model'),
      seed: 1,
      settings: { steps: '300' },
    });
    expect(trained).toMatchObject({ ok: true, value: { detail: { rows: 640, learnt: 600, steps: 300 } } });

    const model = unwrap(await readStoredModel(file('model')));
    const request = { model, inputs: [file('judge.csv')], complain, settings: {} };
    const report = unwrap((await verbs.evaluate?.run(request)) as never) as {
      detail: { overall: { auc: number; benign: number; hostile: number } };
      text: string;
    };
    expect(report.detail.overall).toMatchObject({ benign: 200, hostile: 100 });
    expect(report.detail.overall.auc).toBeGreaterThan(0.9);
    expect(report.text).toContain('flood');

    await verbs.score?.run({ model, input: file('judge.csv'), output: file('scores.tsv'), settings: {} });
    const lines = (await readFile(file('scores.tsv'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(300);
    expect(lines[0]?.split('\t')[0]).toBe('2');
    const explained = await verbs.explain?.run({
      model,
      name: '250',
      input: file('judge.csv'),
      complain,
      settings: {},
    });
    expect(explained).toMatchObject({
      ok: true,
      value: { text: expect.stringMatching(/line 250: score .*\n.*(bytes|seconds|packets) = /) },
    });
  });

  it('say what they saw where nothing, or one class only, is there', async () => {
    const model = unwrap(await readStoredModel(file('model')));
    await writeFile(file('normal.csv'), table(20, 0, 3));
    await writeFile(file('hostile.csv'), table(0, 7, 4));
    await writeFile(file('empty.csv'), 'packets,bytes\n');
    const evaluate = (name: string) => verbs.evaluate?.run({ model, inputs: [file(name)], complain, settings: {} });
    expect(await evaluate('normal.csv')).toMatchObject({
      fault: { message: expect.stringContaining('20 normal and 0 hostile') },
    });
    expect(await evaluate('hostile.csv')).toMatchObject({
      fault: { message: expect.stringContaining('0 normal and 7 hostile') },
    });
    expect(await evaluate('empty.csv')).toMatchObject({ fault: { message: expect.stringContaining('no row') } });
    const train = { model, inputs: [file('hostile.csv')], output: file('never'), seed: 1, settings: { steps: '1' } };
    expect(await verbs.train?.run(train)).toMatchObject({
      fault: { message: expect.stringContaining('7 rows, all of them hostile') },
    });
    expect(await verbs.init?.run({ settings: {} })).toMatchObject({ fault: { code: 'OPTION_WRONG' } });
    await writeModelFiles(
      file('bare'),
      new Map([...model.files].filter(([name]) => name !== 'normal.json' && name !== 'manifest.json')),
    );
    const bare = unwrap(await readStoredModel(file('bare')));
    expect(
      await verbs.evaluate?.run({ model: bare, inputs: [file('judge.csv')], complain, settings: {} }),
    ).toMatchObject({
      fault: { code: 'OPTION_WRONG', message: expect.stringContaining('--normal') },
    });
  });

  it('and a client train and judge by the same spec', async () => {
    const { spec, weights } = unwrap(await readStoredModel(file('model')));
    const items = await Array.fromAsync(readRows(file('learn.csv')));
    const rows = items.flatMap((item) => (item.kind === 'row' ? [item] : []));
    const normal = rows.filter(({ label }) => label === '').map(({ row }) => row);
    const learner = unwrap(
      await trackKind.openLearner(
        spec,
        weights.map(() => 0.01),
        { seed: 1, stepsMax: 9 },
      ),
    );
    const losses = [...learner.batches(normal, 64, 1)].map((batch) => learner.step(batch, { learningRate: 0.01 }));
    learner.close();
    expect(losses).toHaveLength(10);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    const scorer = await trackKind.openScorer(spec, weights, normal);
    const hostile = rows.filter(({ label }) => label !== '').map(({ row }) => row);
    const mean = (some: typeof normal) =>
      scorer.score(some).reduce((sum, { scores }) => sum + (scores[0] as number), 0) / some.length;
    expect(mean(hostile)).toBeGreaterThan(2 * mean(normal));
    scorer.close();
    expect(
      await trackKind.openLearner({ ...spec, architecture: 'x/1' }, weights, { seed: 1, stepsMax: 1 }),
    ).toMatchObject({
      fault: { code: 'MODEL_UNUSABLE' },
    });
  });

  it('feed a client from a table: normal rows alone, and nothing twice', async () => {
    const source = trackKind.openSource?.(
      { path: file('judge.csv') },
      { from: undefined, signal: new AbortController().signal, timers: undefined as never, onDisconnect: complain },
    );
    const items = (await Array.fromAsync(source ?? [])).flatMap(({ items: some }) => some);
    expect(items).toHaveLength(200);
    const intake = trackKind
      .openIntake({ riskOf: () => undefined, now: () => 0 as never, salt: new Uint8Array(32) })
      .from({ name: 'x', recorded: true, skipped: complain, coarsened: complain });
    expect(intake.push(items[0] as never, 0, 0)).toHaveLength(1);
    expect(intake.push({ kind: 'skipped', reason: 'MALFORMED_CSV', where: '' }, 1, 0)).toEqual([]);
  });
});
