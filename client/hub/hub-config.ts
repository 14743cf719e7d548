import { z } from 'zod';
import { isListenAddress, listenAddressWanted } from '../../base/serving/listen.ts';

const path = z.string().min(1).max(4_096);
const listen = z.string().refine(isListenAddress, listenAddressWanted);

const account = z.string().regex(/^[a-z0-9.-]{1,253}\/[a-z0-9.-]{1,253}$/, 'expected namespace/name');

/** How a sensor proves which node it is, and the response agent that it is one. */
const admission = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('file'),
      /** One token that hub and sensors share, at least 32 characters; each sensor says its node's name itself. */
      path,
      /** Another one, of the agent; without it no agent is admitted. */
      agentPath: path.optional(),
    }),
    /** The sensor's ServiceAccount token, asked about at the API server. */
    z.strictObject({
      kind: z.literal('tokenReview'),
      /** What the sensors' projected tokens are made for. */
      audience: z.string().min(1).max(253).default('testudo-hub'),
      /** Whose tokens are taken: namespace/name. */
      serviceAccount: account,
      /** Whose tokens are the agent's; without it no agent is admitted. */
      agentServiceAccount: account.optional(),
      /** host:port; what the cluster tells its pods unless given. */
      apiServer: z.string().min(1).max(300).optional(),
      /** The client's own credentials for it. */
      tokenFile: path.default('/var/run/secrets/kubernetes.io/serviceaccount/token'),
      authorityFile: path.default('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'),
    }),
  ])
  // Who is both would hear of every alert and tell of any.
  .refine(
    (one) => (one.kind === 'file' ? one.path !== one.agentPath : one.serviceAccount !== one.agentServiceAccount),
    {
      error: 'sensors and the agent need a token, or an account, each of their own',
    },
  );

/** The client as the hub of its cluster's sensors. */
export const hubConfig = z.strictObject({
  /** Where sensors with a certificate talk to it. */
  listen,
  /** Where they get one. */
  admissionListen: listen,
  admission,
  /** PEM files of the authority that sensors trust; one is made beside the data unless given. */
  authority: z.strictObject({ certificateFile: path, keyFile: path }).optional(),
  /** How long a sensor's certificate holds. */
  certificateHours: z.number().min(0.1).max(720).default(24),
  /** Sensors that may be connected at once. */
  sensorsMax: z.int().min(1).max(5_000).default(500),
});

export type HubConfig = z.infer<typeof hubConfig>;
