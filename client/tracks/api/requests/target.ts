import { isVariable } from '../../../recordings/route-template.ts';
import { shapeOfValue } from './value-shape.ts';

const targetMax = 4_096;
const segmentsMax = 12;
const parametersMax = 16;
const nameMax = 40;

/** What is kept of a path and its query: no value of either. */
export type Target = Readonly<{
  /** Path with its variable parts folded to "{}"; empty and dotted segments stay. */
  route: string;
  /** Names of parameters, and "#n" for the variable segment n, each with the shape of its value. */
  values: readonly (readonly [name: string, shape: string])[];
  /** Which objects are named: salted hashes of kind and value. */
  objects: readonly number[];
}>;

/** `hash`: a salted hash to 32 bits. */
export function readTarget(whole: string, hash: (text: string) => number): Target {
  const target = whole.slice(0, targetMax);
  const scheme = target.indexOf('://');
  const start = scheme > 0 && scheme < 8 ? Math.max(0, target.indexOf('/', scheme + 3)) : 0;
  const end = target.search(/[?#]/);
  const path = target.slice(start, end === -1 ? undefined : end);
  const values: [string, string][] = [['/', shapeOfValue(path)]];
  const objects: number[] = [];
  const segments = path.split('/', segmentsMax + 2).slice(1);
  let kind = '';
  const folded = segments.map((segment, at) => {
    if (at >= segmentsMax) return '...';
    if (segment === '' || !isVariable(segment)) {
      kind = segment;
      return segment.slice(0, nameMax);
    }
    values.push([`#${at}`, shapeOfValue(segment)]);
    objects.push(hash(`${kind}/${segment}`));
    return '{}';
  });
  if (end !== -1) readQuery(target.slice(end + 1), values, objects, hash);
  return { route: `/${folded.join('/')}`, values, objects };
}

function readQuery(query: string, values: [string, string][], objects: number[], hash: (text: string) => number): void {
  for (const pair of query.split('&', parametersMax)) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = (equals === -1 ? pair : pair.slice(0, equals)).slice(0, nameMax);
    const value = equals === -1 ? '' : pair.slice(equals + 1);
    values.push([isName(name) ? name : '?', shapeOfValue(isName(name) ? value : pair)]);
    if (/\d/.test(value) && value.length <= nameMax) objects.push(hash(`${name}=${value}`));
  }
}

/** What is no name may be a value that somebody put there. */
function isName(text: string): boolean {
  return /^[A-Za-z_][\w.[\]-]*$/.test(text);
}
