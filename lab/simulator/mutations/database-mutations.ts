import type { Mutation } from './mutation.ts';

const statements = 'coordinator/ledger/journal/postgres/statements.ts';
const store = 'coordinator/ledger/journal/postgres/postgres-store.ts';
const isProven =
  'const isProven = !answer.isWeak && !(sends && this.#link.settings.isReplicated && tookMs > doubtAfterMs);';

/** Of a journal in a database: each fifth seed has one. */
export const databaseMutations: readonly Mutation[] = [
  {
    name: 'believe-a-weak-commit',
    edits: [{ file: store, find: isProven, replace: 'const isProven = true;' }],
    breaks: ['ACKNOWLEDGED_NOT_DURABLE'],
    seed: 15,
  },
  {
    name: 'believe-a-wait-that-took-long',
    edits: [{ file: store, find: isProven, replace: 'const isProven = !answer.isWeak;' }],
    breaks: ['ACKNOWLEDGED_NOT_DURABLE'],
    seed: 15,
  },
  {
    name: 'ask-for-no-standby',
    edits: [
      {
        file: statements,
        find: "current_setting('synchronous_standby_names') <> ''",
        replace: 'true',
      },
    ],
    breaks: ['ACKNOWLEDGED_NOT_DURABLE'],
    seed: 15,
  },
];
