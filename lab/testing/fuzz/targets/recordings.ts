import { gzipSync, zstdCompressSync } from 'node:zlib';
import { EndsOfCalls } from '../../../../client/recordings/access-logs/ends-of-call.ts';
import { itemOfAccessLine } from '../../../../client/recordings/access-logs/flow-of-line.ts';
import { AddressBook } from '../../../../client/recordings/address-book.ts';
import { decompressed } from '../../../../client/recordings/compressed/decompressed.ts';
import { unreadForm } from '../../../../client/recordings/compressed/unread-forms.ts';
import { FlowLines } from '../../../../client/recordings/flow-lines.ts';
import { parseStraceLine } from '../../../../client/recordings/strace-line.ts';
import { StraceThreads } from '../../../../client/recordings/strace-threads.ts';
import { TraceLineParser } from '../../../../client/recordings/trace-line-parser.ts';
import type { ReaderTable } from '../../../../client/sources/testing/reader-case.ts';
import { gatewayText } from '../../../../client/sources/testing/tables/access-logs/gateway-text.ts';
import { accessLogsInJson } from '../../../../client/sources/testing/tables/access-logs/json.ts';
import { meshText } from '../../../../client/sources/testing/tables/access-logs/mesh-text.ts';
import { flowLogDocuments, flowLogLines, flowLogTables } from '../../../../client/sources/testing/tables/flow-logs.ts';
import { strace } from '../../../../client/sources/testing/tables/strace.ts';
import { refused, type Target, textOf } from '../target.ts';
import { linesOf } from './sensors.ts';

const addresses = new AddressBook([{ network: '10.1.0.0/16', namespace: 'shop' }]);

/** The lines of each case together, as a file holds them. */
function filesOf(tables: readonly ReaderTable[]): Buffer[] {
  return tables.flatMap(({ cases }) => cases.map(({ lines }) => Buffer.from(`${lines.join('\n')}\n`)));
}

const accessLog: Target = {
  name: 'access-log-line',
  seeds: () => [meshText, gatewayText, accessLogsInJson].flatMap(linesOf),
  read(bytes) {
    const ends = new EndsOfCalls({ self: { namespace: 'shop', workload: 'cart' }, addresses });
    return { kind: 'read', value: itemOfAccessLine(textOf(bytes), ends, 'here') };
  },
};

/** Zeek, Suricata, clouds, nfdump, and the tables of data sets: a whole small file, since headers say how to read on. */
const flowFile: Target = {
  name: 'flow-file',
  inputsInTests: 700,
  seeds: () => filesOf([flowLogLines, flowLogTables, flowLogDocuments]),
  read(bytes) {
    const reader = new FlowLines('file', { addresses });
    const items = textOf(bytes)
      .split('\n')
      .flatMap((line) => reader.push(line));
    return { kind: 'read', value: [...items, ...reader.end()] };
  },
};

const straceFile: Target = {
  name: 'strace-file',
  seeds: () => filesOf([strace]),
  inputsInTests: 700,
  read(bytes) {
    const threads = new StraceThreads('file');
    const value = textOf(bytes)
      .split('\n')
      .map((text) => {
        const line = parseStraceLine(text);
        if (line.kind === 'call') return [line, threads.caller(line)];
        if (line.kind === 'end') return [line, threads.ended(line)];
        if (line.kind === 'remark') threads.remark(text);
        return [line];
      });
    return { kind: 'read', value };
  },
};

/** Wherever a file's bytes are cut into chunks, its traces are the same. */
const traceFile: Target = {
  name: 'trace-file',
  words: ['\t', 'openat', ' 257', 'train\tc1\tsvc\tnormal\tt1\t'],
  seeds: () => [
    Buffer.from('t1\t1 2 3 59 257\n\nt2\topenat read 4096\n'),
    Buffer.from('train\tnormal\tt3\t6 6 63\r\ntest\tc1\tweb\tattack\tt4\t102 0\n'),
  ],
  read(bytes) {
    const whole = new TraceLineParser('x86_64');
    const value = [...whole.push(bytes), ...whole.end()];
    const cut = new TraceLineParser('x86_64');
    const middle = Math.floor(bytes.length / 2);
    const also = [...cut.push(bytes.subarray(0, middle)), ...cut.push(bytes.subarray(middle)), ...cut.end()];
    return { kind: 'read', value, also };
  },
};

const unpackedBytesMax = 2 ** 20;

/** Streams that are unpacked piece by piece: whoever reads on takes as much as he wants. */
const packedFile: Target = {
  name: 'packed-file',
  inputsInTests: 200,
  seeds: () => {
    const text = Buffer.from('t1\t1 2 3 59 257\n'.repeat(20));
    return [text, gzipSync(text), zstdCompressSync(text), Buffer.concat([gzipSync(text), gzipSync(text)])];
  },
  async read(bytes) {
    let unpacked = 0;
    try {
      for await (const piece of decompressed(inTwo(bytes))) {
        unpacked += piece.length;
        if (unpacked > unpackedBytesMax) break;
      }
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // zlib's own words; readers say "cut short" or "unreadable" of them.
      if (/^(?:Z_|ZSTD_|ERR_)/.test(code)) return refused(code.toUpperCase());
      if ((error as Error).message === unreadForm(Buffer.from(bytes))) return refused('UNREAD_FORM');
      throw error;
    }
    return { kind: 'read', value: unpacked };
  },
};

async function* inTwo(bytes: Uint8Array): AsyncGenerator<Buffer> {
  const middle = Math.floor(bytes.length / 2);
  yield Buffer.from(bytes.subarray(0, middle));
  yield Buffer.from(bytes.subarray(middle));
}

export const recordingTargets: readonly Target[] = [accessLog, flowFile, straceFile, traceFile, packedFile];
