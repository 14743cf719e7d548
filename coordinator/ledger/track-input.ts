import { ok, type Result, refuse } from '../../base/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { checkSpec, type ModelSpec } from '../../proto/model-spec.ts';

const specBytesMax = 1 << 20;

export type SpecFaultCode = 'SPEC_INVALID' | 'SPEC_TOO_LARGE';
export type ModelFaultCode = 'LENGTH_MISMATCH' | 'SPEC_INVALID';

/** A model spec from JSON that someone else wrote. */
export function readSpec(json: Uint8Array): Result<ModelSpec, SpecFaultCode> {
  if (json.byteLength > specBytesMax)
    return refuse('SPEC_TOO_LARGE', `model spec: at most ${specBytesMax} bytes of JSON`);
  try {
    return checkSpec(JSON.parse(Buffer.from(json).toString('utf8')));
  } catch {
    return refuse('SPEC_INVALID', 'model spec: not JSON');
  }
}

/** Bytes that are a model of this spec: of its size, every value finite. */
export function checkModel(spec: ModelSpec, bytes: Uint8Array): Result<Uint8Array, ModelFaultCode> {
  const values = valuesOfBytes(layoutOf(spec), bytes);
  if (!values.ok) return values;
  const bad = values.value.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return ok(bytes);
  return refuse('SPEC_INVALID', `initial model: value ${bad} is not finite; export the model again`);
}
