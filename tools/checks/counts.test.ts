import { describe, expect, it } from 'vitest';
import { countTests } from './counts.mjs';

const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((test) => ({ status: test, fullName: `is ${test}` })),
});
const whole = { whole: true };

describe('countTests', () => {
  it('adds up files', () => {
    const testResults = [file('passed', 'passed', 'passed'), file('failed', 'failed', 'passed')];
    expect(countTests({ success: false, testResults }, whole)).toMatchObject({ passed: 3, failed: 1 });
  });

  it('names each test that failed, with the first line of what it said', () => {
    const [, failing] = [file('passed', 'passed'), file('failed', 'failed', 'passed')];
    Object.assign(failing?.assertionResults[0] ?? {}, {
      failureMessages: ['\nexpected 2 to be 1\n    at a.test.ts:7', 'more'],
    });
    const { remarks } = countTests({ success: false, testResults: failing ? [failing] : [] }, whole);
    expect(remarks).toEqual(['failed: a.test.ts: is failed: expected 2 to be 1']);
  });

  it('counts a file that did not load', () => {
    const testResults = [file('passed', 'passed'), file('failed')];
    expect(countTests({ success: false, testResults }, whole)).toMatchObject({ passed: 1, failed: 1 });
  });

  it('counts a hook that failed after its tests had passed', () => {
    const testResults = [file('failed', 'passed', 'passed')];
    expect(countTests({ success: false, testResults }, whole)).toMatchObject({ passed: 2, failed: 1 });
  });

  it('counts an unhandled error although every test passed', () => {
    expect(countTests({ success: false, testResults: [file('passed', 'passed')] }, whole)).toMatchObject({ failed: 1 });
  });

  it('counts a skipped test of a whole run as failed, and names it', () => {
    const counts = countTests({ success: true, testResults: [file('passed', 'passed', 'skipped', 'todo')] }, whole);
    expect(counts).toMatchObject({ passed: 1, failed: 2 });
    expect(counts.remarks[0]).toBe('skipped, and counted as failed: a.test.ts: is skipped');
  });

  it('leaves out what a narrowed run left out', () => {
    const report = { success: true, testResults: [file('passed', 'passed', 'skipped')] };
    expect(countTests(report, { whole: false })).toMatchObject({ passed: 1, failed: 0 });
  });

  it('does not pass when nothing ran', () => {
    expect(countTests({ success: true, testResults: [] }, whole)).toMatchObject({ passed: 0, failed: 1 });
  });
});
