import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import { reconnecting, type SensorStreamOptions } from './sensor-stream.ts';
import type { TetragonOptions } from './tetragon-event.ts';
import { EventReader } from './tetragon-grpc/event-bytes.ts';
import { openRawStream } from './tetragon-grpc/raw-stream.ts';

const getEvents = '/tetragon.FineGuidanceSensors/GetEvents';

/**
 * Tetragon's GetEvents on this node: "unix:///var/run/tetragon/tetragon.sock" or host:port, plaintext as Tetragon serves
 * it. The stream has no positions: what happens while it is down is not seen, and each interruption is reported.
 */
export async function* tetragonStream(
  address: string,
  options: SensorStreamOptions,
  tetragon: TetragonOptions = { abi: 'x86_64' },
): AsyncGenerator<SourceBatch<never>> {
  const { timers } = options;
  let reader = new EventReader(tetragon);
  let index = 0;
  const where = () => `${address}#${index}`;
  const open = () => {
    const { batches, close } = openRawStream(address, { path: getEvents, timers });
    reader = new EventReader(tetragon);
    index = 0;
    return { items: batches, close };
  };
  for await (const messages of reconnecting(address, open, options)) {
    const items: SourceItem[] = [];
    for (const message of messages) {
      index += 1;
      for (const item of reader.read(message, where)) items.push(item);
    }
    yield { items, cursor: undefined };
  }
}
