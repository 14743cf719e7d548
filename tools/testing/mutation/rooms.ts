/** A part of the house whose tests are asked what they would let pass. */
export type Room = Readonly<{
  name: string;
  /** Globs from the checkout; tests among them are left out. */
  sources: readonly string[];
  /** Sources that hold no decisions of ours: contract suites, samples for tests, types. */
  without?: readonly string[];
  /** Sources that run in threads of their own, and the test file that starts them: what a thread reaches is not seen. */
  threads?: Readonly<Record<string, string>>;
  /** Globs of the test files that are asked. */
  tests: readonly string[];
}>;

export const rooms: readonly Room[] = [
  {
    name: 'proto/envelope',
    sources: ['proto/envelope/**/*.ts'],
    without: ['proto/envelope/testing/**', 'proto/envelope/samples.ts'],
    threads: { 'proto/envelope/files/envelope-thread.ts': 'proto/envelope/files/envelope-worker.test.ts' },
    tests: ['proto/envelope/**/*.test.ts'],
  },
  {
    name: 'coordinator/round',
    sources: ['coordinator/round/**/*.ts'],
    without: ['coordinator/round/arbitraries.ts'],
    tests: ['coordinator/round/**/*.test.ts', 'coordinator/queue/schedule.test.ts'],
  },
  {
    name: 'proto/release',
    sources: ['proto/release/**/*.ts'],
    without: ['proto/release/testing/**'],
    tests: ['proto/release/**/*.test.ts'],
  },
  {
    name: 'client/response/rotation/plan.ts',
    sources: ['client/response/rotation/plan.ts'],
    tests: ['client/response/**/*.test.ts'],
  },
  {
    name: 'aggregation/rules',
    sources: ['aggregation/rules/**/*.ts'],
    tests: ['aggregation/rules/**/*.test.ts', 'aggregation/*.test.ts'],
  },
  {
    name: 'coordinator/ledger',
    sources: ['coordinator/ledger/**/*.ts'],
    without: ['coordinator/ledger/journal/journal-contract.ts'],
    threads: { 'coordinator/ledger/journal/sqlite-worker.ts': 'coordinator/ledger/journal/sqlite-journal.test.ts' },
    tests: ['coordinator/ledger/**/*.test.ts'],
  },
];
