import type { Mutation } from './mutation.ts';

const groupCommit = 'coordinator/ledger/journal/group-commit-journal.ts';
const memoryStore = 'coordinator/ledger/journal/memory-store.ts';

export const journalMutations: readonly Mutation[] = [
  {
    name: 'answer-before-the-commit',
    edits: [
      {
        file: groupCommit,
        find: `const outcome = await this.#store.commit(
        this.#head.chain,
        group.flatMap(({ rows }) => rows),
      );`,
        replace: `void this.#store.commit(this.#head.chain, group.flatMap(({ rows }) => rows));
      const outcome = ok(undefined);`,
      },
    ],
    breaks: ['UNEXPECTED_ERROR'],
    seed: 1,
    says: /JOURNAL_DAMAGED the snapshot of entry \d+ belongs to another journal/,
  },
  {
    name: 'forget-the-epoch',
    edits: [
      { file: memoryStore, find: 'if (medium.epoch !== this.#epoch) {', replace: 'if (false) {' },
      {
        file: memoryStore,
        find: 'if ((medium.rows.at(-1)?.chain ?? chainOrigin) !== previous) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['JOURNAL_REWRITTEN'],
    seed: 1,
  },
  {
    name: 'keep-the-tip-of-a-failed-commit',
    edits: [{ file: groupCommit, find: 'this.#tip = this.#head;\n    if (fault', replace: 'if (fault' }],
    breaks: ['JOURNAL_REWRITTEN'],
    seed: 1,
  },
  {
    name: 'go-on-after-a-failed-sync',
    edits: [
      { file: groupCommit, find: "if (fault.code !== 'DISK_FULL') this.#stopped = fault;", replace: '' },
      {
        file: memoryStore,
        find: 'if ((medium.rows.at(-1)?.chain ?? chainOrigin) !== previous) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['JOURNAL_REWRITTEN'],
    seed: 34,
  },
  {
    name: 'believe-a-damaged-line',
    edits: [
      {
        file: 'coordinator/ledger/journal/walk.ts',
        find: 'if (chainAfter(chain, row.body) !== row.chain) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['DAMAGE_UNSEEN'],
    seed: 6,
  },
  {
    name: 'undo-on-an-unknown-outcome',
    edits: [
      {
        file: 'coordinator/rounds/update-desk.ts',
        find: 'if (isRefused) await this.#dropUnlessCounted(header.payload);',
        replace: 'await this.#dropUnlessCounted(header.payload);',
      },
    ],
    breaks: ['RECEIPTED_BYTES_LOST'],
    seed: 46,
  },
  {
    name: 'count-a-refusal-twice',
    edits: [
      {
        file: 'coordinator/access/refusal-meter.ts',
        find: 'repeats: unwritten - 1 }',
        replace: 'repeats: unwritten }',
      },
    ],
    breaks: ['REFUSALS_UNAUDITED'],
    seed: 1,
  },
  {
    name: 'snapshot-what-is-not-durable-yet',
    edits: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: 'const body = await writeSnapshot(copyState(this.#durable));',
        replace: 'const body = await writeSnapshot(copyState(this.#tentative));',
      },
    ],
    breaks: ['STATE_DIFFERS_FROM_JOURNAL'],
    seed: 1,
  },
  {
    name: 'read-no-snapshot-back',
    edits: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: 'return usable ? readSnapshot(snapshot.body) : emptyState();',
        replace: "return usable ? readSnapshot('') : emptyState();",
      },
    ],
    breaks: ['NOT_SERVING_IN_CALM'],
    seed: 1,
  },
  {
    name: 'snapshot-what-is-not-durable-yet-in-a-database',
    edits: [
      {
        file: 'coordinator/ledger/ledger.ts',
        find: 'const body = await writeSnapshot(copyState(this.#durable));',
        replace: 'const body = await writeSnapshot(copyState(this.#tentative));',
      },
    ],
    breaks: ['STATE_DIFFERS_FROM_JOURNAL'],
    seed: 10,
  },
];
