import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { parseFederationId } from '../../proto/ids.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import type { ReleaseRoot } from '../../proto/release/documents/root.ts';
import { followRoot } from '../../proto/release/follow-roots.ts';
import { openRoot } from '../../proto/release/open.ts';
import { signRoot } from '../../proto/release/sign.ts';
import { anchorTrust } from '../../proto/release/trust.ts';
import { readKey } from '../operator/root-files.ts';
import { nextRoot } from './root/next-root.ts';
import { rootCommand } from './root.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-root-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs `testudo root …`; answers what it printed. */
async function run(...words: string[]): Promise<string> {
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await rootCommand().parseAsync(words, { from: 'user' });
    return said.mock.calls.join('').trimEnd();
  } finally {
    said.mockRestore();
  }
}

const single = (publicKey: Uint8Array) => ({ publicKeys: [publicKey], threshold: 1 });

function firstRoot(rootKey: Uint8Array): ReleaseRoot {
  const other = single(newSigningKeyPair().publicKey);
  const roles = {
    root: single(rootKey),
    timestamp: other,
    snapshot: other,
    targets: other,
    pins: { publicKeys: [], threshold: 1 },
  };
  return { federation: parseFederationId('herd'), version: 1, expiresAtMs: Date.parse('2030-01-01T00:00:00Z'), roles };
}

describe('testudo root', () => {
  it('rotates to two keys of two people, who sign apart, so that agents follow', async () => {
    const at = (name: string) => join(folder, name);
    const ada = (await run('new-key', at('ada.pem'))).trim();
    const bob = (await run('new-key', at('bob.pem'))).trim();
    expect(ada).toMatch(/^[0-9a-f]{64}$/);
    const first = signRoot(firstRoot(Buffer.from(ada, 'hex')), [readKey(at('ada.pem'))]);
    await writeFile(at('trust.json'), JSON.stringify(unwrap(anchorTrust(first))));

    const changes = ['--add', `root=${bob}`, `pins=${at('bob.pem')}`, '--threshold', 'root=2'];
    const rotated = await run('rotate', at('trust.json'), '--out', at('2.json'), ...changes);
    expect(rotated).toContain('by nobody; needs 2 more of its own root keys and 1 more of the root keys before it');

    await run('sign', at('2.json'), '--key', at('ada.pem'), '--out', at('2-ada.json'));
    const half = unwrap(openRoot(first));
    expect(followRoot(half, await readFile(at('2-ada.json')))).toMatchObject({
      fault: { code: 'METADATA_UNDERSIGNED' },
    });
    await run('sign', at('2.json'), '--key', at('bob.pem'), '--out', at('2-bob.json'));
    const merged = await run(
      'merge',
      at('2-ada.json'),
      at('2-bob.json'),
      '--after',
      at('trust.json'),
      '--out',
      at('2-all.json'),
    );
    expect(merged).toMatch(/enough$/);

    const next = unwrap(followRoot(half, await readFile(at('2-all.json'))));
    expect(next?.roles.root).toEqual({
      publicKeys: [ada, bob].map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
      threshold: 2,
    });
    const shown = JSON.parse(await run('show', at('2-all.json'), '--after', at('trust.json'), '--json'));
    expect(shown).toMatchObject({ federation: 'herd', version: 2, missingOwn: 0, missingBefore: 0 });
    expect(shown.follows).toBe(true);
    expect(await run('show', at('2.json'))).toContain('signed      by nobody; needs 2 more');
    // Signed as it must be, and two on: nobody who holds the first one takes it.
    await run('rotate', at('2-all.json'), '--out', at('3.json'), '--threshold', 'root=1');
    await run('sign', at('3.json'), '--key', at('ada.pem'), at('bob.pem'), '--out', at('3-all.json'));
    expect(await run('show', at('3-all.json'), '--after', at('2-all.json'))).toMatch(/^follows +yes$/m);
    expect(await run('show', at('3-all.json'), '--after', at('trust.json'))).toMatch(/^follows +no: ROOT_SKIPPED: /m);
    expect(await run('show', at('2-all.json'), '--after', at('3-all.json'))).toMatch(/^follows +no: it is no newer$/m);
  });

  it('overwrites no file', async () => {
    const path = join(folder, 'precious.pem');
    await writeFile(path, 'precious');
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      await expect(run('new-key', path)).rejects.toThrow('exit');
      expect(said.mock.calls.join()).toMatch(/OUTPUT_EXISTS: .*precious\.pem is there already; name another place/);
    } finally {
      exit.mockRestore();
      said.mockRestore();
    }
    expect(await readFile(path, 'utf8')).toBe('precious');
  });
});

describe('nextRoot', () => {
  const [old, fresh] = [newSigningKeyPair().publicKey, newSigningKeyPair().publicKey];
  const root = firstRoot(old);
  const nothing = { add: [], remove: [], thresholds: {}, expiresAtMs: 0 };

  it('exchanges a key by the beginning of its id', () => {
    const remove = [{ role: 'root' as const, keyId: keyIdOf(old).slice(0, 8) }];
    const next = unwrap(nextRoot(root, { ...nothing, add: [{ role: 'root', publicKey: fresh }], remove }));
    expect(next).toMatchObject({ version: 2, roles: { root: { publicKeys: [fresh], threshold: 1 } } });
  });

  it.each([
    ['a threshold beyond its keys', { thresholds: { root: 2 } }],
    ['a threshold of nothing', { thresholds: { root: 0 } }],
    ['the last key taken away', { remove: [{ role: 'root' as const, keyId: keyIdOf(old) }] }],
    ['a key that is not there', { remove: [{ role: 'root' as const, keyId: '0'.repeat(64) }] }],
    ['an id of too few digits', { remove: [{ role: 'root' as const, keyId: keyIdOf(old).slice(0, 7) }] }],
    ['a key that is there already', { add: [{ role: 'root' as const, publicKey: old }] }],
    ['the id of a key in its place', { add: [{ role: 'pins' as const, publicKey: Buffer.from(keyIdOf(old), 'hex') }] }],
    [
      'the id of a key that is added beside it',
      { add: [fresh, Buffer.from(keyIdOf(fresh), 'hex')].map((publicKey) => ({ role: 'pins' as const, publicKey })) },
    ],
  ])('refuses %s', (_, change) => {
    expect(nextRoot(root, { ...nothing, ...change })).toMatchObject({ fault: { code: 'ROOT_CHANGE_INVALID' } });
  });
});
