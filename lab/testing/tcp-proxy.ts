import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback whose line can be cut, frozen, or cut after a number of bytes. */
export type TcpProxy = Readonly<{
  port: number;
  /** Ends every connection now; new ones are refused until `mend`. */
  cut(): void;
  /** Keeps connections open and lets no byte through: what a dead peer looks like. */
  freeze(): void;
  /** Cuts once, as soon as this many bytes went from client to server from now on. */
  cutAfter(bytes: number): void;
  mend(): void;
  connections(): number;
  close(): Promise<void>;
}>;

export async function startTcpProxy(targetPort: () => number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let refusing = false;
  let frozen = false;
  let remaining = Number.POSITIVE_INFINITY;
  let accepted = 0;
  const cutAll = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const server = createServer((near) => {
    if (refusing) {
      near.destroy();
      return;
    }
    accepted += 1;
    const far = connect(targetPort(), '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes) => {
      if (frozen) return;
      remaining -= bytes.length;
      if (remaining <= 0) {
        remaining = Number.POSITIVE_INFINITY;
        near.destroy();
        return;
      }
      if (!far.write(bytes)) {
        near.pause();
        far.once('drain', () => near.resume());
      }
    });
    far.on('data', (bytes) => {
      if (!frozen) near.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      refusing = true;
      cutAll();
    },
    freeze() {
      frozen = true;
    },
    cutAfter(bytes) {
      remaining = bytes;
    },
    mend() {
      refusing = false;
      frozen = false;
    },
    connections: () => accepted,
    async close() {
      cutAll();
      server.close();
      await once(server, 'close');
    },
  };
}
