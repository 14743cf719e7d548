import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

/** What a client of TLS 1.3 says before it is answered. */
export async function clientHello(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const nobody = new Duplex({ read() {}, write: (said: Buffer) => resolve(said) });
  const client = connect({ socket: nobody, minVersion: 'TLSv1.3' });
  client.on('error', () => {});
  const said = await promise;
  client.destroy();
  return said;
}
