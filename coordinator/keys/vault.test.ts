import { createDecipheriv, scryptSync } from 'node:crypto';
import { chmodSync, linkSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { keyStoreContract } from './key-store-contract.ts';
import { readMasterKey } from './master-key.ts';
import { Vault } from './vault.ts';

// The price is ours to test: tools/testing/light-scrypt.mjs.
process.env.TESTUDO_WHOLE_SCRYPT = 'yes';

const masterKey = 'correct horse battery staple';
const secret = Buffer.from('0123456789abcdef0123456789abcdef');

keyStoreContract('the vault', async () => unwrap(await Vault.open(tempDir(), masterKey)));

describe('Vault', () => {
  it('gives back what was put, after it was opened again, and keeps nothing in the clear', async () => {
    const folder = tempDir();
    await unwrap(await Vault.open(folder, masterKey)).put('round-key.r-1', secret);
    const reopened = unwrap(await Vault.open(folder, masterKey));
    expect(Buffer.from((await reopened.get('round-key.r-1')) ?? [])).toEqual(secret);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      expect(readFileSync(path).includes(secret)).toBe(false);
      expect(readFileSync(path).includes(masterKey)).toBe(false);
      expect(statSync(path).mode & 0o077).toBe(0);
    }
  });

  it('refuses another master key before anything is read or written with it', async () => {
    const folder = tempDir();
    await Vault.open(folder, masterKey);
    expect(await Vault.open(folder, `${masterKey}!`)).toMatchObject({ ok: false, fault: { code: 'MASTER_KEY_WRONG' } });
  });

  it('does not let one key file stand in for another, nor a damaged one pass', async () => {
    const folder = tempDir();
    const vault = unwrap(await Vault.open(folder, masterKey));
    await vault.put('a', secret);
    writeFileSync(join(folder, 'b'), readFileSync(join(folder, 'a')));
    await expect(vault.get('b')).rejects.toThrow('does not open');
    const bytes = readFileSync(join(folder, 'a'));
    for (let at = 0; at < bytes.length; at += 1) {
      if (at >= 8 && at < 24) continue; // The salt of the folder, kept in every file and read from vault-check alone.
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
      writeFileSync(join(folder, 'a'), flipped);
      await expect(vault.get('a')).rejects.toThrow('does not open');
    }
    writeFileSync(join(folder, 'a'), bytes.subarray(0, 10));
    await expect(vault.get('a')).rejects.toThrow('does not open');
  });

  it('derives its key at a price that whoever guesses master keys pays for each guess: 32 MiB of scrypt', async () => {
    const folder = tempDir();
    await Vault.open(folder, masterKey);
    const check = readFileSync(join(folder, 'vault-check'));
    const [salt, nonce, sealed] = [check.subarray(8, 24), check.subarray(24, 36), check.subarray(36, -16)];
    const key = scryptSync(masterKey, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 });
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAAD(Buffer.from('vault-check')).setAuthTag(check.subarray(-16));
    expect(Buffer.concat([decipher.update(sealed), decipher.final()]).toString()).toBe('vault-check');
  });

  it('takes a key for gone that a killed process had overwritten and not removed yet, and removes it when it is asked again', async () => {
    const folder = tempDir();
    const vault = unwrap(await Vault.open(folder, masterKey));
    await vault.put('round-key', secret);
    const [path, left] = [join(folder, 'round-key'), join(folder, 'left')];
    linkSync(path, left); // The same file under another name: what is left of it by then.
    await vault.destroy('round-key');
    renameSync(left, path);
    expect(await vault.get('round-key')).toBeUndefined();
    expect(await vault.present(['round-key'])).toEqual(['round-key']);
    expect(await vault.add('round-key', Buffer.from('another'))).toBe(true);
    expect(await vault.get('round-key')).toEqual(Buffer.from('another'));
    await vault.destroy('round-key');
    expect(await vault.present(['round-key'])).toEqual([]);
  });

  it('destroys a key for good, and again without complaint', async () => {
    const folder = tempDir();
    const vault = unwrap(await Vault.open(folder, masterKey));
    await vault.put('round-key', secret);
    // What a killed process left of it holds the same secret; .new is an earlier version's.
    for (const left of ['round-key.partial', 'round-key.new']) writeFileSync(join(folder, left), 'sealed');
    await vault.destroy('round-key');
    expect(await vault.get('round-key')).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['vault-check']);
    await vault.destroy('round-key');
  });
});

describe('readMasterKey', () => {
  it('reads a file, an environment variable and a command, without white space around', async () => {
    const path = join(tempDir(), 'key');
    writeFileSync(path, `${masterKey}\n`, { mode: 0o600 });
    const ok = { ok: true, value: masterKey };
    expect(await readMasterKey({ kind: 'file', path })).toEqual(ok);
    expect(await readMasterKey({ kind: 'environment', variable: 'K' }, { K: masterKey })).toEqual(ok);
    expect(await readMasterKey({ kind: 'command', command: ['cat', path] })).toEqual(ok);
  });

  it('says what is wrong without the key: absent, short, readable by all, failing', async () => {
    const path = join(tempDir(), 'key');
    writeFileSync(path, masterKey);
    chmodSync(path, 0o644);
    const echoAndFail = ['sh', '-c', `echo ${secret}; echo ${secret} >&2; exit 3`] as const;
    for (const source of [
      { kind: 'file', path },
      { kind: 'file', path: `${path}-absent` },
      { kind: 'environment', variable: 'K' },
      { kind: 'environment', variable: 'SHORT' },
      { kind: 'command', command: echoAndFail },
      { kind: 'command', command: ['/no/such/program'] },
    ] as const) {
      const read = await readMasterKey(source, { SHORT: 'hunter2' });
      expect(read).toMatchObject({ ok: false, fault: { code: 'MASTER_KEY_UNAVAILABLE' } });
      expect(JSON.stringify(read)).not.toMatch(/hunter2|0123456789abcdef|correct horse/);
    }
  });
});
