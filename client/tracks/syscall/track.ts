/** The syscall track: what a thread's system calls say about it. Light: scorers and learners load what they need. */
import { ok } from '../../../base/fault.ts';
import { contentKey } from '../../events/trace.ts';
import { nameOfCallId } from '../../events/vocabulary.ts';
import type { TrackKind } from '../track-kind.ts';
import { openDetector, openSyscallLearner, syscallArchitectures } from './architectures.ts';
import { traceAntigens } from './traces/antigens.ts';
import { CallIntake } from './traces/call-intake.ts';
import { decodeExample, type Example, encodeExample } from './traces/example.ts';
import type { AssembledTrace } from './traces/trace-assembler.ts';
import { traceRates } from './traces/trace-rates.ts';

export const trackKind: TrackKind<AssembledTrace, Example> = {
  architectures: syscallArchitectures,
  examples: { encode: encodeExample, decode: decodeExample },
  watches: 'system calls',
  antigens: ({ calls }) => traceAntigens(calls),
  openIntake: () => ({ from: (source) => new CallIntake(source) }),

  /** Its calls and its kind of workload, not who made them when. */
  exampleOf({ process, calls, argumentClasses }) {
    const hasArguments = argumentClasses.some((value) => value !== 0);
    return { workload: process.workloadClass, calls, ...(hasArguments ? { argumentClasses } : {}) };
  },

  subjectOf: ({ process }) => process,

  ratesOf: traceRates,

  describe: ({ thread, piece, firstMs, lastMs, calls, process }) => ({
    identity: `${thread}/${piece}/${firstMs}/${contentKey(calls)}`,
    firstMs,
    lastMs,
    detail: { process, calls: calls.length },
  }),

  async loadBaselines(paths) {
    const { loadBaseline } = await import('./profile/baseline.ts');
    const examples: Example[] = [];
    const seenCalls = new Map<string, Set<number>>();
    for (const path of paths) {
      const loaded = await loadBaseline(path);
      if (!loaded.ok) return loaded;
      examples.push(...loaded.value.examples);
      for (const [workload, calls] of loaded.value.seenCalls) {
        seenCalls.set(workload, new Set([...(seenCalls.get(workload) ?? []), ...calls]));
      }
    }
    return ok({
      examples,
      remark({ calls, process }) {
        const seen = seenCalls.get(process.workloadClass);
        if (seen === undefined) return undefined;
        const neverSeen = [...new Set(calls)].filter((id) => !seen.has(id)).map(nameOfCallId);
        return neverSeen.length === 0
          ? undefined
          : { detail: { neverSeen }, text: `never seen before: ${neverSeen.join(', ')}` };
      },
    });
  },

  async readCases(path) {
    const { readAttackSet } = await import('./offline/attack-set.ts');
    return await readAttackSet(path);
  },

  async readNormal(path) {
    const { readNormalExamples } = await import('./offline/attack-set.ts');
    return await readNormalExamples(path);
  },

  openLearner: openSyscallLearner,

  async openScorer(spec, weights, normal, options) {
    const { TraceJudge } = await import('./scoring/trace-judge.ts');
    return await TraceJudge.openInTurns(await openDetector(spec), weights, normal, options);
  },

  light: {
    async write(spec, weights) {
      const { writeLightForm } = await import('./light/light-forms.ts');
      return writeLightForm(spec, weights);
    },
    async openScorer(spec, light, normal, options) {
      const { lightDetector } = await import('./light/light-forms.ts');
      const { TraceJudge } = await import('./scoring/trace-judge.ts');
      // Its weights are in the light form.
      return await TraceJudge.openInTurns(await lightDetector(spec, light), new Float32Array(0), normal, options);
    },
  },
  samples: {
    async read(bytes) {
      const { readSample } = await import('./trusted/sample.ts');
      return readSample(bytes);
    },
    async open(spec, content, base) {
      const { openSampleLoss } = await import('./trusted/sample-loss.ts');
      return openSampleLoss(spec, content, base);
    },
  },
  async offline() {
    return (await import('./offline/verbs.ts')).syscallOffline;
  },
};
