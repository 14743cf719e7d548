import { z } from 'zod';
import { type ClusterId, isClusterId } from '../../../proto/ids.ts';
import { responseLevels } from '../../../proto/response-policy.ts';
import { helperAccess } from '../../capture/ask.ts';

const path = z.string().min(1).max(4_096);

/** Where the agent hears of alerts and of the signed policy, and what this cluster allows at most. */
export const quarantineConfig = z.strictObject({
  /** The strongest level that this cluster allows, whatever is signed. */
  cap: z.enum(responseLevels).default('observe'),
  /** This cluster's name in the federation: rules of the policy may be for it alone. */
  cluster: z.custom<ClusterId>(isClusterId, 'expected a cluster id'),
  /**
   * The file in which the cluster's hub keeps the signed set that it relays: `hub/releases.json` in its data directory. Read beside
   * what the hub tells, where `hub` is set, and needed where it is not.
   */
  releases: path.optional(),
  /** The alert files of the cluster's client, the same. */
  alerts: z.array(path).max(16).default([]),
  /**
   * What the coordinator hears, by way of the hub, of what is done here: `names`: counts, and the names of pods whose quarantine waits
   * for an operator, or was decided within a day; `counts`; `nothing`. Receipts and the breaker are apart from it.
   */
  share: z.enum(['nothing', 'counts', 'names']).default('counts'),
  /** Encrypts evidence: 32 bytes as hexadecimal digits or base64. `data.key` in the data directory, made there, unless given. */
  dataKeyFile: path.optional(),
  /** The helpers of nodes, where they run: the pod stands still while its processes' state is taken and until it is isolated. */
  nodeHelper: helperAccess.optional(),
});

export type QuarantineConfig = z.infer<typeof quarantineConfig>;
