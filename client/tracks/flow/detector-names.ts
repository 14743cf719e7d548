/** The detectors of the flow track by the names that the command line uses. */
export const flowDetectorNames = ['gcn', 'gat', 'feature-autoencoder'] as const;
export type FlowDetectorName = (typeof flowDetectorNames)[number];

/** What `npm run bench -- detection --track flow` chose on its validation part. */
export const defaultFlowDetector: FlowDetectorName = 'gat';
