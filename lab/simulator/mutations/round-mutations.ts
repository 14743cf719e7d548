import type { Mutation } from './mutation.ts';

const step = 'coordinator/round/step.ts';
const arrival = 'coordinator/round/arrival.ts';
const opener = 'coordinator/rounds/opener.ts';
const events = 'coordinator/rounds/events.ts';

export const roundMutations: readonly Mutation[] = [
  {
    // Whatever wakes next makes it good, the watchdog at the latest: no rule of a day is broken.
    name: 'lose-wakes-during-a-look',
    edits: [
      {
        file: 'base/beat.ts',
        find: 'if (this.#stopped) return;\n    this.#asked = true;',
        replace: 'if (this.#stopped || this.#beating !== undefined) return;\n    this.#asked = true;',
      },
    ],
    test: 'base/beat.test.ts',
    fails: 'Beat looks again after whatever was asked for, however close to the end of its last look',
  },
  {
    name: 'count-a-cluster-twice',
    edits: [{ file: arrival, find: 'if (earlier !== undefined) {', replace: 'if (false) {' }],
    breaks: ['ACCEPTED_TWICE'],
    seed: 11,
  },
  {
    name: 'take-copied-bytes',
    edits: [
      {
        file: arrival,
        find: 'if (hasPayload(phase.accepted, update.payloadDigest)) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['ACCEPTED_TWICE'],
    seed: 1,
  },
  {
    name: 'take-any-base',
    edits: [
      {
        file: arrival,
        find: 'return older === -1 ? undefined : older + 1;',
        replace: 'return older === -1 ? 0 : older + 1;',
      },
    ],
    breaks: ['ACCEPTED_STALE'],
    seed: 2,
  },
  {
    name: 'take-updates-of-the-expelled',
    edits: [
      {
        file: arrival,
        find: 'if (phase.expelled.some(({ cluster }) => cluster === update.cluster)) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['ACCEPTED_UNINVITED'],
    seed: 24,
  },
  {
    name: 'count-the-expelled',
    edits: [
      {
        file: step,
        find: 'return accepted.filter(({ cluster }) => !left.has(cluster));',
        replace: 'return accepted;',
      },
      {
        file: step,
        find: 'return accepted.length - expelled.filter(({ cluster }) => updateOf(accepted, cluster) !== undefined).length;',
        replace: 'return accepted.length;',
      },
    ],
    breaks: ['AGGREGATED_BELOW_QUORUM'],
    seed: 6,
  },
  {
    name: 'quorum-less-one',
    edits: [
      { file: step, find: 'if (counted < phase.quorumUpdates) {', replace: 'if (counted + 1 < phase.quorumUpdates) {' },
    ],
    breaks: ['AGGREGATED_BELOW_QUORUM'],
    seed: 4,
  },
  {
    name: 'aggregate-in-order-of-arrival',
    edits: [
      {
        file: events,
        find: 'updates: updates.sort((a, b) => (a.payloadDigest < b.payloadDigest ? -1 : 1)),',
        replace: 'updates,',
      },
    ],
    breaks: ['CANDIDATE_MISSES_UPDATE'],
    seed: 1,
  },
  {
    name: 'count-runs-into-the-scales',
    edits: [
      { file: events, find: '(priors?.[cluster] ?? 1),', replace: '(priors?.[cluster] ?? (runs += 1)),' },
      { file: events, find: 'function jobFrom(\n', replace: 'let runs = 0;\nfunction jobFrom(\n' },
    ],
    breaks: ['CANDIDATE_INPUTS_DIFFER'],
    seed: 1,
  },
  {
    name: 'record-another-candidate',
    edits: [
      {
        file: 'coordinator/rounds/effects.ts',
        find: 'digest: candidate };',
        replace: 'digest: job.base.digest };',
      },
    ],
    breaks: ['CANDIDATE_NOT_OF_INPUTS'],
    seed: 1,
  },
  {
    name: 'ask-for-more-than-there-are',
    edits: [
      {
        file: step,
        find: 'if (counted < phase.quorumUpdates) {',
        replace: 'if (counted < phase.quorumUpdates + 2) {',
      },
    ],
    breaks: ['NO_CANDIDATE_IN_CALM'],
    seed: 1,
  },
  {
    name: 'watch-twice',
    edits: [{ file: 'coordinator/grpc/federation/watch.ts', find: 'this.#replace.get(key)?.();', replace: '' }],
    breaks: ['STREAMS_UNCAPPED'],
    seed: 1,
  },
  {
    name: 'another-moment-in-each-receipt',
    edits: [
      {
        file: 'coordinator/rounds/update-desk.ts',
        find: 'function receiptOf(\n',
        replace: 'let asked = 0;\nfunction receiptOf(\n',
      },
      {
        file: 'coordinator/rounds/update-desk.ts',
        find: 'sequence, acceptedAtMs };',
        replace: 'sequence, acceptedAtMs: acceptedAtMs + (asked += 1) };',
      },
    ],
    breaks: ['RECEIPTS_DIFFER'],
    seed: 9,
  },
  {
    name: 'wait-for-an-arrival-at-the-deadline',
    edits: [
      {
        file: 'coordinator/rounds/due.ts',
        find: 'if (round !== undefined) note(deadlineOf(round.phase));',
        replace: '',
      },
    ],
    breaks: ['ROUND_OVERDUE'],
    seed: 5,
  },
  {
    name: 'let-a-grace-outlast-the-deadline',
    edits: [
      {
        file: 'coordinator/round/step.ts',
        find: 'return moved({ ...phase, graceUntilMs: Math.min(graceUntilMs, phase.closesAtMs) });',
        replace: 'return moved({ ...phase, graceUntilMs });',
      },
    ],
    breaks: ['ROUND_OVERDUE'],
    seed: 21,
  },
  {
    name: 'open-in-a-freeze',
    edits: [{ file: opener, find: 'if (freeze !== undefined) {', replace: 'if (false) {' }],
    breaks: ['ROUND_IN_FREEZE'],
    seed: 7,
  },
  {
    name: 'open-beside-another',
    edits: [{ file: opener, find: 'if (open !== undefined) {', replace: 'if (false) {' }],
    breaks: ['VERSION_OUT_OF_TURN'],
    seed: 4,
  },
  {
    name: 'serve-an-occurrence-again',
    edits: [
      {
        file: opener,
        find: "this.open(bySchedule, id, 'the schedule', nowMs)",
        replace: "this.open(bySchedule, id, 'the schedule', null)",
      },
    ],
    breaks: ['ROUND_UNDUE'],
    seed: 1,
  },
  {
    name: 'keep-the-round-key',
    edits: [
      {
        file: 'coordinator/rounds/effects.ts',
        find: 'await keyStore.destroy(roundKeyName(track.track, round.round));',
        replace: '',
      },
    ],
    breaks: ['ROUND_KEY_KEPT'],
    seed: 1,
  },
  {
    name: 'open-before-the-key-is-durable',
    edits: [
      {
        file: 'coordinator/rounds/keys.ts',
        find: 'const isOurs = await keyStore.add(roundKeyName(track, round), pair.secretKey);',
        replace:
          'const isOurs = true;\n      void keyStore.add(roundKeyName(track, round), pair.secretKey).catch(() => {});',
      },
    ],
    breaks: ['ROUND_KEY_LOST'],
    seed: 27,
  },
  {
    name: 'publish-the-secret-half',
    edits: [
      {
        file: 'coordinator/rounds/keys.ts',
        find: "if (isOurs) return Buffer.from(pair.publicKey).toString('base64');",
        replace: "if (isOurs) return Buffer.from(pair.secretKey).toString('base64');",
      },
    ],
    breaks: ['SECRET_LOGGED'],
    seed: 1,
  },
  {
    name: 'verify-no-header',
    edits: [
      {
        file: 'coordinator/grpc/updates/check-header.ts',
        find: 'if (!verified.ok) return refuse(',
        replace: 'if (false) return refuse(',
      },
    ],
    breaks: ['ACCEPTED_UNMEANT'],
    seed: 26,
  },
  {
    name: 'believe-the-name-in-a-header',
    edits: [
      {
        file: 'coordinator/grpc/updates/check-header.ts',
        find: 'if (header.cluster !== signer.cluster) {',
        replace: 'if (false) {',
      },
    ],
    breaks: ['ACCEPTED_UNMEANT'],
    seed: 4,
  },
  {
    name: 'count-no-attempts',
    edits: [
      {
        file: 'coordinator/grpc/updates/upload-gate.ts',
        find: 'if (!begun.has(payload) && begun.size >= this.#attemptsMax) return false;',
        replace: '',
      },
    ],
    breaks: ['UPLOADS_UNCAPPED'],
    seed: 1,
  },
  {
    name: 'another-place-in-the-receipt',
    edits: [
      {
        file: 'coordinator/ledger/state/fold-round.ts',
        find: 'GrowingList.of(round.sequences).with(seq)',
        replace: 'GrowingList.of(round.sequences).with(seq - 1)',
      },
    ],
    breaks: ['RECEIPT_WITHOUT_ENTRY'],
    seed: 1,
  },
  {
    name: 'sweep-what-is-collected',
    edits: [
      {
        file: 'coordinator/rounds/sweep.ts',
        find: "const ended = [...rounds.values()].filter(({ phase }) => phase.kind === 'candidate' || phase.kind === 'abandoned');",
        replace: 'const ended = [...rounds.values(), undefined as never];',
      },
    ],
    breaks: ['RECEIPTED_BYTES_LOST'],
    seed: 1,
  },
  {
    name: 'accept-until-the-timer-notices',
    edits: [
      {
        file: 'coordinator/round/arrival.ts',
        find: "if (phase.kind !== 'collecting' || atMs >= phase.closesAtMs) {",
        replace: "if (phase.kind !== 'collecting') {",
      },
    ],
    breaks: ['ACCEPTED_LATE'],
    seed: 7,
  },
  {
    name: 'take-a-late-candidate',
    edits: [
      {
        file: 'coordinator/round/step.ts',
        find: 'if (event.atMs >= phase.abandonsAtMs) return overdue(phase, event.atMs);',
        replace: '',
      },
    ],
    breaks: ['ROUND_OVERDUE'],
    seed: 2,
  },
];
