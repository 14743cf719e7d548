import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessState } from './processes.ts';

/** A piece of a process's memory. `from`: its address, hexadecimal. */
export type MemoryPiece = Readonly<{ pid: number; from: string; bytes: string }>;

const pieceBytes = 65_536;

/**
 * What processes wrote themselves (private, writable, of no file) as far as `bytesMax` goes: stacks and heaps first by the order of
 * addresses, each process the same share. `cut`: there was more.
 */
export async function readMemory(
  processes: readonly ProcessState[],
  proc: string,
  bytesMax: number,
): Promise<Readonly<{ pieces: readonly MemoryPiece[]; bytes: number; cut: boolean }>> {
  const pieces: MemoryPiece[] = [];
  let [total, cut] = [0, false];
  const share = processes.length === 0 ? 0 : Math.floor(bytesMax / processes.length);
  for (const { pid, maps } of bytesMax === 0 ? [] : processes) {
    const file = await open(join(proc, String(pid), 'mem'), constants.O_RDONLY).catch(() => undefined);
    if (file === undefined) continue;
    try {
      let left = share;
      for (const [from, to] of written(maps)) {
        for (let at = from; at < to; at += BigInt(pieceBytes)) {
          const size = Math.min(pieceBytes, Number(to - at), left);
          if (size === 0) {
            cut = true;
            break;
          }
          const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, at).catch(nothing);
          if (bytesRead === 0) break;
          pieces.push({ pid, from: at.toString(16), bytes: buffer.subarray(0, bytesRead).toString('base64') });
          left -= bytesRead;
          total += bytesRead;
        }
      }
    } finally {
      await file.close();
    }
  }
  return { pieces, bytes: total, cut };
}

const nothing = () => ({ bytesRead: 0, buffer: Buffer.alloc(0) });

function written(maps: string): [bigint, bigint][] {
  return maps.split('\n').flatMap((line): [bigint, bigint][] => {
    const match =
      /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) rw.p [0-9a-f]+ 00:00 0(?:\s+\[(?:heap|stack|anon[^\]]*)\])?\s*$/.exec(line);
    return match === null ? [] : [[BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)]];
  });
}
