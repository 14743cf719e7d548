import { readFileSync } from 'node:fs';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { CoordinatorConfig } from '../../config/config.ts';

type ConnectionSettings = CoordinatorConfig['connections'];

/** Connections that fit beside what the process needs for itself; `enrolment` and `federation` in all. */
export type ConnectionRoom = Readonly<{
  enrolment: number;
  federation: number;
  /** Whether it is less than the configuration asks for. */
  isCut: boolean;
}>;

/** Fewer than that serve no federation. */
const connectionsMin = 32;

/**
 * Open files that the kernel lets this process have (its soft limit, which Node raises to the hard one as it starts).
 * Undefined where nothing says it: then nothing is known to run out.
 */
export function openFilesMax(
  limits: () => string = () => readFileSync('/proc/self/limits', 'utf8'),
): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits()) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * How many connections each listener may have, so that `descriptorsReserved` are left whatever peers do: a journal or a
 * blob that cannot be opened would look like a failed disk. Strangers get at most a quarter of what there is.
 */
export function connectionRoom(
  { enrolment, federation, descriptorsReserved }: ConnectionSettings,
  openFiles: number | undefined,
): Result<ConnectionRoom, 'DESCRIPTORS_SHORT'> {
  const room = (openFiles ?? Number.POSITIVE_INFINITY) - descriptorsReserved;
  if (room < connectionsMin) {
    return refuse(
      'DESCRIPTORS_SHORT',
      `${openFiles} open files are allowed (ulimit -n), ${descriptorsReserved} are reserved, and connections need ` +
        `${connectionsMin} at least: raise the limit`,
    );
  }
  const strangers = Math.min(enrolment.atOnceMax, Math.floor(room / 4));
  const members = Math.min(federation.atOnceMax, room - strangers);
  const isCut = strangers < enrolment.atOnceMax || members < federation.atOnceMax;
  return ok({ enrolment: strangers, federation: members, isCut });
}
