import { z } from 'zod';
import { unsignedZero } from '../../base/text/number.ts';
import {
  apiClasses,
  endKinds,
  flowProtocols,
  type ObservedFlow,
  statusClasses,
  verdicts,
} from '../events/flow-record.ts';

const bytesMax = 4_096;
const text = z.string().max(512);
const amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER).transform(unsignedZero);
const port = z.int().min(0).max(65_537).transform(unsignedZero);
const end = z.strictObject({ kind: z.enum(endKinds), namespace: text, workload: text });

const flow = z.strictObject({
  atMs: amount,
  endMs: amount.optional(),
  node: text,
  id: text,
  source: end,
  destination: end,
  sourcePort: port,
  destinationPort: port,
  protocol: z.enum(flowProtocols),
  isReply: z.boolean().optional(),
  seenAt: z.enum(['client', 'server', 'unknown']),
  verdict: z.enum(verdicts),
  verdictReason: text.optional(),
  l7: z
    .strictObject({
      phase: z.enum(['request', 'response', 'exchange']),
      apiClass: z.enum(apiClasses),
      method: text,
      route: text,
      status: z.enum(statusClasses),
    })
    .optional(),
  count: amount,
  volume: z
    .strictObject({ bytesOut: amount, bytesIn: amount, packetsOut: amount, packetsIn: amount, durationMs: amount })
    .optional(),
});

/** A flow as a sensor has counted it; undefined for what is none. */
export function observedFlow(bytes: Uint8Array): ObservedFlow | undefined {
  if (bytes.length > bytesMax) return undefined;
  try {
    const parsed = flow.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    if (!parsed.success) return undefined;
    const { endMs, verdictReason, l7, isReply, volume, ...rest } = parsed.data;
    return {
      ...rest,
      isReply,
      l7,
      volume,
      ...(endMs === undefined ? {} : { endMs }),
      ...(verdictReason === undefined ? {} : { verdictReason }),
    };
  } catch {
    return undefined;
  }
}
