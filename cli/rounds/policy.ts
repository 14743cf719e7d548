import { Command } from '@commander-js/extra-typings';
import { readWholeText } from '../../base/text/read-whole.ts';
import { jsonLine, listing, table } from '../../base/text/table.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { isWeighedBySample, knowledgeOf } from '../../coordinator/config/track-knowledge.ts';
import { enoughOf } from '../../coordinator/round/grace.ts';
import { rulesOf } from '../../coordinator/round/policy.ts';
import { goalUpdates, inviteCount, quorumUpdates } from '../../coordinator/round/quorum.ts';
import { isRelay } from '../../coordinator/round/relay-rule.ts';
import { checkSchedule } from '../../coordinator/round/schedule/next-run.ts';
import { lacksSample } from '../../coordinator/rounds/samples.ts';
import {
  type ClassStanding,
  type LiarShare,
  type PolicyStanding,
  policyStanding,
} from '../../coordinator/views/standing.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { approvedClasses } from '../../proto/declared-classes.ts';
import { ClusterStatus } from '../../proto/generated/testudo/v1/operator.ts';
import { specOfBytes } from '../../proto/model-spec.ts';
import { exitCodes, orExit } from '../exit.ts';
import { percentFrom } from '../operator/arguments.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { allClusters, overRegions } from '../operator/known-names.ts';
import { operatorCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { policyPutCommand } from './policy-put.ts';
import { trackOf } from './track-of.ts';

/** `testudo policy`: what a policy means in this federation. */
export function policyCommand() {
  return new Command('policy')
    .description('what a policy withstands, and another one: check, put')
    .addCommand(check())
    .addCommand(policyPutCommand());
}

function check() {
  return operatorCommand(
    'check',
    "what a track's policy, or one in a file, withstands with these clusters and this sample",
  )
    .argument('<track>')
    .option('--policy <file>', 'a policy, YAML or JSON, in the place of the one in force')
    .option('--liars <percent>', 'warn where f is too small for so many of all clusters lying')
    .action((name, options) => {
      const feared = options.liars === undefined ? undefined : percentFrom('--liars', options.liars);
      return withConnection(options, async (connection) => {
        const text = options.policy === undefined ? undefined : readWholeText(options.policy);
        const standing = await standingOf(connection, name, text, feared);
        print(options.json ? jsonLine({ track: name, ...standing }) : standingText(name, standing));
        const { problems, warnings } = standing;
        if (problems.length + warnings.length > 0) process.exitCode = exitCodes.attention;
      });
    });
}

async function standingOf(
  connection: OperatorConnection,
  name: string,
  text: string | undefined,
  feared: number | undefined,
): Promise<WaitingStanding> {
  const track = await trackOf(connection, name);
  const clusters = await allClusters(connection);
  const members = clusters.filter(
    ({ status, quarantined }) => status === ClusterStatus.CLUSTER_STATUS_ENROLLED && !quarantined,
  );
  const labelled = members.map(({ labels }) => Object.fromEntries(labels.map(({ key, value }) => [key, value])));
  const spec = orExit(specOfBytes(track.settings.spec?.canonicalJson ?? new Uint8Array()));
  const blocks = classBlocksOf(spec)?.blocks;
  const parsed = parseTrackPolicy(
    text ?? track.settings.policyJson,
    knowledgeOf(spec, track.sample, overRegions(clusters)),
  );
  const trackPolicy = orExit(parsed);
  if (trackPolicy.schedule !== null) orExit(checkSchedule(trackPolicy.schedule));
  const rules = rulesOf(trackPolicy);
  const n = Math.min(goalUpdates(rules, members.length), members.length);
  const approved = labelled.map(approvedClasses);
  const { sample } = track;
  // Of older versions than the newest nothing is said here: one that the policy names may be there.
  const mayHave = sample !== undefined && trackPolicy.sample?.digest !== undefined;
  const lacking = mayHave
    ? undefined
    : lacksSample({ track: name, policy: trackPolicy, samples: sample ? [sample] : [] });
  const invited = Math.min(inviteCount(rules, n), members.length);
  const enough = rules.closesAtGoal ? enoughOf(n, quorumUpdates(rules, invited), rules) : undefined;
  const standing = policyStanding({
    lacking,
    policy: trackPolicy.aggregation,
    members: members.length,
    invited,
    n,
    feared,
    relays: labelled.filter(isRelay).length,
    classes: blocks && { names: blocks.map(({ className }) => className), approved },
    sampled: track.sample?.classes.flatMap(({ name: held, normalCount }) => (normalCount > 0 ? [held] : [])),
    model: { architecture: spec.architecture, isWeighed: isWeighedBySample(spec) },
    sampleAttacks: sample?.classes.reduce((sum, { attackCount }) => sum + attackCount, 0),
  });
  return { ...standing, enough: Math.min(enough ?? n, n), graceMs: rules.graceMs ?? null };
}

/** What a policy withstands, and how many updates let a round wait no longer than `graceMs` for the others; n: for none less. */
type WaitingStanding = PolicyStanding & Readonly<{ enough: number; graceMs: number | null }>;

function standingText(name: string, standing: WaitingStanding): string {
  const { members, invited, n, f, fMax, rule, problems, warnings: weak, classes, shares, enough, graceMs } = standing;
  const { onAttacks } = standing;
  const facts = listing({
    track: name,
    rule,
    clusters: n === members ? String(n) : `${members}; a round invites ${invited} of them and counts ${n} updates`,
    waits:
      graceMs === null || enough === n
        ? 'for all of them, to the deadline'
        : `for ${enough}; then ${graceMs / 1_000} s for the others, or as long again as those took`,
    f: n === 0 ? String(f) : `${f}, ${((100 * f) / n).toFixed(0)} % of them; at most ${fMax ?? 'none'} with this rule`,
    ...(onAttacks !== null && { attacks: onAttacks }),
  });
  const liars = table<LiarShare>(shares, [
    { title: 'LIARS', text: ({ percent }) => `${percent} %`, align: 'right' },
    { title: 'CLUSTERS', text: ({ liars: count }) => String(count), align: 'right' },
    { title: 'NEEDS F', text: ({ needs }) => String(needs), align: 'right' },
    { title: 'WITHIN F', text: ({ within }) => (within ? 'yes' : 'no') },
    { title: 'COULD BE', text: ({ possible }) => (possible ? 'yes' : 'no') },
  ]);
  const byClass = table<ClassStanding>(classes, [
    { title: 'CLASS', text: (row) => row.name },
    { title: 'HOLDERS', text: ({ holders }) => String(holders), align: 'right' },
    { title: 'SAMPLE', text: ({ covered }) => (covered ? 'yes' : 'no') },
    { title: 'LIARS WITHSTOOD', text: ({ withstands }) => String(withstands), align: 'right' },
    { title: 'WHAT THAT MEANS', text: ({ text }) => text },
  ]);
  const warnings = [...problems.map((problem) => `no round gives a model: ${problem}`), ...weak].join('\n');
  return [facts, warnings, liars, classes.length > 0 ? byClass : ''].filter((part) => part !== '').join('\n\n');
}
