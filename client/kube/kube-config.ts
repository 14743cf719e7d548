import { z } from 'zod';

const path = z.string().min(1).max(4_096);

/** Where the API server is, and as whom the client asks it. */
export const kubeConfig = z.strictObject({
  /** host:port; what the cluster tells its pods unless given. */
  apiServer: z.string().min(1).max(300).optional(),
  tokenFile: path.default('/var/run/secrets/kubernetes.io/serviceaccount/token'),
  authorityFile: path.default('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'),
  /** Pods that are kept in mind at once; what is beyond is counted, and not known. */
  podsMax: z.int().min(1).max(5_000).default(5_000),
});

export type KubeConfig = z.infer<typeof kubeConfig>;
