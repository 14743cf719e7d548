/** What Linux says of a process of this machine that is measured from outside. Throws where there is no such process. */
import { readFileSync } from 'node:fs';

const ticksPerSecond = 100; // sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on.

/** User and system time of all its threads so far, seconds. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory, MiB. */
export function residentMiB(pid: number): number {
  return statusKibibytes(pid, 'VmRSS') / 1_024;
}

/** Resident memory at its highest, MiB. */
export function peakMiB(pid: number): number {
  return statusKibibytes(pid, 'VmHWM') / 1_024;
}

function statusKibibytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
