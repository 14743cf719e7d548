import { setTimeout } from 'node:timers/promises';
import { Command } from '@commander-js/extra-typings';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { noBetterThanChance } from '../../aggregation/trusted/trusted-loss.ts';
import type { Fault } from '../../base/fault.ts';
import { listing, shortDigest, table, time } from '../../base/text/table.ts';
import {
  type GetRoundResponse,
  type OpenRoundResponse,
  type Participation,
  RoundPhase,
  type RoundSummary,
  UpdateFate,
} from '../../proto/generated/testudo/v1/operator.ts';
import type { ClassOutcome, SampleOutcome, ToldApart } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { exitCodes, isUnreachable } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { roundFrom } from '../operator/arguments.ts';
import { type OperatorConnection, type OperatorOptions, withConnection } from '../operator/connection.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { pages } from '../operator/pages.ts';
import { nameOf } from '../operator/wire-text.ts';
import { complain, print } from '../print.ts';
import { comingText } from './coming.ts';
import { planCommand } from './plan.ts';
import { replayCommand } from './round-replay.ts';

const waitLookMs = 500;
/** A coordinator that restarts, or a takeover, takes seconds to a minute. */
const awayMsMax = 300_000;
const awayLookMs = 1_000;

/** `testudo rounds`: what ran, what runs, what would run. */
export function roundsCommand() {
  return new Command('rounds')
    .description('rounds: list, show, open, cancel, plan, replay')
    .addCommand(list())
    .addCommand(show())
    .addCommand(open())
    .addCommand(cancel())
    .addCommand(planCommand())
    .addCommand(replayCommand());
}

function list() {
  return operatorCommand('list', 'the last rounds of a track, newest first')
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { client } = connection;
        const rows = await pages(
          (page) => connection.call(client.listRounds, { track, page }),
          ({ rounds }) => rounds,
        );
        if (options.json) for (const row of rows) print(wireJson(row));
        else {
          print(
            table<RoundSummary>(rows, [
              { title: 'ROUND', text: ({ round }) => round },
              { title: 'PHASE', text: phaseText },
              { title: 'OPENED', text: ({ openedAtMs }) => time(openedAtMs) },
              { title: 'ENDED', text: ({ endedAtMs }) => time(endedAtMs) },
              { title: 'COHORT', text: ({ cohortCount }) => String(cohortCount), align: 'right' },
              { title: 'ACCEPTED', text: ({ acceptedCount }) => String(acceptedCount), align: 'right' },
              { title: 'REFUSED', text: ({ refusedCount }) => String(refusedCount), align: 'right' },
              { title: 'VERSION', text: ({ candidate }) => String(candidate?.version ?? ''), align: 'right' },
              { title: 'KEY GONE', text: ({ keyDestroyedAtMs }) => time(keyDestroyedAtMs) },
            ]),
          );
        }
      }),
    );
}

function phaseText({ phase, abandonedBecause }: RoundSummary): string {
  const name = nameOf(RoundPhase, phase, 'ROUND_PHASE_');
  return abandonedBecause === '' ? name : `${name} (${abandonedBecause})`;
}

function show() {
  return operatorCommand('show', "one round: every cluster's part and what became of it")
    .argument('<track>')
    .argument('<round>')
    .option('--provenance', 'only the provenance of its candidate, canonical JSON as it was stored')
    .action((track, round, options) =>
      withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.getRound, { track, round: roundFrom(round) });
        if (options.provenance) print(answer.provenanceJson || connection.exitWith(noProvenance(answer)));
        else if (options.json) print(wireJson(answer));
        else print(roundText(answer));
      }),
    );
}

function noProvenance({ summary }: GetRoundResponse): Fault {
  const { round, track, candidate } = summary ?? { round: '', track: '' };
  const why =
    candidate === undefined
      ? 'it gave no candidate'
      : `it is longer than an answer may be; \`testudo releases export ${track}@${candidate.version} --to FILE\` brings it`;
  return { code: 'PROVENANCE_ABSENT', message: `${round} of ${track}: ${why}` };
}

function roundText(answer: GetRoundResponse): string {
  const { summary, participations, classes, sample, why } = answer;
  if (summary === undefined) return '';
  const facts = listing({
    round: `${summary.round} of ${summary.track}`,
    phase: phaseText(summary),
    why,
    opened: time(summary.openedAtMs),
    closes: time(summary.closesAtMs),
    ended: time(summary.endedAtMs),
    candidate:
      summary.candidate === undefined ? '' : `version ${summary.candidate.version}, ${summary.candidate.digest}`,
    'key destroyed': time(summary.keyDestroyedAtMs),
    'replayable until': time(summary.replayableUntilMs),
    'trusted sample': sample === undefined ? '' : sampleText(sample),
    'its attacks': attacksText(answer),
  });
  const rows = table<Participation>(participations, [
    { title: 'CLUSTER', text: ({ cluster }) => cluster },
    { title: 'FATE', text: ({ fate }) => nameOf(UpdateFate, fate, 'UPDATE_FATE_') },
    {
      title: 'WEIGHT',
      text: ({ share }) => (Number.isNaN(share) ? '' : `${(100 * share).toPrecision(3)} %`),
      align: 'right',
    },
    { title: 'ON SAMPLE', text: ({ sampleSlope }) => number(sampleSlope), align: 'right' },
    { title: 'SCORE', text: ({ score }) => number(score), align: 'right' },
    { title: 'NORM', text: ({ norm }) => number(norm), align: 'right' },
    { title: 'COSINE', text: ({ cosine }) => number(cosine), align: 'right' },
    { title: 'UPDATE', text: ({ payloadDigest }) => shortDigest(payloadDigest) },
    ...ofRegions(participations),
    { title: 'CLASSES', text: ({ classes: declared }) => declared.join(',') },
    { title: 'WHY', text: ({ code, reason }) => (code === '' ? reason : `${code}: ${reason}`) },
  ]);
  return [facts, rows, ...(classes.length > 0 ? [classTable(classes)] : [])].join('\n\n');
}

/** Only where the members are regions: their relays signed who went in (`testudo relay join`). */
function ofRegions(participations: readonly Participation[]) {
  if (participations.every(({ provenanceDigest }) => provenanceDigest === '')) return [];
  return [{ title: 'PROVENANCE', text: ({ provenanceDigest }: Participation) => shortDigest(provenanceDigest) }];
}

function sampleText({ digest, lossBefore, lossAfter }: SampleOutcome): string {
  const losses = Number.isNaN(lossBefore)
    ? ''
    : `; loss on it ${number(lossBefore)} before, ${number(lossAfter)} after`;
  return `${shortDigest(digest)}${losses}`;
}

/** Of a provenance, what decides how the sample's attacks were heard. */
type Judged = Readonly<{ policy: AggregationPolicy }>;

/** What the sample's attacks did to the candidate; nothing where no rule asked for that, or the record is too long to be sent. */
function attacksText({ sample, provenanceJson }: GetRoundResponse): string {
  if (sample === undefined) return '';
  const { toldApart: told } = sample;
  const rule = provenanceJson === '' ? undefined : (JSON.parse(provenanceJson) as Judged).policy.rule;
  const asked = rule?.kind === 'trustedWeights' ? rule : undefined;
  if (told === undefined) {
    return asked?.tellApart === true
      ? 'none in the sample that the model could be moved to tell from its normal work'
      : '';
  }
  // Where most clusters told them better a sample was not doubted, and the aggregate moved.
  const isDoubted = asked?.doubtSample && told.attacksBefore >= noBetterThanChance && told.moved === 0;
  return isDoubted ? doubtedText(told) : toldApartText(told);
}

function doubtedText({ attacksBefore }: ToldApart): string {
  return `aggregate not moved: what clusters agreed on tells them from normal work no better than chance (their loss ${number(attacksBefore)}, chance ${number(noBetterThanChance)}); look whether they are attacks`;
}

function toldApartText({ moved, attacksBefore, attacksAfter, normalBefore, normalAfter }: ToldApart): string {
  const change = (before: number, after: number) => `${number(before)} to ${number(after)}`;
  return `aggregate moved by ${(100 * moved).toFixed(0)} % of its length to tell them apart: their loss ${change(attacksBefore, attacksAfter)}, that on normal work ${change(normalBefore, normalAfter)}`;
}

function classTable(classes: readonly ClassOutcome[]): string {
  return table<ClassOutcome>(classes, [
    { title: 'CLASS', text: ({ name }) => name },
    { title: 'SAMPLE', text: ({ covered }) => (covered ? 'yes' : 'no') },
    { title: 'HOLDERS', text: ({ holders }) => String(holders.length), align: 'right' },
    { title: 'LIARS WITHSTOOD', text: ({ withstands }) => String(withstands), align: 'right' },
    { title: 'LEFT OUT', text: ({ leftOut }) => leftOut.join(',') },
    { title: 'WHAT THAT MEANS', text: ({ text }) => text },
  ]);
}

function number(value: number): string {
  return Number.isNaN(value) ? '' : value.toPrecision(4);
}

function open() {
  return changingCommand('open', 'open a round now; says who is connected for it and who is missed')
    .argument('<track>')
    .option('--wait', 'until it has ended; ends with 1 when it gave no model')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const opened = await connection.call(connection.client.openRound, { track, reason });
        if (!options.json) {
          print(`${opened.round} of ${track} is open`);
          complain(whoText(opened));
        }
        const ended = options.wait ? await endOf(options, connection, track, opened.round) : undefined;
        if (options.json) print(wireJson({ track, ...opened, ...(ended && endJson(ended)) }));
        else if (ended !== undefined) print(`${opened.round} of ${track}: ${endText(ended)}`);
        if (ended !== undefined && ended.summary.candidate === undefined) process.exitCode = exitCodes.refused;
      }),
    );
}

function whoText({ connected, missing, needed }: OpenRoundResponse): string {
  return comingText(connected.length, needed, missing, ', and it will be abandoned unless more come');
}

type Ended = Readonly<{ summary: RoundSummary; why: string }>;

/**
 * The round once it has ended: asked for again and again, also of whoever leads after the coordinator was away. It goes on without
 * us: a restart, or a standby that takes over, is no end of it.
 */
async function endOf(
  options: OperatorOptions,
  first: OperatorConnection,
  track: string,
  round: string,
): Promise<Ended> {
  first.halfWay({
    done: `${round} of ${track} is open`,
    rest: `\`testudo rounds show ${track} ${round}\` says what becomes of it`,
  });
  let awaySinceMs: number | undefined;
  /** undefined where nobody answers any more. */
  const watch = async (connection: OperatorConnection): Promise<Ended | undefined> => {
    for (;;) {
      const look = await connection.tried(connection.client.getRound, { track, round });
      if (!look.ok) {
        const { fault } = look;
        if (awaySinceMs === undefined && isUnreachable(fault)) complain(`${fault.code}: ${fault.message}; waiting on`);
        awaySinceMs ??= performance.now();
        if (!isUnreachable(fault) || performance.now() - awaySinceMs > awayMsMax) first.exitWith(fault);
        return undefined;
      }
      const { summary, why } = look.value;
      if (summary !== undefined && summary.endedAtMs !== 0n) return { summary, why };
      awaySinceMs = undefined;
      await setTimeout(waitLookMs);
    }
  };
  let ended = await watch(first);
  while (ended === undefined) {
    await setTimeout(awayLookMs);
    ended = await withConnection(options, watch);
  }
  return ended;
}

function endText({ summary, why }: Ended): string {
  return why === '' ? phaseText(summary) : `${phaseText(summary)}: ${why}`;
}

function endJson({ summary, why }: Ended) {
  const { abandonedBecause, acceptedCount, candidate } = summary;
  const phase = nameOf(RoundPhase, summary.phase, 'ROUND_PHASE_');
  return {
    ...{ phase, abandonedBecause: abandonedBecause || null, why: why || null },
    ...{ acceptedCount, candidate: candidate ?? null },
  };
}

function cancel() {
  return changingCommand('cancel', 'abandon a round')
    .argument('<track>')
    .argument('<round>')
    .action((track, name, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const round = roundFrom(name);
        const { sequence } = await connection.call(connection.client.cancelRound, { track, round, reason });
        print(
          options.json
            ? wireJson({ track, round, sequence })
            : `${round} of ${track} is abandoned (journal ${sequence})`,
        );
      }),
    );
}
