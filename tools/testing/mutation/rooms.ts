/** A part of the house whose tests are asked what they would let pass. */
export type Room = Readonly<{
  name: string;
  /** Globs from the checkout; tests among them are left out. */
  sources: readonly string[];
  /** Sources that hold no decisions of ours: contract suites, samples for tests, types. */
  without?: readonly string[];
  /** Sources that run in threads or processes of their own, and the test files that start them: what is reached there is not seen. */
  threads?: Readonly<Record<string, readonly string[]>>;
  /**
   * Text of sources, and what is put there: what a process finds once and keeps it must find anew in each run, or a mutant in
   * what finds it does nothing after the first.
   */
  forgets?: readonly Readonly<{ file: string; from: string; to: string }>[];
  /** Globs of the test files that are asked. */
  tests: readonly string[];
}>;

export const rooms: readonly Room[] = [
  {
    name: 'proto/envelope',
    forgets: [
      { file: 'proto/envelope/crypto/keys.ts', from: 'soundKeys.has(name)', to: 'false' },
      { file: 'proto/envelope/crypto/weak-points.ts', from: 'seenPoints.get(y)', to: 'undefined' },
      { file: 'proto/envelope/crypto/signature.ts', from: 'verificationKeys.get(nameOf(publicKey))', to: 'undefined' },
    ],
    sources: ['proto/envelope/**/*.ts'],
    without: ['proto/envelope/testing/**', 'proto/envelope/samples.ts'],
    threads: {
      'proto/envelope/files/envelope-thread.ts': ['proto/envelope/files/envelope-worker.test.ts'],
      'proto/envelope/files/sealed-reader.ts': ['proto/envelope/files/unreadable.test.ts'],
    },
    tests: ['proto/envelope/**/*.test.ts'],
  },
  {
    name: 'coordinator/round',
    forgets: [
      { file: 'coordinator/round/schedule/blackout.ts', from: 'formats.get(timeZone)', to: 'undefined' },
      { file: 'coordinator/round/schedule/next-run.ts', from: 'crons.get(key)', to: 'undefined' },
    ],
    sources: ['coordinator/round/**/*.ts'],
    // Settings' shapes act while they are loaded, where no mutant is asked; coordinator/config/ has their tests.
    without: ['coordinator/round/arbitraries.ts', 'coordinator/round/policy-settings.ts'],
    tests: ['coordinator/round/**/*.test.ts', 'coordinator/queue/schedule.test.ts'],
  },
  {
    name: 'proto/release',
    forgets: [
      { file: 'proto/release/documents/document.ts', from: 'remembered.get(key)', to: 'undefined' },
      { file: 'proto/release/documents/key-id.ts', from: 'ids.get(key.keyval.public)', to: 'undefined' },
      { file: 'proto/release/trust.ts', from: 'opened.get(trust.root)', to: 'undefined' },
    ],
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
    name: 'attacks told apart',
    sources: [
      'aggregation/rules/told-apart.ts',
      'aggregation/trusted/line-search.ts',
      'aggregation/trusted/spectral-descent.ts',
      'client/tracks/syscall/trusted/attacks-told-apart.ts',
    ],
    tests: [
      'aggregation/rules/{told-apart,sample-contrast}.test.ts',
      'aggregation/trusted/spectral-descent.test.ts',
      'client/tracks/syscall/trusted/*.test.ts',
    ],
  },
  {
    name: 'coordinator/ledger',
    sources: ['coordinator/ledger/**/*.ts'],
    without: ['coordinator/ledger/journal/journal-contract.ts'],
    threads: {
      'coordinator/ledger/journal/sqlite-worker.ts': [
        'coordinator/ledger/journal/sqlite-journal.test.ts',
        'coordinator/ledger/journal/sqlite-store.test.ts',
      ],
      'coordinator/ledger/journal/sqlite-file.ts': ['coordinator/ledger/journal/sqlite-journal.test.ts'],
      'coordinator/ledger/journal/journal-end.ts': ['coordinator/ledger/journal/sqlite-journal.test.ts'],
      'coordinator/ledger/journal/walk.ts': ['coordinator/ledger/journal/sqlite-journal.test.ts'],
    },
    // The folds are also what those read who decide by the state.
    tests: [
      'coordinator/ledger/**/*.test.ts',
      'coordinator/registry/decide/*.test.ts',
      'coordinator/views/attention.test.ts',
    ],
  },
];
