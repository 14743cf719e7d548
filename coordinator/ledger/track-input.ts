import { ok, type Result, refuse } from '../../base/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

export type ModelFaultCode = 'LENGTH_MISMATCH' | 'SPEC_INVALID';

/** Bytes that are a model of this spec: of its size, every value finite. */
export function checkModel(spec: ModelSpec, bytes: Uint8Array): Result<Uint8Array, ModelFaultCode> {
  const values = valuesOfBytes(layoutOf(spec), bytes);
  if (!values.ok) return values;
  const bad = values.value.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return ok(bytes);
  return refuse('SPEC_INVALID', `initial model: value ${bad} is not finite; export the model again`);
}
