import { readFile } from 'node:fs/promises';
import { canonicalJson, type JsonValue } from '../base/canonical-json.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { TrackId } from '../proto/ids.ts';
import { type SpecFaultCode, schemaDigest, specOfBytes } from '../proto/model-spec.ts';
import type { BlobFaultCode } from './blobs/blob-store.ts';
import type { TrackFile } from './config/config.ts';
import { parseTrackPolicy } from './config/policy.ts';
import { knowledgeBySample, knowledgeOf } from './config/track-knowledge.ts';
import type { Actor } from './ledger/journal/events.ts';
import type { Store, StoreFaultCode } from './ledger/store.ts';
import type { TrackFaultCode } from './ledger/track-changes.ts';
import type { ModelFaultCode } from './ledger/track-input.ts';
import { putTrack } from './operations/tracks.ts';
import { hasRelays } from './round/relay-rule.ts';

const actor: Actor = { kind: 'coordinator', part: 'start' };
const reason = 'declared in the configuration file';

/**
 * Brings the tracks that the configuration declares to what it says: makes new ones, sets policies whose file has changed since a start
 * set them. What an operator has set since goes on where the file is as it was: a restart, or a takeover, would else take back what
 * people decided in between. `kept` is told of each such track.
 */
export async function declareTracks(
  store: Store,
  files: readonly TrackFile[],
  kept: (track: TrackId) => void = () => {},
): Promise<Result<void, 'TRACKS_INVALID'>> {
  const problems: string[] = [];
  for (const file of files) {
    const declared = await declareTrack(store, file, kept);
    if (!declared.ok) problems.push(`track ${file.id}: ${declared.fault.message}`);
  }
  return problems.length === 0 ? ok(undefined) : refuse('TRACKS_INVALID', problems.join('\n'));
}

type DeclareFaultCode =
  | SpecFaultCode
  | ModelFaultCode
  | TrackFaultCode
  | BlobFaultCode
  | StoreFaultCode
  | 'REQUEST_INVALID'
  | 'FILE_UNREADABLE';

async function declareTrack(
  store: Store,
  { id, spec: specPath, model: modelPath, policy: policyPath }: TrackFile,
  kept: (track: TrackId) => void,
): Promise<Result<void, DeclareFaultCode>> {
  const specText = await readText(specPath);
  if (!specText.ok) return specText;
  const spec = specOfBytes(specText.value);
  if (!spec.ok) return spec;
  const policyText = await readText(policyPath);
  if (!policyText.ok) return policyText;
  const known = store.state().tracks.get(id);
  const text = policyText.value.toString('utf8');
  const overRegions = hasRelays(store.state().clusters.values());
  const knows = knowledgeBySample(spec.value, known?.samples ?? [], overRegions);
  const policy = parseTrackPolicy(text, knows);
  if (!policy.ok) return policy;
  if (known !== undefined) {
    if (known.schemaDigest !== schemaDigest(spec.value)) {
      return refuse('TRACK_EXISTS', 'it exists with another model spec, which may not change; declare a new track');
    }
    // What a file leaves open was settled when its policy was set: samples that were put since, or regions that joined, change no
    // policy by a restart. It is as it was where it says so by any sample that the track has had, or by none.
    const readings = [undefined, ...known.samples].map((sample) =>
      parseTrackPolicy(text, knowledgeOf(spec.value, sample)),
    );
    const wanted = [policy, ...readings].flatMap((read) => (read.ok ? [textOf(read.value)] : []));
    if (wanted.includes(textOf(known.policy))) return ok(undefined);
    const declared = known.declaredPolicy;
    if (declared !== null && textOf(known.policy) !== textOf(declared)) {
      // Read as the file is: a build with a setting more has not changed it.
      const again = parseTrackPolicy(textOf(declared), knows);
      if (wanted.includes(textOf(again.ok ? again.value : declared))) {
        kept(id);
        return ok(undefined);
      }
    }
  }
  const settings = { track: id, spec: spec.value, policy: policy.value, reason };
  const put = await putTrack(store, actor, settings, () => readText(modelPath));
  return put.ok ? ok(undefined) : put;
}

function textOf(policy: unknown): string {
  return canonicalJson(policy as JsonValue);
}

async function readText(path: string): Promise<Result<Buffer, 'FILE_UNREADABLE'>> {
  try {
    return ok(await readFile(path));
  } catch (error) {
    return refuse('FILE_UNREADABLE', `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
