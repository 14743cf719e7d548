import { Readable } from 'node:stream';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { isBenign, pieceCallsMax } from '../../../events/trace.ts';
import { readTraces } from '../../../recordings/trace-file.ts';
import type { SampleContent } from '../../track-kind.ts';
import type { Example } from '../traces/example.ts';

const examplesMax = 20_000;

/** A trusted sample of the syscall track: a trace file, plain or compressed, whose splits tell normal from attack. */
export async function readSample(bytes: Uint8Array): Promise<Result<SampleContent<Example>, 'SAMPLE_UNREADABLE'>> {
  const unreadable = (why: string) => refuse('SAMPLE_UNREADABLE', `trusted sample: ${why}`);
  const normal: Example[] = [];
  const attacks: Example[] = [];
  for await (const item of readTraces(Readable.from([Buffer.from(bytes)]), 'trusted sample')) {
    if (item.kind !== 'trace') return unreadable(item.fault.message);
    const { service, calls } = item.trace;
    if (service === '')
      return unreadable(`line ${item.line} names no workload class; write split, family, name and calls`);
    if (calls.length === 0) continue;
    (isBenign(item.trace) ? normal : attacks).push({ workload: service, calls: calls.slice(0, pieceCallsMax) });
    if (normal.length + attacks.length > examplesMax) return unreadable(`more than ${examplesMax} traces; take fewer`);
  }
  if (normal.length === 0) return unreadable('no normal trace; give a few of every workload class');
  const names = [...new Set([...normal, ...attacks].map(({ workload }) => workload))].sort();
  const count = (some: readonly Example[], name: string) => some.filter(({ workload }) => workload === name).length;
  const classes = names.map((name) => ({ name, normalCount: count(normal, name), attackCount: count(attacks, name) }));
  return ok({ normal, attacks, classes });
}
