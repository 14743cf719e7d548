import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../../base/fault.ts';
import { unwrap } from '../../../base/fault.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { danglingIn } from '../../../proto/release/documents/dangling.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import type { TrackPolicy } from '../../round/policy.ts';
import {
  ada,
  bob,
  enrolled,
  eventsAfter,
  gatePolicy,
  newState,
  released,
  track,
  weightsOf,
} from '../../testing/released-state.ts';
import { retirable } from '../keeping/retention.ts';
import { catalogueOf } from './catalogue-of.ts';
import { gateEvents, movesOf } from './channel-events.ts';
import { effectsOf, noPins } from './effects.ts';
import { planAssign, planRemoveChannel, planSetChannel, planUnassign } from './plan-channels.ts';
import { planPromote, planRevoke, planRollBack } from './plan-moves.ts';
import { planOverride } from './plan-override.ts';
import type { Plan } from './planning.ts';

const reason = 'test';
const trackOf = (state: State) => state.tracks.get(track) as Track;
const channelsOf = (state: State) =>
  Object.fromEntries(Object.entries(trackOf(state).releasing.channels).map(([name, { version }]) => [name, version]));
const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

/** With a gate, nothing becomes stable by itself. */
function stateWith(versions: number, more: Partial<TrackPolicy> = { gate: gatePolicy }): State {
  let state = newState(more);
  for (let version = 0; version < versions; version += 1) {
    state = eventsAfter(state, released(state, version));
    state = eventsAfter(state, movesOf(state, trackOf(state), 0));
  }
  return state;
}

function apply(state: State, planned: Result<Plan>): State {
  return eventsAfter(state, unwrap(planned).events);
}

describe('channels by themselves', () => {
  it('bring the first release to stable, and later ones to canary in front of the gate', () => {
    const state = stateWith(3);
    expect(channelsOf(state)).toEqual({ stable: 0, canary: 2 });
    const { gates } = trackOf(state).releasing;
    expect(gates[1]?.decision).toMatchObject({
      decision: 'hold',
      reasons: [expect.stringMatching(/^SUPERSEDED: .* further apart/)],
    });
    expect(gates[2]?.decision).toBeNull();
  });

  it('go on to stable at once where there is neither a gate nor a canary cluster', () => {
    expect(channelsOf(stateWith(3, {}))).toEqual({ stable: 2, canary: 2 });
    let state = eventsAfter(stateWith(2, {}), enrolled('a'));
    const subject = { cluster: 'a' as ClusterId };
    state = apply(state, planAssign(state, { track, channel: 'canary', subject, reason }));
    state = eventsAfter(state, released(state, 2));
    expect(channelsOf(eventsAfter(state, movesOf(state, trackOf(state), 0)))).toEqual({ stable: 1, canary: 2 });
  });

  it('stand still in a freeze, and catch up when it ends', () => {
    let state = stateWith(2, {});
    const freeze = { freezeId: 'f', tracks: 'all', fromMs: 100, untilMs: 200, reason } as const;
    state = eventsAfter(state, [{ kind: 'freezeSet', ...freeze }]);
    state = eventsAfter(state, released(state, 2));
    expect(movesOf(state, trackOf(state), 150)).toEqual([]);
    expect(channelsOf(eventsAfter(state, movesOf(state, trackOf(state), 200)))).toEqual({ stable: 2, canary: 2 });
  });

  it('pass by a candidate of a line that was given up', () => {
    let state = stateWith(3, {});
    state = apply(state, planRollBack(state, { track, version: 1, reason }));
    expect(trackOf(state).headVersion).toBe(1);
    state = eventsAfter(state, released(state, 3, 2)); // Its round had started from version 2.
    expect(trackOf(state).headVersion).toBe(1);
    expect(movesOf(state, trackOf(state), 0)).toEqual([]);
    state = eventsAfter(state, released(state, 4, 1));
    expect(channelsOf(eventsAfter(state, movesOf(state, trackOf(state), 0)))).toEqual({ stable: 4, canary: 4 });
  });
});

describe('promotion and rollback', () => {
  it('move the floor to one step behind stable', () => {
    let state = stateWith(3, {});
    expect(trackOf(state).releasing.floor).toBe(1);
    state = apply(state, planRollBack(state, { track, reason }));
    expect(channelsOf(state)).toMatchObject({ stable: 1 });
    expect(planRollBack(state, { track, reason })).toMatchObject({ fault: { code: 'BELOW_FLOOR' } });
    const below = planRollBack(state, { track, version: 0, reason });
    expect(below).toMatchObject({ fault: { code: 'BELOW_FLOOR', fields: { nearest: 1 } } });
    state = apply(state, planPromote(state, { track, version: 2, reason }));
    expect(channelsOf(state)).toMatchObject({ stable: 2 });
  });

  it('decide what the next round starts from: what is stable, or what was built on it since', () => {
    let state = stateWith(3, {});
    state = apply(state, planRollBack(state, { track, version: 1, reason }));
    state = eventsAfter(state, released(state, 3, 1)); // A round between: built on 1, and the head.
    expect(trackOf(state).headVersion).toBe(3);
    state = apply(state, planPromote(state, { track, version: 2, reason })); // It was sound after all.
    expect(trackOf(state).headVersion).toBe(2);
    expect(movesOf(state, trackOf(state), 0)).toEqual([]); // Version 3 is not built on what is stable.
    state = eventsAfter(state, released(state, 4, 1)); // Of a round that was open during the promotion: the same.
    expect(movesOf(state, trackOf(state), 0)).toEqual([]);
    state = eventsAfter(state, released(state, 5, 2));
    expect(channelsOf(eventsAfter(state, movesOf(state, trackOf(state), 0)))).toEqual({ stable: 5, canary: 5 });

    // A candidate that waits in front of the gate stays what training goes on from when the one before it is promoted.
    state = stateWith(3);
    state = apply(state, planOverride(state, ada, { track, version: 1, decision: 'promote', reason }));
    expect(trackOf(state)).toMatchObject({ headVersion: 2 });
  });

  it('need the gate, or an override with a reason', () => {
    let state = stateWith(2);
    expect(codeOf(planPromote(state, { track, reason }))).toBe('GATE_NOT_PASSED');
    state = apply(state, planOverride(state, ada, { track, version: 1, decision: 'promote', reason: 'seen it' }));
    expect(channelsOf(state)).toMatchObject({ stable: 1 });
    expect(trackOf(state).releasing.gates[1]?.decision).toMatchObject({
      decision: 'promote',
      by: 'ada',
      reasons: ['OVERRIDDEN by ada: seen it'],
    });
  });

  it('rejects nothing that is stable: the first version never was in front of the gate', () => {
    const state = stateWith(1);
    const request = { track, version: 0, decision: 'reject', reason } as const;
    expect(codeOf(planOverride(state, ada, request))).toBe('GATE_NOT_OPEN');
  });

  it('need two people where the policy says so, and one to reject', () => {
    const policy = { gate: { ...gatePolicy, approvals: 2 as const } };
    let state = stateWith(2, policy);
    const request = { track, version: 1, decision: 'promote', reason } as const;
    state = apply(state, planOverride(state, ada, request));
    expect(channelsOf(state)).toMatchObject({ stable: 0 });
    expect(codeOf(planOverride(state, ada, request))).toBe('APPROVAL_REPEATED');
    for (const name of ['ada@oidc', 'Ada@example.org']) {
      expect(planOverride(state, { kind: 'operator', name, role: 'admin' }, request)).toMatchObject({
        fault: { code: 'APPROVAL_REPEATED', message: expect.stringContaining('as ada, who is taken for the same') },
      });
    }
    const promoted = eventsAfter(state, unwrap(planOverride(state, bob, request)).events, 0, bob);
    expect(channelsOf(promoted)).toMatchObject({ stable: 1 });
    const rejected = apply(state, planOverride(state, ada, { ...request, decision: 'reject' }));
    expect(channelsOf(rejected)).toMatchObject({ stable: 0, canary: 0 });
    expect(planOverride(rejected, bob, { ...request, decision: 'reject' })).toMatchObject({
      fault: { code: 'NOTHING_TO_CHANGE', message: expect.stringContaining('rejected already, by ada') },
    });
    expect(codeOf(planOverride(promoted, ada, request))).toBe('GATE_NOT_OPEN');
  });

  it('let no channel that runs live go round the gate: not by set, by promote, by a canary made live, nor by revocation', () => {
    let state = stateWith(4, { gate: { ...gatePolicy, approvals: 2 } });
    const fast = { track, channel: 'fast', version: 3, reason };
    expect(codeOf(planSetChannel(state, fast))).toBe('GATE_NOT_PASSED');
    expect(codeOf(planSetChannel(state, { ...fast, channel: 'canary', shadows: null }))).toBe('CHANNEL_INVALID');
    state = apply(state, planSetChannel(state, { ...fast, shadows: 'stable' }));
    expect(codeOf(planSetChannel(state, { ...fast, shadows: null }))).toBe('GATE_NOT_PASSED');
    state = apply(state, planSetChannel(state, { track, channel: 'slow', version: 0, reason }));
    expect(codeOf(planPromote(state, { track, channel: 'slow', version: 2, reason }))).toBe('GATE_NOT_PASSED');
    // Two people: then the version may run live, and when it is revoked its channel goes to what has passed before it.
    const request = { track, version: 3, decision: 'promote', reason } as const;
    state = apply(state, planOverride(state, ada, request));
    state = eventsAfter(state, unwrap(planOverride(state, bob, request)).events, 0, bob);
    state = apply(state, planSetChannel(state, { ...fast, shadows: null }));
    state = apply(state, planRevoke(state, { track, version: 3, reason }));
    expect(channelsOf(state)).toMatchObject({ stable: 0, fast: 0 });
  });

  it('take training back from what the gate held, and forward when it is overridden', () => {
    let state = stateWith(2);
    state = eventsAfter(state, gateEvents(trackOf(state), 1, 'hold', ['a reason']));
    expect(trackOf(state).headVersion).toBe(0);
    state = apply(state, planOverride(state, ada, { track, version: 1, decision: 'promote', reason }));
    expect(trackOf(state).headVersion).toBe(1);
    const { decision } = trackOf(state).releasing.gates[1] ?? {};
    expect(decision?.reasons).toEqual(['a reason', 'OVERRIDDEN by ada: test']);
  });

  it('refuse what is not there, is not newer, or changes nothing', () => {
    const state = stateWith(2, {});
    expect(codeOf(planPromote(state, { track, version: 9, reason }))).toBe('VERSION_NOT_FOUND');
    expect(codeOf(planPromote(state, { track, version: 0, reason }))).toBe('VERSION_NOT_NEWER');
    expect(codeOf(planPromote(state, { track, version: 1, reason }))).toBe('NOTHING_TO_CHANGE');
    expect(codeOf(planPromote(state, { track, channel: 'constructor', reason }))).toBe('CHANNEL_NOT_FOUND');
  });
});

describe('revocation', () => {
  it('moves channels to what was stable before, and training with them', () => {
    let state = stateWith(4, {});
    state = apply(state, planRevoke(state, { track, version: 3, reason }));
    expect(channelsOf(state)).toEqual({ stable: 2, canary: 2 });
    expect(trackOf(state)).toMatchObject({ headVersion: 2 });
    expect(codeOf(planPromote(state, { track, version: 3, reason }))).toBe('VERSION_REVOKED');
  });

  it('never brings a version to stable that the gate has not passed', () => {
    let state = stateWith(3);
    state = apply(state, planRevoke(state, { track, version: 0, reason }));
    // Nothing was ever stable but the revoked one: the channel points at nothing, and agents keep their last good one.
    expect(catalogueOf(state, 1, 0).tracks[track]?.channels.stable).toBeUndefined();
    expect(danglingIn(catalogueOf(state, 1, 0))).toBeUndefined();
  });
});

describe('assignments', () => {
  it('show in a dry run whom they move, also into shadow', () => {
    let state = stateWith(2);
    for (const [name, labels] of [
      ['a', { tier: 'canary' }],
      ['b', {}],
    ] as const)
      state = eventsAfter(state, enrolled(name, labels));
    const subject = { label: { key: 'tier', value: 'canary' } };
    const plan = unwrap(planAssign(state, { track, channel: 'canary', subject, reason }));
    const world = (of: State) => ({ state: of, pins: noPins });
    expect(effectsOf(world(state), world(eventsAfter(state, plan.events)), 0)).toEqual([
      {
        ...{ cluster: 'a', track, before: 0, after: 0, shadowBefore: null, shadowAfter: 1 },
        ...{ because: 'channel canary', passedOver: [] },
      },
    ]);
  });

  it('are undone, replaced, and hold a channel in place', () => {
    let state = eventsAfter(stateWith(2), enrolled('a'));
    const subject = { cluster: 'a' as ClusterId };
    expect(codeOf(planAssign(state, { track, channel: 'slow', subject, reason }))).toBe('CHANNEL_NOT_FOUND');
    state = apply(state, planSetChannel(state, { track, channel: 'slow', version: 0, reason }));
    state = apply(state, planAssign(state, { track, channel: 'slow', subject, reason }));
    state = apply(state, planAssign(state, { track, channel: 'canary', subject, reason }));
    state = apply(state, planAssign(state, { track, channel: 'slow', subject, reason }));
    expect(state.metadata.assignments).toEqual([{ track, channel: 'slow', subject }]);
    expect(codeOf(planRemoveChannel(state, { track, channel: 'slow', reason }))).toBe('CHANNEL_ASSIGNED');
    state = apply(state, planUnassign(state, { track, subject, reason }));
    expect(channelsOf(apply(state, planRemoveChannel(state, { track, channel: 'slow', reason })))).not.toHaveProperty(
      'slow',
    );
    expect(codeOf(planUnassign(state, { track, subject, reason }))).toBe('NOTHING_TO_CHANGE');
    expect(codeOf(planRemoveChannel(state, { track, channel: 'canary', reason }))).toBe('CHANNEL_RESERVED');
  });
});

describe('retention', () => {
  it('keeps what is pinned, pointed at, run somewhere, trained from or needed to go back', () => {
    let state = stateWith(12, { gate: gatePolicy, releasesKept: 2 });
    state = apply(state, planSetChannel(state, { track, channel: 'slow', version: 3, shadows: 'stable', reason }));
    for (const version of [4, 5]) {
      state = apply(state, planOverride(state, ada, { track, version, decision: 'promote', reason }));
    }
    const subject = { cluster: 'a' as ClusterId };
    const pin = { pinId: 'p', track, subject, version: 1, untilMs: 50, belowFloor: true, reason, setBy: 'ada' };
    const pins = { version: 1, expiresAtMs: 1e9, pins: [pin] };
    expect(trackOf(state).releasing.floor).toBe(4);
    expect(retirable(state, trackOf(state), pins, 10)).toEqual([0, 2, 3]);
    expect(retirable(state, trackOf(state), pins, 60)).toEqual([0, 1, 2, 3]);
    state = eventsAfter(eventsAfter(state, enrolled('a')), [
      {
        kind: 'releaseAcknowledged',
        cluster: subject.cluster,
        track,
        version: 2,
        manifestDigest: weightsOf(2),
        outcome: 'installed',
        faultCode: '',
        pinsVersion: 0,
        reportedAtMs: 0,
        signature: '',
      },
    ]);
    expect(retirable(state, trackOf(state), pins, 60)).toEqual([0, 1, 3]);
  });
});

describe('any list of changes', () => {
  it('leaves a catalogue that can be signed, a floor that only grows, and no revoked version in a channel', () => {
    const version = fc.integer({ min: 0, max: 12 });
    const channel = fc.constantFrom('stable', 'canary', 'slow', 'fast', 'constructor');
    const subject = fc.constantFrom({ cluster: 'a' as ClusterId }, { label: { key: 'tier', value: 'canary' } });
    const change = fc.oneof(
      fc.constant((state: State) => released(state, trackOf(state).releasing.releases.length)),
      fc.constant((state: State) => movesOf(state, trackOf(state), 0)),
      fc
        .record({ version, channel })
        .map((more) => (state: State) => eventsOf(planPromote(state, { track, reason, ...more }))),
      fc
        .option(version)
        .map(
          (at) => (state: State) =>
            eventsOf(planRollBack(state, { track, reason, ...(at === null ? {} : { version: at }) })),
        ),
      version.map((at) => (state: State) => eventsOf(planRevoke(state, { track, reason, version: at }))),
      fc
        .record({ version, channel, shadows: fc.option(channel) })
        .map((more) => (state: State) => eventsOf(planSetChannel(state, { track, reason, ...more }))),
      channel.map((name) => (state: State) => eventsOf(planRemoveChannel(state, { track, reason, channel: name }))),
      fc
        .record({ channel, subject })
        .map((more) => (state: State) => eventsOf(planAssign(state, { track, reason, ...more }))),
      version.map(
        (at) => (state: State) =>
          eventsOf(planOverride(state, ada, { track, reason, version: at, decision: 'promote' })),
      ),
      fc.constant((state: State) =>
        retirable(state, trackOf(state), null, 0).map(
          (at) => ({ kind: 'releaseRetired', track, version: at }) as const,
        ),
      ),
    );
    const gates = fc.constantFrom({ gate: gatePolicy, releasesKept: 2 }, { releasesKept: 3 });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), gates, (changes, policy) => {
        let state = stateWith(2, policy);
        for (const eventsFor of changes) {
          const { floor } = trackOf(state).releasing;
          state = eventsAfter(state, eventsFor(state));
          const { releasing } = trackOf(state);
          expect(releasing.floor).toBeGreaterThanOrEqual(floor);
          const catalogue = catalogueOf(state, 1, 0);
          expect(danglingIn(catalogue)).toBeUndefined();
          for (const at of Object.values(catalogue.tracks[track]?.channels ?? {})) {
            expect(releasing.revoked).not.toContain(at.version);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function eventsOf(planned: Result<Plan>): Plan['events'] {
  return planned.ok ? planned.value.events : [];
}
