import { expect, it } from 'vitest';
import { parseClusterId, parseTrackId, type TrackId } from '../../ids.ts';
import { sampleCatalogue, sampleTarget, sampleTrack, syscall } from '../testing/sample-federation.ts';
import type { Assignment, Channel, TrackReleases } from './catalogue.ts';
import { danglingIn } from './dangling.ts';

const flow = parseTrackId('flow');
const of = (channels: Record<string, Channel>, more: Partial<TrackReleases> = {}, assignments: Assignment[] = []) =>
  danglingIn(
    sampleCatalogue({
      tracks: { [syscall]: sampleTrack({ channels, ...more }) } as Record<TrackId, TrackReleases>,
      releases: [...[1, 2, 3].map((version) => sampleTarget(version)), sampleTarget(4, flow)],
      assignments,
    }),
  );
const at = (version: number, shadows: string | null = null): Channel => ({ version, shadows });
const subject = { cluster: parseClusterId('a') };

it('finds nothing in a catalogue whose channels point at what may run', () => {
  expect(of({})).toBeUndefined();
  expect(of({ stable: at(1), canary: at(3, 'stable') }, { floor: 1, revoked: [2] })).toBeUndefined();
  expect(of({ stable: at(2) }, {}, [{ track: syscall, channel: 'stable', subject }])).toBeUndefined();
});

it.each<[string, Parameters<typeof of>]>([
  ["syscall's channel stable points at version 9, not listed", [{ stable: at(9) }]],
  ["syscall's channel stable points at version 4, not listed", [{ stable: at(4) }]],
  ["syscall's channel stable points at version 2, revoked", [{ stable: at(2) }, { revoked: [1, 2] }]],
  ["syscall's channel stable points at version 2, below the floor 3", [{ stable: at(2) }, { floor: 3 }]],
  ["syscall's channel canary shadows edge, which is not there", [{ stable: at(2), canary: at(3, 'edge') }]],
  ["syscall's channel canary shadows constructor, which is not there", [{ canary: at(3, 'constructor') }]],
  [
    "syscall's channel canary shadows edge, which itself shadows another",
    [{ stable: at(2), edge: at(2, 'stable'), canary: at(3, 'edge') }],
  ],
  [
    "an assignment names syscall's channel edge, which is not there",
    [{ stable: at(2) }, {}, [{ track: syscall, channel: 'edge', subject }]],
  ],
  [
    "an assignment names flow's channel stable, which is not there",
    [{ stable: at(2) }, {}, [{ track: flow, channel: 'stable', subject }]],
  ],
])('says %s', (problem, given) => {
  expect(of(...given)).toBe(problem);
});
