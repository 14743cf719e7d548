/**
 * Mutation testing by hand, one folder at a time: docs/assurance.md has the line. Stryker is not among the dependencies: it weighs a
 * hundred megabytes, and no other command needs it.
 */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'tools/testing/mutation/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  allowConsoleColors: false,
  reporters: ['clear-text', 'json'],
  clearTextReporter: { logTests: false, allowColor: false, reportTests: false },
  jsonReporter: { fileName: 'out/mutation.json' },
  tempDirName: 'out/mutation-sandbox',
  // A test that hangs because of a mutant is slower than this: the machine may be busy.
  timeoutMS: 30_000,
  timeoutFactor: 4,
  disableTypeChecks: false,
  ignoreStatic: true,
};
