import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restMs } from './duty-cycle.ts';
import { type BreakerState, type PressureLimits, startBreaker, stepBreaker } from './pressure.ts';

const limits: PressureLimits = {
  rssBytesMax: 1_000,
  loopDelayMsMax: 50,
  pauseMs: 100,
  pauseMsMax: 800,
  memoryTripsMax: 3,
};
const calm = { rssBytes: 10, loopDelayMs: 1 };
const lagging = { rssBytes: 10, loopDelayMs: 51 };
const large = { rssBytes: 1_001, loopDelayMs: 1 };

function run(...samples: [number, typeof calm][]) {
  let state: BreakerState = startBreaker(0);
  const actions: (string | undefined)[] = [];
  for (const [nowMs, sample] of samples) {
    const next = stepBreaker(state, sample, nowMs, limits);
    state = next.state;
    actions.push(next.action);
  }
  return { state, actions };
}

describe('training breaker', () => {
  it('pauses at once under lag or memory, and says which', () => {
    expect(run([1, lagging])).toMatchObject({ actions: ['pause'], state: { because: 'lag', untilMs: 101 } });
    expect(run([1, large])).toMatchObject({ actions: ['pause'], state: { because: 'memory' } });
  });

  it('does not resume before its time, nor while the pressure lasts', () => {
    expect(run([0, lagging], [99, calm], [100, lagging], [299, calm], [300, calm]).actions).toEqual([
      'pause',
      undefined,
      undefined,
      undefined,
      'resume',
    ]);
  });

  it('waits longer each time the pressure comes back, and forgives after a long calm', () => {
    const again = run([0, lagging], [100, calm], [101, lagging]);
    expect(again.state).toMatchObject({ untilMs: 301 });
    const forgiven = run([0, lagging], [100, calm], [901, calm], [902, lagging]);
    expect(forgiven.state).toMatchObject({ untilMs: 1_002 });
  });

  it('ends what never fits into memory, and never what merely lags', () => {
    const times = [0, 100, 300, 700];
    expect(run(...times.map((at): [number, typeof calm] => [at, large])).actions.at(-1)).toBe('end');
    expect(run(...times.map((at): [number, typeof calm] => [at, lagging])).actions).not.toContain('end');
  });

  it('alternates pauses and resumptions, whatever the samples', () => {
    const samples = fc.array(fc.tuple(fc.nat(500), fc.constantFrom(calm, lagging, large)), { maxLength: 80 });
    fc.assert(
      fc.property(samples, (list) => {
        let nowMs = 0;
        const { actions } = run(
          ...list.map(([gap, sample]): [number, typeof calm] => {
            nowMs += gap;
            return [nowMs, sample];
          }),
        );
        const moves = actions.filter((action) => action === 'pause' || action === 'resume');
        expect(moves).toEqual(moves.map((_, at) => (at % 2 === 0 ? 'pause' : 'resume')));
      }),
    );
  });
});

describe('restMs', () => {
  it('keeps the share: 100 ms of one core’s work take 200 ms at half a core', () => {
    expect(restMs(100, 100, 0.5)).toBe(100);
    expect(restMs(100, 50, 2)).toBe(0);
    expect(restMs(100, 500, 0.5)).toBe(0);
  });
});
