import { env } from 'node:process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOfTetragon } from '../tetragon-event.ts';
import { GetEventsResponse } from '../wire/generated/tetragon.ts';
import { EventReader } from './event-bytes.ts';
import { readTetragonMessage } from './read-message.ts';

const options = { abi: 'x86_64' } as const;

/** What decoding everything says. */
function slowly(bytes: Buffer) {
  return itemsOfTetragon(readTetragonMessage(GetEventsResponse.decode(bytes)), 'here', options);
}

function encoded(event: object, rest: object = {}): Buffer {
  const said = { nodeName: 'n1', time: { seconds: 1_795_000_000n, nanos: 5_000_000 }, event, ...rest };
  return Buffer.from(GetEventsResponse.encode(GetEventsResponse.fromPartial(said as never)).finish());
}

const process = fc.record({
  execId: fc.constantFrom('', 'e1', 'e2', 'é\u0000'),
  pid: fc.record({ value: fc.integer({ min: 0, max: 3 }) }),
  tid: fc.option(fc.record({ value: fc.integer({ min: 0, max: 300 }) }), { nil: undefined }),
  binary: fc.constantFrom('/bin/sh', '/usr/sbin/nginx'),
  pod: fc.option(
    fc.record({
      namespace: fc.constantFrom('shop', 'ns'),
      name: fc.constant('web-0'),
      workload: fc.constantFrom('', 'web'),
      podLabels: fc.constantFrom([], [{ key: 'app', value: 'web' }]),
    }),
    { nil: undefined },
  ),
});
const argument = fc.oneof(
  fc.record({ id: fc.integer({ min: 0, max: 400 }), abi: fc.constantFrom('x64', 'arm64', '') }).map((value) => ({
    arg: { $case: 'syscallId', value },
  })),
  fc.constantFrom('/etc/shadow', '/tmp/x').map((value) => ({ arg: { $case: 'stringArg', value } })),
  fc.bigInt({ min: -3n, max: 2n ** 40n }).map((value) => ({ arg: { $case: 'longArg', value } })),
);
const args = fc.array(argument, { maxLength: 3 });
const hook = fc.oneof(
  fc.record({
    $case: fc.constant('processTracepoint'),
    value: fc.record({
      process: fc.option(process, { nil: undefined }),
      subsys: fc.constantFrom('raw_syscalls', 'syscalls', 'sched'),
      event: fc.constantFrom('sys_enter', 'sys_enter_openat', 'sys_exit'),
      args,
    }),
  }),
  fc.record({
    $case: fc.constant('processKprobe'),
    value: fc.record({ process, functionName: fc.constantFrom('__x64_sys_mount', 'tcp_connect'), args }),
  }),
  fc.record({ $case: fc.constant('processExit'), value: fc.record({ process }) }),
  fc.constant({ $case: 'rateLimitInfo', value: { numberOfDroppedProcessEvents: 9n } }),
);
const rest = fc.record({
  nodeName: fc.constantFrom('n1', 'n2', ''),
  time: fc.constantFrom(
    undefined,
    { seconds: 1_795_000_000n, nanos: 999_999_999 },
    { seconds: -5n, nanos: 0 },
    { seconds: 2n ** 62n, nanos: -1 },
  ),
  aggregationInfo: fc.constantFrom(undefined, undefined, undefined, { count: 3n }),
});

describe('EventReader', () => {
  it('gives the items that decoding the whole event gives, in whatever order events come and come again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hook, rest), { minLength: 1, maxLength: 40 }), (events) => {
        const reader = new EventReader(options);
        for (const [event, others] of [...events, ...events]) {
          const bytes = encoded(event, others);
          expect(reader.read(bytes, () => 'here')).toEqual(slowly(bytes));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('forgets processes that have ended', () => {
    const reader = new EventReader(options);
    const event = ($case: string, execId: string) => {
      const value = { process: { execId, pid: { value: 7 } }, subsys: 'syscalls', event: 'sys_enter_read', args: [] };
      reader.read(encoded({ $case, value }), () => 'here');
    };
    for (const execId of ['e1', 'é2', 'e3']) event('processTracepoint', execId);
    expect(reader.processesKnown).toBe(3);
    for (const execId of ['é2', 'e1', 'e4']) event('processExit', execId);
    expect(reader.processesKnown).toBe(1);
  });

  it('gives the same of bytes that were altered or cut short, or fails as the decoder does', () => {
    const said = { execId: 'e1', pid: { value: 7 }, binary: '/bin/sh' };
    const value = { process: said, subsys: 'syscalls', event: 'sys_enter_read', args: [] };
    const whole = encoded({ $case: 'processTracepoint', value });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const reader = new EventReader(options);
        reader.read(whole, () => 'here');
        const bytes = Buffer.from(whole.subarray(0, length));
        if (at < bytes.length) bytes[at] = byte;
        const outcome = (read: () => unknown) => {
          try {
            return read();
          } catch (error) {
            return String(error);
          }
        };
        expect(outcome(() => reader.read(bytes, () => 'here'))).toEqual(outcome(() => slowly(bytes)));
      }),
      { numRuns: Number(env.TESTUDO_FUZZ_MUTATIONS ?? 2_000) },
    );
  });
});
