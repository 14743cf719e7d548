import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { FaultError } from '../../base/fault.ts';

/** Files are PEM. Without `caFile` the authorities that Node ships with are trusted. */
export type SensorTls = Readonly<{
  /** The name that the server's certificate is for, where the address is another: "ui.hubble-relay.cilium.io". */
  serverName?: string | undefined;
  caFile?: string | undefined;
  /** The client's own certificate and key, where the server asks for one. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
}>;

/**
 * How to speak to a sensor: plaintext without `tls`. Files are read anew for every connection, since certificates are
 * renewed in their place. Throws a FaultError TLS_FILE_UNREADABLE or TLS_FILE_UNUSABLE.
 */
export async function sensorCredentials(
  tls: SensorTls | undefined,
): Promise<Readonly<{ credentials: ChannelCredentials; options: ChannelOptions }>> {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {} };
  const { serverName, caFile, certFile, keyFile } = tls;
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(read));
  const names = serverName === undefined ? {} : named(serverName);
  try {
    return { credentials: credentials.createSsl(ca ?? null, key ?? null, cert ?? null), options: names };
  } catch (error) {
    const files = [caFile, certFile, keyFile].filter((file) => file !== undefined).join(', ');
    throw new FaultError({
      code: 'TLS_FILE_UNUSABLE',
      message: `${files}: expected certificates and a key in PEM that belong together: ${(error as Error).message}`,
    });
  }
}

/** Relay is often reached by an address or a Service's name that its certificate does not hold. */
function named(serverName: string): ChannelOptions {
  return { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
}

async function read(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new FaultError({
      code: 'TLS_FILE_UNREADABLE',
      message: `${path}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}; mount it where the source names it`,
    });
  }
}
