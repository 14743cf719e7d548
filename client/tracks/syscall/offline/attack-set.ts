import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { isBenign, pieceCallsMax } from '../../../events/trace.ts';
import { readTraceFile } from '../../../recordings/trace-file.ts';
import type { Example } from '../traces/example.ts';

const casesMax = 10_000;

/**
 * Recorded attacks that every release must find: a trace file (plain or gzip) whose fourth column is the attack class.
 * Normal traces in it are passed over.
 */
export async function readAttackSet(
  path: string,
): Promise<Result<ReadonlyMap<string, readonly Example[]>, 'ATTACK_SET_UNREADABLE'>> {
  const attacks = new Map<string, Example[]>();
  let cases = 0;
  for await (const item of readTraceFile(path)) {
    if (item.kind !== 'trace') return refuse('ATTACK_SET_UNREADABLE', `${path}: ${item.fault.message}`);
    const { split, family, service, calls } = item.trace;
    if (calls.length === 0 || (split !== 'attack' && split !== 'intrusion')) continue;
    cases += 1;
    if (cases > casesMax) return refuse('ATTACK_SET_UNREADABLE', `${path}: more than ${casesMax} attacks; split it`);
    const attackClass = attackClassOf(family);
    attacks.set(attackClass, [
      ...(attacks.get(attackClass) ?? []),
      { workload: service, calls: calls.slice(0, pieceCallsMax) },
    ]);
  }
  return ok(attacks);
}

/** The normal examples of such a file: what is not an attack in it. */
export async function readNormalExamples(path: string): Promise<Result<readonly Example[], 'ATTACK_SET_UNREADABLE'>> {
  const examples: Example[] = [];
  for await (const item of readTraceFile(path)) {
    if (item.kind !== 'trace') return refuse('ATTACK_SET_UNREADABLE', `${path}: ${item.fault.message}`);
    const { service, calls } = item.trace;
    if (calls.length === 0 || !isBenign(item.trace)) continue;
    examples.push({ workload: service, calls: calls.slice(0, pieceCallsMax) });
  }
  return ok(examples);
}

/** 1 to 63 of a-z, 0-9, "-" and "_": what reports call a class. */
function attackClassOf(family: string): string {
  const name = family
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .slice(0, 63);
  return name === '' ? 'unnamed' : name;
}
