import { z } from 'zod';
import { ok, type Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Freezer, FreezerFaultCode } from './freezer.ts';
import { captureLimits, memoryBytesCeiling } from './limits.ts';
import { type MemoryPiece, readMemory } from './memory.ts';
import { findPodCgroup, type PodCgroupFaultCode } from './pod-cgroup.ts';
import { type Processes, readProcesses } from './processes.ts';

/** What an agent asks of the helper on a pod's node. */
export const captureRequest = z.strictObject({
  uid: z.string().max(64),
  /** How long the pod stands still at most, from when it was asked: so long the one who asked has to isolate it. */
  holdMs: z.int().min(100).max(120_000),
  /** Of what processes wrote into memory themselves; 0: none. */
  memoryBytes: z.int().min(0).max(memoryBytesCeiling),
});
export type CaptureRequest = z.infer<typeof captureRequest>;

export type Captured = Processes &
  Readonly<{
    uid: string;
    cgroup: string;
    atMs: number;
    /** False where somebody else held it: it stays as that one wants it. */
    isFrozenByUs: boolean;
    /** How long it took to make it stand still, and to copy. */
    frozenAfterMs: number;
    copiedAfterMs: number;
    memory: Readonly<{ pieces: readonly MemoryPiece[]; bytes: number; cut: boolean }>;
    /** Whether parts were left out to keep the answer short. */
    isCut: boolean;
  }>;

export type CaptureParts = Readonly<{
  freezer: Freezer;
  cgroups: Readonly<{ root: string; parent: string }>;
  proc: string;
  /** Of memory, whatever is asked for. */
  memoryBytesMax: number;
  timers: Timers;
}>;

/** Why a pod could not be made to stand still, or found. */
export type CaptureFaultCode = PodCgroupFaultCode | FreezerFaultCode;

/** Makes a pod stand still and copies what its processes are. It stays frozen until its deadline, or until it is thawed. */
export async function capture(
  { uid, holdMs, memoryBytes }: CaptureRequest,
  { freezer, cgroups, proc, memoryBytesMax, timers }: CaptureParts,
): Promise<Result<Captured, CaptureFaultCode>> {
  const pod = await findPodCgroup(cgroups.root, uid, cgroups.parent);
  if (!pod.ok) return pod;
  const sinceMs = timers.monotonicMs();
  const atMs = timers.now();
  const frozen = await freezer.freeze(pod.value, holdMs);
  if (!frozen.ok) return frozen;
  const frozenAfterMs = timers.monotonicMs() - sinceMs;
  try {
    const read = await readProcesses({ podPath: pod.value.path, proc, root: cgroups.root });
    const memory = await readMemory(read.processes, proc, Math.min(memoryBytes, memoryBytesMax));
    const cgroup = pod.value.path.slice(cgroups.root.length);
    const said = { uid, cgroup, atMs, isFrozenByUs: frozen.value.isOurs, frozenAfterMs };
    return ok(shortened({ ...said, copiedAfterMs: timers.monotonicMs() - sinceMs, ...read, memory, isCut: false }));
  } catch (error) {
    // Whoever cannot be copied must not stand still for nothing.
    await freezer.thaw(uid);
    throw error;
  }
}

/** Leaves out maps, then files, then whole processes, the last ones first, until the answer is short enough. */
function shortened(captured: Captured): Captured {
  const isShort = (one: Captured) => Buffer.byteLength(JSON.stringify(one)) <= captureLimits.answerBytes;
  if (isShort(captured)) return captured;
  const bare = captured.processes.map((one) => ({ ...one, maps: '', mapsCut: true }));
  const thin = { ...captured, isCut: true, processes: bare };
  if (isShort(thin)) return thin;
  let processes = bare.map((one) => ({ ...one, fds: one.fds.slice(0, 64) }));
  for (;;) {
    const thinner = { ...thin, processes };
    if (isShort(thinner) || processes.length === 0) return { ...thinner, sockets: captured.sockets.slice(0, 512) };
    processes = processes.slice(0, Math.floor(processes.length / 2));
  }
}
