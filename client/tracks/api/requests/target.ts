import { isVariable } from '../../../recordings/route-template.ts';
import { shapeOfValue } from './value-shape.ts';

const targetMax = 4_096;
const segmentsMax = 12;
const parametersMax = 16;
const nameMax = 40;
/** What stands without a value is a switch, as "wsdl", or a value without a name. */
const switchMax = 20;
/** As in routes: more than a version number's worth. */
const digitsOfId = 4;

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
  const end = target.search(/[?#]/);
  // A scheme and an authority may stand before it; what a query names is none.
  const path = target.slice(0, end === -1 ? undefined : end).replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '');
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
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? '' : pair.slice(equals + 1);
    const isNamed = isName(name, /^=*$/.test(value) ? switchMax : nameMax);
    values.push(isNamed ? [name, shapeOfValue(value)] : ['?', shapeOfValue(pair)]);
    if (/\d/.test(value) && value.length <= nameMax) objects.push(hash(`${name}=${value}`));
  }
}

/** What is no name, is long or holds a number as ids do may be a value that somebody put there. */
function isName(text: string, lengthMax: number): boolean {
  return text.length <= lengthMax && /^[A-Za-z_][\w.[\]-]*$/.test(text) && text.replace(/\D/g, '').length < digitsOfId;
}
