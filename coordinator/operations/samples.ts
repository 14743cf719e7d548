import { ok, type Result, refuse } from '../../base/fault.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { Actor, SampleClass, TrackSample } from '../ledger/journal/events.ts';
import { noTrack } from '../ledger/no-track.ts';
import type { Store } from '../ledger/store.ts';
import { type Answer, checkTrackChange, type TrackChange } from './check.ts';
import { sequenceOf } from './sequence.ts';

/** Of a sample, bytes: every client that mixes it into training fetches it whole. */
export const sampleBytesMax = 1 << 20;
const classesMax = 512;

export type PutSample = TrackChange & Readonly<{ sample: Uint8Array; classes: readonly SampleClass[] }>;

export type SamplePut = Readonly<{ sample: TrackSample; sequence: number }>;

/**
 * Stores a trusted sample and puts it in force: rounds that are open keep theirs. The coordinator cannot read it, its
 * workers do; what it holds is said by the command that did.
 */
export async function putSample(
  store: Pick<Store, 'state' | 'commit' | 'blobs'>,
  actor: Actor,
  { sample: bytes, classes, ...named }: PutSample,
): Answer<SamplePut, 'TRACK_NOT_FOUND' | 'SAMPLE_INVALID' | BlobFaultCode> {
  const change = checkTrackChange(named);
  if (!change.ok) return change;
  const { track: id, reason } = change.value;
  const legal = checkSample(bytes, classes);
  if (!legal.ok) return legal;
  if (!store.state().tracks.has(id)) return noTrack(id, store.state());
  const stored = await store.blobs.put(bytes);
  if (!stored.ok) return stored;
  const digest = stored.value;
  const committed = await store.commit<undefined, 'TRACK_NOT_FOUND'>(actor, (state) => {
    const track = state.tracks.get(id);
    if (track === undefined) return noTrack(id, state);
    const version = track.samples.length + 1;
    const event = { kind: 'samplePut', track: id, version, digest, bytes: bytes.byteLength, classes, reason } as const;
    return ok({ events: [event], value: undefined });
  });
  const sequence = sequenceOf(store, committed);
  if (!sequence.ok) return sequence;
  const put = store
    .state()
    .tracks.get(id)
    ?.samples.findLast((sample) => sample.digest === digest) as TrackSample;
  return ok({ sample: put, sequence: sequence.value });
}

function checkSample(bytes: Uint8Array, classes: readonly SampleClass[]): Result<void, 'SAMPLE_INVALID'> {
  const invalid = (why: string) => refuse('SAMPLE_INVALID', `trusted sample: ${why}`);
  if (bytes.byteLength === 0) return invalid('it is empty; give one that holds a few examples of every class');
  if (bytes.byteLength > sampleBytesMax) {
    return invalid(`${bytes.byteLength} bytes; at most ${sampleBytesMax} are allowed, ten examples a class are enough`);
  }
  if (classes.length === 0) return invalid('it covers no class; name what it holds of each');
  if (classes.length > classesMax) return invalid(`${classes.length} classes; at most ${classesMax}`);
  const unordered = classes.find(({ name }, at) => at > 0 && name <= (classes[at - 1]?.name ?? ''));
  if (unordered !== undefined) return invalid('classes must be ascending by name, each once');
  const odd = classes.find(
    ({ name, normalCount, attackCount }) =>
      !/^[^,\s\p{C}]{1,64}$/u.test(name) || ![normalCount, attackCount].every((count) => Number.isInteger(count)),
  );
  return odd === undefined ? ok(undefined) : invalid('a class needs a name of 1 to 64 characters and two counts');
}
