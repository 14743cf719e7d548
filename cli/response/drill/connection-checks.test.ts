import { expect, it } from 'vitest';
import { type Connections, connectionChecks } from './connection-checks.ts';
import { reportText } from './report.ts';

const cutOff: Connections = { refusedAfterMs: 1_215.4, triedForMs: 30_000, standingLives: false, podRanOn: true };
const verdicts = (of: Partial<Connections>) => connectionChecks({ ...cutOff, ...of }).map(({ verdict }) => verdict);

it('is as expected where the network lets nothing new through and cuts what stood', () => {
  expect(verdicts({})).toEqual(['as expected', 'as expected']);
  expect(connectionChecks(cutOff)[0]?.happened).toBe('let through no more after at most 1215 ms');
});

it('is not as expected where the network enforces nothing, or lets live what stands', () => {
  expect(verdicts({ refusedAfterMs: null, standingLives: true })).toEqual(['NOT as expected', 'NOT as expected']);
  expect(verdicts({ standingLives: true })).toEqual(['as expected', 'NOT as expected']);
  const text = reportText(connectionChecks({ ...cutOff, refusedAfterMs: null, standingLives: true }));
  expect(text).toContain('1. NOT OK: a new connection to the pod in quarantine\n');
  expect(text).toContain('did: each was let through, for 30 s: this network does not enforce the policy\n');
  expect(text).toContain('sign nothing above `observe` for this cluster before');
});

it('takes no silence of a pod that ended for the work of the network', () => {
  expect(verdicts({ podRanOn: false })).toEqual(['not measured', 'not measured']);
  expect(verdicts({ podRanOn: false, refusedAfterMs: null, standingLives: true })).toEqual([
    'NOT as expected',
    'NOT as expected',
  ]);
});

it('claims nothing where no connection could be made before', () => {
  const why = 'no packet could be sent: nc: not found';
  const checks = connectionChecks({ ...cutOff, noneBefore: why, standingLives: undefined });
  expect(checks.map(({ verdict, happened }) => [verdict, happened])).toEqual([
    ['not measured', why],
    ['not measured', why],
  ]);
  expect(verdicts({ standingLives: undefined })).toEqual(['as expected', 'not measured']);
});

it('claims nothing of new connections where none could be tried', () => {
  const checks = connectionChecks({ ...cutOff, refusedAfterMs: null, untried: 'none could be tried: EOF' });
  expect(checks.map(({ verdict }) => verdict)).toEqual(['not measured', 'as expected']);
});
