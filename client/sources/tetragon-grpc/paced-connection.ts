import { createConnection, type NetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import type { Timer, Timers } from '../../../base/time.ts';

/** What waits after so long is read at once: a sensor on the node writes each event by itself, and each would wake us. */
const restMsMax = 100;
/** So much in one look is a busy connection: the next look is at once. */
const busyBytes = 2 ** 14;
/** One look takes so much, and a rest lasts until so much may have come: well below what the system holds for us. */
const readBytesMax = 2 ** 16;

/**
 * A connection that is looked at now and then while little comes: at a thousand events a second waking up costs more than all that is
 * done with them. The system's own buffer holds what comes meanwhile, and where it is full the peer waits.
 */
export function pacedConnection(to: NetConnectOpts, timers: Timers): Duplex {
  let isWanted = false;
  let resting: Timer | undefined;
  /** Since the last rest began. */
  let bytes = 0;
  let sinceMs = timers.monotonicMs();
  const socket = createConnection({
    ...to,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytesMax),
      callback(length, buffer) {
        bytes += length;
        isWanted = paced.push(Buffer.from(buffer.subarray(0, length)));
        if (length < busyBytes) rest();
        return isWanted && resting === undefined;
      },
    },
  });
  const rest = () => {
    const nowMs = timers.monotonicMs();
    const untilFullMs = (readBytesMax * Math.max(1, nowMs - sinceMs)) / bytes;
    [bytes, sinceMs] = [0, nowMs];
    resting = timers.after(Math.min(restMsMax, untilFullMs), () => {
      resting = undefined;
      if (isWanted) socket.resume();
    });
  };
  const paced = new Duplex({
    read() {
      isWanted = true;
      if (resting === undefined) socket.resume();
    },
    write: (chunk: Buffer, _, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      timers.cancel(resting);
      socket.destroy();
      done(error);
    },
  });
  socket.on('end', () => paced.push(null));
  socket.on('error', (error) => paced.destroy(error));
  socket.on('close', () => paced.destroy());
  return paced;
}
