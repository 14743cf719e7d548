import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ofThisDisk } from './fetched-file.ts';

/**
 * Gives `send` the bytes of a file of this machine, and a signal that ends it early: by the caller's, or since the file cannot be read
 * any further. Throws a FaultError where this machine's disk is what fails.
 */
export async function sendFile<Value>(
  path: string,
  signal: AbortSignal,
  send: (body: Readable, signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const file = await ofThisDisk(() => open(path));
  const unreadable = new AbortController();
  try {
    const body = file.createReadStream({ autoClose: false });
    // Who sends listens to it late, and an error that nobody hears would end this process.
    body.on('error', (error) => unreadable.abort(error));
    try {
      return await send(body, AbortSignal.any([signal, unreadable.signal]));
    } catch (error) {
      await ofThisDisk(async () => unreadable.signal.throwIfAborted());
      throw error;
    } finally {
      body.destroy();
    }
  } finally {
    await file.close();
  }
}
