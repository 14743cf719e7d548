import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../../base/canonical-json.ts';
import { digestOf } from '../../digest.ts';
import { parseFederationId, parseTrackId } from '../../ids.ts';
import { herd, sampleManifest } from '../testing/sample-federation.ts';
import { checkRelease, encodeManifest, openManifest } from './manifest.ts';

const files = { 'weights.bin': Buffer.from('weights'), 'spec.json': Buffer.from('{}') };
const { manifest, bytes, target } = sampleManifest(files);
const measured = manifest.files.map((file) => ({ ...file }));

/** Any JSON as the manifest that the catalogue names. */
function named(value: object) {
  const encoded = canonicalBytes(value as never);
  return { encoded, as: { ...target, manifest: { digest: digestOf(encoded), bytes: encoded.byteLength } } };
}

describe('openManifest', () => {
  it('opens what encodeManifest wrote', () => {
    expect(openManifest(bytes, target, herd)).toEqual({ ok: true, value: manifest });
  });

  it.each([
    ['another length', bytes.subarray(1), target, herd],
    ['another digest', Buffer.from(bytes.toString().replace('0.1.0', '0.1.1')), target, herd],
    ['another federation', bytes, target, parseFederationId('flock')],
    ['another track', bytes, { ...target, track: parseTrackId('flow') }, herd],
    ['another version', bytes, { ...target, version: 3 }, herd],
  ])('refuses one of %s', (_, given, as, federation) => {
    expect(openManifest(given, as, federation)).toMatchObject({ ok: false, fault: { code: 'MANIFEST_INVALID' } });
  });

  it.each([
    '../weights.bin',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '.hidden',
    '..',
    'Weights.bin',
    'weights.bin\u0000',
    'manifest.json',
    `${'a'.repeat(65)}`,
    '',
    'con:',
  ])('refuses the file name %j', (name) => {
    const file = { ...manifest.files[0], name };
    const { encoded, as } = named({ ...manifest, files: [file] });
    expect(openManifest(encoded, as, herd)).toMatchObject({ ok: false, fault: { code: 'MANIFEST_INVALID' } });
  });

  it.each([
    ['a file twice', { files: [manifest.files[0], manifest.files[0]] }],
    ['files out of order', { files: manifest.files.toReversed() }],
    ['no files', { files: [] }],
    ['a negative length', { files: [{ ...manifest.files[0], bytes: -1 }] }],
    ['a digest that is none', { schemaDigest: 'sha256:00' }],
    ['another format', { format: 'testudo/release/2' }],
    ['a member that nobody knows', { also: true }],
    ['control characters in the build', { build: '1\u001b[2J' }],
  ])('refuses %s', (_, change) => {
    const { encoded, as } = named({ ...manifest, ...change });
    expect(openManifest(encoded, as, herd)).toMatchObject({ ok: false, fault: { code: 'MANIFEST_INVALID' } });
    expect(() => encodeManifest({ ...manifest, ...change } as never)).toThrow(RangeError);
  });

  it('refuses a manifest that is not canonical JSON, though the catalogue names its very bytes', () => {
    const spaced = Buffer.from(JSON.stringify(manifest, null, 2));
    const as = { ...target, manifest: { digest: digestOf(spaced), bytes: spaced.byteLength } };
    expect(openManifest(spaced, as, herd)).toMatchObject({ ok: false, fault: { code: 'MANIFEST_INVALID' } });
  });
});

describe('checkRelease', () => {
  it('passes exactly the listed files, in any order', () => {
    expect(checkRelease(manifest, measured).ok).toBe(true);
    expect(checkRelease(manifest, measured.toReversed()).ok).toBe(true);
  });

  const [first, second] = measured as [(typeof measured)[0], (typeof measured)[0]];
  it.each([
    ['FILE_UNLISTED', [...measured, { ...first, name: 'extra.bin' }]],
    ['FILE_UNLISTED', [first, second, second]],
    ['FILE_UNLISTED', [...measured, { ...first, name: 'constructor' }]],
    ['FILE_MISSING', [first]],
    ['FILE_MISSING', []],
    ['FILE_LENGTH', [first, { ...second, bytes: second.bytes - 1 }]],
    ['FILE_LENGTH', [first, { ...second, bytes: second.bytes + 1 }]],
    ['FILE_DIGEST', [first, { ...second, digest: first.digest }]],
  ] as const)('refuses with %s', (code, given) => {
    expect(checkRelease(manifest, given)).toMatchObject({ ok: false, fault: { code } });
  });
});
