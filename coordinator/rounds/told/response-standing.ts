import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { firstProblem, problemText } from '../../../base/text/problem-text.ts';
import type { TellStandingRequest } from '../../../proto/generated/testudo/v1/responses.ts';
import { isTrackId, type TrackId } from '../../../proto/ids.ts';
import { wireMs as ms } from './wire-time.ts';

const count = z.int().min(0).max(1_000_000);
/** As Kubernetes writes names; what is none could stand in no command that a page shows. */
const name = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'a name as Kubernetes writes it');
const code = z.string().regex(/^[A-Z][A-Z_]{0,63}$|^$/, 'a code');
const word = z.string().regex(/^[a-z]{0,16}$/, 'one word');
/** Somebody's own words: shown as text, and never more. */
const words = z.string().max(500);

const proposal = z.object({
  uid: z.string().regex(/^[0-9a-f-]{36}$/, "a pod's uid"),
  ...{ namespace: name, pod: name, workload: name },
  risk: z.number().min(0).max(1_000_000_000),
  alertCount: count,
  tracks: z.array(z.custom<TrackId>(isTrackId, 'a track')).max(16),
  ...{ action: word, keepForMs: ms, sinceMs: ms, untilMs: ms },
  ...{ outcome: word, decidedAtMs: ms, decidedBy: words, reason: words },
});

const held = z.array(z.object({ reason: code, count })).max(64);

const shape = z.object({
  atMs: ms,
  quarantine: z.object({
    ...{ quietCount: count, waitsCount: count, heldCount: count, begunCount: count },
    ...{ isolatedCount: count, partlyCount: count, unenforcedCount: count, unjudgedCount: count, spentCount: count },
    ...{ cap: word, policyFault: code, policyUntilMs: ms },
    sharesNames: z.boolean(),
    proposals: z.array(proposal).max(64),
  }),
  rotation: z
    .object({
      ...{ mode: word, inFlightCount: count, rotatedCount: count, countedSinceMs: ms, lastAtMs: ms },
      ...{ waiting: held, overBound: held, calendar: code, calendarUntilMs: ms },
    })
    .optional(),
});

/** How a cluster's response agent stands, in its own words; nothing is decided on it. Times of 0 are none. */
export type ResponseStanding = z.output<typeof shape>;
export type QuarantineProposal = ResponseStanding['quarantine']['proposals'][number];

/** A legal standing, or the first thing wrong with it. */
export function readStanding(told: TellStandingRequest): Result<ResponseStanding, 'REPORT_INVALID'> {
  const parsed = shape.safeParse(told, { error: problemText });
  if (parsed.success) return ok(parsed.data);
  return refuse('REPORT_INVALID', `standing: ${firstProblem(parsed.error)}`);
}
