import { endianness } from 'node:os';
import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import type { ModelSpec } from './model-spec.ts';

/** Where each tensor lies in the flat float32 vector; offsets and lengths count values, not bytes. */
export type TensorSlot = Readonly<{ name: string; shape: readonly number[]; offset: number; length: number }>;
export type Layout = Readonly<{ slots: readonly TensorSlot[]; length: number }>;

export type LayoutFaultCode = 'LENGTH_MISMATCH' | 'TENSOR_MISSING' | 'NON_FINITE';

export const bytesPerValue = 4;

// Payloads and models are little-endian and are used in place. A wrong order would train and score on noise, silently.
if (endianness() !== 'LE') throw new Error('testudo needs a little-endian machine: x86-64, arm64 or riscv64');

/** The layout of a checked spec: tensors one after another, row-major, no padding. */
export function layoutOf(spec: ModelSpec): Layout {
  let offset = 0;
  const slots = spec.tensors.map(({ name, shape }) => {
    const length = shape.reduce((product, dimension) => product * dimension, 1);
    const slot = { name, shape, offset, length };
    offset += length;
    return slot;
  });
  return { slots, length: offset };
}

/** Views into `flat` (shape [layout.length]), one per tensor, no copy: writing to one writes to the other. */
export function tensorViews(layout: Layout, flat: Float32Array): Result<Map<string, Float32Array>, LayoutFaultCode> {
  if (flat.length !== layout.length) return lengthMismatch('flat vector', layout.length, flat.length);
  return ok(new Map(layout.slots.map((slot) => [slot.name, flat.subarray(slot.offset, slot.offset + slot.length)])));
}

/** One flat vector of shape [layout.length] from the named tensors: each value is copied once. */
export function flatten(
  layout: Layout,
  tensors: ReadonlyMap<string, Float32Array>,
): Result<Float32Array, LayoutFaultCode> {
  const flat = new Float32Array(layout.length);
  for (const slot of layout.slots) {
    const values = tensors.get(slot.name);
    if (values === undefined) {
      return refuse('TENSOR_MISSING', `tensor ${slot.name} is missing; the spec lists ${layout.slots.length} tensors`);
    }
    if (values.length !== slot.length) return lengthMismatch(`tensor ${slot.name}`, slot.length, values.length);
    flat.set(values, slot.offset);
  }
  return ok(flat);
}

/** Little-endian bytes as float32 values. A view when they are aligned, otherwise one copy. */
export function valuesOfBytes(layout: Layout, bytes: Uint8Array): Result<Float32Array, 'LENGTH_MISMATCH'> {
  if (bytes.byteLength !== layout.length * bytesPerValue) {
    return lengthMismatch('payload', layout.length * bytesPerValue, bytes.byteLength, 'bytes');
  }
  if (bytes.byteOffset % bytesPerValue === 0) {
    return ok(new Float32Array(bytes.buffer, bytes.byteOffset, layout.length));
  }
  return ok(new Float32Array(Uint8Array.from(bytes).buffer)); // Not bytes.slice(): a Buffer's slice is a view.
}

/** The little-endian bytes of values, as a view. */
export function bytesOfValues(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The first value of `flat` that is NaN or infinite, named by its tensor; nothing where all are finite. */
export function findNonFinite(layout: Layout, flat: Float32Array): Fault<LayoutFaultCode> | undefined {
  for (const slot of layout.slots) {
    const end = Math.min(slot.offset + slot.length, flat.length);
    for (let index = slot.offset; index < end; index++) {
      if (Number.isFinite(flat[index])) continue;
      const message = `tensor ${slot.name} holds ${flat[index]} at ${index - slot.offset}; train again with finite values`;
      return refuse('NON_FINITE', message, { tensor: slot.name, index: index - slot.offset }).fault;
    }
  }
  return undefined;
}

function lengthMismatch(what: string, expected: number, actual: number, unit = 'values') {
  return refuse(
    'LENGTH_MISMATCH',
    `${what}: expected exactly ${expected} ${unit}, got ${actual}; build it from the model spec named in the round`,
    { expected, actual },
  );
}
