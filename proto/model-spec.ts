import { canonicalBytes } from '../base/canonical-json.ts';
import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import { digestOf } from './digest.ts';
import type { Digest } from './ids.ts';

/** One named float32 tensor. `shape` lists 1 to 8 positive dimensions; a scalar is [1]. */
export type TensorSpec = Readonly<{ name: string; shape: readonly number[] }>;

/** What a track's models look like: every cluster that takes part in a round agrees on it to the byte. */
export type ModelSpec = Readonly<{
  /** Names the code that gives the tensors their meaning, such as "syscall-lstm-lm/1". */
  architecture: string;
  /** Everything needed beside the tensors to rebuild the model. Finite numbers, short texts, booleans. */
  hyperparameters: Readonly<Record<string, number | string | boolean>>;
  /** In the order in which they lie in the flat vector. */
  tensors: readonly TensorSpec[];
}>;

export type SpecFaultCode = 'SPEC_INVALID' | 'SPEC_TOO_LARGE';

export const specLimits = {
  tensorsMax: 4_096,
  dimensionsMax: 8,
  /** 1 GiB of float32. */
  elementsMax: 268_435_456,
  namePattern: /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/,
  hyperparametersMax: 256,
  textLengthMax: 1_024,
  /** Of a spec's JSON on the wire: 1 MiB. */
  bytesMax: 1_048_576,
} as const;

/**
 * A legal spec, frozen and with nothing else in it, or the first thing wrong. Safe on any value a decoder can yield. The
 * answer is a copy: what the sender's object becomes later does not matter.
 */
export function checkSpec(candidate: unknown): Result<ModelSpec, SpecFaultCode> {
  const fault = findSpecFault(candidate);
  if (fault !== undefined) return { ok: false, fault };
  const { architecture, hyperparameters, tensors } = candidate as ModelSpec;
  const spec: ModelSpec = Object.freeze({
    architecture,
    // fromEntries defines members one by one: a parameter named __proto__ stays a parameter.
    hyperparameters: Object.freeze(
      Object.fromEntries(
        // Adding 0 turns -0 into 0, which the canonical bytes, and so the digest, cannot tell from it.
        Object.entries(hyperparameters).map(([name, value]) => [name, typeof value === 'number' ? value + 0 : value]),
      ),
    ),
    tensors: Object.freeze(tensors.map(({ name, shape }) => Object.freeze({ name, shape: Object.freeze([...shape]) }))),
  });
  const bytes = specBytes(spec).byteLength;
  return bytes <= specLimits.bytesMax ? ok(spec) : tooLarge(`${bytes} bytes of JSON; at most ${specLimits.bytesMax}`);
}

/** A legal spec from JSON in UTF-8, as it travels. Sizes come first: nothing longer than 1 MiB is parsed. */
export function specOfBytes(json: Uint8Array): Result<ModelSpec, SpecFaultCode> {
  if (json.byteLength > specLimits.bytesMax) {
    return tooLarge(`${json.byteLength} bytes of JSON; at most ${specLimits.bytesMax}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    return refuse('SPEC_INVALID', 'model spec: not JSON in UTF-8; send the canonical bytes of a spec');
  }
  return checkSpec(value);
}

/** SHA-256 of the spec's canonical JSON (RFC 8785): two parties with this digest in common mean the same vector. */
export function schemaDigest(spec: ModelSpec): Digest {
  return digestOf(specBytes(spec));
}

/** The canonical bytes that `schemaDigest` hashes. Unknown members are left out. */
export function specBytes(spec: ModelSpec): Buffer {
  return canonicalBytes({
    architecture: spec.architecture,
    hyperparameters: spec.hyperparameters,
    tensors: spec.tensors.map(({ name, shape }) => ({ name, shape })),
  });
}

function findSpecFault(candidate: unknown): Fault<SpecFaultCode> | undefined {
  const invalid = (message: string) => refuse('SPEC_INVALID', `model spec: ${message}`).fault;
  if (!isRecord(candidate)) return invalid('expected an object with architecture, hyperparameters and tensors');
  const { architecture, hyperparameters, tensors } = candidate;
  if (typeof architecture !== 'string' || !specLimits.namePattern.test(architecture)) {
    return invalid(`architecture must match ${specLimits.namePattern}, such as "syscall-lstm-lm/1"`);
  }
  if (!isRecord(hyperparameters)) return invalid('hyperparameters must be an object of numbers, texts and booleans');
  const entries = Object.entries(hyperparameters);
  if (entries.length > specLimits.hyperparametersMax) {
    return invalid(`${entries.length} hyperparameters; at most ${specLimits.hyperparametersMax} are allowed`);
  }
  for (const [name, value] of entries) {
    if (!specLimits.namePattern.test(name)) return invalid('a hyperparameter name has illegal characters or length');
    if (typeof value === 'string' && value.isWellFormed() && value.length <= specLimits.textLengthMax) continue;
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) continue;
    return invalid(`hyperparameter ${name} must be a finite number, a boolean or a text of at most 1,024 characters`);
  }
  return findTensorsFault(tensors, invalid);
}

function findTensorsFault(
  tensors: unknown,
  invalid: (message: string) => Fault<SpecFaultCode>,
): Fault<SpecFaultCode> | undefined {
  if (!Array.isArray(tensors) || tensors.length === 0) return invalid('tensors must be a list of at least one tensor');
  if (tensors.length > specLimits.tensorsMax) {
    return invalid(`${tensors.length} tensors; at most ${specLimits.tensorsMax} are allowed`);
  }
  const names = new Set<string>();
  let elements = 0;
  for (const tensor of tensors) {
    if (!isRecord(tensor) || typeof tensor.name !== 'string' || !specLimits.namePattern.test(tensor.name)) {
      return invalid(`each tensor needs a name that matches ${specLimits.namePattern}`);
    }
    if (names.has(tensor.name)) return invalid(`tensor ${tensor.name} is listed twice; names must differ`);
    names.add(tensor.name);
    const shape: unknown = tensor.shape;
    if (!Array.isArray(shape) || shape.length === 0 || shape.length > specLimits.dimensionsMax) {
      return invalid(`tensor ${tensor.name}: shape must list 1 to ${specLimits.dimensionsMax} dimensions`);
    }
    let size = 1;
    for (const dimension of shape) {
      if (!Number.isSafeInteger(dimension) || dimension < 1) {
        return invalid(`tensor ${tensor.name}: every dimension must be a whole number of at least 1`);
      }
      size *= dimension; // Stays exact: checked against 2^28 before the next factor.
      if (size > specLimits.elementsMax) break;
    }
    elements += size;
    if (elements > specLimits.elementsMax) {
      return tooLarge(`more than ${specLimits.elementsMax} values in all tensors together`).fault;
    }
  }
  return undefined;
}

function tooLarge(what: string) {
  return refuse('SPEC_TOO_LARGE', `model spec: ${what}; use a smaller model`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
