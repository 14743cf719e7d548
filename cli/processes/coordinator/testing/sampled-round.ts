import { onTestFinished } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import type { Provenance } from '../../../../coordinator/candidate/provenance.ts';
import { putSample } from '../../../../coordinator/operations/samples.ts';
import type { TrackPolicy } from '../../../../coordinator/round/policy.ts';
import { type Invitation, sealDelta } from '../../../../coordinator/testing/sealed-delta.ts';
import { submit } from '../../../../coordinator/testing/small-client.ts';
import {
  clusters,
  openSmallFederation,
  operator,
  policy,
  type SmallFederationOptions,
  track,
} from '../../../../coordinator/testing/small-federation.ts';
import { tempDir } from '../../../../coordinator/testing/temp-dir.ts';
import { roundEnd } from '../../../../coordinator/testing/wait.ts';
import { readProvenance } from '../../../../coordinator/views/participation.ts';
import type { ClusterId } from '../../../../proto/ids.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { sampleReaderUrl } from '../sample-reader-worker.ts';

/** The classes that these rounds are about, as labels, sample and models name them. */
export const classes = ['nginx', 'redis'];

type Sampled = Readonly<{
  spec: ModelSpec;
  aggregation: Partial<TrackPolicy['aggregation']>;
  /** Of the policy beside its aggregation. */
  more?: Partial<TrackPolicy>;
  labels?: SmallFederationOptions['labels'];
  /** Put before the round opens; none where it is absent. */
  sample?: Uint8Array | undefined;
  /** What a cluster sends, with the classes that it declares. */
  update(invitation: Invitation, cluster: ClusterId): Readonly<{ delta: Float32Array; declared?: readonly string[] }>;
}>;

/** One round of the small federation, whose workers read samples as those of the product do. Throws unless it ends with a candidate. */
export async function sampledRound({ spec, aggregation, more, labels, sample, update }: Sampled) {
  const engine = await openSmallFederation(tempDir(), {
    spec,
    ...(labels && { labels }),
    sampleReader: sampleReaderUrl,
    policy: {
      ...policy,
      aggregation: { ...policy.aggregation, before: [], ...aggregation },
      optimiser: { kind: 'plain', learningRate: 1 },
      ...more,
    },
  });
  onTestFinished(() => engine.close());
  if (sample !== undefined) {
    const held = classes.map((name) => ({ name, normalCount: 10, attackCount: 10 }));
    unwrap(await putSample(engine, operator, { track, sample, classes: held, reason: 'test' }));
  }
  for (const cluster of clusters) {
    engine.join(cluster, [track], async (directive) => {
      if (directive.kind !== 'invitation') return;
      const { delta, declared } = update(directive, cluster);
      unwrap(await submit(engine, await sealDelta(directive, cluster, delta, undefined, declared)));
    });
  }
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const round = await roundEnd(engine, 'r-1');
  const { phase } = round;
  if (phase.kind !== 'candidate') throw new Error(`the round is ${phase.kind}: ${JSON.stringify(phase)}`);
  const { json, fates } = await readProvenance(engine.blobs, round);
  return { engine, round, phase, fates, provenance: JSON.parse(json) as Provenance };
}
