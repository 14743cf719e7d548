import type { Target } from '../target.ts';
import { clusterTargets } from './cluster.ts';
import { envelopeTargets } from './envelope.ts';
import { grpcTargets } from './grpc.ts';
import { modelTargets } from './models.ts';
import { recordingTargets } from './recordings.ts';
import { releaseTargets } from './releases.ts';
import { sensorTargets } from './sensors.ts';
import { settingTargets } from './settings.ts';

/** Every decoder that is fuzzed. */
export const targets: readonly Target[] = [
  ...grpcTargets,
  ...envelopeTargets,
  ...releaseTargets,
  ...modelTargets,
  ...sensorTargets,
  ...recordingTargets,
  ...settingTargets,
  ...clusterTargets,
];
