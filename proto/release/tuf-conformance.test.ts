import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { idOfTufKey, tufKey } from './documents/key-id.ts';
import { dayMs, keyPair, nowMs, reforge, sampleManifest, syscall } from './testing/sample-federation.ts';
import { tufCases, tufPage } from './testing/tuf-cases.ts';
import { TufClient, TufRepository } from './testing/tuf-repository.ts';
import { anchorTrust } from './trust.ts';

type Signed = 'timestamp' | 'snapshot' | 'targets';
const allBelow = ['targets', 'snapshot', 'timestamp'] as const;
const setUp = () => {
  const repo = new TufRepository();
  const client = new TufClient(repo);
  return { repo, client, refresh: (atMs?: number) => client.refresh(repo, atMs) };
};
const refreshed = () => {
  const all = setUp();
  expect(all.refresh()).toBe('ok');
  return all;
};
const versions = (client: TufClient) =>
  (['root', 'timestamp', 'snapshot', 'targets'] as const).map((role) => client.version(role));

type Case = () => void;
const cases: Readonly<Record<string, Case>> = {
  'basic: init_and_refresh': () => expect(versions(refreshed().client)).toEqual([1, 1, 1, 1]),

  'basic: invalid_initial_root': () => {
    const [root] = new TufRepository().roots as [Buffer];
    const without = reforge(root, [1], (signed) => Reflect.deleteProperty(signed, 'version'));
    expect(anchorTrust(without)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  },

  'basic: unsigned_initial_root': () => {
    const [root] = new TufRepository().roots as [Buffer];
    const other = reforge(root, [9], () => {});
    expect(anchorTrust(other)).toMatchObject({ ok: false, fault: { code: 'METADATA_UNDERSIGNED' } });
  },

  'basic: unsigned_metadata': () => {
    for (const role of ['root', ...allBelow] as const) {
      const { repo, client, refresh } = setUp();
      repo.signers[role] = [];
      repo.publish(...(role === 'root' ? (['root'] as const) : allBelow));
      expect(refresh()).toBe('METADATA_UNDERSIGNED');
      expect(versions(client)).toEqual([1, 0, 0, 0]);
    }
  },

  'basic: timestamp_content_changes': () => {
    const { repo, client, refresh } = refreshed();
    repo.publish('snapshot');
    repo.sign('timestamp');
    expect(refresh()).toBe('METADATA_EQUIVOCATED');
    expect(versions(client)).toEqual([1, 1, 1, 1]);
  },

  'basic: metadata_hash_support': () => {
    const { repo, client, refresh } = refreshed();
    repo.publish(...allBelow);
    expect(refresh()).toBe('ok');
    repo.publish(...allBelow);
    repo.sign('targets', undefined);
    repo.served.targets = Buffer.concat([repo.served.targets.subarray(0, -1), Buffer.from(' ')]);
    expect(refresh()).toBe('METADATA_MISMATCHED');
    expect(versions(client)).toEqual([1, 2, 2, 2]);
  },

  'basic: new_targets_version_mismatch': () => {
    const { repo, client, refresh } = refreshed();
    repo.publish('targets');
    expect(refresh()).toBe('METADATA_MISMATCHED');
    expect(client.version('targets')).toBe(1);
  },

  'basic: custom_fields': () => {
    const { repo, client, refresh } = refreshed();
    repo.version.root += 1;
    let [timestampId, otherId] = ['', ''];
    repo.sign('root', (root) =>
      reforge(root, [1], (signed) => {
        const { keys, roles } = signed as unknown as RootParts;
        Object.assign(signed, { 'custom-field': 'value' });
        Object.assign(roles.root, { 'another-field': 'value' });
        [timestampId = ''] = roles.timestamp.keyids;
        renamed(keys, roles.timestamp, { 'extra-field': { a: 1, b: 2 } });
        [otherId = ''] = roles.timestamp.keyids;
      }),
    );
    expect(refresh()).toBe('METADATA_UNDERSIGNED'); // Signed under the id that the key had.
    const signedAnew = repo.served.timestamp.toString().replace(timestampId, otherId);
    repo.served.timestamp = Buffer.from(signedAnew);
    expect(refresh()).toBe('METADATA_EQUIVOCATED'); // The very version that was accepted, in other bytes.
    repo.publish('timestamp');
    repo.served.timestamp = Buffer.from(repo.served.timestamp.toString().replace(timestampId, otherId));
    expect(refresh()).toBe('ok');
    expect([client.version('root'), client.version('timestamp')]).toEqual([2, 2]);
  },

  'keys: root_has_keys_but_not_snapshot': () => {
    const { repo, client, refresh } = refreshed();
    repo.keys.snapshot = { keys: [3, 50, 51, 52], threshold: 3 };
    repo.signers.snapshot = [3, 50];
    repo.publish('root', 'snapshot', 'timestamp');
    expect(refresh()).toBe('METADATA_UNDERSIGNED');
    repo.signers.snapshot = [3, 50, 51, 52];
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('ok');
    repo.keys.snapshot = { keys: [3, 50, 51, 52, 53], threshold: 5 };
    repo.publish('root', 'snapshot', 'timestamp');
    expect(refresh()).toBe('METADATA_UNDERSIGNED');
    expect([client.version('root'), client.version('snapshot')]).toEqual([3, 3]);
  },

  'keys: wrong_hashing_algorithm': () => {
    const { repo, client, refresh } = refreshed();
    repo.keys.snapshot = { keys: [3, 50], threshold: 1 };
    repo.signers.snapshot = [50];
    repo.version.root += 1;
    repo.sign('root', (root) =>
      reforge(root, [1], (signed) => {
        const { keys, roles } = signed as unknown as RootParts;
        renamed(keys, roles.snapshot, { keyid_hash_algorithms: ['md5'] });
      }),
    );
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('ok');
    expect([client.version('root'), client.version('snapshot')]).toEqual([2, 2]);
  },

  'keys: snapshot_threshold': () => {
    const { repo, client, refresh } = refreshed();
    repo.keys.snapshot = { keys: [3, 50, 51, 52, 53], threshold: 5 };
    repo.signers.snapshot = [3, 50, 51, 52, 53];
    repo.version.root += 1;
    repo.sign('root', (root) =>
      reforge(
        root,
        [1],
        (signed) => void Object.assign((signed as unknown as RootParts).roles.snapshot, { threshold: 6 }),
      ),
    );
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('METADATA_UNDERSIGNED');
    expect(client.version('snapshot')).toBe(1);
  },

  'keys: duplicate_keys_root': () => {
    const { repo, client, refresh } = refreshed();
    repo.signers.snapshot = [50];
    repo.keys.snapshot = { keys: [50], threshold: 1 };
    repo.version.root += 1;
    repo.sign('root', (root) =>
      reforge(root, [1], (signed) => {
        const { keys, roles } = signed as unknown as RootParts;
        for (let copy = 0; copy < 9; copy++) {
          const key = { ...tufKey(keyPair(50).publicKey), copy } as never;
          keys[idOfTufKey(key)] = key;
          roles.snapshot.keyids.push(idOfTufKey(key));
        }
        roles.snapshot.threshold = 6;
      }),
    );
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('METADATA_INVALID');
    expect(versions(client)).toEqual([1, 1, 1, 1]);
  },

  'rollback: simple_snapshot_rollback': () => {
    const { repo, client, refresh } = setUp();
    const old = repo.served.snapshot;
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('ok');
    repo.served.snapshot = old;
    expect(refresh()).toBe('METADATA_MISMATCHED');
    expect(client.version('snapshot')).toBe(2);
  },

  'rollback: new_timestamp_version_rollback': () => {
    const { repo, client, refresh } = setUp();
    repo.publish('timestamp');
    expect(refresh()).toBe('ok');
    repo.version.timestamp = 1;
    repo.sign('timestamp');
    expect(refresh()).toBe('METADATA_ROLLED_BACK');
    expect(client.version('timestamp')).toBe(2);
  },

  'rollback: snapshot_rollback': () => {
    const { repo, client, refresh } = setUp();
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('ok');
    repo.version.snapshot = 1;
    repo.sign('snapshot');
    repo.publish('timestamp');
    expect(refresh()).toBe('METADATA_ROLLED_BACK');
    expect([client.version('timestamp'), client.version('snapshot')]).toEqual([2, 2]);
  },

  'rollback: new_targets_fast_forward_recovery': () => recovers('targets', ['timestamp', 'snapshot', 'targets']),
  'rollback: new_snapshot_fast_forward_recovery': () => recovers('snapshot', ['timestamp', 'snapshot']),
  'rollback: new_timestamp_fast_forward_recovery': () => recovers('timestamp', ['timestamp']),

  'rollback: new_snapshot_version_mismatch': () => {
    const { repo, client, refresh } = setUp();
    repo.publish('snapshot');
    expect(refresh()).toBe('METADATA_MISMATCHED');
    expect(versions(client)).toEqual([1, 0, 0, 0]);
  },

  'rollback: targets_rollback': () => {
    const { repo, client, refresh } = setUp();
    repo.publish('targets', 'targets', 'snapshot', 'timestamp');
    expect(refresh()).toBe('ok');
    repo.version.targets = 1;
    repo.sign('targets');
    repo.publish('snapshot', 'timestamp');
    expect(refresh()).toBe('METADATA_ROLLED_BACK');
    expect(client.version('targets')).toBe(3);
  },

  'expiration: root_expired': () => {
    const { repo, client, refresh } = refreshed();
    repo.publish('root');
    expect(refresh()).toBe('ok');
    repo.expiresAtMs.root = nowMs - dayMs;
    repo.publish('root', ...allBelow);
    expect(refresh()).toBe('METADATA_EXPIRED');
    expect(versions(client)).toEqual([3, 1, 1, 1]);
  },

  'expiration: snapshot_expired': () => expires('snapshot'),
  'expiration: targets_expired': () => expires('targets'),
  'expiration: timestamp_expired': () => expires('timestamp'),

  'expiration: expired_metadata': () => {
    const { repo, client, refresh } = setUp();
    repo.expiresAtMs.timestamp = nowMs + 7 * dayMs;
    repo.publish('timestamp');
    expect(refresh()).toBe('ok');
    repo.expiresAtMs.timestamp = nowMs + 21 * dayMs;
    repo.publish(...allBelow);
    expect(refresh(nowMs + 18 * dayMs)).toBe('ok');
    expect(versions(client)).toEqual([1, 3, 2, 2]);
  },

  'file_download: client_downloads_expected_file': () => {
    const { repo, client, refresh } = setUp();
    const { bytes, target, manifest } = release('contents');
    repo.releases = [target];
    repo.publish(...allBelow);
    expect(refresh()).toBe('ok');
    expect(client.download(2, bytes)).toEqual(manifest);
    expect(client.download(3, bytes)).toBe('NOT_LISTED');
  },

  'file_download: repository_substitutes_target_file': () => {
    const { repo, client, refresh } = setUp();
    const [good, bad] = [release('contents'), release('malicious')];
    repo.releases = [good.target];
    repo.publish(...allBelow);
    expect(refresh()).toBe('ok');
    expect(client.download(2, bad.bytes)).toBe('MANIFEST_INVALID');
    expect(client.download(2, good.bytes)).toEqual(good.manifest);
  },

  'file_download: multiple_changes_to_target': () => {
    const { repo, client, refresh } = setUp();
    for (let version = 2; version < 12; version++) {
      const [good, bad] = [release('contents', version), release('malicious', version)];
      repo.releases = [...repo.releases, good.target];
      repo.publish(...allBelow);
      if (version % 5 !== 0) continue;
      expect(refresh()).toBe('ok');
      expect(client.download(version, bad.bytes)).toBe('MANIFEST_INVALID');
      expect(client.download(version, good.bytes)).toEqual(good.manifest);
    }
  },

  'updater_key_rotations: root_rotation': () => {
    for (const [roots, works] of rootRotations) {
      const repo = new TufRepository();
      repo.roots.length = 0;
      repo.version.root = 0;
      for (const [keys, threshold, by] of roots) {
        repo.keys.root = { keys: numbered(keys), threshold };
        repo.signers.root = numbered(by);
        repo.publish('root');
      }
      const client = new TufClient(repo);
      expect([roots, client.refresh(repo)]).toEqual([roots, works ? 'ok' : 'METADATA_UNDERSIGNED']);
      expect(client.trust.root).toBe(repo.roots.at(works ? -1 : -2)?.toString());
    }
  },

  'updater_key_rotations: non_root_rotations': () => {
    for (const [keys, threshold, by, works] of rotations) {
      for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
        const { repo, client, refresh } = setUp();
        repo.keys[role] = { keys: numbered(keys), threshold };
        repo.signers[role] = numbered(by);
        repo.publish('root', ...allBelow);
        expect([keys, by, refresh()]).toEqual([keys, by, works ? 'ok' : 'METADATA_UNDERSIGNED']);
        expect(client.version('root')).toBe(2);
      }
    }
  },
};

/** Keys from 40 on: none of the others'. */
const numbered = (keys: string) => [...keys].map((key) => 40 + Number(key));

/** Keys, threshold and signers of each root, and whether the last may follow. */
const rootRotations: readonly (readonly [readonly (readonly [string, number, string])[], boolean])[] = [
  [
    [
      ['1', 1, '1'],
      ['2', 1, '21'],
      ['2', 1, '2'],
    ],
    true,
  ],
  [
    [
      ['1', 1, '314'],
      ['2', 1, '3214'],
      ['2', 1, '324'],
    ],
    true,
  ],
  [
    [
      ['01234', 3, '024'],
      ['01234', 3, '041'],
      ['01234', 3, '013'],
      ['01234', 3, '013'],
    ],
    true,
  ],
  [
    [
      ['01234', 3, '024'],
      ['01345', 3, '041'],
    ],
    true,
  ],
  [
    [
      ['01234', 3, '024'],
      ['01345', 3, '0245'],
      ['01345', 3, '045'],
    ],
    true,
  ],
  [
    [
      ['01234', 3, '024'],
      ['56789', 3, '024567'],
      ['56789', 3, '567'],
    ],
    true,
  ],
  [
    [
      ['123', 1, '1'],
      ['123', 2, '12'],
    ],
    true,
  ],
  [
    [
      ['123', 2, '12'],
      ['123', 1, '12'],
      ['123', 1, '1'],
    ],
    true,
  ],
  [
    [
      ['1', 1, '1'],
      ['12', 2, '12'],
    ],
    true,
  ],
  [
    [
      ['1', 1, '1'],
      ['2', 1, '234'],
    ],
    false,
  ],
  [
    [
      ['1', 1, '1'],
      ['2', 1, '134'],
    ],
    false,
  ],
  [
    [
      ['01234', 3, '024'],
      ['01345', 3, '024'],
    ],
    false,
  ],
  [
    [
      ['01234', 3, '024'],
      ['01345', 3, '045'],
    ],
    false,
  ],
  [
    [
      ['123', 1, '1'],
      ['123', 2, '2'],
    ],
    false,
  ],
  [
    [
      ['123', 2, '12'],
      ['123', 1, '1'],
    ],
    false,
  ],
];

/** Keys that a new root names for a role, threshold, who signs, and whether that is enough. */
const rotations: readonly (readonly [string, number, string, boolean])[] = [
  ['2', 1, '2', true],
  ['1', 1, '314', true],
  ['2', 1, '134', false],
  ['01345', 3, '024', false],
  ['01345', 3, '04', false],
  ['01234', 3, '024', true],
  ['01234', 3, '041', true],
  ['01234', 3, '013', true],
  ['01234', 3, '123', true],
  ['01234', 3, '234', true],
];

type RootParts = {
  keys: Record<string, never>;
  roles: Record<'root' | 'timestamp' | 'snapshot', { keyids: string[]; threshold: number }>;
};

/** The first key of a role with one more member, under the id that it has then. */
function renamed(keys: Record<string, never>, role: { keyids: string[] }, more: object): void {
  const [id = ''] = role.keyids;
  const key = { ...(keys[id] as unknown as object), ...more } as never;
  delete keys[id];
  keys[idOfTufKey(key)] = key;
  role.keyids.splice(0, 1, idOfTufKey(key));
}

/** A thief pushed a role's version ahead; with these roles' keys replaced it starts again. */
function recovers(role: Signed, rotated: readonly Signed[]): void {
  const { repo, client, refresh } = setUp();
  repo.version[role] = 99;
  repo.publish(...allBelow.slice(allBelow.indexOf(role)));
  expect(refresh()).toBe('ok');
  expect(client.version(role)).toBe(100);
  for (const [at, one] of rotated.entries()) repo.rotate(one, 60 + at);
  repo.version[role] = 0;
  repo.publish('root', ...allBelow);
  expect(refresh()).toBe('ok');
  expect(client.version(role)).toBe(1);
}

function expires(role: Signed): void {
  const { repo, client, refresh } = refreshed();
  repo.expiresAtMs[role] = nowMs - 5 * dayMs;
  repo.publish(...allBelow);
  expect(refresh()).toBe('METADATA_EXPIRED');
  expect(versions(client)).toEqual([1, 1, 1, 1]);
}

function release(contents: string, version = 2) {
  const made = sampleManifest({ 'weights.f32': Buffer.from(contents) }, { version });
  return { ...made, target: { ...made.target, track: syscall, version } };
}

describe('of the cases of tuf-conformance', () => {
  it.each(Object.entries(cases))('%s', (_, run) => run());

  it('each that applies is run, and the page says what becomes of the others', () => {
    expect(Object.keys(cases).sort()).toEqual(
      tufCases.flatMap(({ name, here }) => (here === 'does not apply' ? [] : [name])).sort(),
    );
    expect(readFileSync(join(import.meta.dirname, '../../docs/tuf-conformance.md'), 'utf8')).toBe(tufPage());
  });
});
