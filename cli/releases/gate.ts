import { Command } from '@commander-js/extra-typings';
import { listing, table, time } from '../../base/text/table.ts';
import {
  type GateApproval,
  GateDecision,
  type GateReport,
  type GetGateResponse,
} from '../../proto/generated/testudo/v1/operator_releases.ts';
import { usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { releaseFrom, trackAndVersionFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

const decisions: Readonly<Record<number, string>> = {
  [GateDecision.GATE_DECISION_WAITING]: 'waiting',
  [GateDecision.GATE_DECISION_PROMOTE]: 'promote',
  [GateDecision.GATE_DECISION_HOLD]: 'hold',
  [GateDecision.GATE_DECISION_REJECT]: 'reject',
};

/** `testudo gate`: what stands between a candidate and every cluster. */
export function gateCommand() {
  return new Command('gate')
    .description('the gate between canary and stable: show, override')
    .addCommand(show())
    .addCommand(override());
}

function show() {
  return operatorCommand('show', 'what canary clusters report of a candidate, and what the gate makes of it')
    .argument('<track[@version]>', 'without a version: the one in canary')
    .action((name, options) => {
      const { track, version } = trackAndVersionFrom(name);
      const request = { track, version: version === undefined ? undefined : BigInt(version) };
      return withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.getGate, request);
        print(options.json ? wireJson(answer) : gateText(track, answer));
      });
    });
}

function gateText(track: string, gate: GetGateResponse): string {
  const facts = listing({
    candidate: `${track}@${gate.version}`,
    decision:
      gate.policyJson === '' && gate.decidedBy === '' ? 'none: no gate looks at it' : (decisions[gate.decision] ?? '?'),
    'decided by': gate.decidedBy === '' ? '' : `${gate.decidedBy} at ${time(gate.decidedAtMs)}`,
    'at the gate since': time(gate.openedAtMs),
    'held if silent after': time(gate.deadlineMs),
    policy:
      gate.policyJson === ''
        ? 'no gate: a version is stable at once where no cluster follows canary, else once somebody promotes it'
        : gate.policyJson,
  });
  const reasons = gate.reasons.map((reason) => `- ${reason}`);
  const reports = table<GateReport>(gate.reports, [
    { title: 'CLUSTER', text: ({ cluster }) => cluster },
    { title: 'SCORED', text: ({ report }) => String(report?.scoredCount ?? ''), align: 'right' },
    { title: 'AGREED', text: agreedText, align: 'right' },
    { title: 'ALERTS (LIVE)', text: alertsText, align: 'right' },
    { title: 'WORST RECALL (LIVE)', text: worstRecallText },
    { title: 'MICROSECONDS (LIVE)', text: latencyText, align: 'right' },
    { title: 'AT', text: ({ report }) => time(report?.atMs ?? 0) },
  ]);
  const approvals = gate.approvals.map(approvalText(gate.approvalsNeeded));
  return [facts, ...reasons, '', reports, ...approvals].join('\n');
}

function agreedText({ report }: GateReport): string {
  if (report === undefined || report.scoredCount === 0n) return '';
  return `${((100 * Number(report.agreedCount)) / Number(report.scoredCount)).toFixed(1)} %`;
}

function alertsText({ report }: GateReport): string {
  return report === undefined ? '' : `${report.shadowAlertCount} (${report.liveAlertCount})`;
}

function latencyText({ report }: GateReport): string {
  return report === undefined ? '' : `${report.shadowLatencyUs} (${report.liveLatencyUs})`;
}

/** The attack class that the candidate loses most of. */
function worstRecallText({ report }: GateReport): string {
  const lost = (report?.recalls ?? []).toSorted(
    (a, b) =>
      (a.shadowFoundCount - a.liveFoundCount) / a.caseCount - (b.shadowFoundCount - b.liveFoundCount) / b.caseCount,
  );
  const [worst] = lost;
  if (worst === undefined) return 'no cases';
  const { attackClass, shadowFoundCount, liveFoundCount, caseCount } = worst;
  return `${attackClass}: ${shadowFoundCount} of ${caseCount} (${liveFoundCount})`;
}

function approvalText(needed: number) {
  return ({ operator, decision, reason, atMs }: GateApproval) =>
    `${operator} asked to ${decisions[decision]} it at ${time(atMs)}: ${reason} (${needed} people needed)`;
}

function override() {
  return triableCommand(
    'override',
    "decide in the gate's place; a second person must say the same where the policy says so",
  )
    .argument('<track@version>')
    .argument('<promote|reject>')
    .action((name, text, options) => {
      const { track, version } = releaseFrom(name);
      const decision =
        text === 'promote'
          ? GateDecision.GATE_DECISION_PROMOTE
          : text === 'reject'
            ? GateDecision.GATE_DECISION_REJECT
            : usage(`expected promote or reject, got ${text}`);
      const { reason, dryRun = false } = options;
      const request = { track, version: BigInt(version), decision, reason, dryRun };
      return withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.overrideGate, request);
        const { decided, approvals, approvalsNeeded, change } = answer;
        const sentence = decided
          ? `${track}@${version}: ${text}, against or before the gate`
          : `${track}@${version}: ${approvals.length} of ${approvalsNeeded} people say ${text}; it waits for another`;
        showChange(options, sentence, change, { track, version, decided, approvals, approvalsNeeded });
      });
    });
}
