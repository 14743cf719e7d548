import { basename, extname } from 'node:path';

/** A file beside the followed one that rotation made of it. */
export type RotatedName = Readonly<{
  name: string;
  /** Numbers of its name, most significant first: [2026, 11, 28] or [3]. Empty: none, as in "audit.log.old". */
  numbers: readonly number[];
  /**
   * `shifted`: "x.log.1" is the newest, and moves on to "x.log.2", unless their times say the opposite. `grown`: higher numbers
   * and later dates are newer.
   */
  scheme: 'shifted' | 'grown' | 'none';
}>;

/** What packing adds to a name. */
export const packedEnding = /\.(?:gz|zst|zstd|bz2|xz|lzma|lz4|lzo|sz|br|Z|7z|zip)$/i;
/** By what cannot be unpacked here: what is in such files, and was not read before, is lost. */
export const foreignPacking = /\.(?:bz2|xz|lzma|lz4|lzo|sz|br|Z|7z|zip)$/i;
/** "1", "-1", "20261128", "2026-11-28T09-15-02.123", "20261128-091502", "2026112809", "old". */
const mark = /^(?:\d[\dTtZz:._+-]*|old|bak|prev)$/;

/**
 * What a name says about when its file was rotated away from `path`; undefined where it is no rotated copy, such as
 * "access-errors.log" beside "access.log". Read are: a suffix behind the whole name (logrotate, Docker, kubelet), and a mark
 * before the ending (lumberjack as in Tetragon and Hubble, log4j, winston), packed or not.
 */
export function rotatedName(path: string, name: string): RotatedName | undefined {
  const base = basename(path);
  if (name === base) return undefined;
  const plain = name.replace(packedEnding, '');
  if (plain === base) return { name, numbers: [], scheme: 'none' };
  const behind = markBehind(plain, base);
  if (behind !== undefined) return { name, ...schemeOf(behind, true) };
  const ending = extname(base);
  if (ending === '' || !plain.endsWith(ending)) return undefined;
  const within = markBehind(plain.slice(0, -ending.length), base.slice(0, -ending.length));
  return within === undefined ? undefined : { name, ...schemeOf(within, false) };
}

function markBehind(text: string, stem: string): string | undefined {
  if (!text.startsWith(stem) || !/^[-._+]$/.test(text.charAt(stem.length))) return undefined;
  const found = text.slice(stem.length + 1);
  return mark.test(found) ? found : undefined;
}

function schemeOf(text: string, isBehind: boolean): Pick<RotatedName, 'numbers' | 'scheme'> {
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  if (numbers.length === 0) return { numbers, scheme: 'none' };
  const isShort = numbers.length === 1 && text.length <= 4;
  return { numbers, scheme: isBehind && isShort ? 'shifted' : 'grown' };
}

/**
 * Rotated files, oldest first. Names of one scheme say it, whatever packing did to the times of writing; otherwise the
 * times do.
 */
export function oldestFirst<File extends RotatedName & Readonly<{ writtenMs: number }>>(
  files: readonly File[],
): File[] {
  const schemes = new Set(files.map(({ scheme }) => scheme));
  const [scheme] = schemes;
  if (schemes.size !== 1 || scheme === 'none') {
    return files.toSorted((a, b) => a.writtenMs - b.writtenMs || compareNumbers(a.numbers, b.numbers));
  }
  const direction = scheme === 'shifted' && !isAscending(files) ? -1 : 1;
  return files.toSorted((a, b) => direction * compareNumbers(a.numbers, b.numbers) || a.writtenMs - b.writtenMs);
}

/** Whether all of them were written in the order of their numbers, as by log4j's `fileIndex="max"`: the highest is the newest. */
function isAscending(files: readonly (RotatedName & Readonly<{ writtenMs: number }>)[]): boolean {
  const times = files.toSorted((a, b) => compareNumbers(a.numbers, b.numbers)).map(({ writtenMs }) => writtenMs);
  const isInOrder = times.every((ms, index) => index === 0 || ms >= (times[index - 1] as number));
  return isInOrder && (times.at(-1) ?? 0) > (times[0] ?? 0);
}

function compareNumbers(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at] ?? -1) - (other[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a packed file has the time of writing of its original: packing keeps it, some to the second or about the millisecond. */
export function isTimeOfPacked(packedMs: number, originalMs: number): boolean {
  if (packedMs % 1_000 === 0) return packedMs === Math.floor(originalMs / 1_000) * 1_000;
  return Math.abs(packedMs - originalMs) <= 1;
}
