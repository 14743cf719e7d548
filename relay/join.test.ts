import { describe, expect, it } from 'vitest';
import { digestOf } from '../proto/digest.ts';
import { joinRegion } from './join.ts';

const parent = { track: 'syscall', round: 'r-7', baseDigest: digestOf(Buffer.from('base')) };
const said = {
  format: 'testudo/provenance/1',
  federation: 'east',
  track: 'syscall',
  round: 'r-3',
  base: { version: 4, digest: parent.baseDigest },
  updates: [
    { cluster: 'east-2', verdict: 'leftOut', provenance: digestOf(Buffer.from('below')) },
    { cluster: 'east-1', verdict: 'selected' },
  ],
};
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const join = (value: unknown, digest = digestOf(bytesOf(value))) =>
  joinRegion(parent, { region: 'eu', provenanceDigest: digest }, bytesOf(value));

describe('joinRegion', () => {
  it('names who went in, and the regions below them, where these are the bytes that the relay signed', () => {
    expect(join(said)).toEqual({
      ok: true,
      value: {
        ...{ region: 'eu', federation: 'east', round: 'r-3' },
        members: [
          { cluster: 'east-1', verdict: 'selected', provenance: null },
          { cluster: 'east-2', verdict: 'leftOut', provenance: digestOf(Buffer.from('below')) },
        ],
      },
    });
  });

  it.each([
    ['other bytes', join(said, digestOf(Buffer.from('others'))), 'do not have the digest'],
    ['no digest', join(said, '' as never), 'named no provenance'],
    ['another track', join({ ...said, track: 'flow' }), 'of track flow'],
    ['another base', join({ ...said, base: { digest: digestOf(Buffer.from('x')) } }), 'started from'],
    ['something else with that digest', join({ format: 'x' }), 'no provenance'],
  ])('does not hold for %s', (_, joined, why) => {
    expect(joined).toMatchObject({ ok: false, fault: { code: 'JOIN_BROKEN', message: expect.stringContaining(why) } });
  });
});
