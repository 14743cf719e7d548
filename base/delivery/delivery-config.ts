import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'expected 1 to 32 of a-z, 0-9 and "-"');
const path = z.string().min(1).max(4_096);
const url = z
  .url({ protocol: /^https?$/, error: 'expected an http or https address' })
  // The refusal of such an address repeats it, into logs and dead letters.
  .refine((text) => !/^[^/]*\/\/[^/?#]*@/.test(text), 'a user or password does not belong in the address: use a file');
const host = z.string().regex(/^[\w.:-]{1,255}$/, 'expected a host name or an address');

/** Secrets come from files alone, read anew for each delivery: they can be changed without a restart. */
const sink = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('webhook'),
    name,
    url,
    /** The key of the HMAC, at least 16 bytes; without it the body is not signed. */
    secretFile: path.optional(),
  }),
  z.strictObject({
    kind: z.literal('syslog'),
    name,
    host,
    port: z.int().min(1).max(65_535).default(601),
    /** Over TLS (RFC 5425, mostly port 6514); `caFile` in the place of the system's authorities. */
    tls: z.boolean().default(false),
    caFile: path.optional(),
    /** 0 to 23; 10 is security and authorisation. */
    facility: z.int().min(0).max(23).default(10),
  }),
  z.strictObject({ kind: z.literal('alertmanager'), name, url, bearerFile: path.optional() }),
  /** Logs over HTTP with JSON: `url` is the collector's, without /v1/logs. */
  z.strictObject({ kind: z.literal('otlp'), name, url, bearerFile: path.optional() }),
  /** OCSF Detection Findings, one JSON line each: into a file, or on standard output. */
  z.strictObject({ kind: z.literal('ocsf'), name, file: path }),
]);

export type SinkConfig = z.infer<typeof sink>;

export const deliveryConfig = z
  .strictObject({
    sinks: z
      .array(sink)
      .max(16)
      .refine((sinks) => new Set(sinks.map((one) => one.name)).size === sinks.length, 'two sinks have the same name')
      .default([]),
    /** The same (of one workload, one cluster) within so long is told once, and once more with its number at the end; 0: all are told. */
    repeatSeconds: z.number().min(0).max(86_400).default(600),
    /** To each sink, at most so many; more wait. */
    perMinute: z.number().min(1).max(60_000).default(60),
    /** How long a sink that does not answer is tried. */
    giveUpHours: z.number().min(0.001).max(720).default(24),
  })
  .prefault({});

export type DeliveryConfig = z.infer<typeof deliveryConfig>;

/** With the paths of its files absolute. */
export function withAbsoluteSinks(config: DeliveryConfig, absolute: (name: string) => string): DeliveryConfig {
  const resolved = (one: SinkConfig): SinkConfig => {
    switch (one.kind) {
      case 'webhook':
        return one.secretFile === undefined ? one : { ...one, secretFile: absolute(one.secretFile) };
      case 'syslog':
        return one.caFile === undefined ? one : { ...one, caFile: absolute(one.caFile) };
      case 'alertmanager':
      case 'otlp':
        return one.bearerFile === undefined ? one : { ...one, bearerFile: absolute(one.bearerFile) };
      case 'ocsf':
        return one.file === 'stdout' ? one : { ...one, file: absolute(one.file) };
    }
  };
  return { ...config, sinks: config.sinks.map(resolved) };
}
