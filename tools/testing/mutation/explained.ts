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
  const isEmptied = mutant.to === '{}';
  return explanations.find(({ file, from, to }) => {
    if (file !== mutant.file || !mutant.from.includes(from)) return false;
    // A part of a block says nothing of all that goes with the block.
    return (to === undefined || mutant.to === to) && (!isEmptied || mutant.from.startsWith(from));
  });
}

const round = 'coordinator/round';
const envelope = 'proto/envelope';
const release = 'proto/release';
const rules = 'aggregation/rules';
const ledger = 'coordinator/ledger';
const planned = 'client/response/rotation/plan.ts';
/** Not harmless, and not to be shown: what a wipe leaves behind is memory that no caller holds. */
const unseen = 'wipes memory that nobody else holds: a test has nothing to look at';
const copied = 'a copy less: the bytes are the same';
const sooner = 'gives memory back sooner than the collector would';
const larger = 'a larger buffer, filled as far';
const kept = 'what was found once is kept, to be quicker: found anew it is the same';
const once = 'acts once in a process, and the run without any mutant came before';
const beyond = 'writes past the end of a typed array, which keeps nothing';
const summed = 'what is neither by columns nor by blocks is carried out as a sum';
const way = 'where a descent starts, and when it ends: it comes as near in another number of steps';
const unrefused = 'is never refused with what it is given there';
const signalled = 'a signal is given once';
const guarded = 'a short cut: nothing is left to do there';
const named = 'a shape that refuses says of one thing at least why';
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
  {
    ...{ file: `${round}/step.ts`, from: "event.kind !== 'counted'", to: 'false' },
    why: 'what counts nobody has nobody who is enough',
  },
  { file: `${round}/step.ts`, from: 'a.cluster < b.cluster', to: 'a.cluster <= b.cluster', why: 'none is in it twice' },
  { file: `${round}/step.ts`, from: 'expelled.length === 0', to: 'false', why: 'a short cut: nobody is filtered out' },
  {
    ...{ file: `${round}/step.ts`, from: 'phase.graceUntilMs === undefined', to: 'false' },
    why: 'a copy of a phase that has no grace',
  },
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
  {
    file: `${round}/schedule/next-run.ts`,
    from: '{cron}`',
    to: '``',
    why: 'names what is kept, and nothing is',
  },
  { file: `${round}/schedule/next-run.ts`, from: '{ return false; }', to: '{}', why: 'nothing is as false' },
  { file: `${round}/schedule/planned-rounds.ts`, from: 'count < plannedMax', to: 'count <= plannedMax', why: bound },
  {
    ...{ file: `${round}/schedule/planned-rounds.ts`, from: 'a.track < b.track', to: 'a.track <= b.track' },
    why: 'a track has no two runs at one time',
  },
  // What is made for the wipe alone.
  ...[
    ['crypto/agreement.ts', '{ wipe(der); }'],
    ['crypto/box.ts', '{ wipe(key); }'],
    ['crypto/bulk.ts', '{ wipe(plain);'],
    ['crypto/ed25519.ts', '{ wipe(der); }'],
    ['crypto/keys.ts', '{ wipe(seed); }'],
    ['files/seal-writer.ts', '{ sealer.wipe(); wipe(partial); }'],
    ['files/sealed-reader.ts', '{ wipe(plain); release(plain); }'],
  ].map(([file = '', from = '']) => ({ file: `${envelope}/${file}`, from, to: '{}', why: unseen })),
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
  { file: `${envelope}/files/seal-writer.ts`, from: 'release(cipher)', why: sooner },
  { file: `${envelope}/files/seal-writer.ts`, from: 'Math.min(format.chunkBytes, context.plainBytes)', why: larger },
  { file: `${envelope}/files/seal-writer.ts`, from: 'plain.byteLength >= wanted', to: 'false', why: copied },
  {
    file: `${envelope}/files/seal-writer.ts`,
    from: 'plain.byteLength >= wanted',
    to: 'plain.byteLength > wanted',
    why: copied,
  },
  { file: `${envelope}/files/seal-writer.ts`, from: '{ sealNext(plain.subarray(0, wanted));', to: '{}', why: copied },
  { file: `${envelope}/files/sealed-file.ts`, from: 'fault !== undefined', to: 'false', why: 'reads on, for nothing' },
  {
    file: `${envelope}/files/sealed-file.ts`,
    from: 'job.payload === undefined',
    to: 'false',
    why: 'a digest that is undefined is compared with nothing',
  },
  { file: `${envelope}/files/sealed-reader.ts`, from: 'release(plain);', to: ';', why: sooner },
  { file: `${envelope}/files/sealed-reader.ts`, from: 'Math.min(format.chunkBytes, context.plainBytes)', why: larger },
  { file: `${envelope}/files/sealed-reader.ts`, from: 'wipe(plain)', why: unseen },
  { file: `${envelope}/files/sealed-file.ts`, from: 'wipe(chunk);', to: ';', why: unseen },
  { file: `${envelope}/files/sealed-file.ts`, from: 'reader.close();', to: ';', why: unseen },
  { file: `${envelope}/files/sealed-reader.ts`, from: 'opener.wipe();', to: ';', why: unseen },
  { file: `${envelope}/files/envelope-thread.ts`, from: 'wipe(view);', to: ';', why: unseen },
  { file: `${envelope}/files/envelope-thread.ts`, from: 'wipe(request.job.round.secretKey);', to: ';', why: unseen },
  { file: `${envelope}/files/envelope-thread.ts`, from: '{ wipe(request.job.round.secretKey);', to: '{}', why: unseen },
  {
    ...{
      file: `${envelope}/files/envelope-worker.ts`,
      from: 'start < bytes.byteLength',
      to: 'start <= bytes.byteLength',
    },
    why: 'a slot more, of nothing',
  },
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
  {
    file: `${envelope}/chunk-reader.ts`,
    from: 'gathered.byteLength < length',
    why: 'a buffer more: the bytes are the same',
  },
  { file: `${envelope}/crypto/keys.ts`, from: 'fault !== undefined', to: 'true', why: kept },
  { file: `${envelope}/crypto/canonical-tuple.ts`, from: "'utf8'", to: '""', why: 'no encoding means UTF-8' },
  { file: `${envelope}/crypto/keys.ts`, from: 'soundKeys', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: 'vetted !== undefined', to: 'false', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: 'verificationKeys', why: kept },
  { file: `${envelope}/crypto/signature.ts`, from: "toString('latin1')", why: 'names what is kept, and nothing is' },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'seenPoints', why: kept },
  { file: `${envelope}/crypto/weak-points.ts`, from: 'square - 1n + p', why: 'the same number to the modulus' },
  { file: `${envelope}/files/storage.ts`, from: 'filled < target.byteLength', why: 'one read more, of nothing' },
  ...['current === undefined', "'envelope thread:"].map((from) => ({
    ...{ file: `${envelope}/files/envelope-thread.ts`, from },
    why: 'whoever sends slots has begun a job: for a bug of ours alone',
  })),
  { file: `${envelope}/format.ts`, from: "typeof candidate === 'number'", why: 'a safe integer is a number' },
  {
    file: `${envelope}/header.ts`,
    from: "typeof candidate === 'number'",
    to: 'true',
    why: 'a safe integer is a number',
  },
  { file: `${envelope}/chunk-reader.ts`, from: '{ const whole = rest.subarray(0, length);', to: '{}', why: copied },
  {
    ...{ file: `${envelope}/crypto/signature.ts`, from: '{ return Buffer.from(buffer, byteOffset, byteLength)' },
    why: 'names what is kept, and nothing is',
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
    from: '{ const read = readDocument(role, shape, bytes); return read.ok',
    why: kept,
  },
  { file: `${release}/documents/document.ts`, from: 'hash(', why: kept },
  { file: `${release}/documents/document.ts`, from: 'base64', why: kept },
  { file: `${release}/documents/document.ts`, from: 'known?.shape === shape', to: 'false', why: kept },
  { file: `${release}/documents/document.ts`, from: 'remembered', why: kept },
  { file: `${release}/documents/document.ts`, from: 'a < b', to: 'a <= b', why: 'each key id is there once' },
  ...[
    ['issue?.path', 'issue.path'],
    ['path?.slice', 'path.slice'],
    ['issue?.message', 'issue.message'],
  ].map(([from = '', to = '']) => ({ file: `${release}/documents/document.ts`, from, to, why: named })),
  { file: `${release}/documents/manifest.ts`, from: "''", why: 'every legal name comes after it' },
  {
    file: `${release}/documents/root.ts`,
    from: 'key !== undefined',
    to: 'true',
    why: 'asked is of keys that are there',
  },
  { file: `${release}/documents/root.ts`, from: "''", to: '"Stryker was here!"', why: 'no digits either way' },
  {
    ...{ file: `${release}/documents/root.ts`, from: 'signature.byteLength === 64', to: 'true' },
    why: 'no signature of another length verifies',
  },
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
    ...{ file: `${release}/resolve.ts`, from: 'trackIn(catalogue, track)?.channels' },
    why: 'that it is there was asked before',
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
  {
    ...{ file: `${release}/trust.ts`, from: 'parsed.error.issues[0]?.path', to: 'parsed.error.issues[0].path' },
    why: named,
  },
  { file: `${release}/trust.ts`, from: "'utf8'", to: '""', why: 'no encoding means UTF-8' },
  { file: `${release}/sign.ts`, from: 'response !== undefined', to: 'true', why: 'undefined is left out of JSON' },
  { file: `${rules}/bulyan.ts`, from: 'found?.version === version', to: 'false', why: kept },
  { file: `${rules}/bulyan.ts`, from: '{ values, version }', to: '{}', why: kept },
  { file: `${rules}/bulyan.ts`, from: 'kept.delete(gone)', why: 'nobody asks for a row that is gone' },
  { file: `${rules}/bulyan.ts`, from: 'found?.version !== distances.version(row)', to: 'true', why: kept },
  ...['false', 'found?.version === distances.version(row)'].map((to) => ({
    ...{ file: `${rules}/bulyan.ts`, from: 'found?.version !== distances.version(row)', to },
    why: 'who asks for what is kept looks himself whether it is of now',
  })),
  {
    ...{ file: `${rules}/bulyan.ts`, from: 'kept.delete(row);' },
    why: 'who asks for what is kept looks himself whether it is of now',
  },
  { file: `${rules}/bulyan.ts`, from: 'found?.version', to: 'found.version', why: 'each row was asked for before' },
  { file: `${rules}/bulyan.ts`, from: 'values.length - 1', why: 'one more of the largest, which no score reaches' },
  { file: `${rules}/block-values.ts`, from: 'j < length', to: 'j <= length', why: beyond },
  { file: `${rules}/centred-clipping.ts`, from: 'start !== undefined', to: 'true', why: beyond },
  { file: `${rules}/centred-clipping.ts`, from: 'row < source.n', to: 'row <= source.n', why: beyond },
  ...['centred-clipping', 'declared-holders', 'fltrust', 'geometric-median', 'mean', 'trusted-weights'].map((name) => ({
    ...{ file: `${rules}/${name}.ts`, from: "'combine'", to: '""', why: summed },
  })),
  ...['coordinate-wise', 'mean'].map((name) => ({
    ...{ file: `${rules}/${name}.ts`, from: `'the ${name === 'mean' ? 'mean' : 'trimmed mean'}'`, to: '""' },
    why: 'with f = 0 only an empty round is refused, and that names no rule',
  })),
  { file: `${rules}/corroborated.ts`, from: 'places.length === 0', to: 'false', why: guarded },
  { file: `${rules}/corroborated.ts`, from: 'dropped.size === 0', to: 'false', why: guarded },
  { file: `${rules}/corroborated.ts`, from: '> noEvidence', why: 'no evidence of exactly that is ever stored' },
  { file: `${rules}/declared-holders.ts`, from: 'vectors[row]?.[j]', why: 'every row has its vector' },
  {
    file: `${rules}/declared-holders.ts`,
    from: 'under === undefined',
    to: 'false',
    why: 'asked only after one was tried',
  },
  {
    ...{
      file: `${rules}/declared-holders.ts`,
      from: '<= subsetsMax',
      to: 'subsetCount(holders.length, most) < subsetsMax',
    },
    why: 'exactly so many there are with f = 1 alone, where both ways are one',
  },
  {
    ...{ file: `${rules}/declared-holders.ts`, from: '[]', to: '["Stryker was here"]' },
    why: 'a text is no row of any round',
  },
  { file: `${rules}/holders-evidence.ts`, from: 'j < d', to: 'j <= d', why: beyond },
  { file: `${rules}/holders-evidence.ts`, from: 'value > 0', to: 'value >= 0', why: 'a part of zero adds nothing' },
  { file: `${rules}/holders-evidence.ts`, from: 'value > (highest[j] )', why: 'an equal one is as high' },
  { file: `${rules}/mda.ts`, from: '[]', to: '["Stryker was here"]', why: 'is always replaced: there is a subset' },
  {
    file: `${rules}/mda.ts`,
    from: '<= mdaSubsetsMax',
    why: 'none but the 100,000 of n = 100,000 and f = 1 are exactly so many',
  },
  { file: `${rules}/sample-contrast.ts`, from: '1 / pull', why: way },
  ...['step < stepsMax', 'step++', 'squared(here.slope)', 'curved > 0'].map((from) => ({
    ...{ file: 'aggregation/trusted/spectral-descent.ts', from },
    why: way,
  })),
  ...['halving', 'tolerance *', 'next.value <=', 'value - tried * enough'].map((from) => ({
    ...{ file: 'aggregation/trusted/line-search.ts', from },
    why: way,
  })),
  { file: `${rules}/sample-contrast.ts`, from: 'j < x.length', to: 'j <= x.length', why: beyond },
  { file: 'aggregation/trusted/line-search.ts', from: 'j < x.length', to: 'j <= x.length', why: beyond },
  {
    file: `${rules}/told-apart.ts`,
    from: 'onSample === undefined',
    why: 'trusted weights always say what they did to the sample',
  },
  {
    ...{ file: `${rules}/told-apart.ts`, from: '{ x, value, slope, attacks: value, normal: value }', to: '{}' },
    why: 'a point without a value lowers none either',
  },
  {
    file: `${rules}/told-apart.ts`,
    from: '> movedMax * reach',
    to: 'Math.sqrt(squaredDistance(x, agreed)) >= movedMax * reach',
    why: 'no descent ends at a bound to the bit',
  },
  {
    file: `${rules}/told-apart.ts`,
    from: 'usual.loss > normalMax',
    to: 'usual.loss >= normalMax',
    why: 'no descent ends at a bound to the bit',
  },
  { file: `${rules}/told-apart.ts`, from: 'j < x.length', to: 'j <= x.length', why: beyond },
  {
    ...{ file: 'client/tracks/syscall/trusted/attacks-told-apart.ts', from: 'sum + windows.length' },
    why: 'how many windows are in memory together: their sum is the same',
  },
  {
    ...{ file: 'client/tracks/syscall/trusted/attacks-told-apart.ts', from: 'row === rows.size', to: 'true' },
    why: 'sets again what is there',
  },
  {
    ...{ file: 'client/tracks/syscall/trusted/attacks-told-apart.ts', from: 'some[at]?.isAttack' },
    why: 'guards a type: there is a trace at each place',
  },
  { file: `${rules}/blind-block.ts`, from: '!decided.ok', to: 'false', why: unrefused },
  {
    ...{ file: `${rules}/blind-block.ts`, from: 'scale > 0' },
    why: 'at zero the loss is that of what is known, which is below the limit',
  },
  { file: `${rules}/declared-holders.ts`, from: 'shared.length > 0', why: guarded },
  { file: `${rules}/sample-contrast.ts`, from: 'agreed.length === 0', to: 'false', why: guarded },
  { file: `${rules}/trusted-weights.ts`, from: 'linear === undefined', why: 'either way it is the loss of the base' },
  {
    ...{ file: `${rules}/trusted-weights.ts`, from: '[]', to: '["Stryker was here"]' },
    why: 'a text is no block and no norm of any class',
  },
  ...['asked.length > 0', "blind !== 'shares'"].map((from) => ({
    ...{ file: `${rules}/trusted-weights.ts`, from },
    why: 'nobody is asked where shares decide; and the same sum, from where it was made or anew',
  })),
  { file: `${rules}/trusted-weights.ts`, from: "'shares'", to: '""', why: 'nobody is asked where shares decide' },
  { file: `${rules}/trusted-weights.ts`, from: '!told.ok', to: 'false', why: unrefused },
  { file: `${rules}/trusted-weights.ts`, from: '!block.ok', to: 'false', why: unrefused },
  { file: `${rules}/trusted-weights.ts`, from: '!blocks.ok', to: 'false', why: unrefused },
  { file: `${rules}/trusted-weights.ts`, from: 'throw new RangeError(blocks.fault.message)', why: unrefused },
  { file: `${rules}/trusted-weights.ts`, from: 'rest.length > 0', why: guarded },
  { file: `${rules}/trusted-weights.ts`, from: 'shared.length > 0', why: guarded },
  { file: `${rules}/trusted-weights.ts`, from: 'values.slice()', why: 'nobody reads again what is set to zero' },
  ...['length < turnLength', 'length += piece.length', 'piece.length === perPiece'].map((from) => ({
    ...{ file: `${ledger}/state/snapshot.ts`, from },
    why: 'how much is written in one turn, or at once: the text is the same',
  })),
  { file: `${ledger}/state/fold-membership.ts`, from: 'unused.delete(cluster);', why: kept },
  {
    ...{ file: `${ledger}/state/releasing.ts`, from: 'release?.version === version', to: 'false' },
    why: 'found anew it is the same one',
  },
  {
    ...{ file: `${ledger}/move-head.ts`, from: 'other.version < version', to: 'other.version <= version' },
    why: 'the version itself is revoked, and is none',
  },
  {
    ...{ file: `${ledger}/freezing.ts`, from: 'a.freezeId < b.freezeId', to: 'a.freezeId <= b.freezeId' },
    why: 'each freeze is there once',
  },
  ...['existsSync(beside)', 'version === 0'].map((from) => ({
    ...{ file: `${ledger}/journal/sqlite-file.ts`, from, to: 'true' },
    why: 'made where it is not there, and left as it is where it is',
  })),
  { file: `${ledger}/journal/postgres/lease.ts`, from: '{ once: true }', why: signalled },
  { file: `${ledger}/journal/postgres/lease.ts`, from: 'true', to: 'false', why: signalled },
  {
    ...{ file: `${ledger}/journal/postgres/open-postgres.ts`, from: 'standbys.rows[0]?.names' },
    ...{ to: 'standbys.rows[0].names', why: 'a SELECT without a table gives one row' },
  },
  {
    ...{ file: `${ledger}/journal/postgres/postgres-store.ts`, from: '[]', to: '["Stryker was here"]' },
    why: 'a text holds no snapshot with a digest',
  },
  {
    ...{ file: `${ledger}/journal/sqlite-file.ts`, from: '{ timeout: 5_000 }' },
    why: 'so long is waited without it, too: the driver says so',
  },
  {
    ...{ file: `${ledger}/journal/sqlite-file.ts`, from: '{ return refusalOf(rollbackError);' },
    why: 'not harmless, and not to be shown: no rollback of SQLite fails here where the statement before it did',
  },
  {
    ...{ file: `${ledger}/journal/sqlite-store.ts`, from: '{ maxYoungGenerationSizeMb: 8 }' },
    why: 'how much memory a thread takes between two collections',
  },
  ...['file?.close', "request.call === 'close'", "'close'", "{ call: 'close' }"].map((from) => ({
    ...{ file: `${ledger}/journal/${from.startsWith('{') ? 'sqlite-store' : 'sqlite-worker'}.ts`, from },
    why: 'a thread that ends closes what it has open, as SQLite does',
  })),
  {
    ...{ file: `${ledger}/journal/sqlite-store.ts`, from: "'close'" },
    why: 'a thread that ends closes what it has open, as SQLite does',
  },
  {
    ...{ file: `${ledger}/journal/sqlite-store.ts`, from: '!(error instanceof ThreadLost)', to: 'false' },
    why: 'nothing that the thread throws leaves it alive',
  },
  {
    ...{ file: `${ledger}/journal/open-to-read.ts`, from: 'true', to: 'false' },
    why: 'what is only read must be there, and its timeout is waited for anyhow',
  },
  {
    ...{ file: `${ledger}/journal/open-to-read.ts`, from: "''", to: '"Stryker was here!"' },
    why: 'a name for what is not there, as good as another',
  },
  {
    ...{ file: `${ledger}/journal/open-to-read.ts`, from: '{ return false; }' },
    why: 'undefined is as good as false',
  },
  {
    ...{ file: `${ledger}/journal/walk.ts`, from: '{ seq: 0, chain: chainOrigin }' },
    why: 'made while the module is loaded, before anything is changed',
  },
  {
    ...{ file: `${ledger}/reading-along.ts`, from: 'passed.length === 0', to: 'true' },
    why: 'the first of them alone is ever told',
  },
  {
    ...{ file: `${ledger}/state/fold.ts`, from: "actor.kind === 'coordinator'", to: 'true' },
    why: 'no other actor has parts',
  },
  {
    ...{ file: `${ledger}/state/unknown-in.ts`, from: 'default: return undefined;', to: 'default:' },
    why: 'what ends without a word returns the same',
  },
  {
    ...{
      file: `${ledger}/state/unknown-in.ts`,
      from: "case 'policySet': return settingUnknownTo(policyKnown, event.policy, 'policy');",
    },
    ...{ to: "case 'policySet':", why: 'what it falls to asks the policy, too' },
  },
  ...["issue.code === 'invalid_union'", "issue.code === 'invalid_union' && 'discriminator' in issue"].map((from) => ({
    ...{ file: `${ledger}/state/unknown-in.ts`, from },
    why: 'every union of settings is told apart by one member, and nothing else has one',
  })),
  {
    ...{ file: `${ledger}/journal/sqlite-worker.ts`, from: '{ file?.close(); file = undefined; return undefined; }' },
    why: 'a thread that ends closes what it has open, as SQLite does',
  },
  ...['head?.digest', 'head?.optimiserState'].map((from) => ({
    ...{ file: `${ledger}/state/lasting-blobs.ts`, from },
    why: 'every track has the model that is its head',
  })),
  {
    ...{ file: `${ledger}/journal/journal-end.ts`, from: 'this.#file === undefined', to: 'false' },
    why: 'a write to no file fails, and such a failure is passed over',
  },
  {
    file: `${ledger}/journal/journal-end.ts`,
    from: "'latin1'",
    why: 'its text is of digits and letters: read anyhow it is the same',
  },
  {
    ...{ file: `${ledger}/ledger.ts`, from: "''" },
    why: 'no fold looks at the chain of an entry',
  },
  {
    ...{ file: `${ledger}/state/fold-membership.ts`, from: 'token === undefined', to: 'false' },
    why: 'each of these ids is that of a token',
  },
  { file: `${ledger}/state/fold-membership.ts`, from: 'known !== undefined', to: 'false', why: kept },
  {
    ...{ file: `${ledger}/state/fold-membership.ts`, from: 'token.usedAtMs === null' },
    why: 'what was used or revoked is passed over when it is looked at, too',
  },
  ...['all.sort(', '([a], [b]) =>', 'Number(a) - Number(b)'].map((from) => ({
    ...{ file: `${ledger}/state/fold-response.ts`, from },
    why: 'whole numbers are the keys of an object in their order',
  })),
  {
    ...{
      file: `${ledger}/state/fold-round.ts`,
      from: 'track.rounds.get(round)?.policy',
      to: 'track.rounds.get(round).policy',
    },
    why: 'the round has just been stepped: it is there',
  },
];
