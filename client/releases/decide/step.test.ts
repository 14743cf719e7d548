import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runningOf } from './agent.ts';
import type { Due, Work } from './effects.ts';
import { step } from './step.ts';
import { signedHistory, tracks } from './testing/signed-history.ts';
import { type Outcome, SimulatedAgent } from './testing/simulated-agent.ts';

const histories = [1, 2, 3, 4].map((seed) => signedHistory(seed, 10));
const beganMs = Date.now();

type Act = Readonly<
  | { act: 'arrive'; index: number }
  | { act: 'answer'; outcome: Outcome; times: number }
  | { act: 'pass'; ms: number }
  | { act: 'due'; what: Due }
  | { act: 'crash'; isWritten: boolean }
  | { act: 'line'; kind: 'connected' | 'disconnected' }
  | { act: 'reportLost' }
>;

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('arrive' as const), index: fc.nat(15) }) },
  {
    weight: 12,
    arbitrary: fc.integer({ min: 1, max: 12 }).map((times): Act => ({ act: 'answer', outcome: 'well', times })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('refused' as const, 'thrown' as const)
      .map((outcome): Act => ({ act: 'answer', outcome, times: 1 })),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.nat(3_600_000) }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('retry' as const, 'shadowReport' as const, 'expiry' as const)
      .map((what): Act => ({ act: 'due', what })),
  },
  { weight: 1, arbitrary: fc.boolean().map((isWritten): Act => ({ act: 'crash', isWritten })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('connected' as const, 'disconnected' as const)
      .map((kind): Act => ({ act: 'line', kind })),
  },
  { weight: 1, arbitrary: fc.constant({ act: 'reportLost' } as const) },
);

const runs = fc.record({ history: fc.nat(histories.length - 1), list: fc.array(acts, { maxLength: 40, size: 'max' }) });
type Run = Readonly<{ history: number; list: readonly Act[] }>;

/** An agent after all that, with what must always hold checked at each effect; `each` looks at it in between. */
function lived({ history, list }: Run, each: (simulated: SimulatedAgent) => void = () => {}): SimulatedAgent {
  const simulated = new SimulatedAgent(histories[history] as (typeof histories)[0], beganMs);
  for (const act of list) {
    if (simulated.agent.turn.kind !== 'restoring') simulated.enrol();
    perform(simulated, act);
    each(simulated);
  }
  return simulated;
}

function perform(simulated: SimulatedAgent, act: Act): void {
  switch (act.act) {
    case 'arrive':
      simulated.arrive(act.index);
      return;
    case 'answer':
      for (let time = 0; time < act.times; time += 1) simulated.answer(act.outcome);
      return;
    case 'pass':
      simulated.nowMs += act.ms;
      return;
    case 'due':
      if (simulated.due.delete(act.what)) simulated.hear({ kind: 'due', what: act.what });
      return;
    case 'crash':
      simulated.crash(act.isWritten);
      return;
    case 'line':
      simulated.hear({ kind: act.kind });
      return;
    case 'reportLost':
      simulated.hear({ kind: 'reportLost', why: 'a full disk' });
  }
}

describe('the release agent, whatever happens and in whatever order', () => {
  // `lived` checks the first three at each effect.
  it('asks for one thing at a time, swaps only to what is on disk and at its floor, never forgets trust, never goes dark', () => {
    let installs = 0;
    fc.assert(
      fc.property(runs, (run) => {
        let before = { life: 0, live: new Set<string>() };
        const simulated = lived(run, ({ agent, life, host }) => {
          const live = new Set<string>(tracks.filter((track) => host(track).live !== null));
          if (life === before.life) for (const track of before.live) expect(live).toContain(track);
          for (const track of tracks) expect(runningOf(agent, track).live?.name ?? null).toBe(host(track).live);
          before = { life, live };
        });
        installs += simulated.installs.told;
      }),
      { numRuns: 40 },
    );
    expect(installs).toBeGreaterThan(5); // Some 30: drawn anew each time, and never so few that nothing was looked at.
  });

  it('comes back from a crash at any moment with the last good model of every track', () => {
    fc.assert(
      fc.property(runs, fc.boolean(), (run, isWritten) => {
        const simulated = lived(run);
        simulated.crash(isWritten);
        simulated.settle();
        for (const track of tracks) {
          const held = simulated.disk.tracks[track]?.live ?? null;
          expect(runningOf(simulated.agent, track).live?.release.target ?? null).toEqual(held?.target ?? null);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('runs what the newest good set asks for once nothing fails any more, on disk too, and has said all that it refused', () => {
    let converged = 0;
    fc.assert(
      fc.property(runs, (run) => {
        const simulated = lived(run);
        simulated.settle();
        simulated.enrol();
        simulated.arrive(run.list.length);
        simulated.settle();
        for (const track of tracks) {
          const wanted = simulated.wanted(track);
          if (wanted === undefined) continue;
          converged += 1;
          const { live, shadow } = runningOf(simulated.agent, track);
          expect({
            live: live?.release.target.version,
            shadow: shadow?.release.target.version ?? null,
          }).toEqual(wanted);
          expect(simulated.disk.tracks[track]?.live?.target.version).toBe(wanted.live);
          // Nothing else stays loaded.
          const names = [live, shadow].flatMap((one) => (one === null ? [] : [one.name]));
          const loaded = [...simulated.host(track).loaded].filter((name) => !simulated.stuck.has(name));
          expect(loaded.sort()).toEqual(names.filter((name) => !simulated.stuck.has(name)).sort());
        }
        expect([...simulated.unsaid]).toEqual([]);
        expect(simulated.installs.told).toBe(simulated.installs.made);
      }),
      { numRuns: 30 },
    );
    expect(converged).toBeGreaterThan(15);
  });

  it('closes from any moment, with a last report on each run in shadow, and asks for nothing after that', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const simulated = lived(run);
        simulated.hear({ kind: 'stopped' });
        const ended: string[] = [];
        const shadows = new Set<string>();
        for (let turns = 0; simulated.agent.turn.kind !== 'closed'; turns += 1) {
          expect(turns).toBeLessThan(100);
          for (const track of tracks) if (simulated.host(track).shadow !== null) shadows.add(track);
          const work = simulated.outstanding as Work;
          if (work.kind === 'endShadow') ended.push(work.track);
          simulated.answer('well');
        }
        expect(new Set(ended)).toEqual(shadows);
        simulated.arrive(0);
        for (const what of ['retry', 'expiry', 'shadowReport'] as const) simulated.hear({ kind: 'due', what });
        expect(simulated.outstanding).toBeUndefined();
        expect(simulated.agent.turn.kind).toBe('closed');
      }),
      { numRuns: 15 },
    );
  });

  it('ignores answers that nobody waits for, and is plain data that decides the same when it is read back', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const { agent, nowMs } = lived(run);
        for (const kind of ['dropped', 'pruned', 'persisted', 'shadowEnded'] as const) {
          if (agent.awaits === kind) continue;
          expect(step(agent, { kind, nowMs })).toEqual({ agent, effects: [] });
        }
        const copy = structuredClone(agent);
        expect(step(copy, { kind: 'due', what: 'expiry', nowMs })).toEqual(
          step(agent, { kind: 'due', what: 'expiry', nowMs }),
        );
      }),
      { numRuns: 10 },
    );
  });
});

describe('the release agent, when something fails', () => {
  /** An agent that runs nothing yet and was sent a good set, up to its first work of that kind. */
  function upTo(kind: Work['kind']): SimulatedAgent {
    const simulated = new SimulatedAgent(histories[0] as (typeof histories)[0], beganMs);
    simulated.enrol();
    simulated.arrive(0);
    while (simulated.outstanding?.kind !== kind) simulated.answer('well');
    return simulated;
  }

  function finish(simulated: SimulatedAgent): void {
    while (simulated.outstanding !== undefined) simulated.answer('well');
  }

  it('takes a version that could not be made live back on disk, drops it, and goes on with the other tracks', () => {
    const simulated = upTo('swap');
    const { track, to } = simulated.outstanding as Extract<Work, { kind: 'swap' }>;
    expect(simulated.disk.tracks[track]?.live?.target).toEqual(to.release.target);
    simulated.answer('refused');
    expect(simulated.outstanding).toMatchObject({ kind: 'persist' });
    finish(simulated);
    expect(simulated.disk.tracks[track]?.live ?? null).toBeNull();
    expect(simulated.host(track)).toMatchObject({ live: null });
    expect(simulated.host(track).loaded).not.toContain(to.name);
    expect(simulated.agent.faults.get(track)).toMatchObject({ version: to.release.target.version });
    const others = tracks.filter((one) => one !== track);
    for (const other of others) expect(simulated.host(other).live).not.toBeNull();
  });

  it('tries again after pauses that grow, and from the start once all went well', () => {
    const simulated = upTo('fetch');
    const attempts: number[] = [];
    for (const outcome of ['refused', 'refused', 'thrown', 'refused'] as const) {
      while (simulated.outstanding?.kind !== 'fetch') simulated.answer('well');
      simulated.answer(outcome);
      finish(simulated);
      expect(simulated.agent.turn.kind).toBe('idle');
      expect(simulated.due).toContain('retry');
      attempts.push(simulated.agent.retry.attempt);
      simulated.hear({ kind: 'due', what: 'retry' });
      expect(simulated.outstanding, 'it does try again').toBeDefined();
    }
    expect(attempts).toEqual([1, 2, 3, 4]);
    finish(simulated);
    expect(simulated.agent.retry).toEqual({ attempt: 0, isWaiting: false });
    expect(simulated.agent.faults.size).toBe(0);
  });

  it('says the same refusal of the same version once, however often it comes', () => {
    const simulated = upTo('fetch');
    const fault = { code: 'FILE_DIGEST', message: 'other bytes' };
    const told: string[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { track } = simulated.outstanding as Extract<Work, { kind: 'fetch' }>;
      simulated.outstanding = undefined;
      const effects = simulated.hear({ kind: 'fetched', result: { ok: false, fault }, milliseconds: 1 });
      told.push(...effects.flatMap(({ kind }) => (kind === 'acknowledge' ? [track] : [])));
      finish(simulated);
      simulated.hear({ kind: 'due', what: 'retry' });
      while (simulated.outstanding !== undefined && (simulated.outstanding as Work).kind !== 'fetch')
        simulated.answer('well');
    }
    expect(told).toHaveLength(1);
  });
});
