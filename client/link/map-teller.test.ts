import { expect, it } from 'vitest';
import { ok, refuse } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { sharedMapLimits } from '../../proto/wire-names.ts';
import { boundedMap, type SharedMap } from '../tracks/shared-map.ts';
import { MapTeller } from './map-teller.ts';

const minuteMs = 60_000;
const { signal } = new AbortController();
const empty: SharedMap = { fromMs: 0, untilMs: 1, newSinceMs: 1, services: [], edges: [], templates: [], leftOff: 0 };

it('tells a map on each connection, then every quarter of an hour, and asks an older coordinator once', async () => {
  const timers = new SimulatedTimers();
  const told: number[] = [];
  let answer: ReturnType<typeof refuse> | ReturnType<typeof ok> = ok({});
  const connection = () => ({
    async tellMap() {
      told.push(timers.monotonicMs() / minuteMs);
      return answer as never;
    },
  });
  const teller = new MapTeller();
  let map: SharedMap | undefined;
  const minutes = async (count: number, through: object, news = true) => {
    for (let minute = 0; minute < count; minute++) {
      await teller.look(through, news ? { map: async () => map } : undefined, timers, signal);
      await timers.advance(minuteMs);
    }
  };
  const first = connection();
  await minutes(3, first, false); // It shares nothing.
  await minutes(2, first); // Nothing was seen yet.
  map = empty;
  await minutes(20, first);
  expect(told).toEqual([5, 20]);
  await minutes(1, {}); // Of a connection that cannot.
  answer = refuse('GRPC_UNIMPLEMENTED', 'an older coordinator');
  const second = connection();
  await minutes(60, second);
  expect(told.slice(2)).toEqual([26]);
});

it('keeps of too much what tells most, and says how much was left off', () => {
  const template = (at: number, more: object = {}) => ({
    ...{ service: 'shop', method: 'GET', template: `/${at}`, requests: at, callers: 1 },
    ...{ isOpen: false, isOpenAmongClosed: false, isNew: false, ...more },
  });
  const templates = [
    template(0, { isOpen: true, isOpenAmongClosed: true }),
    template(1, { isNew: true }),
    ...Array.from({ length: 2_000 }, (_, at) => template(at + 2)),
  ];
  const services = [{ name: 'x'.repeat(500), requests: 1, isNew: false }];
  const { leftOff, ...map } = boundedMap({ ...empty, services, templates });
  expect(map.templates).toHaveLength(sharedMapLimits.templates);
  expect(map.templates.slice(0, 3).map(({ template }) => template)).toEqual(['/0', '/1', '/2001']);
  expect(leftOff).toBe(2_002 - sharedMapLimits.templates);
  expect(map.services[0]?.name).toHaveLength(sharedMapLimits.nameCharacters);
});
