/** The detectors of the flow track by the names that the command line uses. */
/**
 * `-refusals`: the second versions, which also read what was refused. `-posture`: the third, which read what a workload's pods
 * give an intruder.
 */
export const flowDetectorNames = [
  'gcn',
  'gat',
  'gcn-refusals',
  'gat-refusals',
  'gcn-posture',
  'gat-posture',
  'feature-autoencoder',
] as const;
export type FlowDetectorName = (typeof flowDetectorNames)[number];

/** What `npm run bench -- detection --track flow` chose on its validation part. */
export const defaultFlowDetector: FlowDetectorName = 'gat';
