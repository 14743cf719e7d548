import { readSync } from 'node:fs';
import { type Fault, refuse } from '../../../base/fault.ts';

/** Reads from `position` until `target` is full or the file ends; returns how many bytes it got. */
export function readFully(fd: number, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.byteLength) {
    const got = readSync(fd, target, filled, target.byteLength - filled, position + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}

/** A system error as a fault; anything else is a bug of ours and is thrown on. */
export function storageFault(action: string, error: unknown): Fault<'STORAGE_FAILED'> {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string' || syscall === undefined) throw error;
  return refuse(
    'STORAGE_FAILED',
    `${action}: ${syscall} failed with ${code}; check the path, its rights and free space`,
    {
      errno: code,
    },
  ).fault;
}
