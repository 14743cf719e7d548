import type { Result } from '../../../base/fault.ts';
import type { QuarantineProposal, QuarantineStanding } from '../../../proto/generated/testudo/v1/responses.ts';
import type { ResponsePolicy } from '../../../proto/response-policy.ts';
import type { Isolation } from './isolation.ts';
import type { NoPolicy } from './policy-feed.ts';
import type { Proposal } from './proposals.ts';
import type { Seen } from './seen.ts';

/** For metrics, and for the coordinator: closed sets alone. */
export type QuarantineCounts = Readonly<{
  suspects: Readonly<Record<'quiet' | 'waits' | 'held' | 'begun', number>>;
  quarantined: Readonly<Record<'isolated' | 'partly' | 'not enforced here' | 'unknown', number>>;
  isBreakerOpen: boolean;
}>;

export function countsOf(
  { suspects: all, quarantined: kept }: Seen,
  verdictOf: (uid: string) => Isolation['verdict'] | undefined,
  isBreakerOpen: boolean,
): QuarantineCounts {
  const suspects = { quiet: 0, waits: 0, held: 0, begun: 0 };
  for (const { state } of all) suspects[state] += 1;
  const quarantined = { isolated: 0, partly: 0, 'not enforced here': 0, unknown: 0 };
  for (const { pod } of kept) quarantined[verdictOf(pod.uid) ?? 'unknown'] += 1;
  return { suspects, quarantined, isBreakerOpen };
}

/** What the coordinator hears. Of proposals nothing, unless the cluster shares names. */
export function standingMessage({
  counts: { suspects, quarantined },
  spent,
  cap,
  policy,
  proposals,
}: Readonly<{
  counts: QuarantineCounts;
  spent: number;
  cap: string;
  policy: Result<ResponsePolicy, NoPolicy>;
  /** undefined where names stay in the cluster. */
  proposals: readonly Proposal[] | undefined;
}>): QuarantineStanding {
  return {
    ...{ quietCount: suspects.quiet, waitsCount: suspects.waits, heldCount: suspects.held },
    ...{ begunCount: suspects.begun, isolatedCount: quarantined.isolated, partlyCount: quarantined.partly },
    ...{ unenforcedCount: quarantined['not enforced here'], unjudgedCount: quarantined.unknown, spentCount: spent },
    ...{ cap, policyFault: policy.ok ? '' : policy.fault.code },
    policyUntilMs: whole(policy.ok ? policy.value.expiresAtMs : 0),
    sharesNames: proposals !== undefined,
    proposals: (proposals ?? []).map(proposalMessage),
  };
}

function proposalMessage({ alerts, decided, ...proposal }: Proposal): QuarantineProposal {
  const { uid, namespace, pod, workload, action, tracks } = proposal;
  return {
    ...{ uid, namespace, pod, workload, action, tracks: tracks.slice(0, tracksMax), alertCount: alerts },
    risk: Math.round(proposal.risk * 10) / 10, // It fades with every second: that alone is no news.
    keepForMs: whole(proposal.keepForMs),
    sinceMs: whole(proposal.sinceMs),
    untilMs: whole(proposal.untilMs),
    outcome: decided?.outcome ?? '',
    decidedAtMs: whole(decided?.atMs ?? 0),
    decidedBy: decided?.by ?? '',
    reason: decided?.reason ?? '',
  };
}

const tracksMax = 16;
const whole = (ms: number) => BigInt(Math.round(ms));
