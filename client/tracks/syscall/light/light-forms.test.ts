import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Observed } from '../../detector.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { openDetector } from '../architectures.ts';
import type { SyscallDetectorName } from '../detector-names.ts';
import { syscallDetector } from '../detectors.ts';
import { gramTableSpec } from '../gram-table/gram-table.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { gramOrderMax, twoViewsSpec } from '../two-views/two-views-spec.ts';
import { SlotBatch } from './evidence-graph.ts';
import { exportGramTable, openInOnnxRuntime as gramTableInRuntime, gramTableOpener } from './gram-table-light.ts';
import { lightDetector, writeLightForm } from './light-forms.ts';
import { exportTwoViews, openInOnnxRuntime as twoViewsInRuntime, twoViewsOpener } from './two-views-light.ts';

const classes = new WorkloadClasses(['web', 'db']);
const random = seededRandom(3);
const loop = (service: string, period: number) => ({
  service,
  calls: Uint16Array.from({ length: 160 }, (_, i) => 10 + (i % period) + (random() < 0.05 ? 20 : 0)),
});
const traces = [loop('web', 4), loop('db', 6), loop('web', 5), { service: 'new', calls: Uint16Array.of(9, 9, 9) }];

describe('the light form', () => {
  it.each<[SyscallDetectorName, number, number]>([
    ['two-views', 0, 0.02],
    ['gram-table', 0, 0.02],
    ['lstm-lm', 60, 0.06],
    ['lstm-autoencoder', 60, 0.06],
    ['lstm-vae', 60, 0.06],
  ])('of %s surprises like its weights, in a fraction of their size', async (name, steps, tolerance) => {
    const detector = syscallDetector(name, classes);
    const { weights } = detector.train(detector.init(1), traces.slice(0, 3), { seed: 1, steps });
    const bytes = (await writeLightForm(detector.spec, weights)) as Uint8Array;
    expect(bytes.byteLength).toBeLessThan(weights.byteLength * 0.5);
    expect(await writeLightForm(detector.spec, weights)).toEqual(bytes);

    const whole = detector.open(weights);
    const light = (await lightDetector(detector.spec, bytes)).open(weights);
    const expected = whole.surprisal(traces);
    for (const [trace, values] of light.surprisal(traces).entries()) {
      const others = expected[trace] as Float32Array;
      expect(values).toHaveLength(others.length);
      const apart = values.map((value, place) => Math.abs(value - (others[place] as number)));
      expect(apart.reduce((sum, value) => sum + value, 0) / apart.length).toBeLessThan(tolerance);
    }
    expect(light.surprisal([{ service: 'web', calls: new Uint16Array(0) }])[0]).toHaveLength(0);
    whole.close();
    light.close();
    light.close();
  });

  it.each([
    {
      name: 'gram-table',
      write: exportGramTable,
      opener: gramTableOpener,
      runtime: gramTableInRuntime,
    },
    {
      name: 'two-views',
      write: exportTwoViews,
      opener: twoViewsOpener,
      runtime: twoViewsInRuntime,
    },
  ] as const)(
    'of $name says without ONNX Runtime what it says in it, and falls back to it for another build’s graph',
    ({ name, write, opener, runtime }) => {
      const { spec, init, train } = syscallDetector(name, classes);
      const { weights } = train(init(1), traces.slice(0, 3), { seed: 1, steps: 0 });
      const bytes = write(spec, weights);
      const [plain, inRuntime] = [opener(spec, bytes)(), runtime(spec, bytes)];
      // Another producer's name: the same graph, and yet not to the last byte ours.
      const renamed = Buffer.from(bytes).toString('latin1').replace('testudo', 'another');
      const other = opener(spec, Buffer.from(renamed, 'latin1'))();
      const expected = inRuntime.surprisal(traces);
      for (const [at, values] of plain.surprisal(traces).entries()) {
        for (const [place, value] of values.entries()) expect(value).toBeCloseTo(expected[at]?.[place] as number, 4);
        const trace = traces[at] as Observed;
        expect(plain.setDistance?.(trace)).toBe(inRuntime.setDistance?.(trace));
        expect(plain.setResiduals?.(trace)).toEqual(inRuntime.setResiduals?.(trace));
      }
      expect(other.surprisal(traces)).toEqual(expected);
      for (const one of [plain, inRuntime, other]) one.close();
    },
  );

  it('is refused where weights are no numbers, bytes no model, or the architecture has none', async () => {
    const { spec, init } = syscallDetector('gram-table', classes);
    await expect(writeLightForm(spec, init(1).fill(Number.NaN))).rejects.toThrow('finite');
    const broken = await lightDetector(spec, new Uint8Array(100));
    expect(() => broken.open(init(1))).toThrow('cannot be opened');
    const ensemble = syscallDetector('ensemble', classes).spec;
    expect(await writeLightForm(ensemble, new Float32Array(4))).toBeUndefined();
    await expect(lightDetector(ensemble, new Uint8Array(1))).rejects.toThrow('no light form');
    expect((await openDetector(spec)).spec).toEqual(spec);
  });

  it('answers an illegal request with an error, and the next one all the same', async () => {
    const { spec, init } = syscallDetector('lstm-autoencoder', classes);
    const session = new OnnxSession((await writeLightForm(spec, init(1))) as Uint8Array);
    expect(() => session.run({})).toThrow('cannot be run');
    const windows = { type: 'int64', shape: [2, 20], values: new Int32Array(40).fill(7) } as const;
    expect(session.run({ windows }).surprisal).toHaveLength(40);
    session.close();
    expect(() => session.run({ windows })).toThrow('closed');
  });

  it('gives no late answer to a request that came after it', async () => {
    const { spec, init } = syscallDetector('lstm-autoencoder', classes);
    const session = new OnnxSession((await writeLightForm(spec, init(1))) as Uint8Array);
    const asked = (windows: number, call: number) =>
      session.run({
        windows: { type: 'int64', shape: [windows, 20], values: new Int32Array(windows * 20).fill(call) },
      }).surprisal as Float32Array;
    const usual = asked(2, 7);
    session.runMsMax = 0;
    expect(() => asked(3, 9)).toThrow('no answer within 0 s');
    session.runMsMax = 60_000;
    expect(asked(2, 7)).toEqual(usual);
    session.close();
  });

  it('of tables is the same to the byte in every build that reads it: releases are compared by it', async () => {
    const digestOf = async (spec: ModelSpec) => {
      const weights = Float32Array.from({ length: layoutOf(spec).length }, (_, at) =>
        at % 7 === 0 ? (at % 64) / 64 : 0,
      );
      const bytes = await writeLightForm(spec, weights);
      return createHash('sha256')
        .update(bytes as Uint8Array)
        .digest('hex');
    };
    expect(await digestOf(twoViewsSpec(classes, { gramSlots: 2 ** 12, pairSlots: 2 ** 10 }))).toBe(
      '2f7d63f94f9fe4511c1bf3a33e4bcc296949d89344fdfa33da45bc64470e6f23',
    );
    expect(await digestOf(gramTableSpec(classes, 2 ** 12))).toBe(
      'cb0d8ea9bb8a288c530714dc62480842e3bb7cbf4127038c0726f347de5261e9',
    );
  });

  it('of the two views computes what is asked for, and no more', () => {
    const spec = twoViewsSpec(classes, { gramSlots: 2 ** 12, pairSlots: 2 ** 10 });
    const session = new OnnxSession(exportTwoViews(spec, new Float32Array(layoutOf(spec).length)));
    const batch = new SlotBatch(1, gramOrderMax + 1);
    batch.add([], [], 0);
    expect(Object.keys(session.run(batch.inputs(), ['pairs', 'calls'])).sort()).toEqual(['calls', 'pairs']);
    expect(Object.keys(session.run(batch.inputs(), ['surprisal']))).toEqual(['surprisal']);
    expect(Object.keys(session.run(batch.inputs())).sort()).toEqual(['calls', 'pairs', 'surprisal']);
    session.close();
  });
});
