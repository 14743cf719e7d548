import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../proto/ids.ts';
import type { ShadowReport } from '../ledger/journal/events.ts';
import { type AgentState, noReleasing } from '../ledger/state/releasing.ts';
import type { State, Track } from '../ledger/state/state.ts';
import type { Effect } from '../registry/decide/effects.ts';
import type { GateView as RegistryGate } from '../registry/decide/gate.ts';
import { enrolled, eventsAfter, newState, released, track, weightsOf } from '../testing/released-state.ts';
import { channelsView } from './channels.ts';
import { movesOf } from './effects.ts';
import { findGate, gateView } from './gate.ts';
import { findRelease, installsView, releaseView } from './releases.ts';

function trackOf(state: State, releasing: Partial<Track['releasing']> = {}): Track {
  const known = state.tracks.get(track) as Track;
  return { ...known, releasing: { ...known.releasing, ...releasing } };
}

function agent(cluster: string, more: Partial<AgentState>): AgentState {
  return {
    cluster: cluster as ClusterId,
    track,
    liveVersion: null,
    shadowVersion: null,
    refused: null,
    pinsVersion: 0,
    reportedAtMs: 77,
    sequence: 5,
    lastReport: '',
    ...more,
  };
}

function effect(
  cluster: string,
  before: number | null,
  after: number | null,
  shadows: [number | null, number | null] = [null, null],
): Effect {
  const [shadowBefore, shadowAfter] = shadows;
  return {
    cluster: cluster as ClusterId,
    track,
    before,
    after,
    shadowBefore,
    shadowAfter,
    because: 'channel stable',
    passedOver: [],
  };
}

describe('releaseView', () => {
  it('shows a released version with its files, channels and who runs it', () => {
    const state = eventsAfter(newState(), released(newState(), 0));
    const known = trackOf(state, { channels: { stable: { version: 0, shadows: null, movedSeq: 1, movedAtMs: 1 } } });
    const agents = [agent('a', { liveVersion: 0 }), agent('b', { shadowVersion: 0 }), agent('c', { liveVersion: 3 })];
    expect(releaseView(known, 0, agents)).toMatchObject({
      model: { version: 0, digest: weightsOf(0), sizeBytes: 4 },
      channels: ['stable'],
      sizeBytes: 304,
      revoked: false,
      belowFloor: false,
      removed: false,
      liveCount: 1,
      shadowCount: 1,
    });
  });

  it('shows what was not released as the model that it is, and a version below the floor as such', () => {
    const known = trackOf(newState(), { floor: 1, revoked: [0] });
    expect(releaseView(known, 0, [])).toMatchObject({
      model: { version: 0 },
      manifestDigest: null,
      sizeBytes: 0,
      revoked: true,
      belowFloor: true,
    });
    expect(findRelease(known, 0)).toMatchObject({ fault: { code: 'VERSION_NOT_FOUND' } });
  });
});

describe('installsView', () => {
  it('names, by cluster, who shall run a version, runs it or refused it, and nobody else', () => {
    const wanted = [effect('d', 1, 1), effect('c', 1, 1), effect('b', 2, 2), effect('a', 1, 1, [null, 2])];
    const agents = [
      agent('b', { liveVersion: 2 }),
      agent('c', { liveVersion: 1, refused: { version: 2, faultCode: 'DIGEST_MISMATCH' } }),
      agent('d', { liveVersion: 1 }),
    ];
    expect(installsView(2, wanted, agents)).toMatchObject([
      { cluster: 'a', wanted: 1, wantedShadow: 2, outcome: null, faultCode: null, reportedAtMs: null },
      { cluster: 'b', wanted: 2, outcome: 'installed', reportedAtMs: 77 },
      { cluster: 'c', wanted: 1, outcome: 'refused', faultCode: 'DIGEST_MISMATCH' },
    ]);
  });
});

describe('movesOf', () => {
  it('leaves out clusters for which a change makes no difference; a new shadow is one', () => {
    const effects = [effect('c', 1, 2), effect('b', 1, 1), effect('a', 1, 1, [null, 2])];
    expect(movesOf({ effects }).map(({ cluster }) => cluster)).toEqual(['a', 'c']);
  });
});

describe('channelsView', () => {
  it('counts enrolled clusters by the first assignment that fits them', () => {
    const events = [...enrolled('a', { tier: 'edge' }), ...enrolled('b'), ...enrolled('c')];
    const revoked = { kind: 'clusterRevoked', cluster: 'c' as ClusterId, reason: 'why' } as const;
    const state = eventsAfter(newState(), [...events, revoked]);
    const at = { shadows: null, movedSeq: 1, movedAtMs: 1 };
    const channels = { stable: { ...at, version: 1 }, edge: { ...at, version: 2, shadows: 'stable' } };
    const assignment = { track, channel: 'edge', subject: { label: { key: 'tier', value: 'edge' } } } as const;
    const view = channelsView(state, trackOf(state, { channels, floor: 1 }), [assignment]);
    expect(view).toEqual({
      channels: [
        { name: 'edge', version: 2, shadows: 'stable', clusterCount: 1 },
        { name: 'stable', version: 1, shadows: null, clusterCount: 1 },
      ],
      assignments: [assignment],
      floor: 1,
    });
    expect(
      channelsView(state, { track: 'flow' as typeof track, releasing: noReleasing }, [assignment]).assignments,
    ).toEqual([]);
  });
});

describe('gateView', () => {
  const report = (cluster: string) => ({ cluster, sequence: 3 }) as unknown as ShadowReport;
  const gate: RegistryGate = {
    state: {
      version: 4,
      openedAtMs: 10,
      reports: { b: report('b'), a: report('a') } as RegistryGate['state']['reports'],
      decision: null,
      approvals: [],
    },
    now: { verdict: 'hold', reasons: ['too few'] },
    deadlineMs: 99,
    approvalsNeeded: 2,
  };

  it('shows what the reports say while nothing is decided, and the decision afterwards', () => {
    expect(gateView(gate)).toMatchObject({ decision: 'hold', reasons: ['too few'], decidedBy: null, deadlineMs: 99 });
    const decision = { decision: 'promote', reasons: [], by: 'ada', atMs: 50 } as const;
    expect(gateView({ ...gate, state: { ...gate.state, decision } })).toMatchObject({
      decision: 'promote',
      reasons: [],
      decidedBy: 'ada',
      decidedAtMs: 50,
    });
    expect(gateView(gate).reports.map(({ cluster }) => cluster)).toEqual(['a', 'b']);
  });

  it('is that of canary unless a version is named, and says which there were where there is none', () => {
    const asked: number[] = [];
    const registry = {
      gate: (_track: unknown, version: number) => {
        asked.push(version);
        return version === 4 ? gate : undefined;
      },
    };
    const canary = { version: 4, shadows: 'stable', movedSeq: 1, movedAtMs: 1 };
    const known = trackOf(newState(), { channels: { canary }, gates: { 4: gate.state } });
    expect(findGate(registry, known, undefined)).toMatchObject({ ok: true, value: { version: 4 } });
    expect(findGate(registry, known, 3)).toMatchObject({
      fault: { code: 'GATE_NOT_OPEN', message: expect.stringContaining('these were: 4') },
    });
    expect(findGate(registry, trackOf(newState()), undefined)).toMatchObject({
      fault: { message: expect.stringContaining('no canary channel') },
    });
    expect(asked).toEqual([4, 3]);
  });
});
