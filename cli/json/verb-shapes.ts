/**
 * What `--json` prints, by verb: a message of the contract, one line for each where there may be several, with members that the
 * verb adds. `version` counts up where a member is taken away or means something else; new members come without.
 */
export type VerbShape = Readonly<{
  message: string;
  each?: true;
  adds?: Readonly<Record<string, 'string' | 'number' | 'boolean'>>;
  version: number;
}>;

export const verbShapes: Readonly<Record<string, VerbShape>> = {
  'antibodies list': { message: 'KnownAntibody', each: true, version: 1 },
  'audit list': { message: 'AuditEntry', each: true, version: 1 },
  'channels list': { message: 'ListChannelsResponse', version: 1 },
  'clusters list': { message: 'Cluster', each: true, version: 1 },
  'clusters reputation': { message: 'Reputation', each: true, version: 1 },
  'clusters show': { message: 'GetClusterResponse', version: 1 },
  freezes: { message: 'Freeze', each: true, version: 1 },
  'operators list': { message: 'OperatorInfo', each: true, version: 1 },
  'releases list': { message: 'Release', each: true, version: 1 },
  'rounds list': { message: 'RoundSummary', each: true, version: 1 },
  'rounds open': { message: 'OpenRoundResponse', adds: { track: 'string' }, version: 1 },
  'rounds plan': { message: 'PlannedRound', each: true, version: 1 },
  'rounds show': { message: 'GetRoundResponse', version: 1 },
  'tokens create': { message: 'CreateTokenResponse', version: 1 },
  'tokens list': { message: 'Token', each: true, version: 1 },
  'tracks progress': { message: 'GetProgressResponse', version: 1 },
  'tracks list': { message: 'Track', each: true, version: 1 },
};
