import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { FlowDetectorName } from './detector-names.ts';
import { featureSpec, initialFeatures } from './features/autoencoder.ts';
import { sliceColumns } from './features/slice-rows.ts';
import { initialLinkModel, linkSpec } from './link/link-model.ts';

/** What a federation of a flow detector begins with; the same seed gives the same weights to the bit. */
export function flowDetectorStart(
  name: FlowDetectorName,
): Readonly<{ spec: ModelSpec; init(seed: number): Float32Array }> {
  if (name === 'feature-autoencoder') {
    const spec = featureSpec(sliceColumns);
    return { spec, init: (seed) => initialFeatures(spec, seed) };
  }
  const spec = linkSpec(name);
  return { spec, init: (seed) => initialLinkModel(spec, seed) };
}
