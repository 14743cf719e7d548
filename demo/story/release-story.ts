/**
 * What becomes of a global model after its round, told with the commands that an operator types: the canaries' shadow run
 * and the gate, a pin, a release whose bytes were changed on the coordinator's disk, revocation, rollback.
 */
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultError } from '../../base/fault.ts';
import { canaryLabel } from '../../lab/rig/cluster-process.ts';
import type { Federation } from '../../lab/rig/federation.ts';
import { type ClusterInstall, GateDecision } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { InstallOutcome } from '../../proto/generated/testudo/v1/releases.ts';
import type { ClusterVersion, ReleaseStep } from '../report/report.ts';
import type { Screen } from '../screen.ts';
import type { ReleaseCast } from './release-cast.ts';

const track = 'syscall';

export type ReleaseStoryParts = Readonly<{
  federation: Federation;
  /** A folder for the policy file. */
  folder: string;
  /** As `testudo tracks put` takes it, without a gate. */
  policy: object;
  cast: ReleaseCast;
  screen: Screen;
}>;

/** Canaries see some hundred traces here, not a day's: enough to tell a good version from a broken one. */
function gateFor({ canaries, traffic }: ReleaseCast) {
  const least = Math.min(...[...traffic.values()].map((traces) => traces.length));
  return {
    clustersMin: canaries.length,
    minutesMin: 0, // The story is over in less.
    scoredMin: Math.floor(least * 0.75),
    agreementMin: 0.9,
    recallDropMax: 0.05,
    alertsPerDayMax: 0,
    // The story's clock is not a day's: what may alarm goes by what the canaries saw.
    alertShareMax: 0.25,
    hoursMax: 1,
    approvals: 1,
  };
}

export class ReleaseStory {
  readonly #parts: ReleaseStoryParts;
  readonly #steps: ReleaseStep[] = [];
  #isPinned = false;

  constructor(parts: ReleaseStoryParts) {
    this.#parts = parts;
  }

  get steps(): readonly ReleaseStep[] {
    return this.#steps;
  }

  /** Before the round that the story is about: canaries, a gate, and a pin on the version of now. */
  async prepare(version: number): Promise<void> {
    const { federation, folder, policy, cast, screen } = this.#parts;
    screen.line('\nreleases: until here every version went to all clusters at once; now a gate stands before them');
    const policyFile = join(folder, 'policy-with-gate.json');
    await writeFile(policyFile, JSON.stringify({ ...policy, gate: gateFor(cast) }));
    await this.#run(['tracks', 'put', track, '--spec', federation.specFile, '--policy', policyFile], 'canaries first');
    await this.#run(['channels', 'assign', track, 'canary', `${canaryLabel.key}=${canaryLabel.value}`], 'the ring');
    await this.#run(['pin', cast.pinned, `${track}@${version}`], 'a change freeze in this cluster');
    this.#isPinned = true;
    await this.#settled(version);
  }

  /**
   * The last round's version: in shadow on the canaries, through the gate, to every cluster but the pinned one. A version
   * that the gate holds or rejects stays out, or is overridden, and the reason shown. False where it stayed out.
   */
  async release(version: number, before: number): Promise<boolean> {
    const { federation, cast, screen } = this.#parts;
    const { canaries, pinned, traffic } = cast;
    const startedAt = performance.now();
    screen.status(`version ${version} goes to the canaries ${canaries.join(', ')} in shadow`);
    await federation.until(async () => {
      const installs = await federation.installs(track, version);
      return canaries.every((name) => outcomeOf(installs, name) === InstallOutcome.INSTALL_OUTCOME_SHADOWING);
    });
    for (const name of canaries) await federation.observe(name, traffic.get(name) ?? []);
    const decided = await federation.until(async () => {
      const answer = await federation.gate(track, version);
      screen.status(`the gate has ${answer.reports.length} of ${canaries.length} reports on version ${version}`);
      return answer.decision === GateDecision.GATE_DECISION_WAITING ? undefined : answer;
    });
    const scored = decided.reports.map(({ cluster, report }) => {
      const agreed = (100 * Number(report?.agreedCount ?? 0)) / Number(report?.scoredCount ?? 1);
      return `${cluster} scored ${report?.scoredCount} traces with both, ${agreed.toFixed(1)} % judged alike`;
    });
    const verdict = verdicts.get(decided.decision) ?? 'nothing';
    const ran = `version ${version} ran in shadow (${scored.join('; ')}); the gate says ${verdict}`;
    if (decided.decision !== GateDecision.GATE_DECISION_PROMOTE) {
      this.#tell('gate', `the gate says ${verdict}: ${decided.reasons.join('; ')}`, startedAt);
      const { isOverridden, why } = afterRefusal(decided.reports);
      if (!isOverridden) {
        const versions = await this.#settled(before);
        this.#tell('gate', `${ran}; it stays out (${why}), and every cluster keeps ${before}`, startedAt, versions);
        return false;
      }
      await this.#run(['gate', 'override', `${track}@${version}`, 'promote'], why);
    }
    const versions = await this.#settled(version, new Map([[pinned, before]]));
    this.#tell('gate', `${ran}; ${pinned} stays pinned to ${before}`, startedAt, versions);
    return true;
  }

  /** A version whose weights somebody changed where they lie: every cluster is offered it, every cluster refuses. */
  async offerForgery(version: number, digest: string, good: number): Promise<void> {
    const { federation } = this.#parts;
    const startedAt = performance.now();
    // What is changed before it is published is never published: the coordinator checks what it reads.
    await federation.until(() => this.#isAtTheGate(version));
    await flipByte(federation.blobPath(digest));
    await this.#unpin();
    await this.#run(['gate', 'override', `${track}@${version}`, 'promote'], 'an intruder with operator rights');
    const installs = await federation.until(async () => {
      const all = await federation.installs(track, version);
      const refused = ({ outcome }: ClusterInstall) => outcome === InstallOutcome.INSTALL_OUTCOME_REFUSED;
      return all.length > 0 && all.every(refused) ? all : undefined;
    });
    const codes = [...new Set(installs.map(({ faultCode }) => faultCode))].join(', ');
    // Whole again before the coordinator lets go of them: another round may come to the same bytes.
    await flipByte(federation.blobPath(digest));
    await this.#run(['releases', 'revoke', `${track}@${version}`], 'its bytes were changed on our disk');
    const versions = await this.#settled(good);
    const text = `one byte of version ${version} was changed on the coordinator's disk: all ${installs.length} agents refused it (${codes}) and kept ${good}`;
    this.#tell('forgery', text, startedAt, versions);
  }

  /** Back to the version before, and forward again. */
  async rollBack(version: number, before: number): Promise<void> {
    const startedAt = performance.now();
    await this.#run(['rollback', track, '--to', String(before)], 'to show that it is one command');
    const versions = await this.#settled(before);
    this.#tell('rollback', `every cluster is back on version ${before}, which it had kept`, startedAt, versions);
    await this.#run(['promote', `${track}@${version}`], 'and forward again');
    await this.#run(['tracks', 'head', track, String(version)], 'the next round shall build on it');
    await this.#settled(version, new Map([[this.#parts.cast.pinned, before]]));
  }

  /** A version that no canary is to try: past the gate to every cluster. */
  async letThrough(version: number, why: string): Promise<void> {
    await this.#parts.federation.until(() => this.#isAtTheGate(version));
    await this.#unpin();
    await this.#run(['gate', 'override', `${track}@${version}`, 'promote'], why);
    await this.#settled(version);
  }

  /** Takes the canaries' assignment away: the next version then reaches nobody before somebody decides. */
  async dismissCanaries(): Promise<void> {
    await this.#run(['channels', 'unassign', track, `${canaryLabel.key}=${canaryLabel.value}`], 'no canaries for now');
  }

  /** Every cluster has said that it runs `version`, or the other one that `except` names. */
  async #settled(version: number, except: ReadonlyMap<string, number> = new Map()): Promise<ClusterVersion[]> {
    const { federation } = this.#parts;
    const wanted = new Map(federation.clusters.map((name) => [name, except.get(name) ?? version]));
    return await federation.until(async () => {
      const running = new Map<string, number>();
      for (const one of new Set(wanted.values())) {
        for (const install of await federation.installs(track, one)) {
          if (isRunning(install)) running.set(install.cluster, one);
        }
      }
      const settled = [...wanted].every(([cluster, one]) => running.get(cluster) === one);
      return settled ? [...wanted].map(([cluster, one]) => ({ cluster, version: one })) : undefined;
    });
  }

  /** Lifts the pin where it still stands. */
  async #unpin(): Promise<void> {
    if (!this.#isPinned) return;
    this.#isPinned = false;
    await this.#run(['unpin', this.#parts.cast.pinned, '--track', track], 'the freeze is over');
  }

  /** A round's candidate comes to the gate some time after the round has ended. */
  async #isAtTheGate(version: number): Promise<true | undefined> {
    try {
      await this.#parts.federation.gate(track, version);
      return true;
    } catch (error) {
      if (error instanceof FaultError && error.fault.code === 'GATE_NOT_OPEN') return undefined;
      throw error;
    }
  }

  async #run(command: readonly string[], reason: string): Promise<void> {
    const { federation, screen } = this.#parts;
    screen.line(`  $ testudo ${command.map(shortPath).join(' ')} --reason '${reason}'`);
    await federation.command([...command, '--reason', reason]);
  }

  #tell(step: ReleaseStep['step'], text: string, startedAt: number, versions: readonly ClusterVersion[] = []): void {
    this.#parts.screen.line(`  ${text}`);
    this.#steps.push({ step, text, seconds: (performance.now() - startedAt) / 1e3, versions });
  }
}

type Alarms = Readonly<{ shadowAlertCount: bigint; liveAlertCount: bigint }>;

/**
 * What a person makes of a version that the gate did not promote: it is let through where its canaries' alarms are no more
 * than those of the version that runs, since staying with that one would spare nobody an alarm.
 */
export function afterRefusal(
  reports: readonly Readonly<{ report?: Alarms | undefined }>[],
): Readonly<{ isOverridden: boolean; why: string }> {
  const alarms = (of: keyof Alarms) => reports.reduce((sum, { report }) => sum + Number(report?.[of] ?? 0), 0);
  const [shadow, live] = [alarms('shadowAlertCount'), alarms('liveAlertCount')];
  return {
    isOverridden: live > 0 && shadow <= live,
    why: `${shadow} alarms where the version that runs raised ${live}`,
  };
}

const verdicts: ReadonlyMap<GateDecision, string> = new Map([
  [GateDecision.GATE_DECISION_PROMOTE, 'promote'],
  [GateDecision.GATE_DECISION_HOLD, 'hold'],
  [GateDecision.GATE_DECISION_REJECT, 'reject'],
]);

function isRunning({ outcome }: ClusterInstall): boolean {
  return outcome === InstallOutcome.INSTALL_OUTCOME_INSTALLED || outcome === InstallOutcome.INSTALL_OUTCOME_KEPT;
}

function outcomeOf(installs: readonly ClusterInstall[], cluster: string): InstallOutcome | undefined {
  return installs.find((install) => install.cluster === cluster)?.outcome;
}

/** Folders of the main job's own say nothing to a reader. */
function shortPath(word: string): string {
  return word.startsWith('/') ? word.slice(word.lastIndexOf('/') + 1) : word;
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
