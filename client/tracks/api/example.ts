import { z } from 'zod';
import { ok, refuse } from '../../../base/fault.ts';
import { unsignedZero } from '../../../base/text/number.ts';
import type { ExampleCodec } from '../example-codec.ts';

/** What is learnt and scored: a chain of calls as shapes, classes, counts and salted hashes. */

/** The call came from outside of the chain's services: a client, a probe, a job. */
export const fromOutside = -1;
/** The caller is a service that served no call of this chain. */
export const fromNowhere = -2;

/** What lies so many seconds ahead of what comes now bears the time of a clock that was wrong. */
export const aheadMaxS = 86_400;

export type ApiCall = Readonly<{
  server: string;
  /** Empty: nobody with a name. */
  caller: string;
  version: string;
  method: string;
  /** See requests/target.ts. */
  route: string;
  values: readonly (readonly [name: string, shape: string])[];
  status: number;
  auth: string;
  issuer: string;
  /** Half octaves of bytes; 0 for none. */
  received: number;
  sent: number;
  fields: readonly string[] | undefined;
  /** Index of the call of this chain that its caller was serving, or `fromOutside` or `fromNowhere`. */
  parent: number;
}>;

/** What was going on when the chain began; counts are of chains, the chain itself included. */
export type ApiSurroundings = Readonly<{
  /** Of the source, last minute. */
  rate: number;
  /** Of the source, last five minutes: answers of 400 and more. */
  failures: number;
  /** At the same route, last five minutes, whoever asked. */
  routeFailures: number;
  /** Sources that failed at the same route in the last quarter of an hour. */
  failingSources: number;
  /** How often the subject came from another network than just before, in the last half hour. */
  switches: number;
  /** Subjects that the source named in the last quarter of an hour. */
  subjects: number;
  /** Objects that the chain itself names; hashes. */
  named: readonly number[];
  /** Distinct objects that the subject, or else the source, named at this route in the last quarter of an hour; hashes. */
  objects: readonly number[];
  /** The route that the same subject, or else source, asked for before; empty: none that is remembered. */
  previous: string;
  /** The route that the source asked for before it first named this subject. */
  arrival: string;
}>;

export type ApiExample = Readonly<{
  /** Tells chains of one second apart: a salted hash. */
  id: number;
  /** Seconds since 1970: examples are learnt in this order. */
  atS: number;
  /** Salted hashes; 0: not said. */
  subject: number;
  source: number;
  network: number;
  /** By when they began; the first is the one that the client sent. */
  calls: readonly ApiCall[];
  around: ApiSurroundings;
}>;

const named = z.tuple([z.string().max(64), z.string().max(140)]);
const whole = z.int().transform(unsignedZero);
const counted = z.int().nonnegative().transform(unsignedZero);
const stored = z.strictObject({
  id: counted,
  atS: whole,
  subject: counted,
  source: counted,
  network: counted,
  calls: z
    .array(
      z.strictObject({
        server: z.string(),
        caller: z.string(),
        version: z.string(),
        method: z.string(),
        route: z.string(),
        values: z.array(named),
        status: whole,
        auth: z.string(),
        issuer: z.string(),
        received: counted,
        sent: counted,
        fields: z.array(z.string()).optional(),
        parent: whole,
      }),
    )
    .min(1),
  around: z.strictObject({
    rate: counted,
    failures: counted,
    routeFailures: counted,
    failingSources: counted,
    switches: counted,
    subjects: counted,
    named: z.array(counted),
    objects: z.array(counted),
    previous: z.string(),
    arrival: z.string(),
  }),
});

/** Examples as the encrypted buffer keeps them: JSON, a few hundred bytes for each call. */
export const apiCodec: ExampleCodec<ApiExample> = {
  encode: (example) => Buffer.from(JSON.stringify(example)),

  decode(bytes) {
    try {
      const { calls, ...rest } = stored.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
      return ok({ ...rest, calls: calls.map(({ fields, ...call }) => ({ ...call, fields })) });
    } catch {
      return refuse('EXAMPLE_MALFORMED', 'chain of requests: not what this build writes');
    }
  },
};
