import type { Attention, AttentionCode } from '../views/attention.ts';

type About = Pick<Attention, 'track' | 'cluster' | 'about'>;

/** What to do next about each kind of matter, for whoever was woken by it and has a terminal. */
const steps: Readonly<Record<AttentionCode, (at: About) => string>> = {
  DISK_FULL: () => 'free space in the data directory, or give it a larger disk; updates are taken again by themselves',
  REDIS_AWAY: () => 'look at Redis; rounds go on by the coordinator alone until it answers',
  NO_WORKER: () => 'start `testudo worker`; until then aggregations run in the coordinator',
  ROOT_EXPIRES: () => '`testudo root rotate`, then `testudo root sign` and `testudo root publish`',
  PINS_EXPIRE: () => '`testudo pins renew`',
  PINS_WAIT: () => 'another operator looks at them and signs: `testudo pins list`, `testudo pins sign`',
  PIN_PASSED_OVER: ({ about }) =>
    `\`testudo pins list\` says what ${about} was to hold and why it cannot; set another pin, or \`testudo unpin ${about}\``,
  OPERATOR_EXPIRES: () => 'its operator runs `testudo operators renew` before then',
  FROZEN: () => '`testudo freezes` shows who froze what and why; `testudo unfreeze` ends it early',
  CLUSTER_AWAY: ({ cluster }) =>
    `look at the client in ${cluster} (its log, its way to the coordinator); \`testudo clusters show ${cluster}\``,
  CLUSTER_QUARANTINED: ({ cluster }) =>
    `\`testudo clusters show ${cluster}\`, then \`testudo clusters release ${cluster}\` or \`clusters revoke\``,
  QUARANTINE_WAITS: ({ cluster }) =>
    `beside the response agent of ${cluster}: \`testudo quarantine list\`, then \`testudo quarantine approve\` or \`decline\``,
  CERTIFICATE_ENDS: ({ cluster }) =>
    `start the client in ${cluster}, which renews it; once it has ended it comes back by its key, later with a new token`,
  RELEASE_REFUSED: ({ cluster, track }) =>
    `\`testudo agent status\` in ${cluster} says why; \`testudo channels list ${track}\` what it shall run`,
  RELEASE_BEHIND: ({ cluster }) => `\`testudo agent status\` in ${cluster}: is the agent running, does it reach us?`,
  RELEASE_UNKNOWN: ({ cluster }) => `\`testudo agent status\` in ${cluster}: does its agent run at all?`,
  EXCLUDED_OFTEN: ({ cluster }) =>
    `\`testudo clusters show ${cluster}\` says why; \`testudo clusters quarantine ${cluster}\` keeps its updates out`,
  EXCLUDED_STREAK: ({ cluster }) =>
    `\`testudo clusters show ${cluster}\` says why; ask whoever runs it what changed there, or quarantine it`,
  CLUSTER_DRIFTS: ({ cluster }) =>
    `\`testudo clusters show ${cluster}\`: does it run something new, or is somebody there? quarantine it while you look`,
  ROUND_ABANDONED: ({ track }) => `\`testudo rounds list ${track}\`, then \`testudo rounds show ${track} ROUND\``,
  TOO_FEW_CLUSTERS: ({ track }) => `\`testudo rounds plan ${track}\` says who is missed; start their clients`,
  GATE_HELD: ({ track }) => `\`testudo gate show ${track}\`, then promote the version or reject it`,
  GATE_WAITS: ({ track }) => `another operator looks (\`testudo gate show ${track}\`) and approves`,
  CANARY_WAITS: ({ track, about }) =>
    `\`testudo releases show ${track}@${about}\`, then \`testudo promote ${track}\`; or give the track's policy a gate`,
  BREAKER_OPEN: ({ track, about }) =>
    `\`testudo releases show ${track}@${about}\`, then roll it back, or let each cluster \`testudo quarantine resume\``,
  ALERT_WAVE: ({ about }) =>
    `look at the alerts of these clusters (\`testudo alerts list\` beside each client) for ${about}; \`testudo antibodies list\``,
};

export function nextStepOf(matter: Pick<Attention, 'code'> & About): string {
  return steps[matter.code](matter);
}
