import type { Mutation } from './mutation.ts';

const plan = 'client/response/rotation/plan.ts';
const released = 'client/response/rotation/released.ts';
const quarantine = 'client/response/quarantine/part.ts';

/** Of the agent that rotates pods and puts them into quarantine: in each fifth seed pods stand. */
export const responseMutations: readonly Mutation[] = [
  {
    name: 'rotate-below-the-floor',
    edits: [{ file: plan, find: "- 1 < floor ? 'FLOOR' : null;", replace: "- 1 < 0 ? 'FLOOR' : null;" }],
    breaks: ['PODS_BELOW_FLOOR'],
    seed: 198,
  },
  {
    name: 'count-nothing-in-flight',
    edits: [{ file: 'client/response/rotation/in-flight.ts', find: 'this.#cluster < cluster &&', replace: '' }],
    breaks: ['PODS_IN_FLIGHT'],
    seed: 33,
  },
  {
    name: 'evict-before-the-replacement',
    edits: [
      {
        file: released,
        find: 'const isReplaced = workload.isQuiet && workload.readyCount >= workload.desired && staying <= workload.desired;',
        replace: 'const isReplaced = workload.isQuiet && staying <= workload.desired;',
      },
    ],
    breaks: ['PODS_BELOW_FLOOR'],
    seed: 8,
  },
  {
    name: 'put-nothing-back',
    edits: [
      {
        file: released,
        find: "return { kind: 'putBack', failed: { atMs: now, reason: isReplaced ? 'PDB' : whyNot(workload, at) } };",
        replace: "return { kind: 'wait', reason: isReplaced ? 'PDB' : whyNot(workload, at), untilMs: null };",
      },
    ],
    breaks: ['POD_BY_HALF'],
    seed: 43,
  },
  {
    name: 'rotate-too-late',
    edits: [
      {
        file: 'client/response/rotation/due.ts',
        find: 'return fromMs + leftMs / rate;',
        replace: 'return fromMs + (4 * leftMs) / rate;',
      },
    ],
    breaks: ['POD_OVERDUE'],
    seed: 8,
  },
  {
    name: 'lose-local-data',
    edits: [
      {
        file: plan,
        find: "return pod.localData !== null && config.localData === 'skip' ? 'LOCAL_DATA' : null;",
        replace: 'return null;',
      },
    ],
    breaks: ['POD_UNTOUCHABLE'],
    seed: 33,
  },
  {
    name: 'isolate-before-it-is-on-disk',
    edits: [
      {
        file: quarantine,
        find: 'if (begun === undefined) return begin(moves, suspect, decided, seen);',
        replace:
          "if (begun === undefined) return proceed(moves, suspect, { uid, atMs: now, evidence: '', alerts: [] }, keepForMs, now, seen);",
      },
    ],
    breaks: ['QUARANTINE_UNRECORDED'],
    seed: 3,
  },
  {
    name: 'spend-no-budget',
    edits: [
      {
        file: 'client/response/ladder/budget.ts',
        find: 'if (within.length < max) continue;',
        replace: 'if (within.length <= max) continue;',
      },
    ],
    breaks: ['QUARANTINE_OVER_BUDGET'],
    seed: 3,
  },
  {
    name: 'keep-in-quarantine-for-ever',
    edits: [{ file: quarantine, find: 'if (isLifted || now >= mark.untilMs)', replace: 'if (isLifted)' }],
    breaks: ['QUARANTINE_ENDLESS'],
    seed: 3,
  },
];
