import { unwrap } from '../../base/fault.ts';
import { chunksOf, settle } from '../../coordinator/testing/cluster.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { Deployment, track } from '../round/deployment.ts';
import { bytesOf, releaseValues } from './verification.ts';

const members = 3;

/**
 * A coordinator process and agents in processes of their own. Three clusters make a new version in a round; one of them
 * is a canary, so that it stays in the canary channel until it is promoted. Then the clock runs: from the call that
 * promotes until each agent holds the journal's answer to its signed install report.
 */
export async function measureRollout({ small, repeat }: BenchOptions, report: Report): Promise<void> {
  const agents = small ? 4 : 200;
  const values = releaseValues(small);
  const deployment = new Deployment();
  const others = startOthersMeter();
  try {
    await deployment.found();
    await deployment.startCoordinator();
    const spec = {
      architecture: 'bench/1',
      hyperparameters: {},
      tensors: [{ name: 'weights', shape: [values] }],
    };
    await deployment.putTrack(spec, bytesOfValues(new Float32Array(values)), {
      aggregation: { f: 0, before: [], rule: { kind: 'mean' } },
      rounds: {
        goal: { kind: 'count', updates: members },
        overSelection: 1,
        quorum: { kind: 'count', updates: members },
      },
    });
    const trainers = await Promise.all(Array.from({ length: members }, (_, at) => deployment.enrol(`cluster-${at}`)));
    const acknowledged = new Map<number, number[]>();
    let heard = () => {};
    await deployment.startAgents(new URL('./agents.ts', import.meta.url), agents, small ? 1 : 4, (line) => {
      const { version, atMs } = JSON.parse(line) as { version: number; atMs: number };
      acknowledged.set(version, [...(acknowledged.get(version) ?? []), atMs]);
      heard();
    });
    const whom = { $case: 'cluster', value: 'cluster-0' } as const;
    const canary = { track, channel: 'canary', subject: { whom }, reason: 'benchmark', dryRun: false };
    unwrap(await settle((done) => deployment.operator.assignChannel(canary, done)));
    for (const trainer of trainers) await trainer.watch([track]);
    const milliseconds: number[] = [];
    const rollouts = small ? 1 : Math.max(3, Math.min(repeat, 5));
    for (let version = 1; version <= rollouts; version += 1) {
      const ended = deployment.round();
      for (const trainer of trainers) {
        await trainer.invitationTo(`r-${version}`);
        const { header, sealed } = await trainer.seal(new Float32Array(values).fill(0.01 * version));
        unwrap(await trainer.send([trainer.signed(header), ...chunksOf(sealed)]));
      }
      await ended;
      const startedMs = await promote(deployment, version);
      while ((acknowledged.get(version)?.length ?? 0) < agents) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
      milliseconds.push(...(acknowledged.get(version) ?? []).map((atMs) => atMs - startedMs));
    }
    if (milliseconds.length !== agents * rollouts) throw new Error(`${milliseconds.length} installs were reported`);
    const sorted = milliseconds.sort((a, b) => a - b);
    const [p50, p99] = [0.5, 0.99].map((share) => (sorted[Math.floor(share * (sorted.length - 1))] as number) / 1_000);
    report.record({
      case: `rollout agents=${agents} bytes=${bytesOf(values)}`,
      installs: sorted.length,
      secondsP50: p50,
      secondsP99: p99,
      secondsMax: (sorted.at(-1) as number) / 1_000,
      coordinatorPeakRssBytes: deployment.coordinatorMemory().peakBytes,
      busyCores: others(), // All processes but this one, so also the coordinator's and the agents'.
    });
    report.text(
      `## Rollout\n\n${rollouts} promotions of a 1.2 MB release to ${agents} agents over mTLS on loopback, coordinator and ` +
        `agents on this machine. From the promotion until the agent's signed install report was journalled and answered: ` +
        `median ${figure(p50 as number)} s, p99 ${figure(p99 as number)} s.`,
    );
    for (const trainer of trainers) trainer.close();
  } finally {
    await deployment.close();
  }
}

/** Promotes a version, once the registry has published it; when the call that did so began. */
async function promote({ operator }: Deployment, version: number): Promise<number> {
  const request = { track, channel: '', version: BigInt(version), reason: 'benchmark', dryRun: false };
  for (;;) {
    const startedMs = Date.now();
    const promoted = await settle((done) => operator.promote(request, done));
    if (promoted.ok) return startedMs;
    if (promoted.fault.code !== 'VERSION_NOT_FOUND') unwrap(promoted);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
