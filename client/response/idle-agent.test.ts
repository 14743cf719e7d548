import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import type { Timer, Timers } from '../../base/time.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { event, isWatch, startHostileServer } from '../../tools/testing/kube/hostile-api-server.ts';
import { startAgent } from './agent.ts';
import { parseAgentConfig } from './agent-config.ts';

const minuteMs = 60_000;
const retryMs = 20_000;
/** What a watch waits for before it takes silence for death, and what requests wait for their answers. */
const silenceMs = 90_000;
const deadlinesMs = [15_000, 25_000];
const watched = ['pods', 'replicasets', 'deployments', 'statefulsets', 'poddisruptionbudgets', 'nodes'];

/** An hour of the agent's own clock, each of its requests a real one. */
it('lists each collection once, and in a quiet hour asks for nothing but watches, twelve an hour at most, and its lease', async () => {
  const timers = new SimulatedTimers();
  let lease: Record<string, Record<string, unknown>> | undefined;
  let version = 1;
  let standing = 0;
  const server = await startHostileServer((request, response) => {
    const url = new URL(request.url ?? '', 'https://api');
    if (url.pathname.includes('/leases')) {
      let text = '';
      request.on('data', (chunk) => (text += chunk));
      request.on('end', () => {
        if (request.method !== 'GET') {
          const sent = JSON.parse(text) as Record<string, Record<string, unknown>>;
          lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(++version) } };
        }
        response.writeHead(lease === undefined ? 404 : 200).end(JSON.stringify(lease ?? { kind: 'Status' }));
      });
      return;
    }
    if (!isWatch(request.url)) {
      return void response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: '1' }, items: [] }));
    }
    standing += 1;
    // A bookmark each minute, and the end when it was asked for: what a real one does with a collection that rests.
    response.writeHead(200).flushHeaders();
    const bookmark = event('BOOKMARK', { metadata: { resourceVersion: '1' } });
    const beats = timers.every(minuteMs, () => void response.write(bookmark));
    const ends = timers.after(Number(url.searchParams.get('timeoutSeconds')) * 1_000, () => {
      standing -= 1;
      timers.cancel(beats);
      response.end();
    });
    response.on('close', () => [beats, ends].forEach(timers.cancel));
  });
  const quiet = quietTimers(timers);
  const { podsMax: _, ...kubernetes } = server.config;
  const settings = [
    ...[`dataDirectory=${join(tempDir(), 'agent')}`, 'namespaces=[shop]', 'health.listen=127.0.0.1:0'],
    ...['rotation.mode=rotate', `lease.retrySeconds=${retryMs / 1_000}`],
    ...['lease.renewWithinSeconds=50', 'lease.durationSeconds=120'],
    ...Object.entries(kubernetes).map(([name, value]) => `kubernetes.${name}=${value}`),
  ];
  const config = unwrap(parseAgentConfig({ settings }));
  const agent = unwrap(await startAgent(config, { log: makeLog('silent'), timers: quiet.timers }));
  onTestFinished(() => agent.close());
  await quiet.settled(() => standing === watched.length);
  const before = server.requests.length;
  for (let passedMs = 0; passedMs < 60 * minuteMs; passedMs += retryMs) {
    await timers.advance(retryMs);
    await quiet.settled(() => standing === watched.length);
  }
  const asked = (from: number) =>
    Map.groupBy(server.requests.slice(from), ({ path }) => {
      const what = path.pathname.includes('/leases') ? 'lease' : (path.pathname.split('/').at(-1) ?? '');
      return path.searchParams.has('watch') || what === 'lease' ? what : `list of ${what}`;
    });
  expect([...asked(0).keys()].sort()).toEqual(
    ['lease', ...watched, ...watched.map((what) => `list of ${what}`)].sort(),
  );
  for (const what of watched) expect(asked(0).get(`list of ${what}`)).toHaveLength(1);
  const inHour = asked(before);
  expect([...inHour.keys()].sort()).toEqual(['lease', ...watched].sort());
  for (const what of watched) {
    expect(inHour.get(what)?.length, what).toBeGreaterThanOrEqual(6); // Each is ended after ten minutes at the latest.
    expect(inHour.get(what)?.length, what).toBeLessThanOrEqual(12);
  }
});

/** Timers that say when nothing is on its way: every answer has come, every watch stands, the lease was looked at. */
function quietTimers(timers: SimulatedTimers) {
  const waiting = new Map<Timer, number>();
  let wake: () => void = () => undefined;
  const ended = (timer: Timer | undefined) => {
    if (timer !== undefined) waiting.delete(timer);
    wake();
  };
  const counted: Timers = {
    now: timers.now,
    monotonicMs: timers.monotonicMs,
    every: timers.every,
    after(delayMs, act) {
      const timer = timers.after(delayMs, () => {
        ended(timer);
        act();
      });
      waiting.set(timer, delayMs);
      wake();
      return timer;
    },
    cancel(timer) {
      timers.cancel(timer);
      ended(timer);
    },
  };
  const count = (delayMs: number) => [...waiting.values()].filter((one) => one === delayMs).length;
  const isQuiet = () =>
    count(silenceMs) === watched.length && count(retryMs) === 1 && deadlinesMs.every((ms) => count(ms) === 0);
  return {
    timers: counted,
    async settled(holds: () => boolean) {
      while (!isQuiet() || !holds()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
