import type { OcsfKind, OcsfName, OcsfSeverity } from '../../base/delivery/formats/ocsf-head.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';

/** Where an entry belongs in the schema, and the attributes that its class wants beside everybody's. */
type Classified = Readonly<{
  kind: OcsfKind;
  attributes: object;
  failed: boolean;
  severity: OcsfSeverity;
}>;

type Kind = JournalEvent['kind'];
type Of<K extends Kind> = Extract<JournalEvent, { kind: K }>;

const entityActivities = { Create: 1, Read: 2, Update: 3, Delete: 4 } as const;
const accountActivities = {
  Create: 1,
  Enable: 2,
  Disable: 5,
  Delete: 6,
  'Attach Policy': 7,
  Lock: 9,
  Other: 99,
} as const;

/** Rows of the table below: what happened to what. */
type Row<K extends Kind> =
  | Readonly<{
      entity: string;
      activity: keyof typeof entityActivities;
      uid: (event: Of<K>) => string;
      severity?: OcsfSeverity;
    }>
  | Readonly<{
      account: (event: Of<K>) => Readonly<{ name: string; type_id: number; type?: string }>;
      activity: keyof typeof accountActivities | ((event: Of<K>) => keyof typeof accountActivities);
      severity?: OcsfSeverity;
    }>
  | Readonly<{
      call: (event: Of<K>) => string;
      activity: keyof typeof entityActivities;
      resource?: (event: Of<K>) => string;
    }>
  | Readonly<{ lifecycle: 'Start' }>;

const version = ({ track, version }: Readonly<{ track: string; version: number }>) => `${track}@${version}`;
const roundOf = ({ track, round }: Readonly<{ track: string; round: string }>) => `${track}/${round}`;
const trackOf = ({ track }: Readonly<{ track: string }>) => track;
const cluster = ({ cluster }: Readonly<{ cluster: string }>) => ({ name: cluster, type_id: 4, type: 'Service' });
const operator = ({ name }: Readonly<{ name: string }>) => ({ name, type_id: 1 });
const released = ({ track, manifest }: Of<'releasePublished'> | Of<'releaseImported'>) =>
  `${track}@${manifest.version}`;

/** A new kind of entry does not compile before it has its row. */
const rows: Readonly<{ [K in Kind]: Row<K> }> = {
  trackCreated: { entity: 'track', activity: 'Create', uid: trackOf },
  samplePut: { entity: 'trusted sample', activity: 'Create', uid: version },
  antibodyPut: { entity: 'antibody', activity: 'Create', uid: ({ digest }) => digest },
  antibodyRevoked: { entity: 'antibody', activity: 'Delete', uid: ({ digest }) => digest },
  policySet: { entity: 'policy', activity: 'Update', uid: trackOf, severity: 'low' },
  headMoved: { entity: 'track', activity: 'Update', uid: version, severity: 'low' },
  roundScheduled: { entity: 'round', activity: 'Create', uid: roundOf },
  roundStepped: { entity: 'round', activity: 'Update', uid: roundOf },
  effectsDone: { entity: 'round', activity: 'Update', uid: roundOf },
  standingsNoted: { entity: 'round', activity: 'Update', uid: roundOf },
  roundKeyDestroyed: { entity: 'round key', activity: 'Delete', uid: roundOf },
  inputKeysKept: { entity: 'input keys', activity: 'Create', uid: roundOf },
  inputKeysDestroyed: { entity: 'input keys', activity: 'Delete', uid: roundOf },
  replayStarted: { entity: 'round', activity: 'Read', uid: roundOf, severity: 'low' },
  roundReplayed: { entity: 'round', activity: 'Read', uid: roundOf },
  tokenMinted: { entity: 'join token', activity: 'Create', uid: ({ tokenId }) => tokenId, severity: 'low' },
  tokenRevoked: { entity: 'join token', activity: 'Delete', uid: ({ tokenId }) => tokenId },
  clusterEnrolled: { account: cluster, activity: 'Create', severity: 'low' },
  certificateRenewed: { account: cluster, activity: 'Other' },
  clusterRejoined: { account: cluster, activity: 'Enable', severity: 'low' },
  clusterRevoked: { account: cluster, activity: 'Disable', severity: 'low' },
  quarantineSet: {
    account: cluster,
    activity: ({ quarantined }) => (quarantined ? 'Lock' : 'Enable'),
    severity: 'low',
  },
  classesApproved: { account: cluster, activity: 'Attach Policy', severity: 'low' },
  labelsSet: { account: cluster, activity: 'Attach Policy', severity: 'low' },
  operatorAdded: {
    account: ({ name, role }) => ({ name, type_id: role === 'admin' ? 2 : 1 }),
    activity: 'Create',
    severity: 'low',
  },
  operatorRemoved: { account: operator, activity: 'Delete', severity: 'low' },
  doorAdded: { account: operator, activity: 'Create', severity: 'low' },
  doorRenewed: { account: operator, activity: 'Other' },
  doorRevoked: { account: operator, activity: 'Disable', severity: 'low' },
  releasePublished: { entity: 'release', activity: 'Create', uid: released },
  releaseImported: { entity: 'release', activity: 'Create', uid: released, severity: 'low' },
  releaseRetired: { entity: 'release', activity: 'Delete', uid: version },
  releaseRestored: { entity: 'release', activity: 'Create', uid: version },
  channelMoved: {
    entity: 'channel',
    activity: 'Update',
    uid: ({ track, channel }) => `${track}/${channel}`,
    severity: 'low',
  },
  channelRemoved: { entity: 'channel', activity: 'Delete', uid: ({ track, channel }) => `${track}/${channel}` },
  floorRaised: { entity: 'version floor', activity: 'Update', uid: trackOf },
  releaseRevoked: { entity: 'release', activity: 'Delete', uid: version, severity: 'low' },
  assignmentsSet: { entity: 'channel assignments', activity: 'Update', uid: () => 'assignments', severity: 'low' },
  rootPublished: { entity: 'release root', activity: 'Update', uid: ({ root }) => root.digest, severity: 'low' },
  pinsProposed: { entity: 'pins', activity: 'Create', uid: ({ pins }) => pins.digest, severity: 'low' },
  pinsPublished: { entity: 'pins', activity: 'Update', uid: ({ pins }) => pins.digest, severity: 'low' },
  releaseSetSigned: { entity: 'release metadata', activity: 'Update', uid: ({ timestamp }) => timestamp.digest },
  releaseAcknowledged: { call: () => 'AcknowledgeRelease', activity: 'Create', resource: version },
  shadowReported: { call: () => 'ReportShadow', activity: 'Create', resource: version },
  gateDecided: { entity: 'release', activity: 'Update', uid: version, severity: 'low' },
  gateOverrideAsked: { entity: 'release', activity: 'Update', uid: version, severity: 'low' },
  evidenceJournaled: { call: () => 'JournalEvidence', activity: 'Create', resource: ({ digest }) => digest },
  breakerReported: { call: () => 'ReportBreaker', activity: 'Create', resource: version },
  coordinatorStarted: { lifecycle: 'Start' },
  freezeSet: { entity: 'freeze', activity: 'Create', uid: ({ freezeId }) => freezeId, severity: 'low' },
  freezeLifted: { entity: 'freeze', activity: 'Delete', uid: ({ freezeId }) => freezeId, severity: 'low' },
  refused: { call: ({ what }) => what, activity: 'Create' },
};

/** Every kind of entry that a journal may hold. */
export const entryKinds = Object.keys(rows);

const iam = { uid: 3, name: 'Identity & Access Management' } as const;
const application = { uid: 6, name: 'Application Activity' } as const;

export function classify(event: JournalEvent, actor: Actor): Classified {
  const row = rows[event.kind] as Row<Kind>;
  if ('entity' in row) {
    const entity = { type: row.entity, uid: row.uid(event as never), name: row.entity };
    const comment = 'reason' in event && event.reason ? { comment: event.reason } : {};
    const activity = { uid: entityActivities[row.activity], name: row.activity };
    return classified(iam, { uid: 3004, name: 'Entity Management' }, activity, {
      attributes: { entity, ...comment },
      severity: row.severity,
    });
  }
  if ('account' in row) {
    const name = typeof row.activity === 'function' ? row.activity(event as never) : row.activity;
    return classified(
      iam,
      { uid: 3001, name: 'Account Change' },
      { uid: accountActivities[name], name },
      {
        attributes: { user: row.account(event as never) },
        severity: row.severity,
      },
    );
  }
  if ('lifecycle' in row) {
    const app = {
      name: 'testudo coordinator',
      vendor_name: 'Testudo',
      version: event.kind === 'coordinatorStarted' ? event.build : '',
    };
    const lifecycle = { uid: 6002, name: 'Application Lifecycle' };
    return classified(application, lifecycle, { uid: 3, name: 'Start' }, { attributes: { app } });
  }
  const resource = event.kind === 'refused' ? nameOfRefused(event) : row.resource?.(event as never);
  const refused =
    event.kind === 'refused' ? { status_code: event.code, status_detail: event.cause, count: event.repeats + 1 } : {};
  const activity = { uid: entityActivities[row.activity], name: row.activity };
  return classified(application, { uid: 6003, name: 'API Activity' }, activity, {
    attributes: {
      api: { operation: row.call(event as never), service: { name: 'testudo coordinator' } },
      src_endpoint: endpointOf(actor),
      ...(resource === undefined ? {} : { resources: [{ name: resource }] }),
      ...refused,
    },
    failed: event.kind === 'refused',
    severity: event.kind === 'refused' ? (event.alarm ? 'high' : 'low') : undefined,
  });
}

function classified(
  category: OcsfName,
  ofClass: OcsfName,
  activity: OcsfName,
  rest: Readonly<{ attributes: object; failed?: boolean; severity?: OcsfSeverity | undefined }>,
): Classified {
  const { attributes, failed = false, severity = 'informational' } = rest;
  return { kind: { category, class: ofClass, activity }, attributes, failed, severity };
}

function nameOfRefused({ track, round, cluster: name }: Of<'refused'>): string | undefined {
  const parts = [track, round, name].filter((part) => part !== null);
  return parts.length === 0 ? undefined : parts.join('/');
}

/** A stranger's address, or the name in the caller's certificate. */
function endpointOf(actor: Actor): object {
  switch (actor.kind) {
    case 'stranger':
      return { ip: actor.address };
    case 'cluster':
      return { name: actor.cluster };
    case 'door':
    case 'operator':
      return { name: actor.name };
    case 'coordinator':
      return { svc_name: 'testudo coordinator' };
  }
}
