import { expect, it } from 'vitest';
import { checkModel } from './track-input.ts';

const spec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [3] }] };
const model = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

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
