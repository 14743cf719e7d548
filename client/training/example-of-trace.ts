import type { AssembledTrace } from '../sources/trace-assembler.ts';
import type { Example } from './example.ts';

/** What detectors learn of a trace: its calls and its kind of workload, not who made them when. */
export function exampleOf({ process, calls, argumentClasses }: AssembledTrace): Example {
  const hasArguments = argumentClasses.some((value) => value !== 0);
  return { workload: process.workloadClass, calls, ...(hasArguments ? { argumentClasses } : {}) };
}
