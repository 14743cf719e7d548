import { expect, it } from 'vitest';
import { checkModel, readSpec } from './track-input.ts';

const spec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [3] }] };
const json = (text: string) => Buffer.from(text, 'utf8');
const model = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

it('reads a spec, also one with much white space, up to 1 MiB', () => {
  const text = JSON.stringify(spec);
  expect(readSpec(json(text))).toEqual({ ok: true, value: spec });
  expect(readSpec(json(text.padEnd(1 << 20)))).toMatchObject({ ok: true });
  const long = { code: 'SPEC_TOO_LARGE', message: 'model spec: at most 1048576 bytes of JSON' };
  expect(readSpec(json(text.padEnd((1 << 20) + 1)))).toMatchObject({ fault: long });
});

it('refuses what is no JSON, and JSON that is no spec', () => {
  const fault = { code: 'SPEC_INVALID', message: 'model spec: not JSON' };
  expect(readSpec(json('{"architecture":'))).toMatchObject({ fault });
  const other = readSpec(json(JSON.stringify({ ...spec, tensors: [] })));
  expect(other).toMatchObject({ fault: { code: 'SPEC_INVALID', message: expect.stringContaining('tensors') } });
});

it('takes the bytes of a model as they are, where they are as many as its spec wants and every value is finite', () => {
  const bytes = model(1, -2, 0);
  expect(checkModel(spec, bytes)).toEqual({ ok: true, value: bytes });
  expect(checkModel(spec, model(1, 2))).toMatchObject({ fault: { code: 'LENGTH_MISMATCH' } });
  for (const [at, values] of [
    [0, model(NaN, 0, 0)],
    [2, model(0, 0, Infinity)],
  ] as const) {
    const message = `initial model: value ${at} is not finite; export the model again`;
    expect(checkModel(spec, values)).toMatchObject({ fault: { code: 'SPEC_INVALID', message } });
  }
});
