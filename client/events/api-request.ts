/**
 * What a proxy writes down of one request to an interface, as it was sent. Raw: it stays in the client's main thread, and
 * what the `api` track keeps of it is folded first. Empty texts where the source does not say.
 */
export type ApiRequest = Readonly<{
  /** Path with query, percent signs and dots as they came. */
  target: string;
  /** HTTP's or gRPC's status; 0 where there was no answer. */
  status: number;
  /** The same along a whole chain of calls. */
  requestId: string;
  /** Of the service that answered. */
  version: string;
  /** How the caller showed who it is: "none", "bearer", "apikey", "mtls", … */
  auth: string;
  /** Who vouches for that: a class or name of the token's issuer, as the token claims it. */
  issuer: string;
  /** Whom the token or a forwarding service names. */
  subject: string;
  /** Address of the peer without its port, or a stand-in for it; and the network it is in. */
  source: string;
  network: string;
  /** Names (no values) of the fields of a body, sorted; undefined where the source does not look into bodies. */
  fields: readonly string[] | undefined;
  bytesReceived: number;
  bytesSent: number;
}>;
