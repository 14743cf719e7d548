import { ok, type Result, refuse } from '../../base/fault.ts';
import { decimalOf } from '../../base/text/number.ts';
import type { FileJudge, OpenFileJudge } from './file-judge.ts';
import type { OfflineOption } from './offline-kind.ts';

/** The option of verbs on files that counts what workloads do by the minute. */
export const rates: OfflineOption = {
  flags: '--rates <seconds>',
  about:
    'what workloads do within so many seconds is counted and judged as a client does, beside the scores; 0: scores alone',
  default: '60',
  refusedElsewhere: '--rates: only system calls and flows are counted by the minute',
};

export const minutesNeedRates = '--by minute: minutes are of rates; give --rates a number of seconds above 0';

/** Opens a judge for each cluster. Undefined where rates shall not count, or nobody counts them. */
export function openedRates(
  seconds: string,
  open: OpenFileJudge | undefined,
): Result<(() => FileJudge) | undefined, 'OPTION_WRONG'> {
  const intervalMs = decimalOf(seconds) * 1_000;
  if (intervalMs === 0) return ok(undefined);
  if (!(intervalMs >= 1_000 && intervalMs <= 3_600_000)) {
    return refuse('OPTION_WRONG', `--rates: expected 1 to 3600 seconds, or 0 for scores alone, got ${seconds}`);
  }
  return ok(open && (() => open(intervalMs)));
}
