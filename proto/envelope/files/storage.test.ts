import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFully, storageFault } from './storage.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-atomic-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('readFully', () => {
  it('fills its target, or stops where the file ends', () => {
    const target = path.join(dir, 'a');
    writeFileSync(target, 'abcdef');
    const fd = openSync(target, 'r');
    const bytes = Buffer.alloc(4);
    expect(readFully(fd, bytes, 1)).toBe(4);
    expect(bytes.toString()).toBe('bcde');
    expect(readFully(fd, bytes, 4)).toBe(2);
    expect(readFully(fd, bytes, 6)).toBe(0);
  });
});

describe('storageFault', () => {
  it('says what failed and why, without the path', () => {
    let caught: unknown;
    try {
      openSync(path.join(dir, 'secret-name'), 'r');
    } catch (error) {
      caught = error;
    }
    const fault = storageFault('open: read', caught);
    expect(fault).toEqual({
      ...{ code: 'STORAGE_FAILED', fields: { errno: 'ENOENT' } },
      message: 'open: read: open failed with ENOENT; check the path, its rights and free space',
    });
    expect(JSON.stringify(fault)).not.toContain('secret-name');
  });

  it('throws on what is no system error', () => {
    expect(() => storageFault('x', new TypeError('bug'))).toThrow('bug');
    expect(() => storageFault('x', undefined)).toThrow();
    for (const half of [{ code: 'ERR_INVALID_ARG_TYPE' }, { syscall: 'read' }, { code: 7, syscall: 'read' }]) {
      expect(() => storageFault('x', Object.assign(new Error('half'), half))).toThrow('half');
    }
  });
});
