import { expect, it } from 'vitest';
import { AlertCounts } from './alert-counts.ts';
import { anAlert, knownAttack } from './testing/alerts.ts';

const hourMs = 3_600_000;
const nowMs = 1_000 * hourMs + 5;

it('counts alerts by track, hour and family for a day, and says nothing else of them', () => {
  const counts = new AlertCounts();
  counts.add(anAlert('1'), nowMs - hourMs);
  counts.add(anAlert('2', 'db'), nowMs);
  counts.add(anAlert('3'), nowMs);
  counts.add(knownAttack('4'), nowMs);
  const rows = [
    { track: 'syscall', hourMs: 999 * hourMs, family: 'unusual', count: 1 },
    { track: 'syscall', hourMs: 1_000 * hourMs, family: 'unusual', count: 2 },
    { track: 'syscall', hourMs: 1_000 * hourMs, family: 'reverse-shell', count: 1 },
  ];
  expect(counts.recent(nowMs)).toEqual(rows);
  expect(counts.recent(nowMs + 24 * hourMs)).toEqual(rows.slice(1));
  expect(counts.recent(nowMs + 26 * hourMs)).toEqual([]);
});

it('names no more than so many families of an hour', () => {
  const counts = new AlertCounts();
  for (let at = 0; at < 100; at++) counts.add(anAlert('1', 'web', { detail: { finding: `family-${at}` } }), nowMs);
  const recent = counts.recent(nowMs);
  expect(recent).toHaveLength(17);
  expect(recent.at(-1)).toMatchObject({ family: 'others', count: 84 });
});
