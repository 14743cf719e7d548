import { connectAsMember } from '../../link/connection.ts';
import type { ConnectToReleases } from '../release-calls.ts';
import { callsOf } from './calls.ts';

/** Releases over gRPC and mutual TLS. */
export const connectOverGrpc: ConnectToReleases = (address, identity) => {
  const connection = connectAsMember(address, identity);
  return { ...callsOf(connection.releases), close: () => connection.close() };
};
