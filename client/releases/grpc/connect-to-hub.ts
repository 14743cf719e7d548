import { ReleasesClient } from '../../../proto/generated/testudo/v1/releases.ts';
import { hubChannelOptions, securedBy } from '../../link/hub-admission.ts';
import type { ConnectToReleases } from '../release-calls.ts';
import { callsOf } from './calls.ts';

/** Releases as the hub relays them, over mutual TLS. */
export const connectToHub: ConnectToReleases = (address, identity) => {
  const client = new ReleasesClient(address.text, securedBy(identity), hubChannelOptions);
  return { ...callsOf(client), close: () => client.close() };
};
