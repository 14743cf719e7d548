import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { EnrolmentClient } from '../../proto/generated/testudo/v1/enrolment.ts';
import { FederationClient } from '../../proto/generated/testudo/v1/federation.ts';
import { ReleasesClient } from '../../proto/generated/testudo/v1/releases.ts';
import { coordinatorServerName, messageBytesMax } from '../../proto/wire-names.ts';
import type { Address } from './address.ts';
import type { ClusterIdentity } from './identity-store.ts';

/** One HTTP/2 connection to a coordinator, for one client. */
export type Connection = Readonly<{
  address: Address;
  federation: FederationClient;
  enrolment: EnrolmentClient;
  releases: ReleasesClient;
  close(): void;
}>;

const options: Partial<ClientOptions> = {
  // The certificate is checked against this name, whatever address it is reached by.
  'grpc.ssl_target_name_override': coordinatorServerName,
  'grpc.default_authority': coordinatorServerName,
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Attempts are ours to make, with full jitter: grpc-js must neither repeat calls nor reconnect behind our back.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
};

/** A member's connection: mutual TLS 1.3, trusting only the federation's root. */
export function connectAsMember(address: Address, identity: ClusterIdentity): Connection {
  const { authorityPem, chainPem, tlsKeyPem } = identity;
  return open(address, secure({ ca: authorityPem, cert: chainPem, key: tlsKeyPem }));
}

/** A newcomer's connection, for Enrol alone: the server is authenticated, the client has only its token. */
export function connectAsNewcomer(address: Address, authorityPem: string): Connection {
  return open(address, secure({ ca: authorityPem }));
}

function secure(parts: { ca: string; cert?: string; key?: string }): ChannelCredentials {
  return credentials.createFromSecureContext(createSecureContext({ ...parts, minVersion: 'TLSv1.3' }));
}

function open(address: Address, channelCredentials: ChannelCredentials): Connection {
  const federation = new FederationClient(address.text, channelCredentials, options);
  const shared = { ...options, channelOverride: federation.getChannel() };
  const enrolment = new EnrolmentClient(address.text, channelCredentials, shared);
  const releases = new ReleasesClient(address.text, channelCredentials, shared);
  return { address, federation, enrolment, releases, close: () => federation.close() };
}
