import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseClusterId, parseTrackId } from '../ids.ts';
import type { Assignment, Catalogue, Pin } from './documents/catalogue.ts';
import { type Member, resolveRelease } from './resolve.ts';
import {
  nowMs,
  sampleCatalogue,
  samplePin,
  samplePins,
  sampleTarget,
  sampleTrack,
  syscall,
} from './testing/sample-federation.ts';

const west = parseClusterId('eu-west-1');
const east = parseClusterId('eu-east-1');
const member: Member = { cluster: west, labels: { tier: 'payments' } };
const label = { label: { key: 'tier', value: 'payments' } };

const channels = {
  stable: { version: 3, shadows: null },
  canary: { version: 5, shadows: 'stable' },
  edge: { version: 4, shadows: null },
};
const releases = [1, 2, 3, 4, 5].map((version) => sampleTarget(version));

function catalogue(assignments: Assignment[] = [], change: Parameters<typeof sampleTrack>[0] = {}): Catalogue {
  return sampleCatalogue({
    tracks: { [syscall]: sampleTrack({ floor: 2, channels, ...change }) },
    assignments,
    releases,
  });
}

function resolve(found: Catalogue, pins: Pin[] = [], atMs = nowMs) {
  return resolveRelease(member, syscall, found, samplePins({ pins }), atMs);
}

/** live version, why, shadow's version. */
function brief(found: Catalogue, pins: Pin[] = [], atMs = nowMs) {
  const { live, because, shadow } = unwrap(resolve(found, pins, atMs));
  return [live.version, because.kind === 'pin' ? because.pin.pinId : because.channel, shadow?.target.version ?? null];
}

describe('resolveRelease', () => {
  it('gives stable where no assignment fits', () => {
    const other = { track: syscall, channel: 'edge', subject: { cluster: east } };
    expect(brief(catalogue([other]))).toEqual([3, 'stable', null]);
  });

  it('gives the channel of the first assignment that fits', () => {
    const byLabel = { track: syscall, channel: 'edge', subject: label };
    const byCluster = { track: syscall, channel: 'canary', subject: { cluster: west } };
    expect(brief(catalogue([byLabel, byCluster]))).toEqual([4, 'edge', null]);
    expect(brief(catalogue([byCluster, byLabel]))).toEqual([3, 'canary', 5]);
    const otherTrack = { ...byLabel, track: parseTrackId('flow') };
    expect(brief(catalogue([otherTrack]))).toEqual([3, 'stable', null]);
  });

  it('runs a canary beside the channel it shadows only while it is newer and may run', () => {
    const canary = [{ track: syscall, channel: 'canary', subject: { cluster: west } }];
    const at = (version: number) => ({ channels: { ...channels, canary: { version, shadows: 'stable' } } });
    expect(brief(catalogue(canary, at(3)))).toEqual([3, 'canary', null]);
    expect(brief(catalogue(canary, at(2)))).toEqual([3, 'canary', null]);
    expect(brief(catalogue(canary, { revoked: [5] }))).toEqual([3, 'canary', null]);
    expect(brief(catalogue(canary, at(9)))).toEqual([3, 'canary', null]);
  });

  it('lets a pin win over channel and shadow', () => {
    const canary = [{ track: syscall, channel: 'canary', subject: { cluster: west } }];
    expect(brief(catalogue(canary), [samplePin({ version: 2 })])).toEqual([2, 'p1', null]);
  });

  it('tries pins for the cluster before those for a label, the last set first', () => {
    const pins = [
      samplePin({ pinId: 'old', version: 2 }),
      samplePin({ pinId: 'new', version: 3 }),
      samplePin({ pinId: 'label', version: 4, subject: label }),
    ];
    expect(brief(catalogue(), pins)).toEqual([3, 'new', null]);
    expect(brief(catalogue(), pins.slice(2))).toEqual([4, 'label', null]);
  });

  it('forgets pins for others, of other tracks, and past their end to the millisecond', () => {
    const pins = [
      samplePin({ pinId: 'a', version: 2, subject: { cluster: east } }),
      samplePin({ pinId: 'b', version: 2, subject: { label: { key: 'tier', value: 'web' } } }),
      samplePin({ pinId: 'c', version: 2, track: parseTrackId('flow') }),
    ];
    expect(brief(catalogue(), pins)).toEqual([3, 'stable', null]);
    const until = [samplePin({ version: 2, untilMs: nowMs })];
    expect(brief(catalogue(), until, nowMs - 1)).toEqual([2, 'p1', null]);
    expect(brief(catalogue(), until, nowMs)).toEqual([3, 'stable', null]);
  });

  it('runs a version below the floor only by a pin that says so, and a revoked one never', () => {
    expect(brief(catalogue(), [samplePin({ version: 1, belowFloor: true })])).toEqual([1, 'p1', null]);
    expect(brief(catalogue(), [samplePin({ version: 1 })])).toEqual([3, 'stable', null]);
    const revoked = catalogue([], { revoked: [1] });
    const passedOver = unwrap(
      resolve(revoked, [samplePin({ pinId: 'next', version: 2 }), samplePin({ version: 1, belowFloor: true })]),
    );
    expect(passedOver.because).toMatchObject({ kind: 'pin', pin: { pinId: 'next' } });
    expect(passedOver.overruled).toMatchObject([{ pin: { pinId: 'p1' }, why: 'VERSION_REVOKED' }]);
  });

  it('says so when nothing may run', () => {
    expect(resolve(catalogue([], { revoked: [3] }))).toMatchObject({ ok: false, fault: { code: 'NO_LEGAL_VERSION' } });
    expect(resolve(catalogue([], { floor: 4 }))).toMatchObject({ ok: false, fault: { code: 'NO_LEGAL_VERSION' } });
    expect(resolve(catalogue([], { channels: {} }))).toMatchObject({ ok: false, fault: { code: 'NO_LEGAL_VERSION' } });
    expect(resolve(sampleCatalogue({ tracks: {} }))).toMatchObject({ ok: false, fault: { code: 'TRACK_UNKNOWN' } });
  });

  it('does not take what every object has for a track, a channel or a label', () => {
    const named = { track: syscall, channel: 'constructor', subject: { cluster: west } };
    expect(resolve(catalogue([named]))).toMatchObject({ fault: { code: 'NO_LEGAL_VERSION' } });
    const found = resolveRelease(member, parseTrackId('constructor'), catalogue(), samplePins(), nowMs);
    expect(found).toMatchObject({ fault: { code: 'TRACK_UNKNOWN' } });
    const pin = samplePin({ version: 2, subject: { label: { key: 'constructor', value: 'x' } } });
    expect(brief(catalogue(), [pin])).toEqual([3, 'stable', null]);
  });
});
