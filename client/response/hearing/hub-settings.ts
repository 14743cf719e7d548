import { z } from 'zod';
import { type Address, parseAddress } from '../../link/address.ts';

const path = z.string().min(1).max(4_096);
const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed.ok) return parsed.value;
  context.addIssue(parsed.fault.message);
  return z.NEVER;
});

/** The client that is this cluster's hub: alerts, running models and the signed set come from there. */
export const hubSettings = z.strictObject({
  /** Where the hub serves sensors, and this agent. */
  address,
  /** Where it admits them. */
  admissionAddress: address,
  /** PEM: the hub's authority. */
  authorityFile: path,
  /** The ServiceAccount token that is projected for the hub, or the token that hub and agent share; read at each use. */
  tokenFile: path.default('/var/run/secrets/testudo/token'),
  reconnectSecondsMax: z.number().min(0.01).max(3_600).default(30),
});

export type HubSettings = z.infer<typeof hubSettings>;
