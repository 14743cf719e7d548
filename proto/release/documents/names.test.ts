import { describe, expect, it } from 'vitest';
import { parseTrackId } from '../../ids.ts';
import { isPlainText, isReleaseName, isReleaseVersion, manifestPath, parseManifestPath } from './names.ts';
import { expiryText } from './shapes.ts';

const syscall = parseTrackId('syscall');

describe('a release name', () => {
  it.each(['a', '7', 'stable', 'a-b', `a${'-'.repeat(61)}b`])('may be %j', (text) => {
    expect(isReleaseName(text)).toBe(true);
  });
  it.each(['', '-a', 'a-', 'A', 'a_b', 'a b', `a${'b'.repeat(63)}`, ' a', 'a\n', 7, null, ['a'], undefined])(
    'may not be %j',
    (text) => {
      expect(isReleaseName(text)).toBe(false);
    },
  );
});

describe('a release version', () => {
  it('is whole, from 0 to 2^53 - 1', () => {
    expect([0, 1, 2 ** 53 - 1].map(isReleaseVersion)).toEqual([true, true, true]);
    expect([-1, -0, 0.5, 2 ** 53, '1', null, Number.NaN].map(isReleaseVersion)).toEqual(Array(7).fill(false));
  });
});

describe('the path of a manifest', () => {
  it('is read as it is written', () => {
    for (const version of [0, 1, 10, 2 ** 53 - 1]) {
      expect(parseManifestPath(manifestPath(syscall, version))).toEqual({ track: syscall, version });
    }
    expect(manifestPath(syscall, 7)).toBe('syscall/7/manifest.json');
  });

  it.each([
    ...[
      '',
      'syscall',
      'syscall/7',
      'syscall/7/',
      'syscall/7/manifest.jso',
      'syscall/7/manifest.json/',
      '/7/manifest.json',
    ],
    ...['syscall/07/manifest.json', 'syscall/-1/manifest.json', 'syscall/7x/manifest.json', 'syscall/x7/manifest.json'],
    ...['syscall//manifest.json', 'syscall/9007199254740992/manifest.json', 'Sys Call/7/manifest.json'],
    ...['syscall/7/manifest.json/more', '../syscall/7/manifest.json', 'syscall/1e3/manifest.json'],
  ])('is not %j', (path) => {
    expect(parseManifestPath(path)).toBeUndefined();
  });
});

describe('plain text', () => {
  it('is well-formed, has a length, and no character that a terminal obeys', () => {
    expect(isPlainText('Größe – 𝔘', 9)).toBe(false);
    expect(isPlainText('Größe – 𝔘', 10)).toBe(true);
    expect(isPlainText('a', 1)).toBe(true);
    const wrong = ['', '\u0000', 'a\nb', '\u001b[2J', '\u0085', '\u2028', '\u202e', '\u2066', '\ud800', 7, null, ['a']];
    expect(wrong.filter((text) => isPlainText(text, 10))).toEqual([]);
  });
});

describe('expiryText', () => {
  it('is a UTC time to the second, rounded down, from 1970 to 9999, and never anything else', () => {
    expect(expiryText(0)).toBe('1970-01-01T00:00:00Z');
    expect(expiryText(1_999)).toBe('1970-01-01T00:00:01Z');
    expect(expiryText(253_402_300_799_999)).toBe('9999-12-31T23:59:59Z');
    expect([-1, 253_402_300_800_000, Number.NaN].map(expiryText)).toEqual(['never', 'never', 'never']);
  });
});
