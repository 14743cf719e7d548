import { open } from 'node:fs/promises';
import { FaultError, unwrap } from '../../../base/fault.ts';
import { policyOf } from '../../../demo/rule.ts';
import { canaryLabel } from '../../../lab/rig/cluster-process.ts';
import { trackName } from '../../../lab/rig/plan.ts';
import { type ClusterInstall, GateDecision } from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { InstallOutcome } from '../../../proto/generated/testudo/v1/releases.ts';
import type { Rehearsal } from './rehearsal.ts';
import {
  type Check,
  checkThat,
  type Drill,
  notMeasured,
  rehearsalNeeds,
  rehearsalUndoes,
  rehearsed,
} from './report.ts';

export const badModel: Drill = {
  name: 'bad-model',
  asks: 'if a bad model comes out of a round, or somebody changes its bytes, does it reach the clusters?',
  does:
    `${rehearsed}; let it learn once; then take plain averaging as its rule, so that a poisoned update makes a bad version, and offer that to ` +
    'canaries behind a gate; then change one byte of the next version where it lies and promote it past the gate, as an intruder with operator rights would',
  expects:
    'the gate does not promote the bad version and no cluster runs it; every agent refuses the changed bytes and keeps what it had',
  needs: rehearsalNeeds,
  undoes: rehearsalUndoes,
  isHarmless: true,
};

const track = trackName;
const bad = 'the gate, of a version that one cluster has ruined';
const badExpected = 'holds or rejects it';
const runs = 'clusters that run that version';
const runsExpected = 'none: it stays in shadow on the canaries';
const forged = 'agents that are offered changed bytes';
const forgedExpected = 'every one refuses them, naming a digest';

export async function runBadModel(rehearsal: Rehearsal): Promise<readonly Check[]> {
  const { federation } = rehearsal;
  const good = await rehearsal.round();
  if (good.version === 0) throw new Error('the rehearsal federation learnt nothing: its round was abandoned');
  await installed(rehearsal, good.version);
  const aggregation = unwrap(policyOf('mean', federation.clusters.length, 0));
  await rehearsal.putPolicy({ aggregation, more: { gate: gateFor(rehearsal) } });
  const ring = `${canaryLabel.key}=${canaryLabel.value}`;
  await federation.command(['channels', 'assign', track, 'canary', ring, '--reason', 'a drill']);
  const before = await rehearsal.worthOf(good.digest);
  const { offered, after } = await ruined(rehearsal, before);
  // A version that is as good as the one before says nothing about the gate, whatever it decides.
  const why =
    offered.version === 0
      ? 'the round with the poisoned update was abandoned: no bad version was made'
      : `the version came out no worse (AUC ${after.toFixed(3)} after ${before.toFixed(3)})`;
  const checks: Check[] = [];
  if (offered.version === 0 || after > before - lossMin) {
    checks.push(notMeasured(bad, badExpected, why), notMeasured(runs, runsExpected, why));
  } else {
    const answer = await decided(rehearsal, offered.version);
    const isPromoted = answer.decision === GateDecision.GATE_DECISION_PROMOTE;
    const worth = `AUC ${after.toFixed(3)} after ${before.toFixed(3)}`;
    const happened = isPromoted ? `promoted (${worth})` : `kept out (${worth}): ${answer.reasons.join('; ')}`;
    checks.push(checkThat(bad, badExpected, happened, !isPromoted, 'narrow the gate: agreementMin, recallDropMax'));
    const running = (await federation.installs(track, offered.version)).filter(isRunning).map(({ cluster }) => cluster);
    const who = running.length === 0 ? `none; all stay on ${good.version}` : running.join(', ');
    checks.push(checkThat(runs, runsExpected, who, running.length === 0, 'roll back: `testudo rollback`'));
  }
  await federation.command(['channels', 'unassign', track, ring, '--reason', 'a drill']);
  return [...checks, await offerForgery(rehearsal)];
}

/** Of the area under the ROC curve: a version that has lost so much is a bad one. */
const lossMin = 0.05;
/** Each goes on from what the one before left, so a liar who ruins little at once ruins enough. */
const poisonedRoundsMax = 5;

/** The first version that is bad enough to say something about the gate; else the last that there was. */
async function ruined(rehearsal: Rehearsal, before: number) {
  for (let round = 1; ; round += 1) {
    const offered = await rehearsal.round();
    const after = offered.version === 0 ? 0 : await rehearsal.worthOf(offered.digest);
    if (offered.version === 0 || after <= before - lossMin || round === poisonedRoundsMax) return { offered, after };
  }
}

/** Canaries see some hundred traces here, not a day's. */
function gateFor({ cast }: Rehearsal) {
  return {
    ...{ clustersMin: cast.canaries.length, minutesMin: 0, scoredMin: scoredMin(cast), agreementMin: 0.9 },
    ...{ recallDropMax: 0.05, alertsPerDayMax: 0, alertShareMax: 0.25, hoursMax: 1, approvals: 1 },
  };
}

function scoredMin({ traffic }: Rehearsal['cast']): number {
  return Math.floor(Math.min(...[...traffic.values()].map((traces) => traces.length)) * 0.4);
}

/** What the gate says once canaries have run the version in shadow on traffic of their own. */
async function decided({ federation, cast }: Rehearsal, version: number) {
  await federation.until(async () => {
    const installs = await federation.installs(track, version).catch(ifNotYet);
    const inShadow = ({ cluster, outcome }: ClusterInstall) =>
      cast.canaries.includes(cluster) && outcome === InstallOutcome.INSTALL_OUTCOME_SHADOWING;
    return installs.filter(inShadow).length === cast.canaries.length;
  });
  for (const name of cast.canaries) await federation.observe(name, cast.traffic.get(name) ?? []);
  return await federation.until(async () => {
    const answer = await federation.gate(track, version);
    return answer.decision === GateDecision.GATE_DECISION_WAITING ? undefined : answer;
  });
}

async function offerForgery(rehearsal: Rehearsal): Promise<Check> {
  const { federation } = rehearsal;
  const { version, digest } = await rehearsal.round();
  if (version === 0)
    return notMeasured(forged, forgedExpected, 'the round was abandoned: there was no version to change');
  await federation.until(() => isAtTheGate(federation, version));
  await flipByte(federation.blobPath(digest));
  await federation.command(['gate', 'override', `${track}@${version}`, 'promote', '--reason', 'an intruder']);
  const installs = await federation.until(async () => {
    const all = await federation.installs(track, version);
    const hasAnswered = ({ outcome }: ClusterInstall) =>
      outcome === InstallOutcome.INSTALL_OUTCOME_REFUSED || outcome === InstallOutcome.INSTALL_OUTCOME_INSTALLED;
    return all.length === federation.clusters.length && all.every(hasAnswered) ? all : undefined;
  });
  await flipByte(federation.blobPath(digest));
  const refused = installs.filter(({ outcome }) => outcome === InstallOutcome.INSTALL_OUTCOME_REFUSED);
  const codes = [...new Set(refused.map(({ faultCode }) => faultCode))].join(', ');
  const happened = `${refused.length} of ${installs.length} refused them (${codes})`;
  const isRefused = refused.length === installs.length;
  return checkThat(forged, forgedExpected, happened, isRefused, 'update the agents: they must check what they fetch');
}

/** A round's candidate comes to the gate some time after the round has ended. */
async function isAtTheGate(federation: Rehearsal['federation'], version: number): Promise<boolean> {
  try {
    await federation.gate(track, version);
    return true;
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === 'GATE_NOT_OPEN') return false;
    throw error;
  }
}

async function installed({ federation }: Rehearsal, version: number): Promise<void> {
  await federation.until(async () => {
    const installs = await federation.installs(track, version).catch(ifNotYet);
    return installs.filter(isRunning).length === federation.clusters.length;
  });
}

/** A round's candidate becomes a release a moment after the round has ended. */
function ifNotYet(error: unknown): readonly ClusterInstall[] {
  if (error instanceof FaultError && error.fault.code === 'VERSION_NOT_FOUND') return [];
  throw error;
}

function isRunning({ outcome }: ClusterInstall): boolean {
  return outcome === InstallOutcome.INSTALL_OUTCOME_INSTALLED || outcome === InstallOutcome.INSTALL_OUTCOME_KEPT;
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const at = Math.floor((await file.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
