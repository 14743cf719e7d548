import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabularyDigest } from '../../../events/vocabulary.ts';

/** The sizes a spec was made with; throws when it is not `architecture`, or of another vocabulary. */
export function windowSizes<Name extends string>(
  spec: ModelSpec,
  architecture: string,
  names: readonly Name[],
): Readonly<Record<Name, number>> {
  if (spec.architecture !== architecture || spec.hyperparameters.vocabularyDigest !== vocabularyDigest) {
    throw new RangeError(
      `model spec: expected ${architecture} over this version's vocabulary, got ${spec.architecture}; use a model made by this version`,
    );
  }
  const size = (name: Name) => {
    const value = spec.hyperparameters[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 4_096) return value;
    throw new RangeError(`model spec: ${name} must be a whole number from 1 to 4,096, got ${value}`);
  };
  return Object.fromEntries(names.map((name) => [name, size(name)])) as Record<Name, number>;
}
