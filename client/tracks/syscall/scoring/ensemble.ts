/**
 * Several detectors under one spec: their tensors lie one after the other in one flat vector, so an ensemble travels, is
 * aggregated and released like any model. A call's probability is the mean of the members' probabilities: the mixture is
 * again a probability, so scores stay in nats and are calibrated as any other's (Kim et al., "LSTM-Based System-Call
 * Language Modeling and Robust Ensemble Method", arXiv 1611.01726, average their models' scores as well).
 */
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Detector, Observed } from '../../detector.ts';

const architecture = 'syscall-ensemble/1';
const membersMax = 8;

/** 2 to 8 members over the same workload classes. Throws a RangeError for another number of them. */
export function ensembleSpec(members: readonly ModelSpec[]): ModelSpec {
  if (members.length < 2 || members.length > membersMax) {
    throw new RangeError(`ensemble: ${members.length} members; expected 2 to ${membersMax}`);
  }
  const hyperparameters: Record<string, number | string | boolean> = { members: members.length };
  for (const [index, member] of members.entries()) {
    hyperparameters[`m${index}.architecture`] = member.architecture;
    for (const [name, value] of Object.entries(member.hyperparameters)) hyperparameters[`m${index}.${name}`] = value;
  }
  // Where every member's spec keeps it, so that whoever reads classes needs not know that this is an ensemble.
  const { classes } = (members[0] as ModelSpec).hyperparameters;
  if (classes !== undefined) hyperparameters.classes = classes;
  const tensors = members.flatMap(({ tensors }, index) =>
    tensors.map(({ name, shape }) => ({ name: `m${index}/${name}`, shape })),
  );
  return { architecture, hyperparameters, tensors };
}

/** The members' specs, as they were. Throws a RangeError for a spec that is not an ensemble's. */
export function ensembleMembers(spec: ModelSpec): readonly ModelSpec[] {
  const count = spec.hyperparameters.members;
  if (spec.architecture !== architecture || typeof count !== 'number' || !(count >= 2 && count <= membersMax)) {
    throw new RangeError(`model spec: expected ${architecture} with 2 to ${membersMax} members`);
  }
  return Array.from({ length: count }, (_, index) => memberOf(spec, index));
}

function memberOf(spec: ModelSpec, index: number): ModelSpec {
  const settings = Object.entries(spec.hyperparameters).flatMap(([name, value]) =>
    name.startsWith(`m${index}.`) ? [[name.slice(`m${index}.`.length), value] as const] : [],
  );
  const { architecture: member, ...hyperparameters } = Object.fromEntries(settings);
  const tensors = spec.tensors.flatMap(({ name, shape }) =>
    name.startsWith(`m${index}/`) ? [{ name: name.slice(`m${index}/`.length), shape }] : [],
  );
  if (typeof member !== 'string' || tensors.length === 0)
    throw new RangeError(`model spec: ensemble without member ${index}`);
  return { architecture: member, hyperparameters, tensors };
}

/** The members' parts of a flat vector, views in order. */
export function membersOf(specs: readonly ModelSpec[], flat: Float32Array): Float32Array[] {
  let offset = 0;
  return specs.map((spec) => {
    const { length } = layoutOf(spec);
    offset += length;
    return flat.subarray(offset - length, offset);
  });
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  const flat = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    flat.set(part, offset);
    offset += part.length;
  }
  return flat;
}

/** An ensemble of detectors as one. */
export function ensembleDetector(members: readonly Detector[]): Detector {
  const specs = members.map(({ spec }) => spec);
  return {
    spec: ensembleSpec(specs),
    init: (seed) => joined(members.map((member, index) => member.init(seed + index))),
    train(base, traces, options) {
      const bases = membersOf(specs, base);
      const trained = members.map((member, index) => member.train(bases[index] as Float32Array, traces, options));
      return {
        weights: joined(trained.map(({ weights }) => weights)),
        steps: Math.max(...trained.map(({ steps }) => steps)),
        examples: Math.max(...trained.map(({ examples }) => examples)),
        loss: trained.reduce((sum, { loss }) => sum + loss, 0) / trained.length,
      };
    },
    open(weights) {
      const parts = membersOf(specs, weights);
      const opened = members.map((member, index) => member.open(parts[index] as Float32Array));
      return {
        surprisal: (traces: readonly Observed[]) => mixture(opened.map((one) => one.surprisal(traces))),
        close: () => {
          for (const one of opened) one.close();
        },
      };
    },
  };
}

/** −ln of the mean probability; a member whose weights an attack drove to NaN has no say in it. */
function mixture(byMember: readonly (readonly Float32Array[])[]): Float32Array[] {
  const [first = []] = byMember;
  return first.map((_, trace) => {
    const all = byMember.map((surprisals) => surprisals[trace] as Float32Array);
    const heard = all.filter((values) => values.every(Number.isFinite));
    const [one] = heard;
    if (one === undefined) return all[0] as Float32Array;
    return one.map((_, place) => {
      let sum = 0;
      for (const values of heard) sum += Math.exp(-(values[place] as number));
      return -Math.log(Math.max(sum / heard.length, Number.MIN_VALUE));
    });
  });
}
