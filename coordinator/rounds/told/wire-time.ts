import { z } from 'zod';
import type { EpochMs } from '../../../base/time.ts';

/** A time or a length of time as messages have it, milliseconds; at most the end of the year 9999. */
export const wireMs = z
  .bigint()
  .max(253_402_300_799_000n)
  .transform((value): EpochMs => Number(value));
