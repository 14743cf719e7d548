import { z } from 'zod';
import { postureRules } from '../../../client/posture/rules.ts';
import { count, fault, ms, type OwnShapes } from '../own-shape.ts';

const when = z.iso.datetime();
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);

const recordHead = z.strictObject({
  sequence: z.int().min(1),
  previous: digest.nullable().describe('of the record before it; null for the first'),
  atMs: ms,
  kind: z.enum(['quarantine', 'outcome', 'drill']),
  cluster: z.string(),
  subject: z.strictObject({ namespace: z.string(), pod: z.string(), uid: z.string() }),
  alerts: z.array(z.string()).describe('ids of the alerts behind it'),
  sealed: z.strictObject({ digest, bytes: count }),
});

const check = z.strictObject({
  what: z.string(),
  expected: z.string(),
  happened: z.string(),
  verdict: z.enum(['as expected', 'NOT as expected', 'not measured']),
  remedy: z.string().optional(),
});

const order = z.strictObject({
  kind: z.enum(['approve', 'decline', 'lift', 'resume']),
  uid: z.string().describe("the pod's; empty for resume"),
  by: z.string(),
  reason: z.string(),
  atMs: ms,
});

const ofPod = { uid: z.string(), namespace: z.string(), pod: z.string() };
const quarantinePage = z.strictObject({
  cluster: z.string(),
  leads: z.boolean().describe('false: another agent knows of pods, and this one follows no order'),
  leader: z.string().nullable().describe('as the lease said last; null where nobody leads, or nobody knows'),
  isBlind: z.boolean().describe('not all of the cluster is seen just now: what is missing here may be there'),
  orders: count.describe("that lie in this agent's folder"),
  cap: z.string().describe('the most that this cluster allows: observe, ask or enforce'),
  policy: z.union([z.strictObject({ untilMs: ms }), z.looseObject(fault.shape)]),
  alerts: count.describe('kept in mind, of all pods'),
  hubAway: z.looseObject(fault.shape).nullable(),
  breaker: z.looseObject({ atMs: ms, why: z.string() }).nullable().describe('null while it is closed'),
  spent: count.describe('quarantines begun in the last day'),
  suspects: z.array(
    z.looseObject({
      ...ofPod,
      ...{ risk: z.number(), alerts: count, state: z.string(), because: z.string() },
      asks: z
        .looseObject({
          action: z.enum(['isolate', 'evict']),
          keepForMs: count,
          untilMs: ms,
          tracks: z.array(z.string()),
        })
        .optional()
        .describe('where it waits: what an operator is asked for, and until when its alerts are enough'),
    }),
  ),
  quarantined: z.array(z.looseObject({ ...ofPod, verdict: z.string().nullable().describe('null: not judged yet') })),
});

export const responseShapes: OwnShapes = {
  'drill list': {
    shape: z.strictObject({
      name: z.string(),
      asks: z.string(),
      does: z.string(),
      expects: z.string(),
      needs: z.string(),
      undoes: z.string(),
      isHarmless: z.boolean().describe('touches nothing but what it made itself'),
    }),
    each: true,
    version: 1,
  },
  'drill run': { shape: check, each: true, version: 1 },
  'drill schedule': {
    shape: z.strictObject({
      at: when,
      drill: z.string(),
      outcome: z.enum(['found', 'missed', 'not measurable']),
      because: z.string(),
    }),
    each: true,
    version: 1,
  },
  'drill report': {
    shape: z.strictObject({
      drill: z.string(),
      from: z.string().describe('first day of the span, UTC; empty for all of time'),
      found: count,
      missed: count,
      blind: count.describe('not measurable'),
      share: z.number().nullable().describe('found of what was measured; null where nothing was'),
      interval: z.tuple([z.number(), z.number()]).nullable().describe('of 95 % (Wilson)'),
    }),
    each: true,
    version: 1,
  },
  'evidence list': { shape: recordHead.extend({ digest }), each: true, version: 1 },
  'evidence show': {
    shape: z.strictObject({
      head: recordHead,
      digest,
      publicKey: hex,
      signature: hex,
      content: z.unknown().describe('what was sealed, by kind of record'),
    }),
    version: 1,
  },
  'evidence verify': {
    shape: z.strictObject({
      records: count,
      problems: z.array(z.strictObject({ file: z.string(), message: z.string() })),
      signer: hex.nullable().describe('Ed25519; null where there are no records'),
      last: digest.nullable(),
      receipted: count.describe("records up to this one stand in the coordinator's journal"),
      journaledAt: count
        .nullable()
        .describe('where their end stands there; null where nothing outside speaks for them'),
    }),
    version: 1,
  },
  'evidence export': { shape: z.strictObject({ record: z.int().min(1), file: z.string() }), version: 1 },
  posture: {
    shape: z.strictObject({
      code: z.enum(Object.keys(postureRules) as [string, ...string[]]),
      namespace: z.string(),
      workload: z.string(),
      detail: z.string().describe('of which container, path or capability; empty for the pod as a whole'),
      pods: z.int().min(1),
      weight: z
        .int()
        .min(1)
        .max(3)
        .describe('3: to the node, 2: to what the pod should not reach, 1: makes life easier'),
      what: z.string(),
      fix: z.string(),
    }),
    each: true,
    version: 1,
  },
  'quarantine list': { shape: quarantinePage, version: 1 },
  'quarantine approve': { shape: order, version: 1 },
  'quarantine decline': { shape: order, version: 1 },
  'quarantine lift': { shape: order, version: 1 },
  'quarantine resume': { shape: order, version: 1 },
};
