import { isBenign, type Trace } from '../../client/events/trace.ts';
import { callIdOfName } from '../../client/events/vocabulary.ts';
import { GetEventsResponse } from '../../client/sources/wire/generated/tetragon.ts';
import { numberOfCallId } from '../../client/tracks/syscall/profile/call-numbers.ts';
import { readAll, recordedPath } from '../../lab/data/recorded-traces.ts';

/** Digits in an exec id that say which lap of the ring a process lives in: every lap has processes of its own. */
const lapDigits = 8;
const lapMark = 'L'.repeat(lapDigits);

/** Whole gRPC frames one after another, and where in them the laps' digits stand. */
export type Ring = Readonly<{
  bytes: Buffer;
  /** Ends of frames, shape [events]. */
  ends: Uint32Array;
  /** Offsets of lap digits, in order. */
  laps: Uint32Array;
  calls: number;
  /** The workload with the most processes: its threshold is there first. */
  commonest: string;
}>;

/**
 * Recorded traces as a Tetragon with a policy on raw_syscalls/sys_enter streams them: `at once` processes interleaved, each with
 * its pod, labels, container and parent, and an exit when it ends.
 */
export async function recordedRing(callsMin: number): Promise<Ring> {
  const traces = (await readAll(recordedPath)).filter((trace) => isBenign(trace) && trace.calls.length > 0);
  return ringOf(traces, callsMin);
}

function ringOf(traces: readonly Trace[], callsMin: number): Ring {
  const frames: Buffer[] = [];
  let calls = 0;
  let next = 0;
  const used = new Map<string, number>();
  const open: { pid: number; trace: Trace; at: number }[] = [];
  while (calls < callsMin || open.length > 0) {
    while (calls < callsMin && open.length < processesAtOnce) {
      const trace = traces[next % traces.length] as Trace;
      open.push({ pid: 1_000 + next, trace, at: 0 });
      used.set(trace.service, (used.get(trace.service) ?? 0) + 1);
      next += 1;
    }
    for (const one of [...open]) {
      const { trace, pid } = one;
      // A process makes a few calls before another one gets its turn.
      for (let burst = 0; burst < 16 && one.at < trace.calls.length; burst++, one.at++) {
        frames.push(frameOf(callEvent(trace, pid, trace.calls[one.at] as number)));
        calls += 1;
      }
      if (one.at < trace.calls.length) continue;
      frames.push(frameOf({ $case: 'processExit', value: { process: processOf(trace, pid) } }));
      open.splice(open.indexOf(one), 1);
    }
  }
  const ends = new Uint32Array(frames.length);
  let at = 0;
  for (const [index, { length }] of frames.entries()) {
    at += length;
    ends[index] = at;
  }
  const bytes = Buffer.concat(frames);
  const laps: number[] = [];
  for (let found = bytes.indexOf(lapMark); found >= 0; found = bytes.indexOf(lapMark, found + lapDigits))
    laps.push(found);
  const [commonest = ''] = [...used].sort(([, a], [, b]) => b - a).map(([service]) => service);
  return { bytes, ends, laps: Uint32Array.from(laps), calls, commonest };
}

const processesAtOnce = 64;

/** Writes a lap's number into the ring. */
export function enterLap({ bytes, laps }: Ring, lap: number): void {
  const digits = Buffer.from(String(lap).padStart(lapDigits, '0'), 'latin1');
  for (const at of laps) digits.copy(bytes, at);
}

type Event = NonNullable<GetEventsResponse['event']>;

function callEvent(trace: Trace, pid: number, call: number): unknown {
  const process = processOf(trace, pid);
  return {
    $case: 'processTracepoint',
    value: {
      process,
      subsys: 'raw_syscalls',
      event: 'sys_enter',
      args: [{ arg: { $case: 'syscallId', value: { id: numberOfCallId(call), abi: 'x64' } } }],
    },
  };
}

function processOf({ service }: Trace, pid: number): unknown {
  return {
    execId: `bm9kZS0xOjEyMzQ1Njc4OTA6${lapMark}:${String(pid).padStart(8, '0')}`,
    pid: { value: pid },
    tid: { value: pid },
    binary: `/usr/sbin/${service}`,
    docker: '551e161c47d8ff0eb665438a7bcd5b4',
    pod: {
      namespace: 'shop',
      name: `${service}-7c9f8d6b5-x2x4z`,
      workload: service,
      workloadKind: 'Deployment',
      container: {
        id: 'containerd://551e161c47d8ff0eb665438a7bcd5b4e3f1b2a4c5d6e7f8091a2b3c4d5e6f708',
        name: service,
        image: {
          id: `registry.internal/${service}@sha256:${'ab'.repeat(32)}`,
          name: `registry.internal/${service}:1.27`,
        },
      },
      podLabels: [
        { key: 'app.kubernetes.io/name', value: service },
        { key: 'app', value: service },
        { key: 'pod-template-hash', value: '7c9f8d6b5' },
      ],
    },
  };
}

function frameOf(event: unknown): Buffer {
  const message = GetEventsResponse.encode(
    GetEventsResponse.fromPartial({
      nodeName: 'node-1',
      time: { seconds: 1_795_000_000n, nanos: 123_456_789 },
      event: event as Event,
    } as never),
  ).finish();
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** A process of a workload that attacks, from its first call to its exit. */
export function attackFrames(service: string, pid: number): Buffer {
  const trace = { service, calls: Uint16Array.from(attack, (name) => callIdOfName(name)) } as Trace;
  const calls = Array.from(trace.calls, (call) => frameOf(callEvent(trace, pid, call)));
  return Buffer.concat([...calls, frameOf({ $case: 'processExit', value: { process: processOf(trace, pid) } })]);
}

const attack = ['ptrace', 'process_vm_writev', 'init_module', 'setns', 'kexec_load', 'bpf', 'pivot_root', 'ptrace'];
