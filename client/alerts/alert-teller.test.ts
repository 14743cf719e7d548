import { expect, it } from 'vitest';
import { ok } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { type AlertsTold, AlertTeller, type SensorCounts } from './alert-teller.ts';

it('tells of alerts and of sensors when either is different, once a minute at most, and all anew on a new connection', async () => {
  let nowMs = 0;
  const timers = { ...systemTimers, monotonicMs: () => nowMs };
  const connection = () => ({ tellAlerts: async (one: AlertsTold) => ok(void told.push(one)) });
  const told: AlertsTold[] = [];
  let [revision, sensors]: [number, SensorCounts | undefined] = [0, undefined];
  const news = { news: () => revision, recent: () => [], sensors: () => sensors };
  const teller = new AlertTeller();
  const look = (to: ReturnType<typeof connection>) => teller.look(to, news, timers, new AbortController().signal);
  const first = connection();
  await look(first);
  expect(told).toEqual([]); // Neither alerts nor sensors: nothing to tell.
  sensors = { count: 3, sampled: 0, dangerous: 0, behind: 0, blind: 0 };
  await look(first);
  sensors = { ...sensors, behind: 1 };
  await look(first);
  expect(told).toEqual([{ counts: [], sensors: { ...sensors, behind: 0 } }]);
  nowMs = 60_000;
  await look(first);
  expect(told[1]?.sensors).toEqual(sensors);
  nowMs = 120_000;
  await look(first); // As it was.
  revision = 1;
  await look(first);
  expect(told).toHaveLength(3);
  await look(connection());
  expect(told).toHaveLength(4);
});
