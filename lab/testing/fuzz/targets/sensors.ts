import { readFalcoAlert } from '../../../../client/sources/falco-file.ts';
import { itemsOfHubble } from '../../../../client/sources/flow/hubble-flow.ts';
import { readHubbleJson } from '../../../../client/sources/flow/hubble-json.ts';
import { readHubbleMessage } from '../../../../client/sources/flow/hubble-stream.ts';
import type { ReaderTable } from '../../../../client/sources/testing/reader-case.ts';
import { falco } from '../../../../client/sources/testing/tables/falco.ts';
import { hubble } from '../../../../client/sources/testing/tables/hubble.ts';
import { tetragon } from '../../../../client/sources/testing/tables/tetragon.ts';
import { itemsOfTetragon } from '../../../../client/sources/tetragon-event.ts';
import { EventReader } from '../../../../client/sources/tetragon-grpc/event-bytes.ts';
import { readTetragonMessage } from '../../../../client/sources/tetragon-grpc/read-message.ts';
import { readTetragonJson } from '../../../../client/sources/tetragon-json.ts';
import { GetFlowsResponse } from '../../../../client/sources/wire/generated/hubble.ts';
import { GetEventsResponse } from '../../../../client/sources/wire/generated/tetragon.ts';
import { refused, type Target, textOf } from '../target.ts';
import { filledMessages } from './filled-messages.ts';

const abi = { abi: 'x86_64' } as const;

/** Distinct lines of what a reader's own tests read. */
export function linesOf({ cases }: Pick<ReaderTable, 'cases'>): Buffer[] {
  return [...new Set(cases.flatMap(({ lines }) => lines))].map((line) => Buffer.from(line));
}

function line(name: string, table: ReaderTable, read: (text: string) => unknown): Target {
  return {
    name,
    seeds: () => linesOf(table),
    read: (bytes) => ({ kind: 'read', value: read(textOf(bytes)) }),
  };
}

const tetragonBytes: Target = {
  name: 'tetragon-grpc',
  words: ['raw_syscalls', 'sys_enter', '__x64_sys_mount', 'x64', 'arm64'],
  seeds: () => filledMessages((bytes) => GetEventsResponse.decode(bytes)),
  read(input) {
    const bytes = Buffer.from(input);
    let slowly: readonly unknown[];
    try {
      slowly = itemsOfTetragon(readTetragonMessage(GetEventsResponse.decode(bytes)), 'here', abi);
    } catch {
      // As the stream of events does with what is no message.
      return refused('EVENT_MALFORMED');
    }
    const reader = new EventReader(abi);
    reader.read(bytes, () => 'here');
    // The second time an event is found by its bytes, and must be the same event.
    return { kind: 'read', value: slowly, also: [...reader.read(bytes, () => 'here')] };
  },
};

const hubbleBytes: Target = {
  name: 'hubble-grpc',
  seeds: () => filledMessages((bytes) => GetFlowsResponse.decode(bytes)),
  read(bytes) {
    let message: GetFlowsResponse;
    try {
      message = GetFlowsResponse.decode(bytes);
    } catch {
      return refused('FLOW_MALFORMED');
    }
    return { kind: 'read', value: itemsOfHubble(readHubbleMessage(message), 'here') };
  },
};

export const sensorTargets: readonly Target[] = [
  line('falco-line', falco, readFalcoAlert),
  line('tetragon-line', tetragon, (text) => {
    const event = readTetragonJson(text);
    return typeof event === 'string' ? event : itemsOfTetragon(event, 'here', abi);
  }),
  line('hubble-line', hubble, (text) => {
    const message = readHubbleJson(text);
    return typeof message === 'string' ? message : itemsOfHubble(message, 'here');
  }),
  tetragonBytes,
  hubbleBytes,
];
