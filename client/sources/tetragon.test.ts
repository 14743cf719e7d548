import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { itWhere } from '../../tools/testing/where.ts';
import { argumentClasses } from '../events/argument-class.ts';
import type { SourceItem } from '../events/source-item.ts';
import { callIdOfName, unknownId } from '../events/vocabulary.ts';
import { tetragonFile } from './tetragon-file.ts';
import { readTetragonJson } from './tetragon-json.ts';
import { tetragonStream } from './tetragon-stream.ts';
import { FineGuidanceSensorsService, GetEventsResponse } from './wire/generated/tetragon.ts';

let folder: string;
let controller: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-tetragon-'));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await rm(folder, { recursive: true, force: true });
});

const process = {
  exec_id: 'bm9kZTox',
  pid: 52699,
  tid: 52701,
  binary: '/usr/sbin/nginx',
  pod: {
    namespace: 'shop',
    name: 'web-7d9c-x2x',
    workload: 'web',
    container: { name: 'nginx', image: { name: 'docker.io/library/nginx:1.27' } },
    pod_labels: { tier: 'front' },
  },
};
const time = '2026-01-02T03:04:05.678901234Z';

function tracepoint(args: unknown[], over: object = {}) {
  return {
    process_tracepoint: { process, subsys: 'raw_syscalls', event: 'sys_enter', args, ...over },
    node_name: 'n1',
    time,
  };
}

async function items(lines: readonly unknown[]): Promise<SourceItem[]> {
  const path = join(folder, 'tetragon.log');
  await writeFile(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  const found: SourceItem[] = [];
  for await (const batch of tetragonFile(path, { follow: false, signal: controller.signal }))
    found.push(...batch.items);
  return found;
}

const call = (item: SourceItem | undefined) => (item?.kind === 'call' ? item.call : item);

describe('tetragonFile', () => {
  it('takes no list for a number and no thirtieth of February for a time', async () => {
    const [odd, undated] = await items([
      tracepoint([{ syscall_id: { id: [257], abi: 'x64' } }]),
      { ...tracepoint([{ syscall_id: { id: '257', abi: 'x64' } }]), time: '2026-02-30T03:04:05Z' },
    ]);
    expect(call(odd)).not.toMatchObject({ call: callIdOfName('openat') });
    expect(undated).toMatchObject({ kind: 'call', call: callIdOfName('openat'), atMs: 0 });
  });

  it('turns a raw_syscalls tracepoint into a call with its process, pod and time', async () => {
    const [item] = await items([tracepoint([{ syscall_id: { id: 257, abi: 'x64' } }])]);
    expect(item).toEqual({
      kind: 'call',
      thread: 'bm9kZTox/52701',
      call: callIdOfName('openat'),
      argumentClass: 0,
      atMs: Date.parse(time),
      process: {
        node: 'n1',
        namespace: 'shop',
        workload: 'web',
        pod: 'web-7d9c-x2x',
        container: 'nginx',
        binary: '/usr/sbin/nginx',
        pid: 52699,
        workloadClass: 'nginx',
      },
    });
  });

  it('names the same call whatever the architecture and the version say it in', async () => {
    const found = await items([
      tracepoint([{ syscall_id: { id: 59, abi: 'x64' } }]),
      tracepoint([{ syscall_id: { id: 11, abi: 'i386' } }]),
      tracepoint([{ syscall_id: { id: 221, abi: 'arm64' } }]),
      tracepoint([{ long_arg: '59' }]),
      tracepoint([{ size_arg: String(2 ** 31 + 11) }]),
      { process_kprobe: { process, function_name: '__x64_sys_execve', args: [] }, time },
      tracepoint([], { subsys: 'syscalls', event: 'sys_enter_execve' }),
    ]);
    expect(found.map(call)).toEqual(Array.from({ length: 7 }, () => callIdOfName('execve')));
  });

  it('gives numbers that no table has the unknown call', async () => {
    const numbers = [2 ** 31, 4_294_967_295, 100_000, 1e300];
    const found = await items(numbers.map((id) => tracepoint([{ syscall_id: { id, abi: 'x64' } }])));
    expect(found.map(call)).toEqual(numbers.map(() => unknownId));
  });

  it('classifies what the arguments name', async () => {
    const kprobe = (args: unknown[]) => ({ process_kprobe: { process, function_name: '__x64_sys_connect', args } });
    const found = await items([
      kprobe([{ file_arg: { path: '/etc/shadow' } }]),
      kprobe([{ sock_arg: { daddr: '10.0.0.1', dport: 6379 } }]),
      kprobe([{ string_arg: '/tmp/x' }]),
    ]);
    expect(found.map((item) => (item.kind === 'call' ? argumentClasses[item.argumentClass] : item))).toEqual([
      'path:credentials',
      'port:store',
      'path:temporary',
    ]);
  });

  it('counts what it cannot use, with where it stood, and goes on', async () => {
    const found = await items([
      '{"process_tracepoint":{',
      '[1,2]',
      '"text"',
      { process_connect: { process } },
      { process_loader: { process } },
      { process_tracepoint: { subsys: 'raw_syscalls' } },
      tracepoint([]),
      '',
      { rate_limit_info: { number_of_dropped_process_events: '12' } },
      { process_exit: { process } },
      tracepoint([{ syscall_id: { id: 0, abi: 'x64' } }]),
    ]);
    const told = found.map((item) =>
      item.kind === 'skipped' ? item.reason : item.kind === 'lost' ? `lost ${item.count}` : item.kind,
    );
    expect(told).toEqual([
      'MALFORMED_JSON',
      'NOT_AN_OBJECT',
      'NOT_AN_OBJECT',
      'UNKNOWN_EVENT_TYPE',
      'IGNORED_EVENT_TYPE',
      'INCOMPLETE_EVENT',
      'IGNORED_EVENT_TYPE',
      'lost 12',
      'end',
      'call',
    ]);
    expect(found[1]).toMatchObject({ where: expect.stringMatching(/tetragon\.log:24$/) });
  });

  it('survives any JSON', () => {
    const names = fc.constantFrom('process_tracepoint', 'process_kprobe', 'process_exec', 'rate_limit_info', 'time');
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(names, fc.string()), fc.jsonValue()), (record) => {
        readTetragonJson(JSON.stringify(record));
      }),
      { numRuns: 2_000 },
    );
  });

  itWhere(existsSync('../shared/data/events/tetragon.jsonl'))('reads recorded events of several versions', async () => {
    const found = await items((await readFile('../shared/data/events/tetragon.jsonl', 'utf8')).trimEnd().split('\n'));
    const reasons = found.flatMap((item) => (item.kind === 'skipped' ? [item.reason] : []));
    expect(reasons.filter((reason) => reason === 'UNKNOWN_EVENT_TYPE').length).toBe(8);
    expect(reasons).not.toContain('INCOMPLETE_EVENT');
    expect(found.filter((item) => item.kind === 'end').length).toBe(7);
  });
});

describe('tetragonStream', () => {
  it('makes the same of an event as the file does', async () => {
    const pid = 52_699;
    const tid = 52_701;
    const sent = {
      execId: 'bm9kZTox',
      pid: { value: pid },
      tid: { value: tid },
      binary: '/usr/sbin/nginx',
      pod: {
        namespace: 'shop',
        name: 'web-7d9c-x2x',
        workload: 'web',
        container: { name: 'nginx', image: { name: 'docker.io/library/nginx:1.27' } },
        podLabels: [{ key: 'tier', value: 'front' }],
      },
    };
    const raw = (arg: object) => ({
      $case: 'processTracepoint',
      value: { process: sent, subsys: 'raw_syscalls', event: 'sys_enter', args: [{ arg }] },
    });
    const kprobe = (functionName: string, arg: object) => ({
      $case: 'processKprobe',
      value: { process: sent, functionName, args: [{ arg }] },
    });
    const inFile = (function_name: string, arg: object) => ({
      process_kprobe: { process, function_name, args: [arg] },
    });
    const pairs: readonly (readonly [written: object, sent: object, count?: bigint])[] = [
      [
        tracepoint([{ syscall_id: { id: 59, abi: 'x64' } }]),
        raw({ $case: 'syscallId', value: { id: 59, abi: 'x64' } }),
      ],
      [
        tracepoint([{ syscall_id: { id: 59, abi: 'arm32' } }]),
        raw({ $case: 'syscallId', value: { id: 59, abi: 'arm32' } }),
      ],
      [tracepoint([{ size_arg: '59' }]), raw({ $case: 'sizeArg', value: 59n })],
      [tracepoint([{ uint_arg: 59 }]), raw({ $case: 'uintArg', value: 59 })],
      [
        inFile('__x64_sys_connect', { sock_arg: { dport: 53 } }),
        kprobe('__x64_sys_connect', { $case: 'sockArg', value: { dport: 53 } }),
      ],
      [
        inFile('sys_bind', { sockaddr_arg: { port: 53 } }),
        kprobe('sys_bind', { $case: 'sockaddrArg', value: { port: 53 } }),
      ],
      [
        inFile('sys_connect', { sockaddrun_arg: { path: '/run/x' } }),
        kprobe('sys_connect', { $case: 'sockaddrunArg', value: { path: '/run/x' } }),
      ],
      [
        inFile('sys_execve', { linux_binprm_arg: { path: '/bin/id' } }),
        kprobe('sys_execve', { $case: 'linuxBinprmArg', value: { path: '/bin/id' } }),
      ],
      [
        inFile('security_file_open', { file_arg: { path: '/x' } }),
        kprobe('security_file_open', { $case: 'fileArg', value: { path: '/x' } }),
      ],
      [
        { ...tracepoint([{ size_arg: '1' }]), aggregation_info: { count: '3' } },
        raw({ $case: 'sizeArg', value: 1n }),
        3n,
      ],
      [{ process_exec: { process } }, { $case: 'processExec', value: { process: sent } }],
      [{ process_exec: {} }, { $case: 'processExec', value: {} }],
      [{ process_exit: { process } }, { $case: 'processExit', value: { process: sent } }],
      [{ process_lsm: { process } }, { $case: 'processLsm', value: {} }],
      [{ process_throttle: { type: 'THROTTLE_START' } }, { $case: 'processThrottle', value: {} }],
      [
        { rate_limit_info: { number_of_dropped_process_events: '9' } },
        { $case: 'rateLimitInfo', value: { numberOfDroppedProcessEvents: 9n } },
      ],
    ];
    const server = new Server();
    server.addService(FineGuidanceSensorsService, {
      getEvents: (call: { write(message: GetEventsResponse): void; end(): void }) => {
        for (const [, event, count] of pairs) {
          const at = { seconds: BigInt(Date.parse(time)) / 1_000n, nanos: 678_901_234 };
          const aggregationInfo = count === undefined ? undefined : { count };
          call.write(GetEventsResponse.fromPartial({ nodeName: 'n1', time: at, aggregationInfo, event } as never));
        }
        call.end();
      },
    } as never);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const found: SourceItem[] = [];
    const stream = tetragonStream(`127.0.0.1:${port}`, {
      signal: controller.signal,
      reconnect: { firstMs: 1, maxMs: 5 },
      timers: systemTimers,
      unit: () => 0.5,
      onDisconnect: () => controller.abort(),
    });
    for await (const batch of stream) found.push(...batch.items);
    server.forceShutdown();
    const withoutPlace = (all: readonly SourceItem[]) =>
      all.map((item) => (item.kind === 'skipped' ? { ...item, where: '' } : item));
    controller = new AbortController();
    const written = await items(pairs.map(([line]) => ({ node_name: 'n1', time, ...line })));
    expect(withoutPlace(found)).toEqual(withoutPlace(written));
    expect(found.filter(({ kind }) => kind === 'call').length).toBe(11);
  });

  it('reads GetEvents, comes back when the stream breaks, and reports each break', async () => {
    let served = 0;
    const server = new Server();
    server.addService(FineGuidanceSensorsService, {
      getEvents: (call: { write(message: GetEventsResponse): void; emit(name: 'error', error: Error): void }) => {
        served += 1;
        for (const id of [1, 59]) {
          call.write(
            GetEventsResponse.fromPartial({
              nodeName: 'n1',
              time: { seconds: 1_775_030_405n, nanos: 7_000_000 },
              event: {
                $case: 'processTracepoint',
                value: {
                  process: { execId: `e${served}`, pid: { value: 7 }, binary: '/bin/sh' },
                  subsys: 'raw_syscalls',
                  event: 'sys_enter',
                  args: [{ arg: { $case: 'syscallId', value: { id, abi: 'x64' } } }],
                },
              },
            }),
          );
        }
        if (served === 1) call.emit('error', new Error('gone'));
      },
    } as never);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const breaks: string[] = [];
    const stream = tetragonStream(`127.0.0.1:${port}`, {
      signal: controller.signal,
      reconnect: { firstMs: 1, maxMs: 5 },
      timers: systemTimers,
      unit: () => 0.5,
      onDisconnect: ({ code }) => breaks.push(code),
    });
    const found: SourceItem[] = [];
    for await (const batch of stream) {
      found.push(...batch.items);
      if (found.length === 4) break;
    }
    server.forceShutdown();
    expect(found.map(call)).toEqual(['write', 'execve', 'write', 'execve'].map(callIdOfName));
    expect(found[2]).toMatchObject({
      thread: 'e2/7',
      atMs: 1_775_030_405_007,
      process: { node: 'n1', workloadClass: 'sh' },
    });
    expect(breaks).toEqual(['GRPC_UNKNOWN']);
  });
});
