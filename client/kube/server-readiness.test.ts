import { describe, expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { ServerReadiness } from './server-readiness.ts';

/** A server of which the test says whether it is ready, and everybody who waits for it. `unit` 0.999: whoever looks does it as late as it may. */
function awaited() {
  const timers = new SimulatedTimers();
  const server = { isReady: false, looksMs: [] as number[] };
  const stopping = new AbortController();
  const readiness = new ServerReadiness({
    timers,
    unit: () => 0.999,
    look: async () => {
      server.looksMs.push(timers.monotonicMs());
      return server.isReady;
    },
  });
  /** Whom a pause ended for, in order, and when. */
  const ended: { name: string; isBack: boolean; atMs: number }[] = [];
  const pause = async (name: string, ms: number, isAway = true) => {
    const isBack = await readiness.pause(ms, isAway, stopping.signal);
    ended.push({ name, isBack, atMs: timers.monotonicMs() });
  };
  return { timers, server, stopping, readiness, ended, pause };
}

describe('the readiness of an API server', () => {
  it('ends the pauses of all who wait within a second of its return, by one look for all of them', async () => {
    const { timers, server, ended, pause } = awaited();
    void pause('pods', 30_000);
    void pause('nodes', 25_000);
    await timers.advance(8_200);
    expect(ended).toEqual([]);
    expect(server.looksMs.length).toBe(8);
    server.isReady = true;
    await timers.advance(1_000);
    expect(ended.map(({ name, isBack }) => [name, isBack])).toEqual([
      ['pods', true],
      ['nodes', true],
    ]);
    await timers.advance(60_000);
    expect(server.looksMs.length).toBe(9); // Nobody waits any more.
  });

  it('is looked at less the longer it is away: a twentieth of that time, and ten seconds at most', async () => {
    const { timers, server, ended, pause } = awaited();
    void pause('pods', 3_600_000);
    await timers.advance(3_000_000);
    const gaps = server.looksMs.map((ms, at) => ms - (server.looksMs[at - 1] ?? 0));
    for (const [at, gap] of gaps.entries()) {
      const awayMs = server.looksMs[at - 1] ?? 0;
      expect(gap).toBeLessThanOrEqual(Math.min(10_000, Math.max(1_000, awayMs / 20)));
    }
    expect(server.looksMs.filter((ms) => ms <= 120_000).length).toBeLessThanOrEqual(60);
    expect(gaps.at(-1)).toBeGreaterThan(9_900);
    server.isReady = true;
    await timers.advance(10_000);
    expect(ended).toMatchObject([{ name: 'pods', isBack: true }]);
  });

  it('says so to who was refused too, and is not looked at for a refusal alone', async () => {
    const { timers, server, ended, pause } = awaited();
    void pause('refused', 40_000, false);
    await timers.advance(20_000);
    expect(server.looksMs).toEqual([]);
    void pause('unanswered', 40_000);
    server.isReady = true;
    await timers.advance(1_000);
    expect(ended.map(({ isBack }) => isBack)).toEqual([true, true]);
  });

  it('is not believed again before somebody was answered: pauses keep their length', async () => {
    const { timers, server, readiness, ended, pause } = awaited();
    server.isReady = true;
    void pause('first', 30_000);
    await timers.advance(1_000);
    void pause('second', 30_000);
    await timers.advance(30_000);
    expect(ended.map(({ isBack, atMs }) => [isBack, Math.round(atMs / 1_000)])).toEqual([
      [true, 1],
      [false, 31],
    ]);
    expect(server.looksMs.length).toBe(1);
    readiness.answered();
    void pause('third', 30_000);
    await timers.advance(1_000);
    expect(ended.at(-1)).toMatchObject({ isBack: true });
  });

  it('is left alone once nobody waits: pauses are over, or everybody has stopped', async () => {
    const { timers, server, stopping, ended, pause } = awaited();
    void pause('short', 400);
    await timers.advance(5_000);
    expect(server.looksMs).toEqual([]);
    void pause('long', 30_000);
    await timers.advance(100);
    stopping.abort();
    await timers.advance(30_000);
    await pause('late', 30_000);
    expect(server.looksMs).toEqual([]);
    expect(ended.map(({ isBack, atMs }) => [isBack, atMs])).toEqual([
      [false, 400],
      [false, 5_100],
      [false, 35_100],
    ]);
  });
});
