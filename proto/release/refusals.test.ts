import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../base/canonical-json.ts';
import { type Result, unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { parseClusterId, parseFederationId, parseTrackId, type TrackId } from '../ids.ts';
import { antibodyPinsFor } from './antibody-pins.ts';
import { addSignatures, mergeSignatures, signedness } from './co-sign.ts';
import type { AntibodyPin, Channel, Pin, TrackReleases } from './documents/catalogue.ts';
import { decodeCatalogue } from './documents/catalogue-document.ts';
import { decodeCanonicalJson, signedHead } from './documents/document.ts';
import { checkRelease, encodeManifest, openManifest } from './documents/manifest.ts';
import { metadataBytesMax } from './documents/names.ts';
import { decodePins } from './documents/pins-document.ts';
import { decodeRoot } from './documents/root.ts';
import { followRoots } from './follow-roots.ts';
import { checkPin, checkVersion } from './legality.ts';
import { resolveRelease } from './resolve.ts';
import { checkShadowReport } from './shadow-report.ts';
import { signCatalogue, signPins, signRoot, signTimestamp } from './sign.ts';
import {
  herd,
  keyPair,
  nowMs,
  reforge,
  sampleCatalogue,
  sampleManifest,
  samplePin,
  samplePins,
  sampleRoot,
  sampleSet,
  sampleTarget,
  sampleTrack,
  sampleTrust,
  signedRoot,
  signers,
  syscall,
} from './testing/sample-federation.ts';
import { parseTrust } from './trust.ts';

const faultOf = (result: Result<unknown>) => (result.ok ? result : result.fault);
const flow = parseTrackId('flow');
const invalid = (role: string, why: string) => ({
  ...{ code: 'METADATA_INVALID', message: `${role}: ${why}`, fields: { role } },
});

describe('bytes that are no canonical JSON object', () => {
  it.each<[string, string]>([
    ['[]', 'expected a JSON object'],
    ['7', 'expected a JSON object'],
    ['null', 'expected a JSON object'],
    ['"text"', 'expected a JSON object'],
    ['{ }', 'expected canonical JSON (RFC 8785)'],
    ['{"b":1,"a":2}', 'expected canonical JSON (RFC 8785)'],
    ['{', 'expected canonical JSON (RFC 8785) in UTF-8'],
    ['\ufeff{}', 'expected canonical JSON (RFC 8785) in UTF-8'],
  ])('say so: %j', (text, why) => {
    expect(faultOf(decodeCanonicalJson('root', Buffer.from(text)))).toEqual(invalid('root', why));
  });

  it('say so where they are no UTF-8, or too many', () => {
    const utf8 = invalid('pins', 'expected canonical JSON (RFC 8785) in UTF-8');
    expect(faultOf(decodeCanonicalJson('pins', Buffer.from('{"a":"\u00ff"}', 'latin1')))).toEqual(utf8);
    const filled = (bytes: number) => Buffer.from(`{"a":"${'b'.repeat(bytes - 8)}"}`);
    expect(decodeCanonicalJson('pins', filled(metadataBytesMax)).ok).toBe(true);
    expect(faultOf(decodeCanonicalJson('pins', filled(metadataBytesMax + 1)))).toEqual({
      ...{
        code: 'METADATA_TOO_LARGE',
        message: 'pins: 262145 bytes; at most 262144 are read',
        fields: { role: 'pins' },
      },
    });
  });
});

describe('a document of another shape', () => {
  it('says where and what is legal there, and no value', () => {
    const changed = (more: object) =>
      decodeCatalogue(reforge(sampleSet().catalogue, [20], (signed) => void Object.assign(signed, more)));
    const of = (more: object) => faultOf(changed(more));
    expect(of({ version: 0 })).toMatchObject({
      ...{ code: 'METADATA_INVALID', message: expect.stringMatching(/^targets: "version": \S/) },
    });
    expect(of({ federation: 'No Name' })).toEqual(invalid('targets', '"federation": a federation id'));
    expect(of({ expires: '2026-11-21' })).toEqual(invalid('targets', '"expires": a UTC time to the second'));
    const targets = { '../up/1/manifest.json': { length: 1, hashes: { sha256: '0'.repeat(64) } } };
    expect(of({ targets: targets })).toMatchObject({ code: 'METADATA_INVALID' });
    const releases = (revoked: number[]) => ({
      ...{ tracks: { syscall: { floor: 0, revoked, channels: {} } }, assignments: [] },
    });
    expect(of({ releases: releases([2, 2]) })).toEqual(
      invalid('targets', '"releases"."tracks"."syscall"."revoked": ascending, each once'),
    );
    expect(of({ releases: releases([3, 2]) })).toMatchObject({ code: 'METADATA_INVALID' });
    expect(changed({ releases: releases([1, 3]) }).ok).toBe(true);
    const twice = JSON.parse(sampleSet().catalogue.toString()) as { signatures: object[] };
    twice.signatures.push(twice.signatures[0] as object);
    expect(faultOf(decodeCatalogue(canonicalBytes(twice as never)))).toEqual(
      invalid('targets', '"signatures": each key id once'),
    );
  });

  it('says of a pin id that stands there twice', () => {
    const pins = samplePins({ pins: [samplePin(), samplePin()] });
    expect(() => signPins(pins, herd, [keyPair(30)])).toThrow(new RangeError('pins: "pins": each pin id once'));
  });

  it('keeps releases in order, by track and then by version', () => {
    const releases = [sampleTarget(10), sampleTarget(2, flow), sampleTarget(9), sampleTarget(1, flow)];
    const tracks = { [syscall]: sampleTrack({ channels: {} }) } as Record<TrackId, TrackReleases>;
    const bytes = signCatalogue(sampleCatalogue({ releases, tracks }), herd, [keyPair(20)]);
    expect(
      unwrap(decodeCatalogue(bytes)).catalogue.releases.map(({ track, version }) => `${track} ${version}`),
    ).toEqual([...['flow 1', 'flow 2', 'syscall 9', 'syscall 10']]);
  });

  it('brings the response policy of its pins as it was signed, and none where there is none', () => {
    const response = { format: 'anything' };
    const signed = signPins(samplePins({ response }), herd, [keyPair(30)]);
    expect(unwrap(decodePins(signed)).pins).toMatchObject({ response });
    const bare = signPins(samplePins(), herd, [keyPair(30)]);
    expect(unwrap(decodePins(bare)).pins).not.toHaveProperty('response');
    expect(bare.toString()).not.toContain('response');
  });
});

describe('what is not signed', () => {
  it('is a root whose roles could never sign, or count one key twice', () => {
    const roles = sampleRoot().roles;
    const withRole = (role: 'root' | 'pins', publicKeys: Uint8Array[], threshold: number) =>
      sampleRoot(signers, { roles: { ...roles, [role]: { publicKeys, threshold } } });
    const key = keyPair(1).publicKey;
    expect(() => signRoot(withRole('root', [key], 2), [])).toThrow(
      new RangeError('root: root has 1 key(s) for a threshold of 2'),
    );
    expect(() => signRoot(withRole('root', [], 1), [])).toThrow('root: root has 0 key(s) for a threshold of 1');
    expect(() => signRoot(withRole('pins', [key], 2), [])).toThrow('root: pins has 1 key(s) for a threshold of 2');
    expect(() => signRoot(withRole('pins', [key, key], 1), [])).toThrow(new RangeError('root: pins names a key twice'));
    expect(decodeRoot(signRoot(withRole('pins', [], 2), [])).ok).toBe(true);
    const { signed } = JSON.parse(signedRoot(sampleRoot()).toString()) as { signed: Record<string, unknown> };
    expect(signed).toMatchObject({ consistent_snapshot: true, spec_version: '1.0.34', version: 1, federation: 'herd' });
  });

  it('is a catalogue that points at nothing, or lists a release twice', () => {
    const channels = { stable: { version: 9, shadows: null } };
    const tracks = { [syscall]: sampleTrack({ channels }) } as Record<TrackId, TrackReleases>;
    expect(() => signCatalogue(sampleCatalogue({ tracks }), herd, [])).toThrow(
      new RangeError("catalogue: syscall's channel stable points at version 9, not listed"),
    );
    const releases = [1, 2, 2].map((version) => sampleTarget(version));
    expect(() => signCatalogue(sampleCatalogue({ releases }), herd, [])).toThrow(
      new RangeError('catalogue: a release is listed twice'),
    );
  });

  it('is what ends at no time that TUF can write', () => {
    const message = 'metadata: expiresAtMs must lie between the years 1970 and 9999';
    expect(() => signedHead({ version: 1, expiresAtMs: -1, federation: herd })).toThrow(new RangeError(message));
    const head = { version: 1, expiresAtMs: Number.NaN, snapshot: sampleSet().snapshot };
    expect(() => signTimestamp(head, herd, [])).toThrow(message);
  });
});

describe('keys of a root that are refused', () => {
  const key = (id: string, why: string) => invalid('root', `key ${id.slice(0, 12)}… ${why}`);
  type RootJson = { keys: Record<string, { keyval: { public: string } }> };
  const changed = (change: (root: RootJson) => void) =>
    faultOf(decodeRoot(reforge(signedRoot(sampleRoot()), [1, 2], (signed) => change(signed as unknown as RootJson))));

  it('say which it is and why', () => {
    const [id = ''] = Object.keys(
      (JSON.parse(signedRoot(sampleRoot()).toString()) as { signed: RootJson }).signed.keys,
    );
    const lying = (root: RootJson) => {
      (root.keys[id] as { keyval: { public: string } }).keyval.public = '00'.repeat(32);
    };
    expect(changed(lying)).toEqual(key(id, "is not named by its canonical form's SHA-256"));
  });
});

describe('a root that cannot follow', () => {
  const followedBy = (change: object, by: readonly number[] = [1, 2]) => {
    const { fault, root } = followRoots(sampleTrust(), [
      signedRoot(sampleRoot(signers, { version: 2, ...change }), by),
    ]);
    return [fault, root.version];
  };

  it('is of another federation, though the same keys signed it', () => {
    const flock = { federation: parseFederationId('flock') };
    expect(followedBy(flock)).toEqual([invalid('root', 'speaks for the federation "flock", not for ours'), 1]);
    expect(followedBy({})).toEqual([undefined, 2]);
  });

  it('leaves one out, or has too few of the signatures that it needs', () => {
    const skipped = {
      code: 'ROOT_SKIPPED',
      message: 'root: version 3 cannot follow 1',
      fields: { role: 'root', version: 3 },
    };
    expect(followedBy({ version: 3 })).toEqual([skipped, 1]);
    const message = 'root: 1 good signature(s) by keys that root 1 names for it; needs 2';
    expect(followedBy({}, [2])).toEqual([
      ...[{ code: 'METADATA_UNDERSIGNED', message, fields: { role: 'root', count: 1, threshold: 2 } }, 1],
    ]);
  });
});

describe('a version that may not run', () => {
  const catalogue = sampleCatalogue({ tracks: { [syscall]: sampleTrack({ floor: 2, revoked: [3] }) } as never });
  const of = (version: number, track = syscall) => faultOf(checkVersion(catalogue, track, version, false));
  const nearest = 'the nearest that may run is 2';

  it('says why, and which comes nearest', () => {
    const fields = (version: number) => ({ track: syscall, version, nearest: 2 });
    expect(of(3)).toEqual({ code: 'VERSION_REVOKED', message: `syscall 3: revoked; ${nearest}`, fields: fields(3) });
    const unknown = `syscall 9: never released, or no longer kept; ${nearest}`;
    expect(of(9)).toEqual({ code: 'VERSION_UNKNOWN', message: unknown, fields: fields(9) });
    const below = `syscall 1: below the floor 2, which needs a signed exception; ${nearest}`;
    expect(of(1)).toEqual({ code: 'VERSION_BELOW_FLOOR', message: below, fields: fields(1) });
    const track = { code: 'TRACK_UNKNOWN', message: 'flow: no such track has releases', fields: { track: flow } };
    expect(of(1, flow)).toEqual(track);
    const nothing = sampleCatalogue({ tracks: { [syscall]: sampleTrack({ revoked: [1, 2, 3] }) } as never });
    expect(faultOf(checkVersion(nothing, syscall, 1, false))).toEqual({
      ...{
        code: 'VERSION_REVOKED',
        message: 'syscall 1: revoked; no version may run',
        fields: { track: syscall, version: 1 },
      },
    });
  });

  it('is no other track’s version of that number', () => {
    const both = sampleCatalogue({ releases: [sampleTarget(7, flow), sampleTarget(2)] });
    expect(faultOf(checkVersion(both, syscall, 7, false))).toMatchObject({ fields: { nearest: 2 } });
    expect(checkVersion(both, syscall, 2, false)).toEqual({ ok: true, value: sampleTarget(2) });
  });

  it('is pinned neither past its end nor at all', () => {
    const message = 'pin of syscall 2: its end, 2026-11-21T12:00:00.000Z, has passed; give a later one';
    expect(faultOf(checkPin(samplePin({ version: 2, untilMs: nowMs }), catalogue, nowMs))).toEqual({
      ...{ code: 'PIN_EXPIRED', message },
    });
    const pin = samplePin({ version: 2, untilMs: nowMs + 1 });
    expect(checkPin(pin, catalogue, nowMs)).toEqual({ ok: true, value: pin });
    expect(faultOf(checkPin(samplePin({ version: 3 }), catalogue, nowMs))).toMatchObject({ code: 'VERSION_REVOKED' });
  });
});

describe('a cluster for which nothing may run', () => {
  const west = parseClusterId('eu-west-1');
  const member = { cluster: west, labels: { tier: 'edge' } };
  const of = (channels: Record<string, Channel>, channel = 'stable', pins: Pin[] = []) => {
    const tracks = { [syscall]: sampleTrack({ floor: 2, channels }) } as Record<TrackId, TrackReleases>;
    const assignments = [{ track: syscall, channel, subject: { cluster: west } }];
    return resolveRelease(member, syscall, sampleCatalogue({ tracks, assignments }), samplePins({ pins }), nowMs);
  };
  const nothing = (why: string) => ({
    ...{
      code: 'NO_LEGAL_VERSION',
      message: `syscall: ${why}; the last good version stays`,
      fields: { track: syscall },
    },
  });

  it('says which channel points where', () => {
    expect(faultOf(of({}))).toEqual(nothing('there is no channel stable'));
    expect(faultOf(of({ canary: { version: 3, shadows: 'edge' } }, 'canary'))).toEqual(
      nothing('channel canary shadows edge, which is not there'),
    );
    expect(faultOf(of({ stable: { version: 1, shadows: null } }))).toEqual(
      nothing(
        'channel stable points at syscall 1: below the floor 2, which needs a signed exception; the nearest that may run is 2',
      ),
    );
    expect(faultOf(resolveRelease(member, flow, sampleCatalogue(), samplePins(), nowMs))).toEqual({
      ...{ code: 'TRACK_UNKNOWN', message: 'flow: no such track has releases', fields: { track: flow } },
    });
  });

  it('is not one that a channel, a canary or a pin serves', () => {
    const channels = { stable: { version: 2, shadows: null }, canary: { version: 3, shadows: 'stable' } };
    expect(unwrap(of(channels))).toEqual({
      ...{ live: sampleTarget(2), because: { kind: 'channel', channel: 'stable' }, shadow: null, overruled: [] },
    });
    expect(unwrap(of(channels, 'canary'))).toEqual({
      ...{ live: sampleTarget(2), because: { kind: 'channel', channel: 'canary' }, overruled: [] },
      shadow: { target: sampleTarget(3), channel: 'canary' },
    });
    const label = samplePin({ pinId: 'l', version: 3, subject: { label: { key: 'tier', value: 'edge' } } });
    const own = samplePin({ pinId: 'o', version: 1 });
    expect(unwrap(of(channels, 'stable', [own, label]))).toEqual({
      ...{ live: sampleTarget(3), because: { kind: 'pin', pin: label }, shadow: null },
      overruled: [{ pin: own, why: 'VERSION_BELOW_FLOOR' }],
    });
  });
});

describe('a manifest that is refused', () => {
  const { manifest, bytes, target } = sampleManifest({ 'weights.bin': Buffer.from('weights') });
  const of = (given: Uint8Array, change: object = {}, federation = herd) =>
    faultOf(openManifest(given, { ...target, ...change }, federation));
  const because = (why: string, change: object = {}) => ({
    ...{ code: 'MANIFEST_INVALID', fields: { track: syscall, version: 2, ...change } },
    message: `manifest of syscall 2: ${why}`,
  });

  it('says what the catalogue says of it', () => {
    expect(of(bytes.subarray(1))).toEqual(
      because(`${bytes.byteLength - 1} bytes; the catalogue says ${bytes.byteLength}`),
    );
    expect(of(Buffer.from(bytes.toString().replace('0.1.0', '0.1.1')))).toEqual(
      because('not the digest that the catalogue names'),
    );
    expect(of(bytes, {}, parseFederationId('flock'))).toEqual(because('is of another federation'));
    expect(of(bytes, { version: 3 })).toMatchObject({ message: 'manifest of syscall 3: is of another version' });
    expect(of(bytes, { track: flow })).toMatchObject({ message: 'manifest of flow 2: is of another track' });
    const spaced = Buffer.from(JSON.stringify(manifest, null, 2));
    const named = { manifest: { digest: digestOf(spaced), bytes: spaced.byteLength } };
    expect(of(spaced, named)).toEqual(because('manifest: expected canonical JSON (RFC 8785)'));
    expect(() => encodeManifest({ ...manifest, version: -1 })).toThrow(
      new RangeError('manifest: "version": a version, 0 to 2^53 - 1'),
    );
  });

  it('says which file is one too many, is missing, or is another', () => {
    const [file] = manifest.files as [(typeof manifest.files)[0]];
    const files = (code: string, message: string, more: object = {}) => ({
      ...{ code, message, fields: { track: syscall, version: 2, ...more } },
    });
    const long = 'x'.repeat(70);
    expect(faultOf(checkRelease(manifest, [file, { ...file, name: long }]))).toEqual(
      files('FILE_UNLISTED', `files of syscall 2: "${'x'.repeat(64)}" is not listed`),
    );
    expect(faultOf(checkRelease(manifest, [file, file]))).toEqual(
      files('FILE_UNLISTED', 'files of syscall 2: a file stands there twice'),
    );
    const of = { file: 'weights.bin' };
    expect(faultOf(checkRelease(manifest, []))).toEqual(
      files('FILE_MISSING', 'weights.bin of syscall 2: is not there', of),
    );
    expect(faultOf(checkRelease(manifest, [{ ...file, bytes: 8 }]))).toEqual(
      files('FILE_LENGTH', 'weights.bin of syscall 2: 8 bytes; the manifest says 7', of),
    );
    expect(faultOf(checkRelease(manifest, [{ ...file, digest: manifest.schemaDigest }]))).toEqual(
      files('FILE_DIGEST', 'weights.bin of syscall 2: not the digest in the manifest', of),
    );
  });
});

describe('copies of one document', () => {
  const root = sampleRoot();
  const bytes = signPins(samplePins(), herd, [keyPair(30)]);

  it('are none, or differ', () => {
    expect(() => mergeSignatures('pins', [], [root])).toThrow(
      new RangeError('mergeSignatures: expected at least one copy'),
    );
    const other = signPins(samplePins({ version: 2 }), herd, [keyPair(31)]);
    expect(faultOf(mergeSignatures('pins', [bytes, other], [root]))).toEqual({
      ...{ code: 'METADATA_MISMATCHED', fields: { role: 'pins' } },
      message: 'pins: the copies differ in what is signed; sign one document',
    });
  });

  it('are no documents', () => {
    const wrong = invalid('pins', 'expected canonical JSON (RFC 8785) in UTF-8');
    expect(faultOf(signedness(root, 'pins', Buffer.from('{')))).toEqual(wrong);
    expect(faultOf(addSignatures('pins', Buffer.from('{'), []))).toEqual(wrong);
    expect(faultOf(mergeSignatures('pins', [Buffer.from('{')], [root]))).toEqual(wrong);
  });

  it('become one with the signatures of all, in the order of their key ids', () => {
    const both = unwrap(mergeSignatures('pins', [bytes, signPins(samplePins(), herd, [keyPair(31)])], [root]));
    expect(both).toEqual(signPins(samplePins(), herd, [keyPair(31), keyPair(30)]));
    const { signatures } = JSON.parse(both.toString()) as { signatures: { keyid: string }[] };
    const ids = signatures.map(({ keyid }) => keyid);
    expect(ids).toEqual(ids.toSorted());
    expect(unwrap(signedness(root, 'pins', both))).toEqual({ by: expect.any(Array), missing: 0 });
    expect(unwrap(signedness(root, 'pins', bytes)).missing).toBe(1);
  });
});

describe('a stored trust that is refused', () => {
  const trust = sampleTrust();
  const restored = 'restore the file, or anchor anew';

  it('says where it is not as it was written', () => {
    const at = (where: string) => ({
      ...{ code: 'TRUST_INVALID', message: `stored trust: ${where} is not as it was written; ${restored}` },
    });
    expect(faultOf(parseTrust(7))).toEqual(at('shape'));
    expect(faultOf(parseTrust({ ...trust, format: 'testudo/release-trust/2' }))).toEqual(at('format'));
    const accepted = { timestamp: { version: 0, digest: digestOf(Buffer.from('')) }, snapshot: null, catalogue: null };
    expect(faultOf(parseTrust({ ...trust, accepted: { ...accepted, pins: null } }))).toEqual(
      at('accepted.timestamp.version'),
    );
    const newer = {
      code: 'TRUST_INVALID',
      message: "stored trust: seals is a newer build's; start that one, or a newer",
      fields: { isNewer: true },
    };
    expect(faultOf(parseTrust({ ...trust, seals: 1 }))).toEqual(newer);
    const root = { code: 'TRUST_INVALID', message: `stored trust: its root is not one; ${restored}` };
    expect(faultOf(parseTrust({ ...trust, root: '{}' }))).toEqual(root);
    expect(faultOf(parseTrust({ ...trust, federation: 'flock' }))).toEqual(root);
    expect(parseTrust(JSON.parse(JSON.stringify(trust)))).toEqual({ ok: true, value: trust });
  });
});

describe('a shadow report', () => {
  const recall = (attackClass: string) => ({ attackClass, caseCount: 3, shadowFoundCount: 3, liveFoundCount: 0 });
  const report = {
    ...{ federation: 'herd', cluster: 'eu-west-1', track: 'syscall', version: 7, liveVersion: 6, durationMs: 60_000 },
    ...{ scoredCount: 10, agreedCount: 10, shadowAlertCount: 10, liveAlertCount: 10 },
    ...{ falsePositiveCaseCount: 2, shadowFalsePositiveCount: 2, liveFalsePositiveCount: 2 },
    ...{ shadowLatencyUs: 0, liveLatencyUs: 0, atMs: 0, recalls: [recall('a'), recall('b')] },
  };

  it('may say that all of what there was agreed, alarmed or was found', () => {
    expect(checkShadowReport(report)).toEqual({ ok: true, value: report });
    expect(Object.isFrozen(unwrap(checkShadowReport(report)))).toBe(true);
  });

  const scored = '"scoredCount": at least as many as agreed and as alarms of either version';
  const positives = '"falsePositiveCaseCount": at least as many as either version alarms on';
  it.each<[string, object]>([
    [scored, { agreedCount: 11 }],
    [scored, { shadowAlertCount: 11 }],
    [scored, { liveAlertCount: 11 }],
    [positives, { shadowFalsePositiveCount: 3 }],
    [positives, { liveFalsePositiveCount: 3 }],
    ['"recalls".0: found no more than cases', { recalls: [{ ...recall('a'), shadowFoundCount: 4 }] }],
    ['"recalls".0: found no more than cases', { recalls: [{ ...recall('a'), liveFoundCount: 4 }] }],
    ['"recalls": ascending by class, each once', { recalls: [recall('b'), recall('a')] }],
    ['"recalls": ascending by class, each once', { recalls: [recall('a'), recall('a')] }],
  ])('says no more than there was: %s', (why, change) => {
    expect(faultOf(checkShadowReport({ ...report, ...change }))).toEqual({
      ...{ code: 'REPORT_INVALID', message: `shadow report: ${why}` },
    });
  });
});

it('antibody pins come in the order of the antibodies’ digests', () => {
  const pin = (antibody: string, pinId: string): AntibodyPin => ({
    ...{ pinId, track: syscall, subject: null, antibody: antibody as AntibodyPin['antibody'], bytes: 5 },
    ...{ inUse: false, untilMs: null, reason: 'a test', setBy: 'ada' },
  });
  const digests = ['c', 'a', 'd', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
  const pins = { ...samplePins(), antibodies: digests.map((digest, at) => pin(digest, `p${at}`)) };
  const member = { cluster: parseClusterId('eu'), labels: {} };
  expect(antibodyPinsFor(member, syscall, pins, nowMs).map(({ antibody }) => antibody)).toEqual(digests.toSorted());
  expect(antibodyPinsFor(member, syscall, samplePins(), nowMs)).toEqual([]);
});
