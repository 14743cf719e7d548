import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

/**
 * Makes a channel that is closed cut the connections whose handshake is still under way. grpc-js leaves them to the server, however long
 * that takes to answer: where thousands wait for their handshakes, it would have two for each client that came anew, cannot tell
 * which of them has somebody behind it, and shakes hands with both. A build of grpc-js that makes its connectors elsewhere fails here.
 */
export function cutWhenLeft(credentials: ChannelCredentials): ChannelCredentials {
  const make = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...parts) => {
    const connector = make(...parts);
    const shaking = new Set<Socket>();
    let isLeft = false;
    return {
      async connect(socket) {
        if (isLeft) {
          socket.destroy();
          throw new Error('the channel was closed while it connected');
        }
        shaking.add(socket);
        try {
          return await connector.connect(socket);
        } finally {
          shaking.delete(socket);
        }
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy() {
        isLeft = true;
        for (const socket of shaking) socket.destroy();
        connector.destroy();
      },
    };
  };
  return credentials;
}
