import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { followRoots } from './follow-roots.ts';
import {
  nowMs,
  type SetChange,
  type Signers,
  sampleRoot,
  sampleSet,
  sampleTrack,
  sampleTrust,
  signedRoot,
  signers,
  syscall,
} from './testing/sample-federation.ts';
import { anchorTrust, parseTrust } from './trust.ts';
import { walkReleases } from './walk.ts';

/** A root's own keys and threshold, and who signed it. */
type Step = readonly [keys: readonly number[], threshold: number, by: readonly number[]];

function rootSigners([keys, threshold]: Step): Signers {
  return { ...signers, root: { keys, threshold } };
}

function chain(steps: readonly Step[]) {
  const bytes = steps.map((step, at) => signedRoot(sampleRoot(rootSigners(step), { version: at + 1 }), step[2]));
  const trust = unwrap(anchorTrust(bytes[0] as Buffer));
  return { followed: followRoots(trust, bytes.slice(1)), bytes };
}

describe('followRoots', () => {
  // Keys, threshold, signed by; as in the cases of the TUF conformance suite.
  it.each<[string, Step[]]>([
    [
      'one key for another',
      [
        [[1], 1, [1]],
        [[2], 1, [2, 1]],
        [[2], 1, [2]],
      ],
    ],
    [
      'one key for another, beside signatures of strangers',
      [
        [[1], 1, [3, 1, 4]],
        [[2], 1, [3, 2, 1, 4]],
        [[2], 1, [3, 2, 4]],
      ],
    ],
    [
      'any three of five',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[0, 1, 2, 3, 4], 3, [0, 4, 1]],
        [[0, 1, 2, 3, 4], 3, [0, 1, 3]],
      ],
    ],
    [
      'one of five replaced',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
      ],
    ],
    [
      'one of five replaced, the old one signing along once',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[0, 1, 3, 4, 5], 3, [0, 2, 4, 5]],
        [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
      ],
    ],
    [
      'all five replaced',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]],
        [[5, 6, 7, 8, 9], 3, [5, 6, 7]],
      ],
    ],
    [
      'a higher threshold',
      [
        [[1, 2, 3], 1, [1]],
        [[1, 2, 3], 2, [1, 2]],
      ],
    ],
    [
      'a lower threshold',
      [
        [[1, 2, 3], 2, [1, 2]],
        [[1, 2, 3], 1, [1, 2]],
        [[1, 2, 3], 1, [1]],
      ],
    ],
    [
      'a second key and a higher threshold',
      [
        [[1], 1, [1]],
        [[1, 2], 2, [1, 2]],
      ],
    ],
  ])('allows %s', (_, steps) => {
    const { followed, bytes } = chain(steps);
    expect(followed.fault).toBeUndefined();
    expect(followed.trust.root).toBe(bytes.at(-1)?.toString());
  });

  it.each<[string, Step[]]>([
    [
      'a new key without the old one',
      [
        [[1], 1, [1]],
        [[2], 1, [2, 3, 4]],
      ],
    ],
    [
      'a new key that did not sign itself',
      [
        [[1], 1, [1]],
        [[2], 1, [1, 3, 4]],
      ],
    ],
    [
      'too few of the new keys',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[0, 1, 3, 4, 5], 3, [0, 2, 4]],
      ],
    ],
    [
      'too few of the old keys',
      [
        [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
        [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
      ],
    ],
    [
      'a higher threshold that it does not reach',
      [
        [[1, 2, 3], 1, [1]],
        [[1, 2, 3], 2, [2]],
      ],
    ],
    [
      'a lower threshold below the old one',
      [
        [[1, 2, 3], 2, [1, 2]],
        [[1, 2, 3], 1, [1]],
      ],
    ],
  ])('refuses %s, and keeps the root before it', (_, steps) => {
    const { followed, bytes } = chain(steps);
    expect(followed.fault?.code).toBe('METADATA_UNDERSIGNED');
    expect(followed.trust.root).toBe(bytes.at(-2)?.toString());
  });

  it('refuses a skipped version, and keeps what was in order before the gap', () => {
    const roots = [2, 4, 5].map((version) => signedRoot(sampleRoot(signers, { version })));
    const followed = followRoots(sampleTrust(), roots);
    expect(followed.fault?.code).toBe('ROOT_SKIPPED');
    expect(followed.root.version).toBe(2);
  });

  it('passes over roots that are no newer, whatever they say', () => {
    const later = sampleTrust(sampleRoot(signers, { version: 3 }));
    const thief = { ...signers, root: { keys: [66], threshold: 1 } };
    const old = [1, 2, 3].map((version) => signedRoot(sampleRoot(thief, { version }), [66]));
    const followed = followRoots(later, old);
    expect(followed.fault).toBeUndefined();
    expect(followed.trust).toBe(later);
  });

  it('follows a chain of 300 roots that expired long ago to the last', () => {
    const roots = Array.from({ length: 300 }, (_, at) =>
      signedRoot(sampleRoot(signers, { version: at + 2, expiresAtMs: nowMs - 1_000 }), [1, 2]),
    );
    expect(followRoots(sampleTrust(), roots).root.version).toBe(301);
  });
});

describe('anchorTrust', () => {
  it('refuses a root that its own threshold did not sign', () => {
    for (const by of [[], [1], [1, 20], [10, 20]]) {
      expect(anchorTrust(signedRoot(sampleRoot(), by))).toMatchObject({
        ok: false,
        fault: { code: 'METADATA_UNDERSIGNED' },
      });
    }
  });

  it('refuses what is not a root', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('{}'), Buffer.from('null'), Buffer.from(sampleSet().timestamp)]) {
      expect(anchorTrust(bytes)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
    }
  });
});

describe('parseTrust', () => {
  it('refuses a stored trust that a hand or a disk changed', () => {
    const trust = sampleTrust();
    const changes: unknown[] = [
      null,
      [],
      { ...trust, format: 'testudo/release-trust/2' },
      { ...trust, federation: 'flock' },
      { ...trust, root: trust.root.replace('"threshold":2', '"threshold":1') },
      { ...trust, floors: { syscall: -1 } },
      { ...trust, floors: { '../x': 1 } },
      { ...trust, accepted: {} },
      { ...trust, extra: 1 },
    ];
    for (const changed of changes) expect(parseTrust(changed)).toMatchObject({ fault: { code: 'TRUST_INVALID' } });
  });
});

describe('a rotation of keys', () => {
  /** Everything that a thief with the named roles' keys could push as far ahead as numbers go. */
  const ahead: SetChange = {
    timestamp: { version: 2 ** 32 - 1 },
    snapshot: { version: 2 ** 32 - 1 },
    catalogue: { version: 2 ** 32 - 1, tracks: { [syscall]: sampleTrack({ floor: 3, channels: {} }) } },
    pins: { version: 2 ** 32 - 1 },
  };
  const ahead1 = walkReleases(sampleTrust(), sampleSet(ahead), nowMs).result;
  const overrun = ahead1.ok && ahead1.value ? ahead1.value.next : sampleTrust();

  function afterRotation(change: Partial<Signers>) {
    const by = { ...signers, ...change };
    const roots = [signedRoot(sampleRoot(by, { version: 2 }))];
    return walkReleases(overrun, { ...sampleSet({ by }), roots }, nowMs);
  }

  it('lets all versions and floors start again once the stolen keys are out (fast-forward)', () => {
    const pointers = { keys: [11], threshold: 1 };
    const { result } = afterRotation({
      timestamp: pointers,
      snapshot: pointers,
      targets: { keys: [21], threshold: 1 },
      pins: { keys: [31], threshold: 1 },
    });
    expect(result).toMatchObject({ ok: true, value: { catalogue: { version: 1 }, next: { floors: { syscall: 1 } } } });
  });

  it.each(['timestamp', 'snapshot'] as const)(
    'of %s keys forgets timestamp and snapshot, no catalogue, no pin, no floor',
    (role) => {
      const { rooted, result } = afterRotation({ [role]: { keys: [11], threshold: 1 } });
      expect(rooted.accepted).toEqual({ ...overrun.accepted, timestamp: null, snapshot: null });
      expect(rooted.floors).toEqual({ syscall: 3 });
      expect(result).toMatchObject({ ok: false, fault: { code: 'METADATA_ROLLED_BACK', fields: { role: 'targets' } } });
    },
  );

  it('of the release key forgets catalogue and floors, and no pin', () => {
    const pointers = { keys: [11], threshold: 1 };
    const { rooted, result } = afterRotation({
      timestamp: pointers,
      snapshot: pointers,
      targets: { keys: [21], threshold: 1 },
    });
    expect(rooted.accepted).toEqual({ ...overrun.accepted, timestamp: null, snapshot: null, catalogue: null });
    expect(rooted.floors).toEqual({});
    expect(result).toMatchObject({ ok: false, fault: { code: 'METADATA_ROLLED_BACK', fields: { role: 'pins' } } });
  });

  it('of pin keys forgets pins alone, so that a thief who overran them shuts nobody out', () => {
    const { rooted } = afterRotation({ pins: { keys: [31], threshold: 1 } });
    expect(rooted.accepted).toEqual({ ...overrun.accepted, pins: null });
  });

  it('of the coordinator’s keys rolls no pin back: whoever owns the coordinator then can lift none', () => {
    const set5 = sampleSet({ pins: { version: 5 } });
    const walked = walkReleases(sampleTrust(), set5, nowMs).result;
    const trust = walked.ok && walked.value ? walked.value.next : sampleTrust();
    const by = { ...signers, timestamp: { keys: [11], threshold: 1 }, snapshot: { keys: [11], threshold: 1 } };
    const roots = [signedRoot(sampleRoot(by, { version: 2 }))];
    const older = walkReleases(trust, { ...sampleSet({ by, pins: { version: 4 } }), roots }, nowMs);
    expect(older.result).toMatchObject({
      ok: false,
      fault: { code: 'METADATA_ROLLED_BACK', fields: { role: 'pins' } },
    });
    expect(walkReleases(trust, { ...sampleSet({ by, pins: { version: 6 } }), roots }, nowMs).result.ok).toBe(true);
  });

  it('that only adds a key takes no protection away', () => {
    const { rooted, result } = afterRotation({
      timestamp: { keys: [10, 11], threshold: 1 },
      snapshot: { keys: [10, 11], threshold: 1 },
      targets: { keys: [20, 21], threshold: 1 },
    });
    expect(rooted.accepted).toEqual(overrun.accepted);
    expect(rooted.floors).toEqual(overrun.floors);
    expect(result).toMatchObject({ ok: false, fault: { code: 'METADATA_ROLLED_BACK' } });
  });

  it('makes a stolen release key worthless, and is remembered although the set beside it was refused', () => {
    const by = { ...signers, targets: { keys: [21], threshold: 1 } };
    const roots = [signedRoot(sampleRoot(by, { version: 2 }))];
    const stolen = sampleSet({ catalogue: { version: 7 } }); // Signed by key 20.
    const once = walkReleases(sampleTrust(), { ...stolen, roots }, nowMs);
    expect(once.result).toMatchObject({
      ok: false,
      fault: { code: 'METADATA_UNDERSIGNED', fields: { role: 'targets' } },
    });
    const again = walkReleases(once.rooted, { ...stolen, roots: [] }, nowMs);
    expect(again.result).toMatchObject({ ok: false, fault: { code: 'METADATA_UNDERSIGNED' } });
    expect(walkReleases(once.rooted, sampleSet({ by }), nowMs).result.ok).toBe(true);
  });

  it('still comes through when roots arrive in a message of their own', () => {
    const roots = [2, 3].map((version) => signedRoot(sampleRoot(signers, { version })));
    const none = Buffer.alloc(0);
    const walked = walkReleases(
      sampleTrust(),
      { roots, timestamp: none, snapshot: none, catalogue: none, pins: none },
      nowMs,
    );
    expect(walked.result).toEqual({ ok: true, value: null });
    expect(walkReleases(walked.rooted, sampleSet(), nowMs).result.ok).toBe(true);
  });
});
