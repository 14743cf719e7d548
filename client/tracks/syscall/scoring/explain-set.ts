import { nameOfCallId } from '../../../events/vocabulary.ts';

/** Why a model's view of sets finds a trace's calls odd in their company. */
export type SetExplanation = Readonly<{
  /** How far the set is from any normal one of its class, and what nine of ten normal traces here stay below. */
  distance: number;
  usual: number | undefined;
  /** Calls that follow least from the others, with what is left of each: 1 for one that no normal trace makes in any company. */
  calls: readonly Readonly<{ name: string; left: number }>[];
}>;

/** Calls that are named, and what is left of one at least to be. */
const namedMax = 5;
const leftMin = 0.1;

/** residuals: by call id. */
export function explainSet(
  distance: number,
  usual: number | undefined,
  residuals: ReadonlyMap<number, number>,
): SetExplanation {
  const calls = [...residuals]
    .filter(([, left]) => left >= leftMin)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, namedMax)
    .map(([call, left]) => ({ name: nameOfCallId(call), left }));
  return { distance, usual, calls };
}

/** An explanation for people; undefined where the set is as usual. */
export function setText({ distance, usual, calls }: SetExplanation): string | undefined {
  if (usual !== undefined && distance <= usual) return undefined;
  const than = usual === undefined ? '' : ` where nine of ten normal traces stay below ${usual.toFixed(3)}`;
  const named = calls.map(({ name, left }) => `${name} (${left.toFixed(2)})`).join(', ');
  return `calls in odd company: distance ${distance.toFixed(3)}${than}${named === '' ? '' : `; least explained by the others: ${named}`}`;
}
