import { systemTimers } from '../../base/system-timers.ts';
import type { Timers } from '../../base/time.ts';
import type { Driver, Row } from '../postgres/driver.ts';
import { PostgresLink } from '../postgres/link.ts';

/** What a server says to a statement: rows, the SQLSTATE of its refusal, or nothing, since the line is cut. */
export type Said = readonly Row[] | string | Error;

const fit = { standby: false, fsync: 'on', pages: 'on', encoding: 'UTF8', version: 150_000 };

/** A link to a server that is fit to hold a journal, has its layout, and answers every other statement as `answer` says. */
export function scriptedLink(
  answer: (text: string, values: readonly unknown[]) => Said | undefined,
  {
    timers = systemTimers,
    isReplicated = false,
    ended = () => {},
  }: Readonly<{ timers?: Timers; isReplicated?: boolean; ended?: () => void }> = {},
): PostgresLink {
  const driver: Driver = async () => ({
    ...{ connect: async () => {}, onNotice: () => {}, onEnd: () => {}, destroy: () => {} },
    end: async () => ended(),
    async query(text, values = []) {
      const said = answer(text, values) ?? ofItsOwn(text);
      if (said instanceof Error) throw said;
      if (typeof said !== 'string') return said;
      throw Object.assign(new Error(`state ${said}`), { code: said });
    },
  });
  const settings = {
    ...{ hosts: [{ host: 'database', port: 5_432 }], database: 'testudo', user: 'testudo', password: '' },
    ...{ schema: 'testudo', isReplicated, outageMs: 60_000, leaseMs: 4_000 },
  };
  return new PostgresLink(settings, timers, driver);
}

function ofItsOwn(text: string): readonly Row[] {
  if (text.includes('to_regclass')) return [{ found: true }];
  return text.startsWith('SELECT version FROM') ? [{ version: 1 }] : [fit];
}

/** Time that goes by in pauses alone, at once; an answer is waited for as long as it takes. `late`: how much more goes by in each. */
export function pausesAtOnce(late = 0): Timers & { nowMs: number } {
  const timers = {
    ...systemTimers,
    nowMs: 0,
    monotonicMs: () => timers.nowMs,
    after(delayMs: number, act: () => void) {
      if (delayMs < 1_000) {
        timers.nowMs += delayMs + late;
        setImmediate(act);
      }
      return systemTimers.after(0, () => {});
    },
  };
  return timers;
}
