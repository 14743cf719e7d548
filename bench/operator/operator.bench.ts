import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withConnection } from '../../cli/operator/connection.ts';
import { statusShape } from '../../cli/overview/status-shape.ts';
import { attentionOf } from '../../coordinator/views/attention.ts';
import { statusView } from '../../coordinator/views/status.ts';
import { startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import type { Bench } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, median, secondsOf } from '../harness/measure.ts';
import { foundHerd, trackNames } from './herd.ts';
import { type ProgramRun, runProgram } from './program.ts';
import { stateWithRounds } from './rounds-state.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));
const bars = { statusSeconds: 0.5, callSeconds: 0.3 };
const pageSize = 500;

/** How long an operator waits. */
export const bench: Bench = {
  name: 'operator',
  summary:
    'What an operator waits for: `testudo status` for 500 clusters on three tracks, and what it costs the coordinator.',
  async run({ small, repeat = 7 }, report) {
    const clusters = small ? 12 : 500;
    const rounds = small ? 2 : 64;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-operator-'));
    try {
      const herd = await foundHerd(testudo, folder, clusters);
      const { member, addresses } = await startCoordinatorProcess({
        testudo,
        config: herd.config,
        logFile: `${folder}/log`,
      });
      try {
        const operator = { credentials: herd.credentials, address: addresses.federation };
        const others = startOthersMeter();
        const calls: number[] = [];
        await withConnection(operator, async (connection) => {
          const look = () => connection.call(connection.client.getStatus, { page: { size: pageSize, token: '' } });
          const first = await look(); // The connection's handshake is the command's, below.
          if (first.clusters.length !== clusters)
            throw new Error(`expected ${clusters} clusters, got ${first.clusters.length}`);
          for (let count = 0; count < repeat; count++) calls.push(await secondsOf(look));
        });
        const commands: ProgramRun[] = [];
        const words = [testudo, 'status', '--json', '-c', herd.credentials, '--address', addresses.federation];
        for (let count = 0; count < repeat; count++) {
          const run = await runProgram(words);
          commands.push(run);
          const rows = statusShape.parse(JSON.parse(run.out)).clusters.flatMap(({ tracks }) => tracks);
          if (rows.length !== clusters * trackNames.length) throw new Error(`expected every row, got ${rows.length}`);
        }
        const help: ProgramRun[] = [];
        for (let count = 0; count < repeat; count++) help.push(await runProgram([testudo, '--help']));
        const state = stateWithRounds(clusters, rounds);
        const view = await secondsOf(() => attentionOf(state, statusView(around(state)), surroundings));
        const shape = `${clusters} clusters x ${trackNames.length} tracks`;
        report.record({ case: `status call, ${shape}`, seconds: median(calls) });
        report.record({ case: `testudo status --json, ${shape}`, ...medians(commands) });
        report.record({ case: 'testudo --help, from sources', ...medians(help) });
        report.record({ case: `view of ${clusters} clusters with ${rounds} rounds kept`, seconds: view });
        const busyCores = others();
        report.record({ case: 'all processes but the bench meanwhile', busyCores });
        report.text(
          `A coordinator process with ${shape}, every cluster acknowledged; the command is a process of its own, from its start ` +
            `to its end, from sources (the package is compiled, and starts sooner). Processor: of all its threads, which is what ` +
            `it takes on a machine of its own; ${busyCores ?? 'some'} cores were busy meanwhile, with others too. Bar: ${bars.statusSeconds} s for the command at 500 clusters.`,
        );
        const rowOf = (name: string, runs: readonly ProgramRun[], bar: string) => {
          const { seconds, processorSeconds } = medians(runs);
          return [name, `${figure(seconds)} s`, `${figure(processorSeconds)} s`, bar];
        };
        report.table(
          ['what', 'median', 'processor', 'bar'],
          [
            [
              `one look, as a call on an open connection (${shape})`,
              `${figure(median(calls))} s`,
              '',
              `${bars.callSeconds} s`,
            ],
            rowOf(`\`testudo status --json\`, the whole command (${shape})`, commands, `${bars.statusSeconds} s`),
            rowOf('`testudo --help`, from sources', help, ''),
            [`the view alone, with ${rounds} rounds kept of one track`, `${figure(view)} s`, '', ''],
          ],
        );
      } finally {
        await member.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function medians(runs: readonly ProgramRun[]) {
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    processorSeconds: median(runs.map(({ processorSeconds }) => processorSeconds)),
  };
}

const surroundings = { nowMs: 0, freeBytes: 1, workers: undefined, gate: () => undefined, warnWithinMs: 0 };

function around(state: ReturnType<typeof stateWithRounds>) {
  return {
    state,
    connected: new Set(state.clusters.keys()),
    eligible: () => [],
    resolved: () => [],
    planned: [],
    alerts: () => [],
  };
}
