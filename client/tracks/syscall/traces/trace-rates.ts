import { type Measure, type RateFact, workloadKey } from '../../../events/rate-fact.ts';
import { callIdOfName } from '../../../events/vocabulary.ts';
import type { RateView } from '../../track-kind.ts';

/** What a process may have done, by calls that tell it; a failed login is one that never got so far. */
const deeds: readonly Readonly<{ name: string; calls: readonly string[] }>[] = [
  { name: 'runs a program', calls: ['execve', 'execveat'] },
  { name: 'starts others', calls: ['clone', 'clone3', 'fork', 'vfork'] },
  { name: 'changes user', calls: ['setuid', 'setreuid', 'setresuid', 'setgid', 'setregid', 'setresgid', 'setgroups'] },
  { name: 'connects', calls: ['connect'] },
  { name: 'accepts', calls: ['accept', 'accept4', 'listen'] },
  {
    name: 'alters files',
    calls: ['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'ftruncate', 'truncate', 'fchmod', 'chmod'],
  },
  { name: 'leaves its bounds', calls: ['mount', 'ptrace', 'unshare', 'setns', 'bpf', 'chroot'] },
];

const deedOf = new Map(deeds.flatMap(({ calls }, at) => calls.map((name) => [callIdOfName(name), at] as const)));

/**
 * What a trace adds to the rates of its workload: a process where it is its first piece, and one more trace of its shape. Sessions and
 * refusals of the workload are about every trace of the time; whom it calls, about those that call anybody.
 */
export function traceRates({
  process,
  calls,
  piece,
  lastMs,
}: Readonly<{
  process: Parameters<typeof workloadKey>[0];
  calls: Uint16Array;
  piece: number;
  lastMs: number;
}>): RateView {
  const workload = workloadKey(process);
  const done = deedsOf(calls);
  const own = { workload, peer: '', amount: 1 };
  const facts: RateFact[] = [{ ...own, measure: 'traces alike', shape: shapeOf(done, calls.length) }];
  if (piece === 0) facts.push({ ...own, measure: 'processes', shape: '' });
  const calling = deeds.some(({ name }, at) => name === 'connects' && (done >> at) & 1);
  const measures: Measure[] = ['sessions alike', 'refusals'];
  if (calling) measures.push('new peers', 'new templates', 'bytes out');
  return { atMs: lastMs, adds: facts, of: [{ workload, measures }] };
}

function deedsOf(calls: Uint16Array): number {
  let done = 0;
  for (const call of calls) {
    const deed = deedOf.get(call);
    if (deed !== undefined) done |= 1 << deed;
  }
  return done;
}

/** What the process did, and to a factor of two in how many calls. */
function shapeOf(done: number, calls: number): string {
  const names = deeds.filter((_, at) => (done >> at) & 1).map(({ name }) => name);
  const many = 2 ** Math.round(Math.log2(Math.max(1, calls)));
  return `about ${many} calls, ${names.join(', ') || 'nothing of note'}`;
}
