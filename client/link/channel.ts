import { createSecureContext, checkServerIdentity as ofItsName, type PeerCertificate } from 'node:tls';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { messageBytesMax, windowBytes } from '../../proto/wire-names.ts';
import { cutWhenLeft } from './cut-when-left.ts';

/** PEM: the one authority that is trusted, and who we are; without the latter the server alone is authenticated. */
type Parts = Readonly<{ ca: string; cert?: string; key?: string }>;

/** How we keep a connection whose certificate is checked against `serverName`, whatever address it is reached by. */
export function channelOptions(serverName: string): Partial<ClientOptions> {
  return {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc-node.flow_control_window': windowBytes,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Attempts are ours to make, with full jitter: grpc-js must neither repeat calls nor reconnect behind our back.
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
  };
}

/** TLS 1.3 alone. */
export function channelCredentials({ ca, cert, key }: Parts, checkServerIdentity = ofItsName): ChannelCredentials {
  const context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  return cutWhenLeft(credentials.createFromSecureContext(context, { checkServerIdentity }));
}

/**
 * As usual, and the server is no door: a door passes newcomers' bytes on to the coordinator, and one that answers in its place would have
 * their tokens and proofs.
 */
export function ofCoordinatorAlone(host: string, certificate: PeerCertificate): Error | undefined {
  const wrong = ofItsName(host, certificate);
  if (wrong !== undefined) return wrong;
  const isDoor = namesDoor(certificate.subjectaltname);
  return isDoor ? new Error('a door answers where a coordinator should: it may have been stolen') : undefined;
}

/** Whether these names of a server's certificate are a door's. */
export function namesDoor(names: string | undefined): boolean {
  return /URI:spiffe:\/\/[^/]+\/door\//.test(names ?? '');
}
