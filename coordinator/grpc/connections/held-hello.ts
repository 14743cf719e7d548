import type { Socket } from 'node:net';

/** Content type of a TLS record that carries a handshake, and the length of what stands before every record's content (RFC 8446, 5.1). */
const handshakeType = 22;
const headerBytes = 5;
/** A ClientHello has one or two KiB; nobody has more to say before he is answered. */
const helloBytesMax = 16 << 10;

/**
 * Reads a socket that waits for its handshake and keeps what it hears: a socket that nobody reads does not tell when its peer has
 * gone. `onWhole`: told once, when the peer has said all that it says before it is answered: its first TLS record, or what is none.
 * Returns what gives the socket back as it came, unread and still.
 */
export function holdHello(socket: Socket, onWhole: () => void): () => void {
  let held = Buffer.alloc(0);
  let isWhole = false;
  const hear = (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    if (held.byteLength >= helloBytesMax) socket.pause();
    if (isWhole || held.byteLength < wantedBytes(held)) return;
    isWhole = true;
    onWhole();
  };
  socket.on('data', hear).resume();
  return () => {
    socket.off('data', hear).pause();
    if (held.byteLength > 0) socket.unshift(held);
  };
}

function wantedBytes(held: Buffer): number {
  if (held[0] !== handshakeType) return 1; // TLS says what is wrong with it.
  if (held.byteLength < headerBytes) return headerBytes;
  return Math.min(headerBytes + held.readUInt16BE(3), helloBytesMax);
}
