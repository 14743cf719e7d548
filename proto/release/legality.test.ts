import { describe, expect, it } from 'vitest';
import { parseTrackId } from '../ids.ts';
import { checkPin, checkVersion, legalVersions, nearestLegalVersion } from './legality.ts';
import { nowMs, sampleCatalogue, samplePin, sampleTarget, sampleTrack, syscall } from './testing/sample-federation.ts';

// Floor 4; 6 revoked; kept: 2, 4, 5, 6, 9.
const catalogue = sampleCatalogue({
  tracks: { [syscall]: sampleTrack({ floor: 4, revoked: [6], channels: { stable: { version: 9, shadows: null } } }) },
  releases: [9, 2, 4, 5, 6].map((version) => sampleTarget(version)),
});

describe('legalVersions', () => {
  it('are those kept, not revoked, and at or above the floor unless an exception is signed', () => {
    expect(legalVersions(catalogue, syscall, false)).toEqual([4, 5, 9]);
    expect(legalVersions(catalogue, syscall, true)).toEqual([2, 4, 5, 9]);
    const flow = parseTrackId('flow');
    const untold = sampleCatalogue({ releases: [sampleTarget(1, flow)] }); // Listed, and its track is not.
    for (const without of [catalogue, untold]) expect(legalVersions(without, flow, true)).toEqual([]);
  });
});

describe('nearestLegalVersion', () => {
  it('is the closest, the newer of two as close', () => {
    expect(nearestLegalVersion(catalogue, syscall, 6, false)).toBe(5);
    expect(nearestLegalVersion(catalogue, syscall, 7, false)).toBe(9);
    expect(nearestLegalVersion(catalogue, syscall, 1, false)).toBe(4);
    expect(nearestLegalVersion(catalogue, syscall, 1, true)).toBe(2);
    expect(nearestLegalVersion(catalogue, parseTrackId('flow'), 1, true)).toBeUndefined();
  });
});

describe('checkPin', () => {
  it.each([
    ['VERSION_UNKNOWN', samplePin({ version: 7 }), 9],
    ['VERSION_REVOKED', samplePin({ version: 6 }), 5],
    ['VERSION_BELOW_FLOOR', samplePin({ version: 2 }), 4],
  ])('refuses with %s and names the nearest legal version', (code, pin, nearest) => {
    const checked = checkPin(pin, catalogue, nowMs);
    expect(checked).toMatchObject({ ok: false, fault: { code, fields: { nearest } } });
    expect(!checked.ok && checked.fault.message).toContain(`the nearest that may run is ${nearest}`);
  });

  it('refuses a pin whose end has passed, and a track without releases', () => {
    expect(checkPin(samplePin({ version: 5, untilMs: nowMs }), catalogue, nowMs)).toMatchObject({
      fault: { code: 'PIN_EXPIRED' },
    });
    expect(checkPin(samplePin({ track: parseTrackId('flow') }), catalogue, nowMs)).toMatchObject({
      fault: { code: 'TRACK_UNKNOWN' },
    });
  });

  it('lets a signed exception go below the floor, not to a revoked version', () => {
    expect(checkPin(samplePin({ version: 2, belowFloor: true }), catalogue, nowMs).ok).toBe(true);
    expect(checkVersion(catalogue, syscall, 6, true)).toMatchObject({ fault: { code: 'VERSION_REVOKED' } });
  });
});
