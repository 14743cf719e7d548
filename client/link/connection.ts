import type { ChannelCredentials } from '@grpc/grpc-js';
import { wayTo } from '../../proto/by-proxy.ts';
import { LeanFederationClient } from '../../proto/federation-client.ts';
import { EnrolmentClient } from '../../proto/generated/testudo/v1/enrolment.ts';
import type { FederationClient } from '../../proto/generated/testudo/v1/federation.ts';
import { ReleasesClient } from '../../proto/generated/testudo/v1/releases.ts';
import { ResponsesClient } from '../../proto/generated/testudo/v1/responses.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import type { Address } from './address.ts';
import { channelCredentials, channelOptions, ofCoordinatorAlone } from './channel.ts';
import type { ClusterIdentity } from './identity-store.ts';

/** One HTTP/2 connection to a coordinator, for one client. */
export type Connection = Readonly<{
  address: Address;
  federation: FederationClient;
  enrolment: EnrolmentClient;
  releases: ReleasesClient;
  responses: ResponsesClient;
  close(): void;
}>;

const alike = channelOptions(coordinatorServerName);

/** A member's connection: mutual TLS 1.3, trusting only the federation's root. */
export function connectAsMember(address: Address, identity: ClusterIdentity): Connection {
  const { authorityPem, chainPem, tlsKeyPem } = identity;
  return open(address, channelCredentials({ ca: authorityPem, cert: chainPem, key: tlsKeyPem }));
}

/** A newcomer's connection, for Enrol alone: the server is authenticated, and is no door; the client has only its token. */
export function connectAsNewcomer(address: Address, authorityPem: string): Connection {
  return open(address, channelCredentials({ ca: authorityPem }, ofCoordinatorAlone));
}

function open(address: Address, secured: ChannelCredentials): Connection {
  const options = { ...alike, ...wayTo(address.host) };
  const federation = new LeanFederationClient(address.text, secured, options);
  const shared = { ...options, channelOverride: federation.getChannel() };
  const enrolment = new EnrolmentClient(address.text, secured, shared);
  const releases = new ReleasesClient(address.text, secured, shared);
  const responses = new ResponsesClient(address.text, secured, shared);
  return { address, federation, enrolment, releases, responses, close: () => federation.close() };
}
