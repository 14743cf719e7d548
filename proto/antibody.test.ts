import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Antibody,
  antibodiesFile,
  antibodiesMax,
  antibodyBytes,
  readAntibodies,
  readAntibody,
} from './antibody.ts';
import { parseClusterId, parseFederationId, parseTrackId } from './ids.ts';

const antibody: Antibody = {
  federation: parseFederationId('herd'),
  track: parseTrackId('syscall'),
  cluster: parseClusterId('eu-west-1'),
  family: 'reverse-shell',
  examples: 5,
  features: Uint32Array.of(3, 70_000, 0xffff_ffff),
  shares: Uint8Array.of(255, 1, 51),
  madeAtMs: 1_000,
  expiresAtMs: 2_000,
};
const bytes = antibodyBytes(antibody);
const changed = (change: object) => Buffer.from(JSON.stringify({ ...JSON.parse(bytes.toString()), ...change }));

describe('readAntibody', () => {
  it('reads what antibodyBytes wrote', () => expect(readAntibody(bytes)).toEqual({ ok: true, value: antibody }));

  it.each([
    ['another format', changed({ format: 'testudo/antibody/2' })],
    ['a member more', changed({ note: 'hello' })],
    ['spaces', Buffer.from(bytes.toString().replace(',', ', '))],
    ['a family with a line feed', changed({ family: 'reverse\nshell' })],
    ['no features', changed({ features: '', shares: '' })],
    ['a feature twice', antibodyBytes({ ...antibody, features: Uint32Array.of(3, 3, 9) })],
    ['features that descend', antibodyBytes({ ...antibody, features: Uint32Array.of(9, 4, 3) })],
    ['a share too few', antibodyBytes({ ...antibody, shares: Uint8Array.of(1, 2) })],
    ['a share of 0', antibodyBytes({ ...antibody, shares: Uint8Array.of(1, 0, 2) })],
    ['no example', antibodyBytes({ ...antibody, examples: 0 })],
    ['an end before its beginning', antibodyBytes({ ...antibody, expiresAtMs: 1_000 })],
    ['too many bytes', Buffer.alloc(200_000, 0x20)],
    ['half of it', bytes.subarray(0, bytes.length / 2)],
  ])('refuses %s', (_, wrong) => {
    expect(readAntibody(wrong)).toMatchObject({ ok: false, fault: { code: 'ANTIBODY_INVALID' } });
  });

  it('says of another format that another build wrote it', () => {
    const refused = readAntibody(changed({ format: 'testudo/antibody/2', ofTomorrow: true }));
    expect(refused).toMatchObject({
      fault: { message: expect.stringMatching(/testudo\/antibody\/2, .* another build/) },
    });
  });

  it('answers any bytes with a result', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (some) => !readAntibody(some).ok));
  });
});

describe('readAntibodies', () => {
  it('reads what antibodiesFile wrote', () => {
    expect(readAntibodies(antibodiesFile([bytes, bytes]))).toEqual({ ok: true, value: [antibody, antibody] });
    expect(readAntibodies(antibodiesFile([]))).toEqual({ ok: true, value: [] });
  });

  it.each([
    ['a last line without its end', antibodiesFile([bytes]).subarray(0, -1)],
    ['an empty line', Buffer.from('\n')],
    ['one too many', antibodiesFile(Array.from({ length: antibodiesMax + 1 }, () => bytes))],
  ])('refuses %s', (_, wrong) => {
    expect(readAntibodies(wrong)).toMatchObject({ ok: false, fault: { code: 'ANTIBODY_INVALID' } });
  });
});
