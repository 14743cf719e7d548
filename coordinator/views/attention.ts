import type { EpochMs } from '../../base/time.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { Pin } from '../../proto/release/documents/catalogue.ts';
import type { ReleaseFaultCode } from '../../proto/release/faults.ts';
import type { State, Track } from '../ledger/state/state.ts';
import { openBreakers } from '../registry/decide/at-the-gate.ts';
import { breakersMaxOf, type GateView as RegistryGate } from '../registry/decide/gate.ts';
import { expiringSoon } from '../registry/signing/expiry-watch.ts';
import { rulesOf } from '../round/policy.ts';
import type { Standing } from '../round/standing.ts';
import { driftOf } from './records/drift.ts';
import { scoreLow, streakLow } from './records/suggestion.ts';
import { type ClusterStateView, ofTheWholeSet, type StatusView, type TrackStatusView } from './status.ts';

export type Severity = 'notice' | 'warning' | 'critical';

/** Kinds of matters; docs/operations.md has them as a table, with what helps. */
export const attentionCodes = [
  'DISK_FULL',
  'REDIS_AWAY',
  'NO_WORKER',
  'ROOT_EXPIRES',
  'PINS_EXPIRE',
  'PINS_WAIT',
  'PIN_PASSED_OVER',
  'OPERATOR_EXPIRES',
  'FROZEN',
  'CLUSTER_AWAY',
  'CLUSTER_QUARANTINED',
  'QUARANTINE_WAITS',
  'CERTIFICATE_ENDS',
  'RELEASE_REFUSED',
  'RELEASE_BEHIND',
  'RELEASE_UNKNOWN',
  'EXCLUDED_OFTEN',
  'EXCLUDED_STREAK',
  'CLUSTER_DRIFTS',
  'ROUND_ABANDONED',
  'TOO_FEW_CLUSTERS',
  'GATE_HELD',
  'GATE_WAITS',
  'CANARY_WAITS',
  'BREAKER_OPEN',
  'ALERT_WAVE',
] as const;

export type AttentionCode = (typeof attentionCodes)[number];

/** One matter that somebody should look at: a sentence, with what helps. */
export type Attention = Readonly<{
  severity: Severity;
  code: AttentionCode;
  /** Empty for none. */
  track: string;
  cluster: string;
  /** What tells it apart from others of its code, track and cluster: an operator's name, a version, a family. Empty for none. */
  about: string;
  text: string;
  /** When it began or comes; null where no time belongs to it. */
  atMs: EpochMs | null;
}>;

/** What the state does not know. */
export type Surroundings = Readonly<{
  nowMs: EpochMs;
  freeBytes: number;
  /** Workers that take aggregations; null while Redis does not answer, undefined without Redis. */
  workers: number | null | undefined;
  gate: (track: TrackId, version: number) => RegistryGate | undefined;
  /** How long before their end root, pins and operators' certificates are worth a word. */
  warnWithinMs: number;
}>;

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** An agent follows its channel within seconds; who is behind for so long does not get there by itself. */
const behindMs = 15 * minuteMs;
/** Certificates of clusters last a day by default and are renewed long before: one with so little left is not renewed. */
const certificateLeftMs = 4 * 60 * minuteMs;
const operatorLeftMs = 7 * dayMs;
/** Two may share a tool that both test with. */
const waveClusters = 3;
/** Waves that are matters of their own. Names are clusters' own words: what three of them make up must not bury everything else. */
const wavesMax = 16;

const order: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, notice: 2 };

/** Everything that somebody should look at, worst first. Pure. */
export function attentionOf(state: State, view: StatusView, around: Surroundings): readonly Attention[] {
  const found = [
    ...ofCoordinator(around),
    ...ofPeople(state, around),
    ...view.tracks.flatMap((track) => ofTrack(state, track, around)),
    ...view.clusters.flatMap((cluster) => ofCluster(state, cluster, around)),
    ...pinsPassedOver(view),
    ...wavesIn(view),
  ];
  return found.sort((a, b) => order[a.severity] - order[b.severity]); // Stable: else in the order in which they were found.
}

function about(
  severity: Severity,
  code: AttentionCode,
  text: string,
  more: Partial<Pick<Attention, 'track' | 'cluster' | 'about' | 'atMs'>> = {},
): Attention {
  return { severity, code, text, track: '', cluster: '', about: '', atMs: null, ...more };
}

function ofCoordinator({ freeBytes, workers }: Surroundings): Attention[] {
  const found: Attention[] = [];
  if (freeBytes === 0) {
    found.push(
      about('critical', 'DISK_FULL', 'no update is taken: free space in the data directory, beside the reserve'),
    );
  }
  if (workers === null) {
    found.push(
      about('warning', 'REDIS_AWAY', 'Redis does not answer: rounds go by the coordinator alone until it does'),
    );
  }
  if (workers === 0) {
    found.push(about('warning', 'NO_WORKER', 'no worker takes aggregations: start `testudo worker`, or they run here'));
  }
  return found;
}

function ofPeople({ metadata, operators, freezes }: State, { nowMs, warnWithinMs }: Surroundings): Attention[] {
  const expiring = expiringSoon(metadata, nowMs, warnWithinMs).map(({ role, version, expiresAtMs }) => {
    const code = role === 'root' ? 'ROOT_EXPIRES' : 'PINS_EXPIRE';
    const verb = role === 'root' ? '`testudo root rotate`, `root sign` and `root publish`' : '`testudo pins renew`';
    const ended = expiresAtMs <= nowMs;
    const text = `${role} ${version} ${ended ? 'has expired, and agents install nothing new' : 'expires'}: ${verb}`;
    return about(ended ? 'critical' : 'warning', code, text, { about: role, atMs: expiresAtMs });
  });
  const pending = metadata.pendingPins;
  const waiting =
    pending === null
      ? []
      : [about('warning', 'PINS_WAIT', `pins ${pending.version} wait for another signature: \`testudo pins sign\``)];
  const ending = [...operators.values()]
    .filter(({ removed, certificateExpiresAtMs: endMs }) => !removed && endMs > nowMs && endMs - nowMs < operatorLeftMs)
    .map(({ name, certificateExpiresAtMs: atMs }) =>
      about('notice', 'OPERATOR_EXPIRES', `the certificate of operator ${name} ends: \`testudo operators renew\``, {
        about: name,
        atMs,
      }),
    );
  const frozen = [...freezes.values()]
    .filter(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs)
    .map(({ freezeId, tracks, reason, untilMs: atMs }) => {
      const which = tracks === 'all' ? 'every track' : tracks.join(', ');
      return about('notice', 'FROZEN', `${which} stands still (${reason}): \`testudo freezes\``, {
        about: freezeId,
        atMs,
      });
    });
  return [...expiring, ...waiting, ...ending, ...frozen];
}

function ofTrack(state: State, view: TrackStatusView, { gate }: Surroundings): Attention[] {
  const { track, lastRound, lastAbandonedBecause, lastEndedAtMs: atMs, eligibleCount, canary } = view;
  const known = state.tracks.get(track);
  if (known === undefined) return [];
  const found: Attention[] = [];
  if (lastAbandonedBecause !== null) {
    const text = `${lastRound} gave no model (${lastAbandonedBecause}): \`testudo rounds show ${track} ${lastRound}\``;
    found.push(about('warning', 'ROUND_ABANDONED', text, { track, atMs }));
  }
  const needed = rulesOf(known.policy).updatesMin;
  if (eligibleCount < needed) {
    const text = `a round needs ${needed} clusters and ${eligibleCount} are connected: it would be abandoned`;
    found.push(about('critical', 'TOO_FEW_CLUSTERS', text, { track }));
  }
  const standing = canary === null || canary === view.stable ? undefined : gate(track, canary);
  if (standing?.state.decision?.decision === 'hold') {
    const [why = 'no reason was kept'] = standing.state.decision.reasons;
    const text = `version ${canary} is held (${why}): \`testudo gate show ${track}\`, then promote or reject it`;
    found.push(about('critical', 'GATE_HELD', text, { track, atMs: standing.state.decision.atMs }));
  } else if (standing !== undefined && standing.state.decision === null && standing.state.approvals.length > 0) {
    const text = `version ${canary} has ${standing.state.approvals.length} of ${standing.approvalsNeeded} approvals: \`testudo gate override\``;
    found.push(about('critical', 'GATE_WAITS', text, { track }));
  }
  if (canary !== null && canary > (view.stable ?? -1) && known.policy.gate === undefined) {
    const text = `version ${canary} is in canary and this track has no gate: it waits until somebody promotes it, \`testudo promote ${track}\``;
    found.push(about('notice', 'CANARY_WAITS', text, { track, about: String(canary) }));
  }
  found.push(...breakersOf(state, known));
  return found;
}

/** Versions that made so many alerts that clusters stopped acting on them. */
function breakersOf(state: State, known: Track): Attention[] {
  const { track, policy, releasing } = known;
  const max = breakersMaxOf(policy.gate, policy.aggregation.f);
  return Object.keys(releasing.breakers).flatMap((name) => {
    const version = Number(name);
    const open = openBreakers(state, known, version);
    if (open.length === 0) return [];
    const text =
      `version ${version} made so many alerts in ${open.length} cluster(s) that they act on none: ` +
      `\`testudo releases show ${track}@${version}\`, then roll it back, or let each cluster \`testudo quarantine resume\``;
    const severity = open.length > max ? 'critical' : 'warning';
    return [
      about(severity, 'BREAKER_OPEN', text, {
        track,
        about: name,
        atMs: Math.min(...open.map((one) => one.reportedAtMs)),
      }),
    ];
  });
}

function ofCluster(state: State, view: ClusterStateView, { nowMs }: Surroundings): Attention[] {
  const { cluster, connected, quarantined, certificateExpiresAtMs: atMs } = view;
  const found: Attention[] = [];
  if (atMs - nowMs < certificateLeftMs) {
    const ended = atMs <= nowMs;
    const text = ended
      ? 'its certificate has ended: it comes back by itself for certificates.rejoinGraceDays from then on, later by a new token alone'
      : 'its certificate ends and was not renewed';
    found.push(about(ended ? 'critical' : 'warning', 'CERTIFICATE_ENDS', text, { cluster, atMs }));
  }
  if (!connected)
    found.push(about('warning', 'CLUSTER_AWAY', 'it is not connected: no round counts on it', { cluster }));
  if (quarantined) {
    const text = `its updates are kept out: \`testudo clusters show ${cluster}\`, then release or revoke it`;
    found.push(about('warning', 'CLUSTER_QUARANTINED', text, { cluster }));
  }
  const waits = view.response?.waits ?? 0;
  if (waits > 0) {
    const text = `${waits} quarantine(s) of pods wait for a person: \`testudo quarantine list\` beside its agent`;
    found.push(about('warning', 'QUARANTINE_WAITS', text, { cluster }));
  }
  for (const { track, live, wanted, refusedCode, refusedVersion, excludedIn, score } of view.tracks) {
    const movedAtMs = lastMove(state.tracks.get(track));
    if (refusedCode !== null) {
      const what = ofTheWholeSet.has(refusedCode) ? 'what was signed for it' : `version ${refusedVersion}`;
      const refused = `its agent refused ${what} (${refusedCode})`;
      const text = aheadCodes.has(refusedCode)
        ? `${refused}: it has seen newer metadata than this coordinator serves, as after a restore, and keeps what it runs, ` +
          'which may be a version that is not known here (docs/operations.md, "Lose the coordinator")'
        : `${refused} and keeps ${live ?? 'what it has'}${olderCodes.has(refusedCode) ? olderBuild : ''}`;
      found.push(about('critical', 'RELEASE_REFUSED', text, { cluster, track }));
    } else if (wanted !== null && live === null && nowMs - movedAtMs > behindMs) {
      found.push(about('warning', 'RELEASE_UNKNOWN', 'its agent never said what scores there', { cluster, track }));
    } else if (wanted !== null && live !== wanted && nowMs - movedAtMs > behindMs) {
      const text = `version ${live} scores there and ${wanted} shall: look at its agent (\`testudo agent status\`)`;
      found.push(about('warning', 'RELEASE_BEHIND', text, { cluster, track, atMs: movedAtMs }));
    }
    found.push(...ofRecord(cluster, track, state.tracks.get(track)?.standings[cluster]));
    if (score !== null && score < scoreLow) {
      const text = `rounds leave it out (record ${score.toFixed(2)}, last ${excludedIn ?? 'none'}): \`testudo clusters show ${cluster}\``;
      found.push(about('warning', 'EXCLUDED_OFTEN', text, { cluster, track }));
    }
  }
  return found;
}

/** An agent refuses for these what is older than what it trusts. */
const aheadCodes: ReadonlySet<string> = new Set<ReleaseFaultCode>(['FLOOR_LOWERED', 'METADATA_ROLLED_BACK']);

/** Where an agent cannot read what was signed for it, or what it stored itself: most often since a newer build wrote that. */
const olderCodes: ReadonlySet<string> = new Set<ReleaseFaultCode>([
  'MANIFEST_INVALID',
  'METADATA_INVALID',
  'TRUST_INVALID',
]);
const olderBuild =
  ': where its build is older than what wrote that, upgrade its client (docs/upgrading.md); its log says what it could not read';

/** What its record over rounds says that one round does not. */
function ofRecord(cluster: string, track: string, record: Standing | undefined): Attention[] {
  if (record === undefined) return [];
  const { streak = 0 } = record;
  const found: Attention[] = [];
  if (streak >= streakLow) {
    const text = `${streak} rounds in a row kept most updates and not its: \`testudo clusters show ${cluster}\` says why`;
    found.push(about('warning', 'EXCLUDED_STREAK', text, { cluster, track }));
  }
  const drift = driftOf(record);
  if (drift !== undefined) {
    const text = `${drift}, on average of about its last five rounds: \`testudo clusters show ${cluster}\``;
    found.push(about('warning', 'CLUSTER_DRIFTS', text, { cluster, track }));
  }
  return found;
}

/** Pins that hold nobody: somebody signed them, and clusters go by what comes after. One matter for each pin and what it is for. */
function pinsPassedOver({ clusters }: StatusView): Attention[] {
  const found = new Map<string, Readonly<{ pin: Pin; why: string; where: string[] }>>();
  for (const { cluster, tracks } of clusters) {
    for (const { pin, why } of tracks.flatMap(({ passedOver }) => passedOver)) {
      const known = found.get(pin.pinId) ?? { pin, why, where: [] };
      known.where.push(cluster);
      found.set(pin.pinId, known);
    }
  }
  return [...found.values()].map(({ pin: { pinId, track, version }, why, where }) => {
    const text =
      `pin ${pinId} no longer holds ${named(where)} on version ${version} (${why}): ` +
      `they go by another pin, or by their channel; pin what may run (\`testudo pin\`, with --below-floor where it lies below), or \`testudo unpin ${pinId}\``;
    return about('warning', 'PIN_PASSED_OVER', text, { track, about: pinId });
  });
}

/** The same named attack in several clusters within a day. What nobody has named is no wave: it is seldom the same. */
function wavesIn({ clusters }: StatusView): Attention[] {
  const seen = new Map<string, string[]>();
  for (const { cluster, tracks } of clusters) {
    for (const { track, alerts } of tracks) {
      for (const { family } of alerts) {
        if (family === 'unusual' || family === 'others') continue;
        const key = `${track}\n${family}`;
        seen.set(key, [...(seen.get(key) ?? []), cluster]);
      }
    }
  }
  const waves = [...seen].filter(([, where]) => where.length >= waveClusters);
  waves.sort(([, one], [, other]) => other.length - one.length); // Where most see the same, fewest can have made it up.
  const own = waves.slice(0, wavesMax).map(([key, where]) => {
    const [track = '', family = ''] = key.split('\n');
    const text = `${family} was seen in ${where.length} clusters within a day (${named(where)}): look at their alerts`;
    return about('critical', 'ALERT_WAVE', text, { track, about: family });
  });
  const more = waves.length - own.length;
  if (more === 0) return own;
  const text = `${more} more attacks were seen in ${waveClusters} clusters or more within a day each: \`testudo status\``;
  return [...own, about('critical', 'ALERT_WAVE', text, { about: 'others' })];
}

function named(clusters: readonly string[]): string {
  return `${clusters.slice(0, 10).join(', ')}${clusters.length > 10 ? ', …' : ''}`;
}

function lastMove(track: Track | undefined): EpochMs {
  return Math.max(0, ...Object.values(track?.releasing.channels ?? {}).map(({ movedAtMs }) => movedAtMs));
}
