import { describe, expect, it } from 'vitest';
import { firstResponsePolicy, type ResponsePolicy } from '../../../proto/response-policy.ts';
import { askAlertFlood, runAlertFlood } from './alert-flood.ts';
import { reportText } from './report.ts';

const now = Date.parse('2026-11-28T12:00:00Z');
const policy = firstResponsePolicy(now);
const verdicts = (changed: Partial<ResponsePolicy>) =>
  runAlertFlood({ ...policy, ...changed }, 120, now).map(({ verdict }) => verdict === 'as expected');

describe('the drill of a flood of alerts', () => {
  it('finds the example policy sound: the breaker opens at once, and the budget holds without it', () => {
    const checks = runAlertFlood(policy, 120, now);
    expect(checks.map(({ happened }) => happened)).toEqual(['open after 0.2 s', '0 of 120', '5 of 120']);
    expect(reportText(checks)).toContain('3 as expected, 0 not as expected, 0 not measured. What was measured works.');
  });

  it('refuses settings that say nothing, each with the reason', () => {
    expect(askAlertFlood({ policy: undefined, pods: 'many' })).toMatchObject({ fault: { code: 'DRILL_SETTING' } });
    expect(askAlertFlood({ policy: '/nowhere', pods: '3' })).toMatchObject({ fault: { code: 'FILE_REFUSED' } });
  });

  it('finds a breaker that does not open', () => {
    const breaker = { withinMs: 60_000, workloadsMax: 10_000, podShareMax: 1 };
    expect(verdicts({ breaker })).toEqual([false, true, true]);
  });

  it('shows what one alert alone costs: a quarantine before the breaker opens, and no more than the budget', () => {
    const evidence = { ...policy.evidence, alertsMin: 1, falseActionsPerDay: 10_000 };
    const checks = runAlertFlood({ ...policy, evidence }, 120, now);
    expect(checks.map(({ happened }) => happened)).toEqual(['open after 0.2 s', '3 of 120', '5 of 120']);
  });
});
