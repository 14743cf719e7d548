import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../../proto/ids.ts';
import type { ShadowReport } from '../../ledger/journal/events.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { ada, enrolled, eventsAfter, gatePolicy, newState, released, track } from '../../testing/released-state.ts';
import { gateDueMs, gateEventsDue } from './at-the-gate.ts';
import { movesOf } from './channel-events.ts';
import { planOverride } from './plan-override.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const canaries = ['a', 'b', 'c', 'd', 'e'];
const trackOf = (state: State) => state.tracks.get(track) as Track;
const passing = { agreedCount: 1_000 };
const failing = { agreedCount: 500 };

/** Version 0 stable, version 1 in shadow on five canaries of which f may lie; the gate opens at 0. */
function atTheGate(f = 1): State {
  const policy = newState().tracks.get(track)?.policy;
  let state = newState({
    gate: { ...gatePolicy, minutesMin: 10 },
    ...(policy && { aggregation: { ...policy.aggregation, f } }),
  });
  for (const name of canaries) state = eventsAfter(state, enrolled(name));
  const assignments = canaries.map((name) => ({ track, channel: 'canary', subject: { cluster: name as ClusterId } }));
  state = eventsAfter(state, [{ kind: 'assignmentsSet', assignments, reason: 'test' }]);
  for (const version of [0, 1]) {
    state = eventsAfter(state, released(state, version));
    state = eventsAfter(state, movesOf(state, trackOf(state), 0));
  }
  return state;
}

function reported(state: State, cluster: string, more: Partial<ShadowReport>, atMs: number, version = 1): State {
  const report = {
    ...{ cluster: cluster as ClusterId, liveVersion: 0, durationMs: minuteMs, scoredCount: 1_000, agreedCount: 0 },
    ...{ shadowAlertCount: 0, liveAlertCount: 0, recalls: [], falsePositiveCaseCount: 0 },
    ...{
      shadowFalsePositiveCount: 0,
      liveFalsePositiveCount: 0,
      shadowLatencyUs: 1,
      liveLatencyUs: 1,
      reportedAtMs: atMs,
    },
    ...more,
  };
  return eventsAfter(state, [{ kind: 'shadowReported', track, version, report, signature: '' }], atMs);
}

const decided = (state: State, nowMs: number) => eventsAfter(state, gateEventsDue(state, trackOf(state), nowMs), nowMs);
const stableOf = (state: State) => trackOf(state).releasing.channels.stable?.version;

describe('gateEventsDue', () => {
  it('does not let two canaries that claim a day of traces promote within a second', () => {
    let state = atTheGate(2);
    const lie = { ...passing, durationMs: 24 * hourMs, scoredCount: 1_000_000, agreedCount: 1_000_000 };
    for (const name of ['a', 'b']) state = reported(state, name, lie, 300);
    expect(gateEventsDue(state, trackOf(state), 333)).toEqual([]);
    expect(gateDueMs(trackOf(state), 333)).toBe(10 * minuteMs);
    expect(gateEventsDue(state, trackOf(state), 11 * minuteMs)).toEqual([]);
  });

  it('promotes by a majority when its time has come, and not before', () => {
    let state = atTheGate();
    for (const name of ['a', 'b', 'c']) state = reported(state, name, passing, 5 * minuteMs);
    expect(gateEventsDue(state, trackOf(state), 9 * minuteMs)).toEqual([]);
    state = decided(state, 10 * minuteMs);
    expect(stableOf(state)).toBe(1);
  });

  it('rolls back and says so when most canaries turn against what the gate has promoted', () => {
    let state = atTheGate();
    for (const name of ['a', 'b', 'c']) state = reported(state, name, passing, 5 * minuteMs);
    state = decided(state, 10 * minuteMs);
    for (const name of ['d', 'e']) state = reported(state, name, failing, 11 * minuteMs);
    expect(gateEventsDue(state, trackOf(state), 11 * minuteMs)).toEqual([]); // Two of five, and not more than half.
    state = reported(state, 'c', failing, 12 * minuteMs);
    state = decided(state, 12 * minuteMs);
    expect(stableOf(state)).toBe(0);
    const { gates, channels } = trackOf(state).releasing;
    expect(channels.canary?.version).toBe(0);
    expect(gates[1]?.decision).toMatchObject({
      decision: 'reject',
      reasons: [
        expect.stringContaining('ROLLED_BACK'),
        ...['c', 'd', 'e'].map((name) => expect.stringContaining(`${name}: AGREEMENT_LOW`)),
      ],
    });
    expect(trackOf(state).headVersion).toBe(0);
    expect(gateEventsDue(state, trackOf(state), 13 * minuteMs)).toEqual([]); // Once.
  });

  it('leaves alone what operators let through against the reports', () => {
    let state = atTheGate();
    for (const name of ['a', 'b', 'c']) state = reported(state, name, failing, minuteMs);
    const override = {
      kind: 'gateDecided',
      track,
      version: 1,
      decision: 'promote',
      reasons: ['OVERRIDDEN by ada: x'],
    } as const;
    const moved = { kind: 'channelMoved', track, channel: 'stable', version: 1, shadows: null, reason: 'x' } as const;
    state = eventsAfter(state, [override, moved], 2 * minuteMs, ada);
    expect(gateEventsDue(state, trackOf(state), 20 * minuteMs)).toEqual([]);
  });

  describe('where each version finds a little less of known attacks', () => {
    /** Puts versions before one canary with a set of 100 cases, one after another, until one is not promoted. */
    function worn(found: (version: number) => number, cases = (_: number) => 100) {
      let state = newState({ gate: { ...gatePolicy, clustersMin: 1, recallDropMax: 0.02 } });
      for (const name of canaries.slice(0, 3)) state = eventsAfter(state, enrolled(name));
      const subjects = canaries.slice(0, 3).map((name) => ({ cluster: name as ClusterId }));
      const assignments = subjects.map((subject) => ({ track, channel: 'canary', subject }));
      state = eventsAfter(state, [{ kind: 'assignmentsSet', assignments, reason: 'test' }]);
      state = eventsAfter(state, released(state, 0));
      state = eventsAfter(state, movesOf(state, trackOf(state), 0));
      const step = (version: number, isOverridden = false) => {
        const atMs = version * hourMs;
        state = eventsAfter(state, released(state, version, trackOf(state).headVersion), atMs);
        state = eventsAfter(state, movesOf(state, trackOf(state), atMs), atMs);
        const liveVersion = stableOf(state) as number;
        const counts = { shadowFoundCount: found(version), liveFoundCount: found(liveVersion) };
        const recalls = [{ attackClass: 'shell', caseCount: cases(version), ...counts }];
        for (const name of canaries.slice(0, 3)) {
          const more = { ...passing, liveVersion, recalls: name === 'a' ? recalls : [] };
          state = reported(state, name, more, atMs + minuteMs, version);
        }
        if (isOverridden) {
          const plan = {
            track,
            version,
            decision: 'promote',
            reason: 'these cases are of a program we retired',
          } as const;
          const override = planOverride(state, ada, plan);
          if (!override.ok) throw new TypeError(override.fault.message);
          state = eventsAfter(state, override.value.events, atMs + 2 * minuteMs);
        } else state = decided(state, atMs + 20 * minuteMs);
        return trackOf(state).releasing.gates[version]?.decision;
      };
      return step;
    }

    it('holds the one that is farther below the best of them than a policy allows, and the one after it', () => {
      const step = worn((version) => 96 - 2 * version);
      expect(step(1)?.decision).toBe('promote');
      expect(step(2)?.decision).toBe('promote');
      // Each falls by 2 of 100 only, which a step may; three steps are 6, and twice a step is the most.
      expect(step(3)).toMatchObject({
        decision: 'hold',
        reasons: [
          'a: RECALL_WORN: shell: 90 of 100 cases found, 96 by version 0, which was live; by and by it may fall by 4 %',
        ],
      });
      // Version 2 is live still: the next one falls by 6 of 100 at once.
      expect(step(4)?.reasons).toEqual([expect.stringContaining('a: RECALL_FELL: shell: 88 of 100')]);
    });

    it('is held to what versions found since operators let one through against it', () => {
      const step = worn((version) => 96 - 2 * version);
      step(1);
      step(2);
      expect(step(3, true)).toMatchObject({
        decision: 'promote',
        reasons: [expect.stringContaining('OVERRIDDEN by ada')],
      });
      expect(step(4)?.decision).toBe('promote');
      expect(step(5)?.decision).toBe('promote');
      expect(step(6)?.reasons).toEqual([expect.stringContaining('90 by version 3')]);
    });

    it('knows nothing of sets that had another number of cases', () => {
      const step = worn(
        (version) => 96 - 2 * version,
        (version) => 100 + version,
      );
      for (const version of [1, 2, 3, 4, 5, 6]) expect(step(version)?.decision).toBe('promote');
    });
  });
});
