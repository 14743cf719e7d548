import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ClusterId, RoundId } from '../../proto/ids.ts';
import type { Pin } from '../../proto/release/documents/catalogue.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import type { State } from '../ledger/state/state.ts';
import { movesOf } from '../registry/decide/channel-events.ts';
import { noPins, resolvedIn } from '../registry/decide/effects.ts';
import type { TrackPolicy } from '../round/policy.ts';
import type { Standing } from '../round/standing.ts';
import {
  ada,
  enrolled,
  eventsAfter,
  gatePolicy,
  newState,
  released,
  track,
  weightsOf,
} from '../testing/released-state.ts';
import { type Attention, type AttentionCode, attentionCodes, attentionOf, type Surroundings } from './attention.ts';
import { type StatusParts, statusView } from './status.ts';

const hourMs = 3_600_000;
const nowMs = 100 * hourMs;
const around: Surroundings = {
  nowMs,
  freeBytes: 1,
  workers: undefined,
  gate: () => undefined,
  warnWithinMs: 30 * 24 * hourMs,
};

/** One cluster that follows stable at version 0. Its certificate lasts. */
function stateOf(policy: Partial<TrackPolicy> = {}): State {
  let state = eventsAfter(newState(policy), released(newState(), 0));
  const known = () => state.tracks.get(track) as NonNullable<ReturnType<State['tracks']['get']>>;
  state = eventsAfter(state, movesOf(state, known(), 0));
  const lasting = enrolled('a').map((event) =>
    event.kind === 'clusterEnrolled' ? { ...event, certificateExpiresAtMs: nowMs + 24 * hourMs } : event,
  );
  return eventsAfter(state, lasting);
}

function acknowledged(version: number, outcome: 'installed' | 'refused', why = 'DIGEST_WRONG'): JournalEvent {
  return {
    kind: 'releaseAcknowledged',
    cluster: 'a' as ClusterId,
    track,
    version,
    manifestDigest: weightsOf(version),
    outcome,
    faultCode: outcome === 'refused' ? why : '',
    pinsVersion: 0,
    reportedAtMs: nowMs,
    signature: '',
  };
}

function found(
  state: State,
  more: Partial<Surroundings> = {},
  connected: readonly string[] = ['a'],
  alertsOf: StatusParts['alerts'] = () => [],
  pins: readonly Pin[] = [],
): readonly Attention[] {
  const ids = connected as readonly ClusterId[];
  const view = statusView({
    state,
    connected: new Set(ids),
    eligible: () => ids,
    resolved: (id) => resolvedIn({ state, pins: { ...noPins, pins } }, nowMs, id),
    planned: [],
    alerts: alertsOf,
    sensors: () => undefined,
    response: () => undefined,
  });
  return attentionOf(state, view, { ...around, ...more });
}

function codes(...given: Parameters<typeof found>): AttentionCode[] {
  return found(...given)
    .map(({ code }) => code)
    .filter((code) => code !== 'TOO_FEW_CLUSTERS');
}

describe('attentionOf', () => {
  it('finds nothing where a cluster is connected and runs what it shall', () => {
    expect(codes(eventsAfter(stateOf(), [acknowledged(0, 'installed')]))).toEqual([]);
  });

  it('tells an agent that refused, one that never spoke and one that stayed behind apart', () => {
    expect(codes(stateOf())).toEqual(['RELEASE_UNKNOWN']);
    expect(codes(eventsAfter(stateOf(), [acknowledged(0, 'refused')]))).toEqual(['RELEASE_REFUSED']);
    const running = eventsAfter(stateOf(), [acknowledged(0, 'installed')]);
    const textOf = (why: string) =>
      found(eventsAfter(running, [acknowledged(0, 'refused', why)])).find(({ code }) => code === 'RELEASE_REFUSED')
        ?.text;
    expect(textOf('DIGEST_WRONG')).toBe('its agent refused version 0 (DIGEST_WRONG) and keeps 0');
    for (const unread of ['MANIFEST_INVALID', 'METADATA_INVALID', 'TRUST_INVALID'])
      expect(textOf(unread)).toMatch(/ and keeps 0: where its build is older .* upgrade its client/);
    // After a restore the journal says version 0 runs: it ran when the backup was made.
    for (const why of ['FLOOR_LOWERED', 'METADATA_ROLLED_BACK']) {
      expect(textOf(why)).toMatch(
        /^its agent refused what was signed for it \(\w+\): it has seen newer metadata .* as after a restore/,
      );
      expect(textOf(why)).not.toContain('keeps 0');
    }
    // Also where it runs what this coordinator no longer knows.
    const ahead = eventsAfter(running, [acknowledged(7, 'refused', 'METADATA_ROLLED_BACK')]);
    expect(found(ahead).find(({ code }) => code === 'RELEASE_REFUSED')?.text).toContain('what was signed for it');
    let state = eventsAfter(stateOf(), [acknowledged(0, 'installed')]);
    state = eventsAfter(state, released(state, 1));
    const moved: JournalEvent = {
      kind: 'channelMoved',
      track,
      channel: 'stable',
      version: 1,
      shadows: null,
      reason: 'x',
    };
    expect(codes(eventsAfter(state, [moved], nowMs - hourMs))).toEqual(['RELEASE_BEHIND']);
    expect(codes(eventsAfter(state, [moved], nowMs - 60_000))).toEqual([]); // It is on its way.
  });

  it('names the version that an agent refused, and none that was rolled back since, while the agent is away', () => {
    const to = (version: number): JournalEvent => ({
      ...{ kind: 'channelMoved', track, channel: 'stable', version, shadows: null, reason: 'x' },
    });
    let state = eventsAfter(stateOf(), [acknowledged(0, 'installed')]);
    state = eventsAfter(state, released(state, 1));
    state = eventsAfter(state, [to(1), acknowledged(1, 'refused')], nowMs - hourMs);
    const texts = (at: State, connected: string[]) =>
      found(at, {}, connected)
        .filter(({ code }) => code === 'RELEASE_REFUSED')
        .map(({ text }) => text);
    expect(texts(state, ['a'])).toEqual(['its agent refused version 1 (DIGEST_WRONG) and keeps 0']);
    expect(texts(eventsAfter(state, [to(0)], nowMs - 60_000), [])).toEqual([]);
  });

  it('says that a version in canary waits for a person where no gate looks at it', () => {
    const moved = (channel: string): JournalEvent => ({
      ...{ kind: 'channelMoved', track, channel, version: 1, reason: 'x' },
      shadows: channel === 'canary' ? 'stable' : null,
    });
    const candidateIn = (policy: Partial<TrackPolicy>) => {
      const before = eventsAfter(stateOf(policy), [acknowledged(0, 'installed')]);
      return eventsAfter(eventsAfter(before, released(before, 1)), [moved('canary')], nowMs - 60_000);
    };
    const state = candidateIn({});
    expect(codes(state)).toEqual(['CANARY_WAITS']);
    expect(codes(candidateIn({ gate: gatePolicy }))).toEqual([]);
    expect(found(state).at(-1)).toMatchObject({
      severity: 'notice',
      about: '1',
      text: expect.stringContaining('testudo promote'),
    });
    expect(codes(eventsAfter(state, [moved('stable')], nowMs - 60_000))).toEqual([]);
  });

  it('says that a pin holds nobody once the floor has passed it, once for all its clusters, and not of one that was signed for that', () => {
    const subject = { label: { key: 'tier', value: 'web' } };
    const pin: Pin = {
      pinId: 'p1',
      track,
      subject,
      version: 0,
      untilMs: null,
      belowFloor: false,
      reason: 'x',
      setBy: 'ada',
    };
    const members = ['b', 'c'].flatMap((name) => enrolled(name, { tier: 'web' }));
    let state = eventsAfter(eventsAfter(stateOf(), members), released(stateOf(), 1));
    const passedOver = (at: State, pins: readonly Pin[]) =>
      found(at, {}, ['a', 'b', 'c'], undefined, pins).filter(({ code }) => code === 'PIN_PASSED_OVER');
    expect(passedOver(state, [pin])).toEqual([]);
    state = eventsAfter(state, [
      { kind: 'channelMoved', track, channel: 'stable', version: 1, shadows: null, reason: 'x' },
      { kind: 'floorRaised', track, floor: 1 },
    ]);
    expect(passedOver(state, [pin])).toMatchObject([
      { severity: 'warning', track, about: 'p1', text: expect.stringMatching(/holds b, c .*VERSION_BELOW_FLOOR/) },
    ]);
    expect(passedOver(state, [{ ...pin, belowFloor: true }])).toEqual([]);
    expect(passedOver(state, [{ ...pin, untilMs: nowMs }])).toEqual([]);
    // Also before there is a stable release, where nothing else gives them one either.
    const unstable = eventsAfter(eventsAfter(newState(), released(newState(), 0)), [
      ...members,
      { kind: 'releaseRevoked', track, version: 0, reason: 'x' },
    ]);
    expect(passedOver(unstable, [pin])).toMatchObject([{ about: 'p1', text: expect.stringMatching(/holds b, c on/) }]);
    // One for the cluster alone comes before it, and holds; the other cluster has none.
    const own: Pin = { ...pin, pinId: 'p0', subject: { cluster: 'b' as ClusterId }, version: 1 };
    expect(passedOver(state, [own, pin])).toMatchObject([{ text: expect.stringMatching(/holds c on/) }]);
    const [behind] = passedOver(state, [
      { ...own, pinId: 'p2', version: 0 },
      { ...pin, version: 1 },
    ]);
    expect(behind).toMatchObject({
      about: 'p2',
      text: expect.stringMatching(/holds b on .*they go by another pin, or/),
    });
  });

  it('puts what is worse first', () => {
    const state = eventsAfter(stateOf(), [
      acknowledged(0, 'installed'),
      { kind: 'quarantineSet', cluster: 'a' as ClusterId, quarantined: true, reason: 'odd' },
    ]);
    expect(codes(state, { freeBytes: 0, workers: 0 }, [])).toEqual([
      'DISK_FULL',
      'NO_WORKER',
      'CLUSTER_AWAY',
      'CLUSTER_QUARANTINED',
    ]);
    expect(codes(state, { workers: null })).toEqual(['REDIS_AWAY', 'CLUSTER_QUARANTINED']);
  });

  it('sees a wave where the same named attack is in three clusters, and none in what nobody has named', () => {
    let state = eventsAfter(stateOf(), [acknowledged(0, 'installed')]);
    const wavesOf = (family: string, clusters: readonly string[]) => {
      const seen = (cluster: ClusterId) =>
        clusters.includes(cluster) ? [{ track, hourMs: nowMs, family, count: 1 }] : [];
      return codes(state, {}, ['a', 'b', 'c'], seen).filter((code) => code === 'ALERT_WAVE');
    };
    state = eventsAfter(
      state,
      ['b', 'c'].flatMap((name) => enrolled(name)),
    );
    expect(wavesOf('reverse_shell', ['a', 'b', 'c'])).toEqual(['ALERT_WAVE']);
    expect(wavesOf('reverse_shell', ['a', 'b'])).toEqual([]);
    expect(wavesOf('unusual', ['a', 'b', 'c'])).toEqual([]);
  });

  it('buries nothing under attacks that three clusters make up: what most have seen comes first, and most is one matter', () => {
    const names = ['b', 'c', 'd', 'e'];
    const state = eventsAfter(
      eventsAfter(stateOf(), [acknowledged(0, 'installed')]),
      names.flatMap((name) => enrolled(name)),
    );
    const madeUp = Array.from({ length: 100 }, (_, at) => ({
      track,
      hourMs: nowMs,
      family: `made-up-${at}`,
      count: 1,
    }));
    const seen = (cluster: ClusterId) => [
      ...(cluster < ('d' as ClusterId) ? madeUp : []),
      { track, hourMs: nowMs, family: 'reverse_shell', count: 1 },
    ];
    const waves = found(state, {}, ['a', ...names], seen).filter(({ code }) => code === 'ALERT_WAVE');
    expect(waves).toHaveLength(17);
    expect(waves[0]).toMatchObject({ track, about: 'reverse_shell' });
    expect(waves.at(-1)).toMatchObject({
      track: '',
      about: 'others',
      text: expect.stringMatching(/^85 more attacks/),
    });
  });

  it('says that a certificate ends when it was not renewed in time, and that it has ended', () => {
    const state = eventsAfter(stateOf(), [acknowledged(0, 'installed')]);
    expect(codes(state, { nowMs: nowMs + 21 * hourMs })).toEqual(['CERTIFICATE_ENDS']);
    expect(codes(state, { nowMs: nowMs + 25 * hourMs })).toEqual(['CERTIFICATE_ENDS']);
    expect(codes(state, { nowMs: nowMs + 19 * hourMs })).toEqual([]);
    const ended = found(state, { nowMs: nowMs + 25 * hourMs }).find(({ code }) => code === 'CERTIFICATE_ENDS');
    expect(ended).toMatchObject({
      text: expect.stringMatching(/comes back by itself for certificates\.rejoinGraceDays/),
    });
  });

  it('names the round that left a cluster out, once its record is bad', () => {
    const part = { rounds: 3, leftOut: 0, refused: 3, weight: null, slope: null, lastRound: 'r-3' as RoundId };
    const state = eventsAfter(stateOf(), [acknowledged(0, 'installed')], 0, ada);
    const known = state.tracks.get(track) as NonNullable<ReturnType<State['tracks']['get']>>;
    const standings = { a: { ...part, score: 0.34, excludedIn: 'r-2' as RoundId } };
    const bad = { ...state, tracks: new Map([[track, { ...known, standings }]]) };
    expect(codes(bad)).toEqual(['EXCLUDED_OFTEN']);
  });

  it('sees a streak of rounds that kept others, and updates that drift, once they are no accident', () => {
    const state = eventsAfter(stateOf(), [acknowledged(0, 'installed')], 0, ada);
    const known = state.tracks.get(track) as NonNullable<ReturnType<State['tracks']['get']>>;
    const withRecord = (record: Partial<Standing>) => {
      const usual = {
        rounds: 5,
        leftOut: 0,
        refused: 0,
        score: 1,
        weight: null,
        slope: null,
        lastRound: 'r-5' as RoundId,
      };
      return codes({ ...state, tracks: new Map([[track, { ...known, standings: { a: { ...usual, ...record } } }]]) });
    };
    expect(withRecord({ streak: 2 })).toEqual([]);
    expect(withRecord({ streak: 3 })).toEqual(['EXCLUDED_STREAK']);
    expect(withRecord({ slope: 0.01 })).toEqual(['CLUSTER_DRIFTS']);
    expect(withRecord({ slope: -0.01, cosine: -0.1 })).toEqual(['CLUSTER_DRIFTS']);
    expect(withRecord({ slope: -0.01, cosine: 0.1 })).toEqual([]);
    expect(withRecord({ rounds: 4, cosine: -0.1 })).toEqual([]);
  });

  it('has a row in docs/operations.md for every code', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    expect(attentionCodes.filter((code) => !new RegExp(`^\\| .*\`${code}\``, 'm').test(page))).toEqual([]);
  });
});
