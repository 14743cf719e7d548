import { open, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Alert } from '../../client/scoring/alert.ts';
import { alertIn } from '../../client/scoring/alert.ts';

const lookMs = 250;
const blockBytes = 1 << 20;

/** Tells of each alert that is added to a file from now on, also after the file was rotated. Ends with the process. */
export async function watchAlerts(path: string, tell: (alert: Alert) => void): Promise<never> {
  let at = await sizeOf(path);
  let rest = '';
  for (;;) {
    const size = await sizeOf(path);
    if (size < at) [at, rest] = [0, '']; // Another file of that name.
    while (at < size) {
      const bytes = await readAt(path, at, Math.min(blockBytes, size - at));
      if (bytes.byteLength === 0) break;
      at += bytes.byteLength;
      const lines = (rest + bytes.toString('latin1')).split('\n'); // Bytes as they are: a block may end within a character.
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const alert = alertIn(Buffer.from(line, 'latin1').toString('utf8'));
        if (alert !== undefined) tell(alert);
      }
    }
    await setTimeout(lookMs);
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function readAt(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
