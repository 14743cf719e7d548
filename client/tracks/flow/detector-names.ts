/** The detectors of the flow track by the names that the command line uses. */
/** `-refusals`: the second versions, which also read what was refused. */
export const flowDetectorNames = ['gcn', 'gat', 'gcn-refusals', 'gat-refusals', 'feature-autoencoder'] as const;
export type FlowDetectorName = (typeof flowDetectorNames)[number];

/** What `npm run bench -- detection --track flow` chose on its validation part. */
export const defaultFlowDetector: FlowDetectorName = 'gat';
