import { describe, expect, it } from 'vitest';
import { rememberLine } from '../events/line-shape.ts';
import type { SourceItem } from '../events/source-item.ts';
import { SourceHealth } from './source-health.ts';

const minuteMs = 60_000;
const usable: SourceItem = { kind: 'end', thread: '' };
const event: SourceItem = { kind: 'ofTrack', track: 't', value: 1 };
const skipped = (reason: Extract<SourceItem, { kind: 'skipped' }>['reason'], line?: string): SourceItem => {
  const item = { kind: 'skipped', reason, where: 'x.log:7' } as const;
  if (line !== undefined) rememberLine(item, line);
  return item;
};
const open = (silentMsMax: number | null = 15 * minuteMs) =>
  new SourceHealth({ source: 'tetragonFile:/x', silentMsMax, startedMs: 0 });

describe('a source is blind', () => {
  it('when nothing of use has come for as long as was set, and sees again with the first that comes', () => {
    const health = open();
    health.saw(usable, 10 * minuteMs); // An end alone is of no use to anybody.
    expect(health.blindness(15 * minuteMs - 1)).toBeUndefined();
    expect(health.blindness(15 * minuteMs)).toMatchObject({ state: 'SILENT', source: 'tetragonFile:/x' });
    health.saw(event, 16 * minuteMs);
    expect(health.blindness(30 * minuteMs)).toBeUndefined();
    expect(health.blindness(31 * minuteMs)?.message).toContain('for 15 min');
  });

  it('never by silence where silence is good news', () => {
    expect(open(null).blindness(1e12)).toBeUndefined();
  });

  it('when most of its last records are skipped, with the commonest reason and no word of the record', () => {
    const health = open();
    for (let at = 0; at < 19; at += 1) health.saw(skipped('MALFORMED_JSON', '{"user":"alice",'), 0);
    expect(health.blindness(0)).toBeUndefined();
    health.saw(skipped('BAD_TIME'), 0);
    const blindness = health.blindness(0);
    expect(blindness).toMatchObject({
      state: 'MOSTLY_SKIPPED',
      reason: 'MALFORMED_JSON',
      lookedAt: 20,
      skipped: 20,
      example: { where: 'x.log:7', shape: '{"a{4}":"a{5}",' },
    });
    expect(JSON.stringify(blindness)).not.toContain('alice');
    for (let at = 0; at < 20; at += 1) health.saw(event, 0);
    expect(health.blindness(0)).toBeUndefined();
  });

  it('not when it skips what it should', () => {
    const health = open();
    for (let at = 0; at < 500; at += 1) health.saw(skipped('IGNORED_EVENT_TYPE'), 0);
    health.saw(event, 0);
    expect(health.blindness(0)).toBeUndefined();
  });

  it('when what it understood came too late for a track', () => {
    const health = open();
    for (let at = 0; at < 40; at += 1) health.saw(event, 0);
    health.passedOver('TOO_LATE', 'flows', 30);
    expect(health.blindness(0)).toMatchObject({
      state: 'MOSTLY_SKIPPED',
      reason: 'TOO_LATE',
      skipped: 30,
      lookedAt: 40,
    });
  });

  it('when its file was never there, when it can be opened no longer, when it failed, and when it ended with nothing', () => {
    const missing = open();
    missing.foundAt({ kind: 'MISSING' });
    expect(missing.blindness(0)).toMatchObject({ state: 'MISSING' });
    missing.saw(event, 0);
    expect(missing.blindness(0)).toBeUndefined();
    const closed = open();
    closed.saw(event, 0);
    const noRights = { kind: 'CLOSED', code: 'EACCES', remedy: 'check its rights' } as const;
    closed.foundAt(noRights);
    expect(closed.blindness(0)).toBeUndefined(); // What came just now, came of what was opened before.
    closed.foundAt(noRights);
    expect(closed.blindness(0)).toMatchObject({ state: 'FAILED', message: 'EACCES: check its rights' });
    closed.foundAt({ kind: 'FILE' });
    expect(closed.blindness(0)).toBeUndefined();
    const failed = open();
    failed.failed('EACCES: no');
    expect(failed.blindness(0)).toMatchObject({ state: 'FAILED', message: 'EACCES: no' });
    const empty = open();
    empty.ended();
    expect(empty.blindness(0)).toMatchObject({ state: 'SILENT' });
    empty.goesOn();
    expect(empty.blindness(0)).toBeUndefined();
    const few = open();
    few.saw(skipped('NOT_A_CALL'), 0);
    few.ended();
    expect(few.blindness(0)).toMatchObject({ state: 'MOSTLY_SKIPPED', reason: 'NOT_A_CALL' });
  });
});
