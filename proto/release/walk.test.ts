import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseFederationId, parseTrackId } from '../ids.ts';
import { metadataBytesMax } from './documents/names.ts';
import { sha256 } from './documents/pointers.ts';
import type { ReleaseFaultCode } from './faults.ts';
import { signCatalogue, signPins } from './sign.ts';
import {
  dayMs,
  keyPair,
  nowMs,
  pointAt,
  reforge,
  type SetChange,
  sampleCatalogue,
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
import { parseTrust, type ReleaseTrust } from './trust.ts';
import { type ReceivedReleases, type ReleaseProposal, walkReleases } from './walk.ts';

/** The trust after a set was accepted in full. */
function accepted(trust: ReleaseTrust, received: ReceivedReleases, atMs = nowMs): ReleaseTrust {
  return proposal(trust, received, atMs).next;
}

function proposal(trust: ReleaseTrust, received: ReceivedReleases, atMs = nowMs): ReleaseProposal {
  const found = unwrap(walkReleases(trust, received, atMs).result);
  if (found === null) throw new Error('expected a proposal, got roots alone');
  return found;
}

function refusal(trust: ReleaseTrust, received: ReceivedReleases, atMs = nowMs): [ReleaseFaultCode, unknown] {
  const { rooted, result } = walkReleases(trust, received, atMs);
  if (result.ok) throw new Error('expected a refusal');
  expect(rooted.accepted).toEqual(trust.accepted); // What is refused leaves no trace.
  expect(rooted.floors).toEqual(trust.floors);
  return [result.fault.code, result.fault.fields?.role];
}

/** Versions of all four pieces, in the words of SetChange. */
function at(timestamp: number, snapshot: number, catalogue: number, pins: number, rest: SetChange = {}): SetChange {
  return {
    ...rest,
    timestamp: { version: timestamp, ...rest.timestamp },
    snapshot: { version: snapshot, ...rest.snapshot },
    catalogue: { version: catalogue, ...rest.catalogue },
    pins: { version: pins, ...rest.pins },
  };
}

describe('walkReleases', () => {
  it('proposes what a first set says, and changes nothing by itself', () => {
    const trust = sampleTrust();
    const found = proposal(trust, sampleSet({ pins: { pins: [samplePin()] } }));
    expect(found.catalogue).toEqual(sampleCatalogue());
    expect(found.pins).toEqual(samplePins({ pins: [samplePin()] }));
    expect(found.root).toEqual(sampleRoot());
    expect(found.expiresAtMs).toBe(nowMs + dayMs);
    expect(found.next.floors).toEqual({ syscall: 1 });
    expect(trust).toEqual(sampleTrust());
  });

  it('passes the same set again, before and after it was committed', () => {
    const trust = sampleTrust();
    const set = sampleSet();
    const once = accepted(trust, set);
    expect(accepted(trust, set)).toEqual(once);
    expect(accepted(once, set)).toEqual(once);
  });

  it('goes on from a trust that was stored and read back', () => {
    const stored = unwrap(parseTrust(JSON.parse(JSON.stringify(accepted(sampleTrust(), sampleSet())))));
    expect(accepted(stored, sampleSet(at(2, 2, 2, 2))).accepted?.catalogue?.version).toBe(2);
  });

  it('follows an agent that was away for weeks through everything it missed', () => {
    const before = accepted(sampleTrust(), sampleSet());
    const weeksLater = nowMs + 45 * dayMs;
    const roots = [2, 3, 4].map((version) =>
      signedRoot(sampleRoot(signers, { version, expiresAtMs: nowMs + (version - 2) * 60 * dayMs })),
    );
    const change = at(900, 40, 30, 9, {
      timestamp: { expiresAtMs: weeksLater + dayMs },
      snapshot: { expiresAtMs: weeksLater + dayMs },
    });
    const set = { ...sampleSet(change), roots };
    expect(proposal(before, set, weeksLater).root.version).toBe(4);
  });
});

describe('walkReleases refuses', () => {
  const first = sampleSet(at(5, 5, 5, 5));
  const trust = accepted(sampleTrust(), first);

  it.each([
    ['timestamp', at(4, 5, 5, 5)],
    ['snapshot', at(6, 4, 5, 5)],
    ['targets', at(6, 6, 4, 5)],
    ['pins', at(6, 6, 6, 4)],
  ])('a rollback of %s', (role, change) => {
    expect(refusal(trust, sampleSet(change))).toEqual(['METADATA_ROLLED_BACK', role]);
  });

  it.each([
    ['timestamp', at(5, 6, 6, 6)],
    ['snapshot', at(6, 5, 6, 6)],
    ['targets', at(6, 6, 5, 6, { catalogue: { assignments: [], releases: [sampleTarget(2)] } })],
    ['pins', at(6, 6, 6, 5, { pins: { pins: [samplePin()] } })],
  ])('a second truth under the version accepted before: %s', (role, change) => {
    expect(refusal(trust, sampleSet(change))).toEqual(['METADATA_EQUIVOCATED', role]);
  });

  it.each([
    ['timestamp', { timestamp: { expiresAtMs: nowMs } }],
    ['snapshot', { snapshot: { expiresAtMs: nowMs } }],
    ['targets', { catalogue: { expiresAtMs: nowMs - dayMs } }],
    ['pins', { pins: { expiresAtMs: nowMs } }],
  ] satisfies [string, SetChange][])('expired metadata: %s', (role, change) => {
    expect(refusal(sampleTrust(), sampleSet(change))).toEqual(['METADATA_EXPIRED', role]);
  });

  it('an expired root, and keeps it: the next one may follow', () => {
    const root = signedRoot(sampleRoot(signers, { version: 2, expiresAtMs: nowMs }));
    const walked = walkReleases(sampleTrust(), { ...sampleSet(), roots: [root] }, nowMs);
    expect(walked.result).toMatchObject({ ok: false, fault: { code: 'METADATA_EXPIRED', fields: { role: 'root' } } });
    expect(walked.rooted.root).toBe(root.toString());
    const healed = signedRoot(sampleRoot(signers, { version: 3 }));
    expect(proposal(walked.rooted, { ...sampleSet(), roots: [healed] }).root.version).toBe(3);
  });

  it('a freeze: the newest set that was, served past its time', () => {
    expect(refusal(trust, first, nowMs + dayMs)).toEqual(['METADATA_EXPIRED', 'timestamp']);
    expect(walkReleases(trust, first, nowMs + dayMs - 1).result.ok).toBe(true);
  });

  it.each([
    ['snapshot', 'snapshot'],
    ['targets', 'catalogue'],
    ['pins', 'pins'],
  ] as const)('mix-and-match: %s of another set with the same versions', (role, piece) => {
    const other = sampleSet({
      catalogue: { releases: [sampleTarget(2), sampleTarget(7)] },
      pins: { pins: [samplePin()] },
    });
    const mixed = { ...sampleSet(), [piece]: other[piece] };
    expect(refusal(sampleTrust(), mixed)).toEqual(['METADATA_MISMATCHED', role]);
  });

  it.each([
    ['snapshot', 'timestamp', 'snapshot.json'],
    ['targets', 'snapshot', 'targets.json'],
    ['pins', 'snapshot', 'pins.json'],
  ] as const)('a %s of another version than the %s names, though its bytes are the very ones', (role, piece, file) => {
    const set = sampleSet(at(5, 5, 5, 5));
    const lying = reforge(set[piece], [10], (signed) => {
      const { meta } = signed as unknown as { meta: Record<string, object> };
      meta[file] = { ...meta[file], version: 6 };
    });
    const timestamp = piece === 'timestamp' ? lying : retimed(set.timestamp, lying);
    const snapshot = piece === 'snapshot' ? lying : set.snapshot;
    expect(refusal(sampleTrust(), { ...set, timestamp, snapshot })).toEqual(['METADATA_MISMATCHED', role]);
  });

  it('endless data: a piece beyond the cap is not even read', () => {
    for (const piece of ['timestamp', 'snapshot', 'catalogue', 'pins'] as const) {
      const flood = Buffer.alloc(metadataBytesMax + 1, '{');
      const [code] = refusal(sampleTrust(), { ...sampleSet(), [piece]: flood });
      expect(code).toBe(piece === 'timestamp' ? 'METADATA_TOO_LARGE' : 'METADATA_MISMATCHED');
    }
    expect(refusal(sampleTrust(), { ...sampleSet(), roots: [Buffer.alloc(metadataBytesMax + 1)] })[0]).toBe(
      'METADATA_TOO_LARGE',
    );
    expect(refusal(sampleTrust(), { ...sampleSet(), roots: Array(1025).fill(signedRoot(sampleRoot())) })[0]).toBe(
      'METADATA_TOO_LARGE',
    );
  });

  it('a piece one byte longer or shorter than named', () => {
    for (const piece of ['snapshot', 'catalogue', 'pins'] as const) {
      const set = sampleSet();
      for (const bytes of [Buffer.concat([set[piece], Buffer.from(' ')]), set[piece].subarray(0, -1)]) {
        expect(refusal(sampleTrust(), { ...set, [piece]: bytes })[0]).toBe('METADATA_MISMATCHED');
      }
    }
  });

  it.each(['timestamp', 'snapshot', 'catalogue', 'pins'] as const)('a set without its %s', (piece) => {
    expect(walkReleases(sampleTrust(), { ...sampleSet(), [piece]: Buffer.alloc(0) }, nowMs).result.ok).toBe(false);
  });

  it.each([
    ['timestamp', { ...signers, timestamp: { keys: [11], threshold: 1 } }],
    ['snapshot', { ...signers, snapshot: { keys: [11], threshold: 1 } }],
    ['targets', { ...signers, targets: { keys: [10], threshold: 1 } }],
    ['pins', { ...signers, pins: { keys: [30], threshold: 1 } }],
    ['pins', { ...signers, pins: { keys: [30, 20], threshold: 2 } }],
  ])('%s signed by too few of its own keys', (role, by) => {
    expect(refusal(sampleTrust(), sampleSet({ by }))).toEqual(['METADATA_UNDERSIGNED', role]);
  });

  it('one key that signs twice where two must', () => {
    const { pins, ...rest } = sampleSet();
    const { signatures, signed } = JSON.parse(Buffer.from(pins).toString()) as { signatures: object[]; signed: never };
    const twice = [signatures[0], signatures[0]] as never;
    const doubled = Buffer.from(JSON.stringify({ signatures: twice, signed }));
    expect(refusal(sampleTrust(), { ...rest, pins: doubled, ...pointAt({ ...rest, pins: doubled }) })).toEqual([
      'METADATA_INVALID',
      'pins',
    ]);
  });

  it('a catalogue that the coordinator signs as pins, and pins as a catalogue', () => {
    const everything = { ...signers, targets: signers.pins };
    const set = sampleSet({ by: everything });
    const trusted = sampleTrust(sampleRoot(everything));
    const swapped = { roots: [], catalogue: set.pins, pins: set.catalogue };
    expect(refusal(trusted, { ...swapped, ...pointAt(swapped) })).toEqual(['METADATA_INVALID', 'targets']);
    const onlyPins = { roots: [], catalogue: set.catalogue, pins: set.catalogue };
    expect(refusal(trusted, { ...onlyPins, ...pointAt(onlyPins) })).toEqual(['METADATA_INVALID', 'pins']);
  });

  it('metadata of another federation, though the same keys signed it', () => {
    const flock = parseFederationId('flock');
    const { catalogue, pins } = sampleSet();
    const foreignPins = signPins(samplePins(), flock, [30, 31].map(keyPair));
    const foreignCatalogue = signCatalogue(sampleCatalogue(), flock, [keyPair(20)]);
    for (const [role, below] of [
      ['pins', { catalogue, pins: foreignPins }],
      ['targets', { catalogue: foreignCatalogue, pins }],
    ] as const) {
      expect(refusal(sampleTrust(), { roots: [], ...below, ...pointAt(below) })).toEqual(['METADATA_INVALID', role]);
    }
    const root = signedRoot(sampleRoot(signers, { version: 2, federation: flock }));
    expect(refusal(sampleTrust(), { ...sampleSet(), roots: [root] })[0]).toBe('METADATA_INVALID');
  });

  it('a lower floor, and remembers that of a track which the catalogue leaves out', () => {
    const high = accepted(
      sampleTrust(),
      sampleSet({ catalogue: { tracks: { [syscall]: sampleTrack({ floor: 2 }) } } }),
    );
    const lowered = at(2, 2, 2, 2, { catalogue: { tracks: { [syscall]: sampleTrack({ floor: 1 }) } } });
    expect(refusal(high, sampleSet(lowered))).toEqual(['FLOOR_LOWERED', 'targets']);
    const without = accepted(high, sampleSet(at(2, 2, 2, 2, { catalogue: { tracks: {} } })));
    expect(without.floors).toEqual({ syscall: 2 });
    expect(refusal(without, sampleSet({ ...at(3, 3, 3, 3), catalogue: { ...lowered.catalogue, version: 3 } }))).toEqual(
      ['FLOOR_LOWERED', 'targets'],
    );
  });

  it('path tricks in the names of releases', () => {
    const paths = [
      '../syscall/2/manifest.json',
      '/syscall/2/manifest.json',
      'syscall/../2/manifest.json',
      'syscall/2/../manifest.json',
      'syscall//2/manifest.json',
      'syscall/2/manifest.json/',
      'syscall/02/manifest.json',
      'syscall/+2/manifest.json',
      'syscall/2e0/manifest.json',
      'syscall/9007199254740993/manifest.json',
      'Syscall/2/manifest.json',
      'syscall/2/weights.bin',
      'syscall\\2\\manifest.json',
      'syscall/2/manifest.json\u0000',
      'syscall%2f2/manifest.json',
      '__proto__/2/manifest.json',
      '',
    ];
    for (const path of paths) {
      const { pins, ...rest } = sampleSet();
      const catalogue = reforge(rest.catalogue, [20], (signed) => {
        Object.assign(signed, { targets: { [path]: { hashes: { sha256: '0'.repeat(64) }, length: 10 } } });
      });
      const set = { roots: [], catalogue, pins, ...pointAt({ catalogue, pins }) };
      expect([path, ...refusal(sampleTrust(), set)]).toEqual([path, 'METADATA_INVALID', 'targets']);
    }
  });

  it('hands delegation to nobody', () => {
    const { pins, ...rest } = sampleSet();
    const catalogue = reforge(rest.catalogue, [20], (signed) => {
      Object.assign(signed, { delegations: { keys: {}, roles: [] } });
    });
    const set = { roots: [], catalogue, pins, ...pointAt({ catalogue, pins }) };
    expect(refusal(sampleTrust(), set)).toEqual(['METADATA_INVALID', 'targets']);
  });

  it('a pin with a condition that this version cannot read', () => {
    const { catalogue, ...rest } = sampleSet({ pins: { pins: [samplePin()] } });
    const pins = reforge(rest.pins, [30, 31], (signed) => {
      Object.assign((signed as unknown as { pins: object[] }).pins[0] ?? {}, { exceptOnMondays: true });
    });
    const set = { roots: [], catalogue, pins, ...pointAt({ catalogue, pins }) };
    expect(refusal(sampleTrust(), set)).toEqual(['METADATA_INVALID', 'pins']);
  });

  it('nothing for a member of a TUF object that it does not know, since that is signed too, since they are signed too', () => {
    const { pins, ...rest } = sampleSet();
    const catalogue = reforge(rest.catalogue, [20], (signed) => {
      Object.assign(signed, { 'x-later': { any: ['thing'] } });
    });
    expect(
      proposal(sampleTrust(), { roots: [], catalogue, pins, ...pointAt({ catalogue, pins }) }).catalogue.version,
    ).toBe(1);
  });

  it('no track for its name: "constructor" is one like others', () => {
    const track = parseTrackId('constructor');
    const catalogue = {
      tracks: { [track]: sampleTrack({ floor: 2 }) },
      releases: [sampleTarget(2, track)],
    };
    expect(accepted(sampleTrust(), sampleSet({ catalogue })).floors).toEqual({ constructor: 2 });
  });

  it('pins missing from the set or the snapshot while the root names keys for them', () => {
    const { catalogue } = sampleSet();
    const without = { catalogue, pins: null };
    const set = { roots: [], catalogue, pins: Buffer.alloc(0), ...pointAt(without) };
    expect(refusal(sampleTrust(), set)).toEqual(['METADATA_MISMATCHED', 'pins']);
  });

  it('pins that nobody may sign; without them a root that names no keys for pins is enough', () => {
    const nobody = { ...signers, pins: { keys: [], threshold: 1 } };
    const trusted = sampleTrust(sampleRoot(nobody));
    const { catalogue, pins } = sampleSet();
    const none = { roots: [], catalogue, pins: Buffer.alloc(0), ...pointAt({ catalogue, pins: null }) };
    expect(proposal(trusted, none).pins).toMatchObject({ version: 0, pins: [] });
    expect(refusal(trusted, { roots: [], catalogue, pins, ...pointAt({ catalogue, pins }) })).toEqual([
      'METADATA_UNDERSIGNED',
      'pins',
    ]);
  });

  it('numbers that are not whole, negative or too large, and times that are not times', () => {
    const wrong: Record<string, unknown>[] = [
      { version: 0 },
      { version: 1.5 },
      { version: -1 },
      { version: 2 ** 32 },
      { version: '1' },
      { expires: '2030-01-01' },
      { expires: '2030-01-01T00:00:00.000Z' },
      { expires: '2030-02-30T00:00:00Z' },
      { expires: '+12030-01-01T00:00:00Z' },
      { spec_version: '2.0.0' },
      { _type: 'Timestamp' },
      { meta: {} },
    ];
    for (const change of wrong) {
      const timestamp = reforge(sampleSet().timestamp, [10], (signed) => Object.assign(signed, change));
      expect([change, refusal(sampleTrust(), { ...sampleSet(), timestamp })[0]]).toEqual([change, 'METADATA_INVALID']);
    }
  });
});

describe('walkReleases caches nothing that it refused', () => {
  it('so a rejected timestamp of a high version does not stand in the way of the true one', () => {
    const trust = accepted(sampleTrust(), sampleSet(at(5, 5, 5, 5)));
    const bad = sampleSet(at(4_000_000_000, 6, 6, 6));
    const walked = walkReleases(trust, { ...bad, catalogue: sampleSet().catalogue }, nowMs);
    expect(walked.result.ok).toBe(false);
    expect(walked.rooted).toBe(trust);
    expect(accepted(walked.rooted, sampleSet(at(6, 6, 6, 6))).accepted?.timestamp?.version).toBe(6);
  });

  it('so an agent killed between check and commit meets the world as it was', () => {
    const trust = accepted(sampleTrust(), sampleSet(at(5, 5, 5, 5)));
    const stored = JSON.stringify(trust);
    proposal(trust, sampleSet(at(9, 9, 9, 9))); // Checked, then the power fails.
    const reborn = unwrap(parseTrust(JSON.parse(stored)));
    expect(accepted(reborn, sampleSet(at(6, 6, 6, 6))).accepted?.catalogue?.version).toBe(6);
  });
});

/** A timestamp that points at other snapshot bytes. */
function retimed(timestamp: Uint8Array, snapshot: Uint8Array): Buffer {
  const file = { hashes: { sha256: sha256(snapshot) }, length: snapshot.byteLength, version: 5 };
  return reforge(timestamp, [10], (signed) => Object.assign(signed, { meta: { 'snapshot.json': file } }));
}
