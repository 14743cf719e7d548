/**
 * What `--json` prints, by verb: a message of the contract, one line for each where there may be several, with members that the
 * verb adds. `version` counts up where a member is taken away or means something else; new members come without.
 */
export type VerbShape = Readonly<{
  /** Absent where nothing of it is a message's but the members. */
  message?: string;
  each?: true;
  adds?: Readonly<Record<string, AddedMember>>;
  version: number;
}>;

/**
 * `json`: what the message has as text, read. `of`: a message of the contract, there always, perhaps, or any number of times.
 * `perhaps`: a value or a message that an option brings along, null where there is none.
 */
export type AddedMember =
  | 'string'
  | 'strings'
  | 'number'
  | 'numbers'
  | 'boolean'
  | 'json'
  | Readonly<{ of: string; how: 'one' | 'optional' | 'list' }>
  | Readonly<{ perhaps: string }>;

const moved = { track: 'string', dryRun: 'boolean' } as const;
const quarantined = {
  message: 'SetQuarantineResponse',
  adds: { cluster: 'string', quarantined: 'boolean' },
  version: 1,
} as const;

export const verbShapes: Readonly<Record<string, VerbShape>> = {
  'antibodies put': { message: 'PutAntibodyResponse', adds: { track: 'string' }, version: 1 },
  'antibodies revoke': { message: 'RevokeAntibodyResponse', adds: { track: 'string', digest: 'string' }, version: 1 },
  'antibodies list': { message: 'KnownAntibody', each: true, version: 1 },
  'audit follow': { message: 'AuditEntry', each: true, version: 1 },
  'audit list': { message: 'AuditEntry', each: true, version: 1 },
  'channels assign': { message: 'ReleaseChange', adds: { ...moved, channel: 'string', whom: 'string' }, version: 1 },
  'channels remove': { message: 'ReleaseChange', adds: { ...moved, channel: 'string' }, version: 1 },
  'channels set': { message: 'ReleaseChange', adds: { ...moved, channel: 'string', version: 'number' }, version: 1 },
  'channels unassign': { message: 'ReleaseChange', adds: { ...moved, whom: 'string' }, version: 1 },
  'channels list': { message: 'ListChannelsResponse', version: 1 },
  'clusters approve': {
    message: 'SetApprovedClassesResponse',
    adds: { cluster: 'string', classes: 'strings' },
    version: 1,
  },
  'clusters label': { message: 'SetLabelsResponse', adds: { cluster: 'string' }, version: 1 },
  'clusters quarantine': quarantined,
  'clusters release': quarantined,
  'clusters revoke': { message: 'RevokeClusterResponse', adds: { cluster: 'string' }, version: 1 },
  'clusters list': { message: 'Cluster', each: true, version: 1 },
  'clusters reputation': { message: 'Reputation', each: true, version: 1 },
  'clusters show': { message: 'GetClusterResponse', version: 1 },
  freeze: {
    message: 'SetFreezeResponse',
    // As it was asked for: 0 begins now.
    adds: { tracks: 'strings', fromMs: 'number', untilMs: 'number', dryRun: 'boolean' },
    version: 1,
  },
  unfreeze: { message: 'LiftFreezeResponse', adds: { dryRun: 'boolean' }, version: 1 },
  freezes: { message: 'Freeze', each: true, version: 1 },
  'gate override': {
    message: 'ReleaseChange',
    adds: {
      ...moved,
      version: 'number',
      decided: 'boolean',
      approvals: { of: 'GateApproval', how: 'list' },
      approvalsNeeded: 'number',
    },
    version: 1,
  },
  'gate show': { message: 'GetGateResponse', version: 1 },
  'operators remove': { message: 'RemoveOperatorResponse', adds: { name: 'string' }, version: 1 },
  'operators list': { message: 'OperatorInfo', each: true, version: 1 },
  'doors revoke': { message: 'RevokeDoorResponse', adds: { name: 'string' }, version: 1 },
  'doors list': { message: 'DoorInfo', each: true, version: 1 },
  promote: { message: 'ReleaseChange', adds: { ...moved, channel: 'string', version: 'number' }, version: 1 },
  'releases list': { message: 'Release', each: true, version: 1 },
  'releases import': { message: 'ReleaseChange', adds: { ...moved, version: 'number' }, version: 1 },
  'releases revoke': {
    message: 'ReleaseChange',
    adds: { ...moved, version: 'number', descendants: 'numbers' },
    version: 1,
  },
  'releases show': { message: 'GetReleaseResponse', adds: { manifestJson: 'json' }, version: 1 },
  rollback: {
    message: 'ReleaseChange',
    adds: { ...moved, version: 'number', head: { of: 'MoveHeadResponse', how: 'optional' } },
    version: 1,
  },
  'root publish': { message: 'ReleaseChange', adds: { dryRun: 'boolean', version: 'number' }, version: 1 },
  'rounds cancel': { message: 'CancelRoundResponse', adds: { track: 'string', round: 'string' }, version: 1 },
  'rounds replay': { message: 'ReplayRoundResponse', version: 1 },
  'rounds list': { message: 'RoundSummary', each: true, version: 1 },
  'rounds open': {
    message: 'OpenRoundResponse',
    adds: {
      track: 'string',
      // With --wait, once it has ended.
      phase: { perhaps: 'string' },
      abandonedBecause: { perhaps: 'string' },
      why: { perhaps: 'string' },
      acceptedCount: { perhaps: 'integer' },
      candidate: { perhaps: 'ModelRef' },
    },
    version: 1,
  },
  'rounds plan': {
    message: 'PlannedRound',
    each: true,
    // One line with `opens: false`, and 0 as its time, for a track of which no round opens in that time.
    adds: { opens: 'boolean', now: { of: 'TrackReadiness', how: 'optional' } },
    version: 2,
  },
  'rounds show': { message: 'GetRoundResponse', version: 1 },
  simulate: { message: 'SimulateAttacksResponse', version: 1 },
  'tokens revoke': { message: 'RevokeTokenResponse', adds: { tokenId: 'string' }, version: 1 },
  'tokens create': { message: 'CreateTokenResponse', version: 1 },
  'tokens list': { message: 'Token', each: true, version: 1 },
  'tracks progress': { message: 'GetProgressResponse', version: 1 },
  'tracks head': { message: 'MoveHeadResponse', adds: { track: 'string', dryRun: 'boolean' }, version: 1 },
  'tracks models': { message: 'Release', each: true, version: 1 },
  'tracks put': { message: 'PutTrackResponse', adds: { track: 'string' }, version: 1 },
  'tracks sample show': { adds: { track: 'string', sample: { of: 'TrackSample', how: 'one' } }, version: 1 },
  'tracks sample put': { message: 'PutSampleResponse', adds: { track: 'string' }, version: 1 },
  'tracks list': { message: 'Track', each: true, version: 1 },
};
