import type { LegalityFaultCode, ReleaseFaultCode } from '../../proto/release/faults.ts';

const notOurs =
  'what came is not what this federation signs: ask whoever runs the coordinator, by another way than this connection';
const fetchedAgain =
  'it is fetched again by itself; where that goes on, `testudo coordinator verify` says which bytes the coordinator has lost';
const says = '`testudo channels list` and `testudo pins list` say what it shall run, `testudo promote` changes it';

/** What to do about what a release agent refuses, for whoever sits at its machine. The last good model goes on meanwhile. */
const remedies: Readonly<Record<ReleaseFaultCode | LegalityFaultCode, string>> = {
  METADATA_TOO_LARGE: notOurs,
  METADATA_INVALID: `a newer build may have signed it: upgrade this client; else ${notOurs}`,
  METADATA_UNDERSIGNED: notOurs,
  METADATA_EXPIRED:
    "look at this machine's clock; where it is right, the coordinator has not signed since (is it running?), or somebody withholds what it signs",
  METADATA_ROLLED_BACK:
    'where the coordinator was restored from a backup, docs/operations.md ("Lose the coordinator") says how to go on; else somebody shows old ones',
  METADATA_EQUIVOCATED: notOurs,
  METADATA_MISMATCHED: `it is asked for again by itself; where that goes on, ${notOurs}`,
  ROOT_SKIPPED: 'the missing roots are asked for by themselves; a client that begins anew needs `agent.trustAnchor`',
  FLOOR_LOWERED:
    'where the coordinator was restored from a backup, docs/operations.md ("Lose the coordinator") says how to go on; else somebody rolls back',
  MANIFEST_INVALID: `a newer build may have made it: upgrade this client; else ${fetchedAgain}`,
  FILE_UNLISTED: fetchedAgain,
  FILE_MISSING: fetchedAgain,
  FILE_LENGTH: fetchedAgain,
  FILE_DIGEST: fetchedAgain,
  TRUST_INVALID: 'docs/client.md ("The release agent") says how to go on',
  TRACK_UNKNOWN: says,
  VERSION_UNKNOWN: says,
  VERSION_REVOKED: says,
  VERSION_BELOW_FLOOR: says,
  PIN_EXPIRED: says,
  NO_LEGAL_VERSION: says,
};

/** Empty for a code whose message says all of it. */
export function remedyOf(code: string): string {
  return Object.hasOwn(remedies, code) ? remedies[code as keyof typeof remedies] : '';
}
