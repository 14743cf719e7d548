/** Names that both ends of a connection must agree on and that no .proto file can hold. */

/**
 * A DNS name that every coordinator's server certificate carries, whatever address it is reached by. Clients verify
 * this name, so that an address may change, sit behind a load balancer or be a bare IP.
 */
export const coordinatorServerName = 'coordinator.testudo';

/** The DNS name that a hub's server certificate carries for its sensors, whatever address it is reached by. */
export const hubServerName = 'hub.testudo';

/** Trailing metadata of a refused call: the fault's code, as in `Fault.code`. */
export const faultCodeKey = 'testudo-fault-code';
/** The fault's message, UTF-8: for operators alone. From clusters and strangers it stays inside. */
export const faultMessageKey = 'testudo-fault-message-bin';
/** Trailing metadata of a refused call: milliseconds after which another one may do better (gRFC A6's name). */
export const retryAfterKey = 'grpc-retry-pushback-ms';

/** gRPC messages on the wire never exceed this: 1.25 MiB, as the contract says. */
export const messageBytesMax = 1_310_720;

/** The best size of a chunk of a model or of a sealed update: grpc-js buffers 16 messages before it says stop. */
export const chunkBytes = 262_144;

/**
 * HTTP/2's window of a stream and of its connection, at both ends: a chunk. With the standard's 64 KiB of either, no more than that
 * would come in a round trip, however wide the line is.
 */
export const windowBytes = 262_144;

/** What a cluster tells of its map at most; a coordinator refuses more. */
export const sharedMapLimits = { services: 256, edges: 1_024, templates: 1_024, nameCharacters: 128 } as const;
