/** What the coordinator's workers read trusted samples with: detectors live in client/, which the coordinator does not know. */
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../../client/tracks/track-kinds.ts';
import type { ReadSample } from '../../../coordinator/candidate/sample-reader.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';

/** For `startCoordinator` and `startWorker`: where this module lies. */
export const sampleReaderUrl = new URL(import.meta.url);

export async function readSample(
  spec: ModelSpec,
  sample: Uint8Array,
  base: Float32Array,
): Promise<Result<ReadSample, 'SAMPLE_UNREADABLE'>> {
  for (const folder of builtInKinds()) {
    const module = moduleOfKind(folder);
    const kind = module === undefined ? undefined : await importTrackKind(module);
    if (kind?.samples === undefined || !kind.architectures.includes(spec.architecture)) continue;
    const content = await kind.samples.read(sample);
    if (!content.ok) return content;
    const loss = await kind.samples.open(spec, content.value, base);
    if (loss === undefined) break;
    const { reference } = loss;
    return ok({ loss, ...(reference && { reference }), close: () => loss.close() });
  }
  return refuse(
    'SAMPLE_UNREADABLE',
    `models of ${spec.architecture} cannot be judged on a trusted sample; choose a rule that needs none`,
  );
}
