/**
 * @typedef {object} TestReport what vitest's JSON reporter writes, as far as we read it
 * @property {boolean} success
 * @property {{ name: string, status: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[]} testResults
 */

/**
 * Counts a vitest report so that nothing that went wrong can hide: a file that did not load counts as a failure, a run that
 * calls itself unsuccessful without a failed test (an unhandled rejection) counts as one, and so does an empty run.
 *
 * A skipped test of a whole run counts as failed: here nothing is skipped, a missing component fails. When the run was
 * narrowed by the user's own arguments, the tests left out count as nothing.
 *
 * Every failure is named in `remarks`, which a run says last: of a long output some readers keep only the end.
 *
 * @param {TestReport} report
 * @param {{ whole: boolean }} run
 * @returns {{ passed: number, failed: number, remarks: string[] }}
 */
export function countTests({ success, testResults }, { whole }) {
  let passed = 0;
  let failed = 0;
  /** @type {string[]} */
  const remarks = [];
  for (const { name, status, assertionResults } of testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') {
        failed += 1;
        const [message = 'without a message'] = (test.failureMessages?.[0] ?? '').split('\n').filter(Boolean);
        remarks.push(`failed: ${name}: ${test.fullName}: ${message}`);
      } else if (whole) {
        failed += 1;
        remarks.push(`${test.status}, and counted as failed: ${name}: ${test.fullName}`);
      }
    }
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
      failed += 1;
      remarks.push(`this file failed outside its tests: ${name}`);
    }
  }
  if (!success && failed === 0) {
    failed = 1;
    remarks.push('vitest calls the run failed although no test did: see the unhandled errors above');
  }
  if (passed + failed === 0) {
    failed = 1;
    remarks.push('no test was run');
  }
  return { passed, failed, remarks };
}
