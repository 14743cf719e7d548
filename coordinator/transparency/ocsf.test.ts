import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import { ocsfEvent } from './ocsf.ts';

/** What OCSF 1.3.0 says of the classes that we use: their numbers, what they require, and which activities they have. */
const everyClass = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];
const classes = {
  3001: { category: 3, required: ['user'], activities: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99] },
  3004: { category: 3, required: ['entity'], activities: [0, 1, 2, 3, 4, 99] },
  6002: { category: 6, required: ['app'], activities: [0, 1, 2, 3, 4, 99] },
  6003: { category: 6, required: ['actor', 'api', 'src_endpoint'], activities: [0, 1, 2, 3, 4, 99] },
} as const;
/** Of objects: members that are required, and groups of which one is. */
const objects: Readonly<Record<string, Readonly<{ required?: readonly string[]; one?: readonly string[] }>>> = {
  metadata: { required: ['product', 'version'] },
  user: { one: ['account', 'name', 'uid'] },
  entity: { one: ['name', 'uid'] },
  app: { required: ['vendor_name'], one: ['name', 'uid'] },
  actor: { one: ['process', 'user', 'session', 'app_name', 'app_uid'] },
  api: { required: ['operation'] },
  src_endpoint: { one: ['ip', 'uid', 'name', 'hostname', 'svc_name'] },
};

type Fields = Readonly<Record<string, unknown>>;
type Numbers = Readonly<Record<'class_uid' | 'category_uid' | 'activity_id' | 'type_uid', number>>;
const actors: readonly Actor[] = [
  { kind: 'operator', name: 'ada', role: 'admin' },
  { kind: 'cluster', cluster: 'eu-west-1' as never },
  { kind: 'stranger', address: '192.0.2.7' },
  { kind: 'coordinator', part: 'round' },
];

const digest = `sha256:${'a'.repeat(64)}`;
/** One of each kind: whatever any of them may name. */
const fields = {
  track: 'syscall',
  cluster: 'eu-west-1',
  round: 'r-1',
  version: 3,
  digest,
  name: 'ada',
  role: 'operator',
  tokenId: 't-1',
  channel: 'stable',
  freezeId: 'f-1',
  reason: 'because',
  build: '1.2.3',
  manifest: { version: 3 },
  root: { digest },
  pins: { digest },
  timestamp: { digest },
  quarantined: true,
  what: 'update',
  code: 'SIGNATURE_INVALID',
  cause: 'not its key',
  alarm: true,
  repeats: 2,
  payloadDigest: null,
};
const kinds = (
  'trackCreated samplePut antibodyPut antibodyRevoked policySet headMoved roundScheduled roundStepped effectsDone standingsNoted ' +
  'roundKeyDestroyed inputKeysKept inputKeysDestroyed replayStarted roundReplayed tokenMinted tokenRevoked clusterEnrolled ' +
  'certificateRenewed clusterRejoined clusterRevoked quarantineSet classesApproved operatorAdded operatorRemoved ' +
  'releasePublished releaseImported releaseRetired releaseRestored channelMoved channelRemoved floorRaised releaseRevoked ' +
  'assignmentsSet rootPublished pinsProposed pinsPublished releaseSetSigned releaseAcknowledged shadowReported gateDecided ' +
  'gateOverrideAsked evidenceJournaled breakerReported coordinatorStarted freezeSet freezeLifted refused'
).split(' ');

const entryOf = (event: object, actor: Actor): JournalEntry => ({
  ...{ seq: 7, epoch: 1, atMs: 1_800_000_000_000, actor, chain: 'c'.repeat(64) },
  event: event as JournalEvent,
});
const eventOf = (kind: string, actor = actors[0] as Actor, more: object = {}) =>
  ocsfEvent(entryOf({ kind, ...fields, ...more }, actor)) as Fields & Numbers;

describe('an entry as an OCSF event', () => {
  it('has every attribute that its class requires, whatever happened and whoever did it', () => {
    for (const kind of kinds) {
      for (const actor of actors) {
        const event = eventOf(kind, actor);
        const rule = classes[event.class_uid as keyof typeof classes];
        expect([kind, rule !== undefined]).toEqual([kind, true]);
        expect([kind, event.category_uid]).toEqual([kind, rule.category]);
        expect(rule.activities).toContain(event.activity_id);
        expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
        for (const name of [...everyClass, ...rule.required])
          expect([kind, name, event[name] ?? null]).not.toContain(null);
        for (const [name, { required = [], one = [] }] of Object.entries(objects)) {
          const object = event[name] as Fields | undefined;
          if (object === undefined) continue;
          expect([kind, name, required.every((member) => object[member] !== undefined)]).toEqual([kind, name, true]);
          const some = one.length === 0 || one.some((member) => object[member] !== undefined);
          expect([kind, name, some]).toEqual([kind, name, true]);
        }
        expect(JSON.stringify(event)).not.toContain('undefined');
      }
    }
  });

  it('is of the class that a reader looks in: accounts, what is managed, starts, and calls that were refused', () => {
    expect(eventOf('operatorRemoved')).toMatchObject({ type_uid: 300106, user: { name: 'ada' } });
    expect(eventOf('quarantineSet')).toMatchObject({ type_uid: 300109, user: { name: 'eu-west-1', type_id: 4 } });
    expect(eventOf('quarantineSet', actors[0], { quarantined: false })).toMatchObject({ type_uid: 300102 });
    expect(eventOf('policySet')).toMatchObject({ type_uid: 300403, entity: { type: 'policy', uid: 'syscall' } });
    expect(eventOf('policySet')).toMatchObject({ comment: 'because', message: 'policySet: because', status_id: 1 });
    expect(eventOf('coordinatorStarted', actors[3])).toMatchObject({ type_uid: 600203, app: { version: '1.2.3' } });
    expect(eventOf('refused', actors[2])).toMatchObject({
      ...{ type_uid: 600301, status: 'Failure', status_code: 'SIGNATURE_INVALID', status_detail: 'not its key' },
      ...{ severity_id: 4, count: 3, src_endpoint: { ip: '192.0.2.7' }, api: { operation: 'update' } },
    });
    expect(eventOf('refused', actors[1], { alarm: false })).toMatchObject({ severity_id: 2 });
    expect(eventOf('trackCreated', actors[0], { spec: { tensors: 'x'.repeat(5_000) } })).toMatchObject({
      unmapped: { kind: 'trackCreated', track: 'syscall', truncated: true },
    });
  });
});
