import type { Mutation } from './mutation.ts';

const statements = 'coordinator/ledger/journal/postgres/statements.ts';
const store = 'coordinator/ledger/journal/postgres/postgres-store.ts';
const isProven =
  'const isProven = !answer.isWeak && !(sends && this.#link.settings.isReplicated && tookMs > doubtAfterMs);';

/** Of a journal in a database: each fifth seed has one. */
export const databaseMutations: readonly Mutation[] = [
  {
    name: 'commit-past-the-fence',
    edits: [
      {
        file: statements,
        find: 'AND epoch = $1 AND holder = $2 AND head_chain = $3 AND',
        replace: 'AND head_chain = $3 AND',
      },
    ],
    breaks: ['STALE_WRITER'],
    seed: 5,
  },
  {
    name: 'believe-a-weak-commit',
    edits: [{ file: store, find: isProven, replace: 'const isProven = true;' }],
    breaks: ['ACKNOWLEDGED_NOT_DURABLE'],
    seed: 5,
  },
  {
    name: 'believe-a-wait-that-took-long',
    edits: [{ file: store, find: isProven, replace: 'const isProven = !answer.isWeak;' }],
    breaks: ['ACKNOWLEDGED_NOT_DURABLE'],
    seed: 5,
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
    seed: 5,
  },
  {
    name: 'take-a-lost-answer-for-a-refusal',
    edits: [
      {
        file: store,
        find: 'cause = answer.cause; // Where only the barrier was refused for want of room, what it asks after is still not known.',
        replace: 'return full();',
      },
    ],
    breaks: ['RECEIPTED_BYTES_LOST'],
    seed: 5,
  },
  {
    name: 'write-on-after-a-roll-back',
    edits: [
      {
        file: store,
        find: 'return this.#end(rolledBack(this.#head, head));',
        replace: '{ this.#head = head; return ok(undefined); }',
      },
    ],
    breaks: ['ROLL_BACK_UNSEEN'],
    seed: 5,
  },
  {
    name: 'walk-no-line-in-a-database',
    edits: [
      {
        file: 'coordinator/ledger/journal/postgres/open-postgres.ts',
        find: 'const walked = await walkTo(link, checked, seen.value.head);',
        replace: 'const walked = ok(seen.value.head);',
      },
    ],
    breaks: ['DAMAGE_UNSEEN'],
    seed: 5,
  },
];
