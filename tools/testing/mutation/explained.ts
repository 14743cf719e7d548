import type { Mutant } from './instrument.ts';

/** Why a mutant that no test kills does no harm: nothing that anybody could see is otherwise. */
export type Explanation = Readonly<{
  file: string;
  /** The changed expression: as Stryker quotes it, in full or a part of it. */
  from: string;
  /** What stands there instead, where only that is harmless. */
  to?: string;
  why: string;
}>;

export function explanationOf(
  mutant: Pick<Mutant, 'file' | 'from' | 'to'>,
  explanations: readonly Explanation[],
): Explanation | undefined {
  return explanations.find(
    ({ file, from, to }) =>
      file === mutant.file && mutant.from.includes(from) && (to === undefined || mutant.to === to),
  );
}

const round = 'coordinator/round';
const envelope = 'proto/envelope';
const release = 'proto/release';
const planned = 'client/response/rotation/plan.ts';
/** Not harmless, and not to be shown: what a wipe leaves behind is memory that no caller holds. */
const unseen = 'wipes memory that nobody else holds: a test has nothing to look at';
const copied = 'a copy less: the bytes are the same';
const kept = 'what was found once is kept, to be quicker: found anew it is the same';
const once = 'acts once in a process, and the run without any mutant came before';
const bound = 'how much is kept, or searched, before it is given up';

export const explanations: readonly Explanation[] = [
  { file: `${round}/accepted-updates.ts`, from: 'places.count === 0', why: kept },
  { file: `${round}/accepted-updates.ts`, from: 'known.set(values, places)', why: kept },
  { file: `${round}/arrival.ts`, from: "'acceptable'", to: '""', why: "asked is only whether it is 'accepted before'" },
  { file: `${round}/cohort-liars.ts`, from: 'count > least', why: 'at the least, the least is given either way' },
  { file: `${round}/cohort.ts`, from: 'distinct.length <= size', why: 'a short cut: all of them, sorted, either way' },
  { file: `${round}/cohort.ts`, from: 'a.draw < b.draw', to: 'a.draw <= b.draw', why: 'no two draws are equal' },
  { file: `${round}/rules.ts`, from: "goal.kind === 'count'", to: 'true', why: 'a share has no updates to compare' },
  { file: `${round}/silence.ts`, from: 'enrolledCount + 1', why: 'where more do not help, fewer do not either' },
  { file: `${round}/silence.ts`, from: 'enough < enrolledCount + enoughSearched', why: bound },
  {
    file: `${round}/standing.ts`,
    from: 'worth < score',
    to: 'worth <= score',
    why: 'where they are equal nothing is added',
  },
  { file: `${round}/standing.ts`, from: 'slope !== null', to: 'true', why: 'null is not above 0' },
  { file: `${round}/step.ts`, from: "'scheduled'", to: '""', why: 'a phase that is not named has no deadline either' },
  { file: `${round}/step.ts`, from: "'candidate'", to: '""', why: 'a phase that is not named has no deadline either' },
  { file: `${round}/step.ts`, from: "'abandoned'", to: '""', why: 'a phase that is not named has no deadline either' },
  {
    file: `${round}/step.ts`,
    from: "case 'abandoned': return undefined;",
    why: 'a phase that is not named has no deadline either',
  },
  { file: `${round}/step.ts`, from: 'a.cluster < b.cluster', to: 'a.cluster <= b.cluster', why: 'none is in it twice' },
  { file: `${round}/step.ts`, from: 'expelled.length === 0', to: 'false', why: 'a short cut: nobody is filtered out' },
  {
    file: `${round}/schedule/blackout.ts`,
    from: 'blackouts.length === 0',
    to: 'false',
    why: 'a short cut: none covers it',
  },
  { file: `${round}/schedule/blackout.ts`, from: 'end < start', to: 'end <= start', why: 'equal ends are refused' },
  { file: `${round}/schedule/blackout.ts`, from: 'format === undefined', why: kept },
  {
    file: `${round}/schedule/blackout.ts`,
    from: 'format = new Intl',
    why: once,
  },
  {
    file: `${round}/schedule/blackout.ts`,
    from: "weekday: 'short'",
    why: once,
  },
  { file: `${round}/schedule/blackout.ts`, from: "'en-US'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'short'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'2-digit'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'h23'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: 'formats.set', why: kept },
  { file: `${round}/schedule/blackout.ts`, from: "''", to: '"Stryker was here!"', why: 'a weekday is always there' },
  { file: `${round}/schedule/next-run.ts`, from: 'holds < holdsMax', to: 'holds <= holdsMax', why: bound },
  { file: `${round}/schedule/next-run.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'known !== undefined', why: once },
  {
    file: `${round}/schedule/next-run.ts`,
    from: 'timezone: timeZone',
    why: once,
  },
  {
    file: `${round}/schedule/next-run.ts`,
    from: 'true',
    to: 'false',
    why: 'croner runs nothing where it is given nothing to run',
  },
  { file: `${round}/schedule/next-run.ts`, from: 'crons', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.size >= nextMax', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.clear()', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.set(', why: kept },
  { file: `${round}/schedule/planned-rounds.ts`, from: 'count < plannedMax', to: 'count <= plannedMax', why: bound },
  {
    ...{ file: `${round}/schedule/planned-rounds.ts`, from: 'a.track < b.track', to: 'a.track <= b.track' },
    why: 'a track has no two runs at one time',
  },
  { file: `${envelope}/chunk-reader.ts`, from: 'gathered.fill(0)', why: unseen },
  { file: `${envelope}/crypto/agreement.ts`, from: 'wipe(', why: unseen },
  { file: `${envelope}/crypto/box.ts`, from: 'wipe(key);', why: unseen },
  { file: `${envelope}/crypto/bulk.ts`, from: 'wipe(plain);', why: unseen },
  { file: `${envelope}/crypto/ed25519.ts`, from: 'wipe(', why: unseen },
  { file: `${envelope}/crypto/keys.ts`, from: 'wipe(seed);', why: unseen },
  { file: `${envelope}/open.ts`, from: 'wipe(contentKey);', why: unseen },
  { file: `${envelope}/open.ts`, from: 'wipe(plain);', why: unseen },
  { file: `${envelope}/seal.ts`, from: 'sealer.wipe();', why: unseen },
  { file: `${envelope}/seal.ts`, from: '() => wipe(key)', why: unseen },
  { file: `${envelope}/files/seal-writer.ts`, from: 'wipe', why: unseen },
  { file: `${envelope}/files/sealed-reader.ts`, from: 'wipe(opened.value)', why: unseen },
  { file: `${envelope}/files/sealed-file.ts`, from: 'wipe(chunk)', why: unseen },
  {
    file: `${envelope}/chunk-reader.ts`,
    from: '(await more()) && rest.byteLength >= length',
    to: 'false',
    why: copied,
  },
  {
    file: `${envelope}/chunk-reader.ts`,
    from: 'rest.byteLength >= length',
    to: 'rest.byteLength > length',
    why: copied,
  },
  { file: `${envelope}/chunk-reader.ts`, from: 'const whole = rest.subarray(0, length)', why: copied },
  { file: `${envelope}/crypto/canonical-tuple.ts`, from: "'utf8'", to: '""', why: 'no encoding means UTF-8' },
  { file: `${envelope}/crypto/keys.ts`, from: 'soundKeys', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: 'vetted !== undefined', to: 'false', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: 'verificationKeys', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: "toString('latin1')", why: 'names what is kept, and nothing is' },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'seenPoints', why: kept },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'square - 1n + p', why: 'the same number to the modulus' },
  { file: `${envelope}/files/storage.ts`, from: 'filled < target.byteLength', why: 'one read more, of nothing' },
  { file: `${envelope}/format.ts`, from: "typeof candidate === 'number'", why: 'a safe integer is a number' },
  {
    file: `${envelope}/header.ts`,
    from: "typeof candidate === 'number'",
    to: 'true',
    why: 'a safe integer is a number',
  },
  { file: `${envelope}/stream-key.ts`, from: "'utf8'", to: '""', why: 'no encoding means UTF-8' },
  { file: planned, from: 'a.pod.uid < b.pod.uid', to: 'a.pod.uid <= b.pod.uid', why: 'no two pods have one uid' },
  { file: planned, from: 'workload === undefined', to: 'false', why: 'such a pod has its reason before: KIND' },
  { file: planned, from: '[]', why: 'such a pod has its reason before: KIND' },
  { file: planned, from: "workload?.uid ?? ''", why: 'such a pod has its reason before: KIND' },
  { file: planned, from: 'workload?.uid', why: 'such a pod has its reason before: KIND' },
  { file: planned, from: "'KIND'", to: '""', why: 'such a pod has its reason before: KIND' },
  { file: planned, from: "''", to: '"Stryker was here!"', why: 'a name that no pod, node or budget has' },
  { file: `${release}/antibody-pins.ts`, from: '[]', to: '["Stryker was here"]', why: 'a text is no pin of any track' },
  {
    file: `${release}/antibody-pins.ts`,
    from: 'a.antibody < b.antibody',
    to: 'a.antibody <= b.antibody',
    why: 'each antibody is there once',
  },
  {
    file: `${release}/documents/catalogue-document.ts`,
    from: 'a.track === b.track',
    to: 'true',
    why: 'canonical JSON gives them by track already',
  },
  {
    file: `${release}/documents/catalogue-document.ts`,
    from: 'a.track < b.track',
    why: 'canonical JSON gives them by track already',
  },
  {
    file: `${release}/documents/catalogue-document.ts`,
    from: '-1',
    to: '+1',
    why: 'canonical JSON gives them by track already',
  },
  {
    file: `${release}/documents/dangling.ts`,
    from: 'channels[shadows]?.shadows',
    why: 'that it is there was asked before',
  },
  {
    file: `${release}/documents/dangling.ts`,
    from: 'tracks[track]?.channels',
    why: 'that it is there was asked before',
  },
  { file: `${release}/documents/document.ts`, from: 'bytes.byteLength > rememberedBytesMax', why: kept },
  {
    file: `${release}/documents/document.ts`,
    from: 'const read = readDocument(role, shape, bytes); return read.ok',
    why: kept,
  },
  { file: `${release}/documents/document.ts`, from: 'hash(', why: kept },
  { file: `${release}/documents/document.ts`, from: 'base64', why: kept },
  { file: `${release}/documents/document.ts`, from: 'known?.shape === shape', to: 'false', why: kept },
  { file: `${release}/documents/document.ts`, from: 'remembered', why: kept },
  { file: `${release}/documents/document.ts`, from: 'a < b', to: 'a <= b', why: 'each key id is there once' },
  { file: `${release}/documents/key-id.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${release}/documents/key-id.ts`, from: 'ids.', why: kept },
  { file: `${release}/documents/names.ts`, from: "''", to: '"Stryker was here!"', why: 'no digits either way' },
  {
    file: `${release}/legality.ts`,
    from: 'nearest === undefined',
    to: 'false',
    why: 'a field that is undefined is left out of logs',
  },
  {
    file: `${release}/resolve.ts`,
    from: "'label' in subject",
    to: 'mine',
    why: 'those for the cluster come first either way',
  },
  {
    file: `${release}/resolve.ts`,
    from: 'own.shadows === null',
    to: 'false',
    why: 'it is its own live channel, and no newer than itself',
  },
  {
    file: `${release}/resolve.ts`,
    from: 'false',
    to: 'true',
    why: 'what is newer than the live version is not below the floor',
  },
  { file: `${release}/trust.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${release}/trust.ts`, from: 'opened', why: kept },
  { file: `${release}/trust.ts`, from: "'utf8'", to: '""', why: 'no encoding means UTF-8' },
  { file: `${release}/sign.ts`, from: 'response !== undefined', to: 'true', why: 'undefined is left out of JSON' },
];
