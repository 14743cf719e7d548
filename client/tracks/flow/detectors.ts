import type { ModelSpec } from '../../../proto/model-spec.ts';
import { featureSpec, initialFeatures } from '../neural/features/autoencoder.ts';
import { fitScale } from '../neural/features/robust-scale.ts';
import type { FlowDetectorName } from './detector-names.ts';
import { sliceColumns, sliceRows } from './features/slice-rows.ts';
import type { NamedSlice } from './graph/slice.ts';
import { initialLinkModel, linkSpec } from './link/link-model.ts';

const linkSpecs = {
  gcn: () => linkSpec('gcn'),
  gat: () => linkSpec('gat'),
  'gcn-refusals': () => linkSpec('gcn', undefined, 2),
  'gat-refusals': () => linkSpec('gat', undefined, 2),
  'gcn-posture': () => linkSpec('gcn', undefined, 3),
  'gat-posture': () => linkSpec('gat', undefined, 3),
} as const;

/**
 * What a federation of a flow detector begins with; the same seed gives the same weights to the bit. sample: windows of
 * flows that may be known to all, whose scale every cluster's feature autoencoder is to use; others do not look at it.
 */
export function flowDetectorStart(
  name: FlowDetectorName,
  sample: readonly NamedSlice[] = [],
): Readonly<{ spec: ModelSpec; init(seed: number): Float32Array }> {
  if (name === 'feature-autoencoder') {
    const rows = sliceRows(sample.map(({ slice }) => slice));
    const scale = rows.length === 0 ? undefined : fitScale(rows, sliceColumns.length);
    const spec = featureSpec(sliceColumns, scale === undefined ? {} : { scale });
    return { spec, init: (seed) => initialFeatures(spec, seed) };
  }
  const spec = linkSpecs[name]();
  return { spec, init: (seed) => initialLinkModel(spec, seed) };
}
