import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { itWhere } from '../../tools/testing/where.ts';
import { readFalcoAlert } from './falco-file.ts';

describe('readFalcoAlert', () => {
  it('reads rule, priority, time and the pod it is about', () => {
    const line = JSON.stringify({
      rule: 'Terminal shell in container',
      priority: 'Notice',
      output: 'A shell was spawned',
      time: '2021-04-10T19:27:21.002873265Z',
      output_fields: { 'k8s.ns.name': 'default', 'k8s.pod.name': 'alpine', 'container.id': '97c9868ea832' },
    });
    expect(readFalcoAlert(line)).toEqual({
      rule: 'Terminal shell in container',
      priority: 'Notice',
      text: 'A shell was spawned',
      atMs: Date.parse('2021-04-10T19:27:21.002Z'),
      namespace: 'default',
      pod: 'alpine',
      container: '97c9868ea832',
    });
  });

  it('takes the time from the event, in whatever unit, where the text is none', () => {
    for (const evtTime of ['1618082841002873265', '1618082841002873', '1618082841002']) {
      const read = readFalcoAlert(`{"rule":"r","output_fields":{"evt.time":${evtTime}}}`);
      expect(read).toMatchObject({ atMs: 1618082841002 });
    }
  });

  it('believes no day that there is none of, and no count that is no number', () => {
    expect(readFalcoAlert('{"rule":"r","time":"2021-02-30T19:27:21Z"}')).toMatchObject({ atMs: 0 });
    expect(readFalcoAlert('{"rule":"r","time":"10 April 2021"}')).toMatchObject({ atMs: 0 });
    const drops = (count: unknown) =>
      readFalcoAlert(JSON.stringify({ rule: 'Falco internal: syscall event drop', output_fields: { n_drops: count } }));
    expect(['7', 7].map(drops)).toEqual([
      { dropped: 7, atMs: 0 },
      { dropped: 7, atMs: 0 },
    ]);
    expect([[], [7], true, ' ', '0x7'].map(drops)).toEqual(Array.from({ length: 5 }, () => 'BAD_FIELD'));
  });

  it('says why something is no alert', () => {
    expect(readFalcoAlert('{')).toBe('MALFORMED_JSON');
    expect(readFalcoAlert('7')).toBe('NOT_AN_OBJECT');
    expect(readFalcoAlert('{"output":"x"}')).toBe('INCOMPLETE_EVENT');
    expect(readFalcoAlert('{"rule":"Falco internal: metrics snapshot"}')).toBe('IGNORED_EVENT_TYPE');
  });

  itWhere(existsSync('../shared/data/events/falco.jsonl'))('reads every documented sample', () => {
    const lines = readFileSync('../shared/data/events/falco.jsonl', 'utf8').trimEnd().split('\n');
    const read = lines.map(readFalcoAlert);
    expect(read.filter((one) => typeof one !== 'string').length).toBe(12);
    expect(read.filter((one) => one === 'IGNORED_EVENT_TYPE').length).toBe(5);
    for (const one of read) if (typeof one !== 'string') expect(one.atMs).toBeGreaterThan(1.5e12);
  });
});
