import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';

/** A flat vector's tensors by name, as views. Throws for a name that the spec does not have. */
export function weightsByName(spec: ModelSpec, flat: Float32Array): (name: string) => Float32Array {
  const slots = new Map(layoutOf(spec).slots.map((slot) => [slot.name, slot]));
  return (name) => {
    const slot = slots.get(name);
    if (slot === undefined) throw new RangeError(`model spec: ${spec.architecture} without tensor ${name}`);
    return flat.subarray(slot.offset, slot.offset + slot.length);
  };
}
