import type { Socket } from 'node:net';

/** A TLS ClientHello has one or two KiB; nobody has more to say before he is answered. */
const helloBytesMax = 16 << 10;

/**
 * Reads a socket that waits for its handshake and keeps what it hears, since a socket that nobody reads does not tell when its peer
 * has gone. Returns what gives it back as it came, unread and still.
 */
export function holdHello(socket: Socket): () => void {
  const held: Buffer[] = [];
  let bytes = 0;
  const hear = (piece: Buffer) => {
    held.push(piece);
    bytes += piece.byteLength;
    if (bytes >= helloBytesMax) socket.pause();
  };
  socket.on('data', hear).resume();
  return () => {
    socket.off('data', hear).pause();
    if (bytes > 0) socket.unshift(Buffer.concat(held));
  };
}
