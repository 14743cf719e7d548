import { FaultError, ok, refuse } from '../../../base/fault.ts';
import type {
  ExportReleaseRequest,
  ExportReleaseResponse,
  ImportReleaseRequest,
  ImportReleaseResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { cutShort, noLongerRead } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import { exportRelease, importRelease } from '../../operations/release-files.ts';
import type { Registry } from '../../registry/registry.ts';
import { invalid } from '../../views/request.ts';
import type { Door } from '../door.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import { changeMessage } from './messages.ts';

const idleMsMax = 30_000;
const chunkBytesMax = 262_144;

/** A release as one file, out of here and in again. */
export function releaseFileHandlers(door: Door<'operator'>, registry: Registry) {
  return {
    exportRelease: door.serverStream<'operator', ExportReleaseRequest, ExportReleaseResponse>(
      calls.operator.exportRelease,
      async (request, send, { signal }) => {
        const file = exportRelease(registry, request);
        if (!file.ok) return file;
        for await (const piece of file.value) {
          for (let at = 0; at < piece.byteLength; at += chunkBytesMax) {
            const chunk = Buffer.from(piece.subarray(at, at + chunkBytesMax));
            if (!(await send({ chunk }))) return noLongerRead(signal);
          }
        }
        return ok(undefined);
      },
    ),

    importRelease: door.clientStream<'admin', ImportReleaseRequest, ImportReleaseResponse>(
      calls.operator.importRelease,
      async (messages, { actor, signal }) => {
        const first = await messages.next(idleMsMax);
        if (first.kind !== 'message') return signal.aborted ? cutShort(signal) : invalid('the settings are missing');
        if (first.message === malformed) return refuse('MESSAGE_MALFORMED', 'the first message does not decode');
        if (first.message.part?.$case !== 'settings') return invalid('the first message must hold the settings');
        try {
          const asked = { ...first.message.part.value, file: chunksOf(messages) };
          const imported = await importRelease(registry, actor, asked);
          if (!imported.ok) return imported;
          const { track, version } = imported.value;
          return ok({ track, version: BigInt(version), change: changeMessage(imported.value) });
        } catch (error) {
          if (signal.aborted) return cutShort(signal);
          if (error instanceof FaultError) return { ok: false, fault: error.fault };
          throw error;
        }
      },
    ),
  };
}

/** The file's bytes as they come, read one message at a time. Throws a FaultError when the stream is cut or wrong. */
async function* chunksOf(messages: MessageReader<ImportReleaseRequest | typeof malformed>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const read = await messages.next(idleMsMax);
    if (read.kind === 'end') return;
    if (read.kind !== 'message')
      throw new FaultError(refuse('PEER_TOO_SLOW', 'no piece of the file for too long').fault);
    if (read.message === malformed || read.message.part?.$case !== 'chunk') {
      throw new FaultError(
        refuse('REQUEST_INVALID', 'after the settings, every message must hold a piece of the file').fault,
      );
    }
    yield read.message.part.value;
  }
}
