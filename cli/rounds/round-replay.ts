import { listing } from '../../base/text/table.ts';
import type { ReplayedDigest, ReplayRoundResponse } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { exitCodes } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { roundFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { changingCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** The round is computed again on the coordinator's machine, which may take as long as the first time. */
const deadlineMs = 1_800_000;

/** `testudo rounds replay`: the same inputs must give the same model, to the bit. */
export function replayCommand() {
  return changingCommand(
    'replay',
    'compute a candidate again from its sealed updates, while their keys are kept; compare',
  )
    .argument('<track>')
    .argument('<round>')
    .action((track, name, options) =>
      withConnection(options, async (connection) => {
        const round = roundFrom(name);
        const request = { track, round, reason: options.reason };
        const answer = await connection.call(connection.client.replayRound, request, deadlineMs);
        print(options.json ? wireJson(answer) : replayText(`${round} of ${track}`, answer));
        if (!answer.same) process.exitCode = exitCodes.refused;
      }),
    );
}

function replayText(name: string, answer: ReplayRoundResponse): string {
  const { same, updateCount, durationMs, build, sequence, candidate, provenance, optimiserState } = answer;
  const verdict = same
    ? `${name} gives the same candidate to the bit`
    : `${name} gives ANOTHER candidate: a file it rests on was changed, or this build computes otherwise`;
  return `${verdict} (journal ${sequence})\n${listing({
    updates: `${updateCount} opened again`,
    took: `${(Number(durationMs) / 1000).toFixed(1)} s, build ${build}`,
    candidate: digestText(candidate),
    provenance: digestText(provenance),
    ...(optimiserState?.recorded || optimiserState?.recomputed ? { moments: digestText(optimiserState) } : {}),
  })}`;
}

function digestText(digest: ReplayedDigest | undefined): string {
  if (digest === undefined) return '';
  const { recorded, recomputed } = digest;
  return recorded === recomputed ? recorded : `recorded ${recorded}, now ${recomputed}`;
}
