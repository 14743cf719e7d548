import { isPlausibleTime } from '../../events/plausible-time.ts';
import { containerIdOf, type TetragonArgument, type TetragonEvent, type TetragonProcess } from '../tetragon-event.ts';
import type { GetEventsResponse, KprobeArgument, Process } from '../wire/generated/tetragon.ts';

/** A message of the stream as both transports are brought to. */
export function readTetragonMessage({ event, nodeName, time, aggregationInfo }: GetEventsResponse): TetragonEvent {
  const saidMs = time === undefined ? 0 : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6);
  const atMs = isPlausibleTime(saidMs) ? saidMs : 0;
  const count = Math.min(Math.max(1, Number(aggregationInfo?.count ?? 1n)), Number.MAX_SAFE_INTEGER);
  return { node: nodeName, atMs, count, event: eventOf(event) };
}

function eventOf(event: GetEventsResponse['event']): TetragonEvent['event'] {
  switch (event?.$case) {
    case undefined:
      return { kind: 'unknown' };
    case 'processExec':
      return { kind: 'exec', process: processOf(event.value.process) };
    case 'processExit':
      return { kind: 'exit', process: processOf(event.value.process) };
    case 'processTracepoint': {
      const { process, subsys, event: name, args } = event.value;
      return { kind: 'tracepoint', process: processOf(process), hook: `${subsys}/${name}`, args: args.map(argumentOf) };
    }
    case 'processKprobe': {
      const { process, functionName, args } = event.value;
      return { kind: 'kprobe', process: processOf(process), hook: functionName, args: args.map(argumentOf) };
    }
    case 'rateLimitInfo':
      return { kind: 'dropped', count: Number(event.value.numberOfDroppedProcessEvents) };
    case 'processThrottle':
      return { kind: 'throttled' };
    case 'processLoader':
    case 'processUprobe':
    case 'processLsm':
    case 'processUsdt':
    case 'test':
      return { kind: 'ignored' };
  }
}

function processOf(process: Process | undefined): TetragonProcess {
  const pod = process?.pod;
  return {
    execId: process?.execId ?? '',
    pid: process?.pid?.value ?? 0,
    tid: process?.tid?.value ?? 0,
    binary: process?.binary ?? '',
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
    workload: pod?.workload ?? '',
    container: pod?.container?.name ?? '',
    containerId: containerIdOf(pod?.container?.id || (process?.docker ?? '')),
    image: pod?.container?.image?.name ?? '',
    labels: new Map((pod?.podLabels ?? []).map(({ key, value }) => [key, value])),
  };
}

function argumentOf({ arg }: KprobeArgument): TetragonArgument {
  switch (arg?.$case) {
    case undefined:
      return { kind: 'other' };
    case 'syscallId':
      return { kind: 'syscall', number: arg.value.id, abi: arg.value.abi };
    case 'stringArg':
      return { kind: 'path', path: arg.value };
    case 'pathArg':
    case 'fileArg':
    case 'linuxBinprmArg':
    case 'sockaddrunArg':
      return { kind: 'path', path: arg.value.path };
    case 'sockArg':
    case 'skbArg':
      return { kind: 'port', port: arg.value.dport };
    case 'sockaddrArg':
      return { kind: 'port', port: arg.value.port };
    case 'sizeArg':
    case 'longArg':
    case 'uintArg':
    case 'intArg':
      return { kind: 'number', value: Number(arg.value) };
  }
}
