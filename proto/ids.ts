/**
 * Identifiers. Text becomes an id here and nowhere else; after that the compiler keeps ids apart.
 * Each `is…` states alphabet and length; each `parse…` throws a RangeError that names them.
 */
declare const brand: unique symbol;
export type Branded<Raw, Name extends string> = Raw & { readonly [brand]: Name };

export type FederationId = Branded<string, 'FederationId'>;
export type TrackId = Branded<string, 'TrackId'>;
export type ClusterId = Branded<string, 'ClusterId'>;
export type RoundId = Branded<string, 'RoundId'>;
export type Digest = Branded<string, 'Digest'>;
/** A workload class that an update may speak for: the name of a block of the model, and of a label of clusters. */
export type ClassName = Branded<string, 'ClassName'>;

type IdKind<Id extends string> = Readonly<{ name: string; pattern: RegExp; legal: string; example: Id }>;

const legalTexts = new WeakMap<(text: unknown) => boolean, string>();

/** What an id would be, and what this is instead: for the refusal of a text of which `is` says that it is none. */
export function notAnId(is: (text: unknown) => boolean, text: unknown): string {
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : typeof text;
  return `expected ${legalTexts.get(is) ?? 'an id'}; got ${shown}`;
}

function define<Id extends string>(kind: IdKind<Id>) {
  const is = (text: unknown): text is Id => typeof text === 'string' && kind.pattern.test(text);
  legalTexts.set(is, `${kind.legal}, such as "${kind.example}"`);
  const parse = (text: string): Id => {
    if (is(text)) return text;
    throw new RangeError(`${kind.name}: ${notAnId(is, text)}`);
  };
  return { is, parse };
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const labelText = '1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit';

const federation = define<FederationId>({
  name: 'federation id',
  pattern: label,
  legal: labelText,
  example: 'herd' as FederationId,
});
const track = define<TrackId>({ name: 'track id', pattern: label, legal: labelText, example: 'syscall' as TrackId });
const cluster = define<ClusterId>({
  name: 'cluster id',
  pattern: label,
  legal: labelText,
  example: 'eu-west-1' as ClusterId,
});
const round = define<RoundId>({
  name: 'round id',
  pattern: /^r-(?:0|[1-9]\d{0,11})$/,
  legal: '"r-" and 1 to 12 digits without leading zeros',
  example: 'r-42' as RoundId,
});
const className = define<ClassName>({
  name: 'class name',
  pattern: /^[a-z0-9](?:[a-z0-9-]{0,55}[a-z0-9])?$/,
  legal: '1 to 57 of a-z, 0-9 and "-", starting and ending with a letter or digit',
  example: 'nginx' as ClassName,
});
const digest = define<Digest>({
  name: 'digest',
  pattern: /^sha256:[0-9a-f]{64}$/,
  legal: '"sha256:" and 64 lower-case hexadecimal digits',
  example: `sha256:${'0'.repeat(64)}` as Digest,
});

export const isFederationId = federation.is;
export const parseFederationId = federation.parse;
export const isTrackId = track.is;
export const parseTrackId = track.parse;
export const isClusterId = cluster.is;
export const parseClusterId = cluster.parse;
/** Round ids count per track from r-1; their order is the order of their numbers. */
export const isRoundId = round.is;
export const parseRoundId = round.parse;

/** Which of its track's rounds it is, from 1. */
export function numberOfRound(id: RoundId): number {
  return Number(id.slice('r-'.length));
}

export const isClassName = className.is;
export const isDigest = digest.is;
export const parseDigest = digest.parse;
